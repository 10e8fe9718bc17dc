// The length prefix of the RDB format (https://rdb.fnordig.de/file_format.html, "Length Encoding"). The top two bits of
// the first byte choose:
//   00: 6 bits of length    01: 14 bits, big endian    10: 0x80 + 32 bits or 0x81 + 64 bits, big endian
//   11: no length; the low 6 bits name a special string encoding (an integer or LZF)
// Every type of value is built from these, so they stand apart from the string codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace chestbox::rdb {

inline constexpr size_t kLengthSizeMax = 9;

// Special string encodings: the low 6 bits of a first byte 11xxxxxx.
enum class SpecialEncoding : uint8_t { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };

struct Prefix {
  size_t prefix_size = 0;  // bytes of the prefix itself
  uint64_t length = 0;     // when !special
  bool special = false;
  SpecialEncoding encoding = SpecialEncoding::kInt8;  // when special
};

// Writes the shortest prefix for `length`, at most kLengthSizeMax bytes; returns how many.
size_t EncodeLength(uint64_t length, char* out);
void AppendLength(uint64_t length, std::string& out);

// Reads a prefix from the start of `data`; an Error when it is cut off or of no known form.
Result<Prefix> DecodePrefix(std::string_view data);

// The Error of all decoders here: data that no encoder wrote. The text is what RESTORE answers.
Error BadData();

}  // namespace chestbox::rdb
