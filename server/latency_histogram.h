// LatencyHistogram: how long the calls of one command took, in microseconds, for INFO latencystats. Exact below 32,
// then 16 steps for each doubling (a percentile is at most 6% too high). Memory comes with the first value. Executor
// thread only.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace chestbox {

class LatencyHistogram {
 public:
  void Record(uint64_t usec) {
    if (counts_.empty()) counts_.assign(kBuckets, 0);
    ++counts_[BucketOf(usec)];
    ++total_;
  }
  uint64_t total() const { return total_; }

  // The value that `percent` (0..100) of all values do not exceed; 0 when there are none.
  uint64_t AtPercentile(double percent) const {
    if (total_ == 0) return 0;
    const auto wanted = std::max<uint64_t>(1, static_cast<uint64_t>(percent / 100 * static_cast<double>(total_) + 0.5));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return HighestOf(i);
    }
    return HighestOf(counts_.size() - 1);
  }

 private:
  static constexpr unsigned kExactBits = 5;     // below 2^5
  static constexpr unsigned kStepBits = 4;      // 2^4 steps a doubling
  static constexpr unsigned kLargestBits = 36;  // about 19 hours
  static constexpr size_t kBuckets = (size_t{1} << kExactBits) + ((kLargestBits - kExactBits) << kStepBits);

  static size_t BucketOf(uint64_t usec) {
    const auto bits = static_cast<unsigned>(std::bit_width(usec));
    if (bits <= kExactBits) return usec;
    if (bits > kLargestBits) return kBuckets - 1;
    const uint64_t step = (usec >> (bits - 1 - kStepBits)) - (1U << kStepBits);
    return (size_t{1} << kExactBits) + ((bits - 1 - kExactBits) << kStepBits) + step;
  }
  static uint64_t HighestOf(size_t bucket) {
    if (bucket < (size_t{1} << kExactBits)) return bucket;
    const size_t above = bucket - (size_t{1} << kExactBits);
    const unsigned shift = static_cast<unsigned>(above >> kStepBits) + kExactBits - kStepBits;
    const uint64_t step = (above & ((1U << kStepBits) - 1)) + (1U << kStepBits);
    return ((step + 1) << shift) - 1;
  }

  std::vector<uint32_t> counts_;
  uint64_t total_ = 0;
};

}  // namespace chestbox
