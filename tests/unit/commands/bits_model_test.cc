// protocol/bits.h against the plainest model there is: a vector of bits.
#include "protocol/bits.h"

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace chestbox::bits {
namespace {

std::vector<bool> Unpacked(const std::string& bytes) {
  std::vector<bool> model;
  for (unsigned char byte : bytes) {
    for (int bit = 7; bit >= 0; --bit) model.push_back(((byte >> bit) & 1) != 0);
  }
  return model;
}

// Zeros, ones or noise, with runs that end anywhere.
std::string RandomBytes(std::mt19937& random) {
  std::string bytes(random() % 70, random() % 2 == 0 ? '\0' : '\xff');
  const size_t changes = random() % 3 == 0 ? bytes.size() : random() % 3;
  for (size_t i = 0; i < changes && !bytes.empty(); ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
  return bytes;
}

struct ModelRange {
  int64_t first;
  int64_t last;  // below first: empty
};

ModelRange RangeOf(int64_t total_bits, int64_t start, int64_t end, Unit unit) {
  const int64_t scale = unit == Unit::kBit ? 1 : 8;
  const int64_t total = total_bits / scale;
  start = std::max<int64_t>(start < 0 ? start + total : start, 0);
  end = std::min(std::max<int64_t>(end < 0 ? end + total : end, 0), total - 1);
  return {start * scale, (end + 1) * scale - 1};
}

TEST_CASE("Counting and finding bits agree with a vector of bits") {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    const std::string bytes = RandomBytes(random);
    const std::vector<bool> model = Unpacked(bytes);
    const auto total = static_cast<int64_t>(model.size());
    const Unit unit = random() % 2 == 0 ? Unit::kBit : Unit::kByte;
    const int64_t reach = unit == Unit::kBit ? 600 : 75;
    const auto start = static_cast<int64_t>(random() % (2 * reach)) - reach;
    const auto end = static_cast<int64_t>(random() % (2 * reach)) - reach;
    CAPTURE(round, bytes.size(), start, end, unit == Unit::kBit);

    REQUIRE(Count(bytes) == static_cast<uint64_t>(std::count(model.begin(), model.end(), true)));
    const auto [first, last] = RangeOf(total, start, end, unit);
    uint64_t count = 0;
    int64_t found[2] = {-1, -1};
    for (int64_t i = last; i >= first && i >= 0; --i) {
      count += model[static_cast<size_t>(i)] ? 1 : 0;
      found[model[static_cast<size_t>(i)] ? 1 : 0] = i;
    }
    const bool backwards = start < 0 && end < 0 && start > end;
    REQUIRE(CountRange(bytes, start, end, unit) == (backwards ? 0 : count));
    REQUIRE(Find(bytes, true, start, end, unit) == found[1]);
    REQUIRE(Find(bytes, false, start, end, unit) == found[0]);

    const size_t at = random() % 600;
    REQUIRE(Get(bytes, at) == (at < model.size() && model[at]));
  }
}

TEST_CASE("A clear bit is found behind the string only when the range has no end") {
  CHECK(Find("\xff\xff", false, 0, std::nullopt, Unit::kByte) == 16);
  CHECK(Find("\xff\xff", false, 0, -1, Unit::kByte) == -1);
  CHECK(Find("\xff\xff", false, 2, std::nullopt, Unit::kByte) == -1);
  CHECK(Find("", false, 0, std::nullopt, Unit::kByte) == -1);
  CHECK(Find(std::string(100, '\0'), true, 0, std::nullopt, Unit::kByte) == -1);
}

TEST_CASE("Fields agree with a vector of bits, and writing one leaves the others alone") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 20, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    std::vector<bool> model = Unpacked(bytes);
    const bool is_signed = random() % 2 == 0;
    const FieldType type{is_signed, static_cast<uint8_t>(1 + random() % (is_signed ? 64 : 63))};
    const uint64_t offset = random() % 180;
    uint64_t expected = 0;
    for (uint64_t i = offset; i < offset + type.bits; ++i) expected = expected << 1 | (i < model.size() && model[i]);
    if (is_signed && type.bits < 64 && (expected >> (type.bits - 1)) != 0) expected |= ~uint64_t{0} << type.bits;
    REQUIRE(GetField(bytes, offset, type) == static_cast<int64_t>(expected));
    if (offset + type.bits > model.size()) continue;

    const uint64_t value = random();
    SetField(bytes.data() + offset / 8, offset % 8, type, value);
    for (unsigned i = 0; i < type.bits; ++i) model[offset + i] = ((value >> (type.bits - 1 - i)) & 1) != 0;
    REQUIRE(Unpacked(bytes) == model);
  }
}

TEST_CASE("Field types are i1 to i64 and u1 to u63") {
  CHECK(ParseFieldType("i64")->bits == 64);
  CHECK(ParseFieldType("u63")->bits == 63);
  CHECK_FALSE(ParseFieldType("u8")->is_signed);
  for (const char* wrong : {"", "u", "u64", "i65", "i0", "u0", "8", "U8", "u08", "u-1", "u8 "}) {
    CAPTURE(wrong);
    CHECK_FALSE(ParseFieldType(wrong));
  }
}

TEST_CASE("Bit offsets are bounded, and counted in fields only with a field") {
  CHECK(ParseOffset("80", 11) == 80U);
  CHECK_FALSE(ParseOffset("80", 10));
  CHECK(ParseOffset("#3", 100, FieldType{true, 20}) == 60U);
  CHECK_FALSE(ParseOffset("#3", 100));
  CHECK_FALSE(ParseOffset("#9223372036854775807", 1 << 30, FieldType{true, 64}));
  for (const char* wrong : {"", "#", "-1", "1.5", "01", " 1", "9223372036854775808"}) {
    CAPTURE(wrong);
    CHECK_FALSE(ParseOffset(wrong, 1 << 30, FieldType{true, 8}));
  }
}

}  // namespace
}  // namespace chestbox::bits
