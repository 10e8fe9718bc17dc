#include "protocol/rdb/crc64.h"

#include <catch2/catch.hpp>
#include <string>

using chestbox::rdb::Crc64;

TEST_CASE("CRC-64 gives the published check value") { REQUIRE(Crc64(0, "123456789") == 0xe9c6d914c4b8d9caULL); }

TEST_CASE("CRC-64 of nothing is the start value") {
  REQUIRE(Crc64(0, "") == 0);
  REQUIRE(Crc64(77, "") == 77);
}

TEST_CASE("CRC-64 is the same however the data is cut") {
  std::string data;
  for (int i = 0; i < 100; ++i) data.push_back(static_cast<char>(i * 37));
  const uint64_t whole = Crc64(0, data);
  for (size_t cut = 0; cut <= data.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(Crc64(Crc64(0, std::string_view(data).substr(0, cut)), std::string_view(data).substr(cut)) == whole);
  }
}

TEST_CASE("CRC-64 agrees with the footer of a DUMP made by Redis") {
  const std::string dump("\x00\xc0\n\t\x00\xbe\x6d\x06\x89\x5a\x28\x00\x0a", 13);
  uint64_t footer = 0;
  for (size_t i = 0; i < 8; ++i) footer |= uint64_t{static_cast<uint8_t>(dump[5 + i])} << (8 * i);
  REQUIRE(Crc64(0, std::string_view(dump).substr(0, 5)) == footer);
}
