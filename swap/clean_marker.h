// What a clean close writes last: the sign that everything else in a store's directory is complete, and the little that
// the next open needs to know without reading records. One small file, with a checksum:
//   "CBCLEAN1", next value id, databases: count, then (number, generation, states, expiries) each, metadata: count,
//   then (name, value) each; CRC-64 (8 bytes, little endian). Numbers are RDB lengths, texts RDB strings
//   (protocol/rdb).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "swap/swap_store.h"

namespace chestbox::swap {

struct DatabaseState {
  uint32_t generation = 0;
  uint64_t count = 0;
  uint64_t expiry_count = 0;
  bool operator==(const DatabaseState&) const = default;
};

struct CleanState {
  uint64_t next_value_id = 1;  // 0 means inline, so ids start at 1
  std::array<DatabaseState, 256> databases = {};
  Metadata metadata = {};
};

std::string EncodeCleanMarker(const CleanState& state);
// An Error when cut off, damaged or of a newer format.
Result<CleanState> DecodeCleanMarker(std::string_view bytes);

}  // namespace chestbox::swap
