// What DUMP replies and RESTORE takes: an object (object.h), then u16 RDB version and u64 CRC-64 of all before it,
// little endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace chestbox::rdb {

// What redis-server 7.0 writes and the newest that it takes …
inline constexpr uint16_t kVersion = 10;
// … and what 7.4 does: hashes whose fields expire, and all that is read.
inline constexpr uint16_t kVersionMax = 12;

// Adds the footer to an object.
void AppendFooter(std::string& object);

// The object in a payload. False: its footer is wrong, or newer than kVersionMax. A sum of 0 stands for none, as in
// newer versions of Redis.
bool ParseDump(std::string_view payload, std::string_view* object);

}  // namespace chestbox::rdb
