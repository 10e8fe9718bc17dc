// How many elements the registers of a HyperLogLog stand for.
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "server/commands/hyperloglog_layout.h"

namespace chestbox::hll {

namespace {

constexpr size_t kHistogramSize = kRegisterMax + 1;
using Histogram = std::array<int, kHistogramSize>;

double Sigma(double x) {
  if (x == 1.) return std::numeric_limits<double>::infinity();
  double before = 0;
  double y = 1;
  double z = x;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

double Tau(double x) {
  if (x == 0. || x == 1.) return 0.;
  double before = 0;
  double y = 1;
  double z = 1 - x;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (before != z);
  return z / 3;
}

uint64_t Estimate(const Histogram& histogram) {
  constexpr double kAlphaInfinity = 0.721347520444481703680;  // 0.5 / ln 2
  const double m = kRegisters;
  double z = m * Tau((m - histogram[kRankMax]) / m);
  for (unsigned rank = kRankMax - 1; rank >= 1; --rank) {
    z += histogram[rank];
    z *= 0.5;
  }
  z += m * Sigma(histogram[0] / m);
  return static_cast<uint64_t>(std::llround(kAlphaInfinity * m * m / z));
}

// Registers tend to be alike, and an increment has to wait for the one before it in the same counter: so four
// counters for each rank.
class HistogramBuilder {
 public:
  void Add(uint64_t eight) {
    ++lanes_[0][eight & 0xff];
    ++lanes_[1][(eight >> 8) & 0xff];
    ++lanes_[2][(eight >> 16) & 0xff];
    ++lanes_[3][(eight >> 24) & 0xff];
    ++lanes_[0][(eight >> 32) & 0xff];
    ++lanes_[1][(eight >> 40) & 0xff];
    ++lanes_[2][(eight >> 48) & 0xff];
    ++lanes_[3][eight >> 56];
  }
  Histogram Sum() const {
    Histogram sum{};
    for (size_t rank = 0; rank < kHistogramSize; ++rank) {
      for (const Histogram& lane : lanes_) sum[rank] += lane[rank];
    }
    return sum;
  }

 private:
  Histogram lanes_[4] = {};
};

}  // namespace

std::optional<uint64_t> Cardinality(std::string_view value) {
  HistogramBuilder histogram;
  if (IsDense(value)) {
    ForEachEight(value, [&](size_t, uint64_t eight) { histogram.Add(eight); });
    return Estimate(histogram.Sum());
  }
  Histogram sparse{};
  const bool valid =
      ForEachRun(value, [&](size_t, const Run& run) { sparse[run.rank] += static_cast<int>(run.registers); });
  if (!valid) return std::nullopt;
  return Estimate(sparse);
}

uint64_t Cardinality(const Registers& registers) {
  HistogramBuilder histogram;
  for (size_t first = 0; first < kRegisters; first += 8) {
    uint64_t eight;
    std::memcpy(&eight, registers.data() + first, sizeof eight);
    histogram.Add(eight);
  }
  return Estimate(histogram.Sum());
}

}  // namespace chestbox::hll
