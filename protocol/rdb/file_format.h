// RDB files around their objects (object.h). https://rdb.fnordig.de/file_format.html; version 10, as redis-server 7.0
// writes it:
//   "REDIS0010" | AUX … | FUNCTION2 … | for each database: SELECTDB RESIZEDB, then states | EOF | CRC-64 (0: none)
//   state: [EXPIRETIME_MS] [IDLE or FREQ] object's type byte, key, rest of the object
// What begins a part is one byte: an object's type, or one of these.
//
// Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace chestbox::rdb {

enum class FileMark : uint8_t {
  kFunction2 = 245,
  kFunctionOld = 246,  // before the release of 7.0
  kModuleAux = 247,
  kIdle = 248,
  kFrequency = 249,
  kAux = 250,
  kResizeDatabase = 251,
  kExpireMs = 252,
  kExpireSeconds = 253,
  kSelectDatabase = 254,
  kEnd = 255,
};

inline constexpr std::string_view kFileMagic = "REDIS";
inline constexpr size_t kFileHeaderSize = 9;  // magic and four digits of version

// All append.
void AppendFileHeader(std::string& out);
void AppendAux(std::string_view name, std::string_view value, std::string& out);
void AppendFunction(std::string_view library_code, std::string& out);
void AppendDatabase(uint32_t database, uint64_t states, uint64_t expiring, std::string& out);
void AppendSelect(uint32_t database, std::string& out);
void AppendExpiry(int64_t expire_at_ms, std::string& out);
void AppendIdle(uint64_t seconds, std::string& out);
void AppendFrequency(uint8_t counter, std::string& out);
// `object`: type byte and all.
void AppendKeyAndObject(std::string_view key, std::string_view object, std::string& out);

}  // namespace chestbox::rdb
