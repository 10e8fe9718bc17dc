// The key block: a header of 12 bytes, the expiry if the entry says so, the key, and the value or the link of its own
// block.
//
//   offset 0   u32  meta: bits 0..3 type, 4..7 encoding, 8..31 access (LRU clock or LFU counter, as Redis keeps them)
//          4   u32  key bytes
//          8   u32  value bytes
//         12   i64  expiry, Unix ms (only with kEntryExpires; 4-byte aligned)
//          …        key
//          …        value, up to kInlineValueBytesMax; or (kEntryExternal) at the next 4-byte boundary the u32 link of
//          the value block
//
// A 16-byte key with a 100-byte value is 128 bytes, one size class. A reader copies the header once and checks every
// length against the arena's bounds before it uses it.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/shm/layout.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

// Redis' names: OBJECT ENCODING reports them. The bytes are text in all three.
enum class StringEncoding : uint8_t { kRaw = 0, kInt = 1, kEmbedded = 8 };

struct KeyBlockHeader {
  uint32_t meta;
  uint32_t key_bytes;
  uint32_t value_bytes;

  ValueType type() const { return static_cast<ValueType>(meta & 0xf); }
  uint8_t encoding() const { return (meta >> 4) & 0xf; }
  uint32_t access() const { return meta >> 8; }
};

constexpr uint32_t MakeMeta(ValueType type, uint8_t encoding, uint32_t access) {
  return static_cast<uint32_t>(type) | (uint32_t{encoding} << 4) | (access << 8);
}

inline constexpr uint32_t kKeyBlockHeaderBytes = 12;
inline constexpr uint32_t kExpiryBytes = 8;

constexpr uint64_t KeyOffset(bool expires) { return kKeyBlockHeaderBytes + (expires ? kExpiryBytes : 0); }
constexpr uint64_t ValueOffset(bool expires, uint64_t key_bytes) { return KeyOffset(expires) + key_bytes; }
constexpr uint64_t ValueLinkOffset(bool expires, uint64_t key_bytes) {
  return (ValueOffset(expires, key_bytes) + 3) & ~uint64_t{3};
}
constexpr uint64_t KeyBlockBytes(bool expires, uint64_t key_bytes, uint64_t value_bytes) {
  return value_bytes <= kInlineValueBytesMax ? ValueOffset(expires, key_bytes) + value_bytes
                                             : ValueLinkOffset(expires, key_bytes) + sizeof(Link);
}

inline KeyBlockHeader LoadHeader(const char* block) {
  return {RacyLoad32(block), RacyLoad32(block + 4), RacyLoad32(block + 8)};
}
inline void StoreHeader(char* block, const KeyBlockHeader& header) {
  RacyStore32(block, header.meta);
  RacyStore32(block + 4, header.key_bytes);
  RacyStore32(block + 8, header.value_bytes);
}
inline int64_t LoadExpiry(const char* block) {
  uint64_t low = RacyLoad32(block + 12);
  uint64_t high = RacyLoad32(block + 16);
  return static_cast<int64_t>(low | (high << 32));
}
inline void StoreExpiry(char* block, int64_t expire_at_ms) {
  RacyStore32(block + 12, static_cast<uint32_t>(expire_at_ms));
  RacyStore32(block + 16, static_cast<uint32_t>(static_cast<uint64_t>(expire_at_ms) >> 32));
}

}  // namespace chestbox::shm
