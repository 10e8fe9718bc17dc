#include "server/latency_histogram.h"

#include <catch2/catch.hpp>

namespace chestbox {
namespace {

TEST_CASE("Percentiles are exact for small values and at most a sixteenth too high for large ones") {
  LatencyHistogram small;
  CHECK(small.AtPercentile(50) == 0);
  for (uint64_t usec = 1; usec <= 31; ++usec) small.Record(usec);
  CHECK(small.AtPercentile(50) == 16);
  CHECK(small.AtPercentile(100) == 31);
  CHECK(small.AtPercentile(0) == 1);
  for (uint64_t usec : {32UL, 33UL, 100UL, 1000UL, 65535UL, 65536UL, 1234567UL, 3600000000UL}) {
    LatencyHistogram one;
    one.Record(usec);
    CHECK(one.AtPercentile(50) >= usec);
    CHECK(one.AtPercentile(50) <= usec + usec / 16);
  }
}

TEST_CASE("The slowest of a hundred is the 100th percentile, not the 99th") {
  LatencyHistogram histogram;
  for (int i = 0; i < 99; ++i) histogram.Record(10);
  histogram.Record(1000000);
  CHECK(histogram.total() == 100);
  CHECK(histogram.AtPercentile(99) == 10);
  CHECK(histogram.AtPercentile(99.9) >= 1000000);
}

TEST_CASE("Times beyond the largest bucket count as the largest") {
  LatencyHistogram histogram;
  histogram.Record(~uint64_t{0});
  CHECK(histogram.AtPercentile(50) >= uint64_t{1} << 35);
}

}  // namespace
}  // namespace chestbox
