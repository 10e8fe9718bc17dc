// Keys and head records of a store on a sorted key-value engine. All numbers in keys are big endian, so that byte order
// is number order.
//
//   heads:    database(1) generation(4) position(8) key          -> head record
//   expiries: database(1) generation(4) expire_at(8) position(8) key -> nothing
//   chunks:   value id(8) chunk number(4)                        -> up to kChunkSize bytes of payload
//
// The generation goes up with every Flush of the database: what lies under an older one is garbage that one range
// deletion removes. The position stands before the key (DESIGN.md names only database, generation and key) because SCAN
// and the background fill of the index want names in hash order, and a swapped-out entry of the index has no key to
// order by. Expiries lie under the generation too, so that a Flush takes them along. Chunks hang on the value id
// alone, so that a rename moves the head and nothing else.
//
// Head record, little endian: format(1) = 1, type(1), flags(1) = 0, access(3), expire_at_ms(8, -1 for none),
// sequence(8), value id(8, 0 when the payload follows), payload size(8), then the payload if it is inline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "swap/swap_store.h"

namespace chestbox::swap {

std::string HeadKey(uint32_t generation, const StateId& id);
// The first key of a generation of a database, in heads and expiries alike. The end of a range is the next
// generation's (or position's) first key.
std::string GenerationPrefix(uint8_t database, uint32_t generation);
// The exclusive end of the heads of a generation with positions up to and including `position`.
std::string HeadKeyAfterPosition(uint8_t database, uint32_t generation, uint64_t position);

std::string ExpiryKey(uint32_t generation, int64_t expire_at_ms, const StateId& id);
// The first key of the expiries at `expire_at_ms` or later.
std::string ExpiryPrefix(uint8_t database, uint32_t generation, int64_t expire_at_ms);

std::string ChunkKey(uint64_t value_id, uint32_t chunk_number);
uint32_t ChunkCount(uint64_t payload_size);

// The parts of a key read back; views into it. Nothing when it is too short.
struct HeadKeyParts {
  uint32_t generation = 0;
  StateId id;
};
std::optional<HeadKeyParts> ParseHeadKey(std::string_view head_key);
struct ExpiryKeyParts {
  uint32_t generation = 0;
  int64_t expire_at_ms = 0;
  StateId id;
};
std::optional<ExpiryKeyParts> ParseExpiryKey(std::string_view expiry_key);

struct HeadRecord {
  StateAttributes attributes;
  uint64_t value_id = 0;
  uint64_t payload_size = 0;
  std::string_view inline_payload;  // borrowed
};
std::string EncodeHead(const HeadRecord& head);
// An Error for a record that is damaged or of a newer format.
Result<HeadRecord> DecodeHead(std::string_view bytes);

}  // namespace chestbox::swap
