// The packed formats that Redis wrote before listpacks, read only: the ziplist (lists, hashes and sorted sets up
// to 6.2) and the zipmap (hashes of 2.2).
//
//   ziplist: u32 bytes of all | u32 offset of the last entry | u16 entries (65535: that many or more) | entries | 0xff
//     entry: size of the entry before it (one byte, or 0xfe and u32) | encoding | data
//   zipmap:  u8 pairs (254: that many or more) | pairs | 0xff
//     pair: size, field, size, u8 unused bytes, value, unused bytes; a size is one byte, or 0xfe and u32
//
// Both walk everything and tell each element as text (valid within the call). False: the format is broken, or the
// visitor said so.
#pragma once

#include <functional>
#include <string_view>

namespace chestbox::rdb {

using ElementVisitor = std::function<bool(std::string_view)>;

[[nodiscard]] bool VisitZiplist(std::string_view ziplist, const ElementVisitor& visit);
[[nodiscard]] bool VisitZipmap(std::string_view zipmap, const ElementVisitor& visit);

}  // namespace chestbox::rdb
