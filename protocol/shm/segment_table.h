// What only the writer knows of each segment: how full it is, and when its first key may expire. Private memory, found
// by the segment's page number; a chunk of 256 pages is allocated when its first segment appears.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "protocol/shm/layout.h"

namespace chestbox::shm {

inline constexpr int64_t kNeverMs = std::numeric_limits<int64_t>::max();

struct SegmentInfo {
  uint32_t entries = 0;                   // live and swapped out
  uint32_t expiring = 0;                  // live entries with an expiry
  int64_t earliest_expiry_ms = kNeverMs;  // a lower bound over the live entries
};

class SegmentTable {
 public:
  SegmentTable() : chunks_(kReachBytes / kPageBytes / kChunkPages) {}

  SegmentInfo& operator[](Link segment) {
    const uint64_t page = uint64_t{segment} * kGranuleBytes / kPageBytes;
    std::unique_ptr<Chunk>& chunk = chunks_[page / kChunkPages];
    if (chunk == nullptr) chunk = std::make_unique<Chunk>();
    return (*chunk)[page % kChunkPages];
  }

 private:
  static constexpr uint64_t kPageBytes = 4096;
  static constexpr uint64_t kChunkPages = 256;
  using Chunk = std::array<SegmentInfo, kChunkPages>;
  std::vector<std::unique_ptr<Chunk>> chunks_;
};

}  // namespace chestbox::shm
