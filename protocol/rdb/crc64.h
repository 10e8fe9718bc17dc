// CRC-64 "Jones", as in RDB files and the footer of DUMP: polynomial 0xad93d23594c935a9, reflected, start 0, no final
// xor. Check value: Crc64(0, "123456789") == 0xe9c6d914c4b8d9ca.
#pragma once

#include <cstdint>
#include <string_view>

namespace chestbox::rdb {

// Goes on from `crc` (0 at the start), so that data may come in pieces. Eight bytes a step.
uint64_t Crc64(uint64_t crc, std::string_view data);

}  // namespace chestbox::rdb
