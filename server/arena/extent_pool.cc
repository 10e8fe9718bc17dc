#include "server/arena/extent_pool.h"

#include "protocol/check.h"

namespace chestbox {

namespace {
constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) { return (value + alignment - 1) & ~(alignment - 1); }
constexpr uint64_t kPageBytes = 4096;
}  // namespace

void RangeSet::Insert(uint64_t offset, uint64_t bytes) {
  by_offset_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
  bytes_ += bytes;
}

void RangeSet::Remove(uint64_t offset, uint64_t bytes) {
  by_offset_.erase(offset);
  by_size_.erase({bytes, offset});
  bytes_ -= bytes;
}

void RangeSet::Add(uint64_t offset, uint64_t bytes) {
  auto after = by_offset_.lower_bound(offset);
  CHECK(after == by_offset_.end() || after->first >= offset + bytes);
  if (after != by_offset_.end() && after->first == offset + bytes) {
    const auto [after_offset, after_bytes] = *after;
    Remove(after_offset, after_bytes);
    bytes += after_bytes;
  }
  auto before = by_offset_.lower_bound(offset);
  if (before != by_offset_.begin()) {
    const auto [before_offset, before_bytes] = *std::prev(before);
    CHECK(before_offset + before_bytes <= offset);
    if (before_offset + before_bytes == offset) {
      Remove(before_offset, before_bytes);
      offset = before_offset;
      bytes += before_bytes;
    }
  }
  Insert(offset, bytes);
}

std::optional<uint64_t> RangeSet::Take(uint64_t bytes, uint64_t alignment) {
  // A page-aligned range of bytes + alignment - page always holds an aligned one; an exact fit is tried on the way.
  for (auto it = by_size_.lower_bound({bytes, 0}); it != by_size_.end(); ++it) {
    const auto [range_bytes, offset] = *it;
    const uint64_t aligned = AlignUp(offset, alignment);
    if (aligned + bytes > offset + range_bytes) continue;
    Remove(offset, range_bytes);
    if (aligned > offset) Insert(offset, aligned - offset);
    if (aligned + bytes < offset + range_bytes) Insert(aligned + bytes, offset + range_bytes - aligned - bytes);
    return aligned;
  }
  return std::nullopt;
}

std::optional<std::pair<uint64_t, uint64_t>> RangeSet::TakeFromLargest(uint64_t bytes_max) {
  if (by_size_.empty()) return std::nullopt;
  const auto [bytes, offset] = *by_size_.rbegin();
  Remove(offset, bytes);
  if (bytes <= bytes_max) return std::pair{offset, bytes};
  Insert(offset, bytes - bytes_max);
  return std::pair{offset + bytes - bytes_max, bytes_max};
}

RangeSet::Ranges RangeSet::TakeWithin(uint64_t offset, uint64_t bytes) {
  Ranges taken;
  const uint64_t end = offset + bytes;
  auto at = by_offset_.upper_bound(offset);
  if (at != by_offset_.begin()) --at;
  while (at != by_offset_.end() && at->first < end) {
    const auto [range_offset, range_bytes] = *at;
    ++at;
    const uint64_t range_end = range_offset + range_bytes;
    if (range_end <= offset) continue;
    Remove(range_offset, range_bytes);
    const uint64_t from = range_offset < offset ? offset : range_offset;
    const uint64_t to = range_end < end ? range_end : end;
    if (from > range_offset) Insert(range_offset, from - range_offset);
    if (to < range_end) Insert(to, range_end - to);
    taken.emplace_back(from, to - from);
  }
  return taken;
}

std::optional<ExtentPool::Extent> ExtentPool::Take(uint64_t bytes, uint64_t alignment) {
  if (auto offset = dirty_.Take(bytes, alignment)) return Extent{*offset, true};
  if (auto offset = clean_.Take(bytes, alignment)) return Extent{*offset, false};
  const uint64_t aligned = AlignUp(high_water_, alignment < kPageBytes ? kPageBytes : alignment);
  if (aligned > end_ || bytes > end_ - aligned) return std::nullopt;
  if (aligned > high_water_) clean_.Add(high_water_, aligned - high_water_);
  high_water_ = aligned + bytes;
  return Extent{aligned, false};
}

}  // namespace chestbox
