// Time of single calls of tens of nanoseconds.
//
// On x86 a reading is the time-stamp counter between fences that let no instruction pass in either direction; elsewhere
// it is clock_gettime. The time of an empty measurement, the median of many, is taken off every sample. Fences make a
// single call look slower than it is among others, where the processor overlaps calls; a batch (many calls between two
// readings) shows that.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench {

inline uint64_t NowNs() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

inline uint64_t Ticks() {
#if defined(__x86_64__)
  _mm_mfence();
  _mm_lfence();
  const uint64_t ticks = __rdtsc();
  _mm_lfence();
  return ticks;
#else
  return NowNs();
#endif
}

class Samples {
 public:
  explicit Samples(size_t expected) { values_.reserve(expected); }
  void Add(double value) { values_.push_back(value); }
  size_t count() const { return values_.size(); }
  double Percentile(double percent) {
    if (values_.empty()) return 0;
    const size_t rank =
        std::min(values_.size() - 1, static_cast<size_t>(percent / 100 * static_cast<double>(values_.size())));
    std::nth_element(values_.begin(), values_.begin() + static_cast<ptrdiff_t>(rank), values_.end());
    return values_[rank];
  }

 private:
  std::vector<double> values_;
};

// Knows how long a tick is and what an empty measurement costs.
class Timer {
 public:
  Timer() {
    const uint64_t ns_begin = NowNs();
    const uint64_t ticks_begin = Ticks();
    while (NowNs() - ns_begin < kCalibrationNs) {
    }
    const uint64_t ticks = Ticks() - ticks_begin;
    ns_per_tick_ = static_cast<double>(NowNs() - ns_begin) / static_cast<double>(ticks);
    Samples empty(kEmptyMeasurements);
    for (int i = 0; i < kEmptyMeasurements; ++i) {
      const uint64_t begin = Ticks();
      empty.Add(static_cast<double>(Ticks() - begin));
    }
    overhead_ticks_ = empty.Percentile(50);
  }

  double ElapsedNs(uint64_t begin_ticks, uint64_t end_ticks) const {
    return std::max(0.0, (static_cast<double>(end_ticks - begin_ticks) - overhead_ticks_) * ns_per_tick_);
  }
  double overhead_ns() const { return overhead_ticks_ * ns_per_tick_; }

 private:
  static constexpr uint64_t kCalibrationNs = 50'000'000;
  static constexpr int kEmptyMeasurements = 100'000;
  double ns_per_tick_ = 1;
  double overhead_ticks_ = 0;
};

}  // namespace bench
