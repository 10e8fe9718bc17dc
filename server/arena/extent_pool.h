// ExtentPool: which page ranges of the arena's file are free, and whether memory lies behind them. Pure bookkeeping.
//
// Three kinds of free range: *dirty* (freed, its pages still in memory: reused first), *clean* (punched: must be
// committed before use), and everything above the high-water mark (clean as well). A fourth kind is not free:
// *unclaimed* are the dirty pages of ranges that were handed out uncommitted, until they are committed or punched.
// Neighbours of one kind are one range. Not thread-safe: its owner locks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace chestbox {

class RangeSet {
 public:
  void Add(uint64_t offset, uint64_t bytes);
  // The smallest range that has `bytes` at `alignment`, cut to size.
  std::optional<uint64_t> Take(uint64_t bytes, uint64_t alignment);
  // A piece of at most `bytes_max` of the largest range.
  std::optional<std::pair<uint64_t, uint64_t>> TakeFromLargest(uint64_t bytes_max);
  // Everything of the set that lies within a range.
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;  // offset, bytes
  Ranges TakeWithin(uint64_t offset, uint64_t bytes);
  uint64_t bytes() const { return bytes_; }

 private:
  void Insert(uint64_t offset, uint64_t bytes);
  void Remove(uint64_t offset, uint64_t bytes);

  std::map<uint64_t, uint64_t> by_offset_;
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // (bytes, offset)
  uint64_t bytes_ = 0;
};

class ExtentPool {
 public:
  struct Extent {
    uint64_t offset;
    bool dirty;  // false: commit before use
  };

  ExtentPool(uint64_t begin, uint64_t end) : high_water_(begin), end_(end) {}

  std::optional<Extent> Take(uint64_t bytes, uint64_t alignment);
  void AddDirty(uint64_t offset, uint64_t bytes) { dirty_.Add(offset, bytes); }
  void AddClean(uint64_t offset, uint64_t bytes) { clean_.Add(offset, bytes); }
  // What the helper thread punches next.
  std::optional<std::pair<uint64_t, uint64_t>> TakeDirty(uint64_t bytes_max) {
    return dirty_.TakeFromLargest(bytes_max);
  }
  uint64_t dirty_bytes() const { return dirty_.bytes(); }

  void AddUnclaimed(uint64_t offset, uint64_t bytes) { unclaimed_.Add(offset, bytes); }
  // The part of a handed-out range that is unclaimed, and from here on is not.
  RangeSet::Ranges Claim(uint64_t offset, uint64_t bytes) { return unclaimed_.TakeWithin(offset, bytes); }
  std::optional<std::pair<uint64_t, uint64_t>> TakeUnclaimed(uint64_t bytes_max) {
    return unclaimed_.TakeFromLargest(bytes_max);
  }
  uint64_t unclaimed_bytes() const { return unclaimed_.bytes(); }
  uint64_t high_water() const { return high_water_; }

 private:
  RangeSet dirty_;
  RangeSet clean_;
  RangeSet unclaimed_;
  uint64_t high_water_;
  const uint64_t end_;
};

}  // namespace chestbox
