// Values that prove themselves: a header (generation, tag, sizes), bytes that follow from it, and a checksum over all,
// so that a torn, recycled or misplaced value is found by whoever reads it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "protocol/shm/hash.h"

namespace chestbox::shm {

struct CheckedHeader {
  uint64_t generation;
  uint64_t key_hash;
  uint64_t tag;  // what the writer wants to tell
  uint64_t bytes;
};
inline constexpr size_t kCheckedBytesMin = sizeof(CheckedHeader) + sizeof(uint64_t);

// At least kCheckedBytesMin bytes. `key`: the name that it may be found under.
inline std::string CheckedValue(std::string_view key, uint64_t generation, uint64_t tag, size_t bytes) {
  bytes = std::max(bytes, kCheckedBytesMin);
  std::string value(bytes, static_cast<char>(generation));
  const CheckedHeader header{generation, HashKey(key, 0), tag, bytes};
  std::memcpy(value.data(), &header, sizeof header);
  const uint64_t sum = HashKey({value.data(), bytes - sizeof(uint64_t)}, 1);
  std::memcpy(value.data() + bytes - sizeof sum, &sum, sizeof sum);
  return value;
}

// False: not what CheckedValue made for this key.
inline bool ReadCheckedValue(std::string_view key, std::string_view value, CheckedHeader* header) {
  if (value.size() < kCheckedBytesMin) return false;
  std::memcpy(header, value.data(), sizeof *header);
  uint64_t sum = 0;
  std::memcpy(&sum, value.data() + value.size() - sizeof sum, sizeof sum);
  return header->bytes == value.size() && header->key_hash == HashKey(key, 0) &&
         sum == HashKey(value.substr(0, value.size() - sizeof sum), 1);
}

}  // namespace chestbox::shm
