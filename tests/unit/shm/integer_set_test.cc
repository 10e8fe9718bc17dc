#include "protocol/shm/integer_set.h"

#include <random>
#include <set>
#include <string>
#include <vector>

// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

void CheckEqual(std::string_view bytes, const std::set<int64_t>& model) {
  const IntegerSetReader set(bytes);
  REQUIRE(set.size() == model.size());
  uint32_t index = 0;
  for (int64_t member : model) REQUIRE(set.At(index++) == member);
}

TEST_CASE("Insertions and removals keep an integer set equal to its model, whatever the widths") {
  std::mt19937_64 random(7);
  const int64_t spread = GENERATE(as<int64_t>{}, 100, 40'000, 5'000'000'000, INT64_MAX);
  std::set<int64_t> model;
  std::string bytes = MakeIntegerSet({});
  for (int step = 0; step < 3000; ++step) {
    const int64_t value = static_cast<int64_t>(random() % static_cast<uint64_t>(spread)) - spread / 2;
    const IntegerSetReader set(bytes);
    REQUIRE(set.Contains(value) == model.contains(value));
    if (model.contains(value)) {
      EraseInteger(bytes.data(), set.LowerBound(value));
      bytes.resize(IntegerSetBytes(set.width(), set.size() - 1));
      model.erase(value);
    } else if (IntegerWidth(value) > set.width()) {
      bytes = WidenedWith(set, value);
      model.insert(value);
    } else {
      const uint32_t index = set.LowerBound(value);
      bytes.resize(IntegerSetBytes(set.width(), set.size() + 1));
      InsertInteger(bytes.data(), index, value);
      model.insert(value);
    }
    if (step % 50 == 0) CheckEqual(bytes, model);
  }
  CheckEqual(bytes, model);
}

TEST_CASE("An integer set is byte for byte Redis' intset") {
  CHECK(MakeIntegerSet(std::vector<int64_t>{-1, 5}) ==
        std::string("\x02\x00\x00\x00\x02\x00\x00\x00\xff\xff\x05\x00", 12));
  const std::string wide = MakeIntegerSet(std::vector<int64_t>{1, 70000});
  CHECK(wide.size() == IntegerSetBytes(4, 2));
  CHECK(wide[0] == 4);
}

TEST_CASE("A malformed integer set reads as empty or shorter") {
  CHECK(IntegerSetReader("").size() == 0);
  CHECK(IntegerSetReader(std::string(7, '\2')).size() == 0);
  CHECK(IntegerSetReader(std::string("\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 11)).size() == 0);
  const IntegerSetReader cut(std::string_view("\x02\x00\x00\x00\xff\xff\xff\xff\x01\x00\x02\x00", 12));
  CHECK(cut.size() == 2);
  CHECK(cut.Contains(2));
  CHECK_FALSE(cut.Contains(3));
}

}  // namespace
}  // namespace chestbox::shm
