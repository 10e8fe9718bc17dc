#include "protocol/rdb/length_codec.h"

#include <catch2/catch.hpp>
#include <string>

using namespace chestbox::rdb;

namespace {
std::string Encoded(uint64_t length) {
  std::string out;
  AppendLength(length, out);
  return out;
}
}  // namespace

TEST_CASE("Lengths take the shortest prefix and come back") {
  const std::pair<uint64_t, size_t> cases[] = {{0, 1},     {63, 1},         {64, 2},         {16383, 2},
                                               {16384, 5}, {UINT32_MAX, 5}, {1ULL << 32, 9}, {UINT64_MAX, 9}};
  for (const auto& [length, size] : cases) {
    CAPTURE(length);
    const std::string bytes = Encoded(length);
    REQUIRE(bytes.size() == size);
    const auto prefix = DecodePrefix(bytes + "tail");
    REQUIRE(prefix.ok());
    REQUIRE_FALSE(prefix->special);
    REQUIRE(prefix->length == length);
    REQUIRE(prefix->prefix_size == size);
  }
}

TEST_CASE("A length prefix that is cut off is refused at every cut") {
  for (const uint64_t length : {uint64_t{5}, uint64_t{700}, uint64_t{1} << 20, uint64_t{1} << 40}) {
    const std::string bytes = Encoded(length);
    for (size_t cut = 0; cut < bytes.size(); ++cut) REQUIRE_FALSE(DecodePrefix(bytes.substr(0, cut)).ok());
  }
}

TEST_CASE("Unknown prefixes are refused") {
  for (const char* first : {"\x82", "\xbf", "\xc4", "\xff"}) {
    REQUIRE_FALSE(DecodePrefix(std::string(first) + "12345678").ok());
  }
}

TEST_CASE("Special encodings are told apart") {
  const auto prefix = DecodePrefix("\xc3");
  REQUIRE(prefix.ok());
  REQUIRE(prefix->special);
  REQUIRE(prefix->encoding == SpecialEncoding::kLzf);
}
