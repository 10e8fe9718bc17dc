#include "protocol/rdb/string_codec.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "protocol/rdb/length_codec.h"

using namespace chestbox::rdb;
using namespace std::string_literals;

namespace {

// Payloads of DUMP by redis-server 7.0.15, without their footer.
const std::string kDumpOf300x = "\x00\xc3\x0c\x41\x2c\x01\x78\x78\xe0\xff\x00\xe0\x17\x00\x01\x78\x78"s;
const std::string kDumpOfFoxes =
    "\x00\xc3\x1f\x41\x90\x14\x74\x68\x65\x20\x71\x75\x69\x63\x6b\x20\x62\x72\x6f\x77\x6e\x20\x66\x6f\x78\x20\x74\xe0"
    "\xff\x13\xe1\x68\x17\x01\x78\x20"s;

std::string Foxes() {
  std::string foxes;
  for (int i = 0; i < 20; ++i) foxes += "the quick brown fox ";
  return foxes;
}

std::string Decoded(std::string_view payload) {
  auto value = DecodeStringObject(payload);
  REQUIRE(value.ok());
  return *value;
}

}  // namespace

TEST_CASE("Strings come back as they were, at every size where the length prefix changes") {
  for (const size_t size : {0, 1, 11, 12, 63, 64, 16383, 16384, 70000}) {
    CAPTURE(size);
    const std::string value(size, 'v');
    REQUIRE(Decoded(EncodeStringObject(value)) == value);
  }
}

TEST_CASE("Canonical integers of up to 32 bits are written as integers") {
  const std::pair<std::string, size_t> cases[] = {
      {"0", 3},      {"-1", 3},    {"127", 3},    {"-128", 3},   {"128", 4},    {"-129", 4},       {"32767", 4},
      {"-32768", 4}, {"32768", 6}, {"-32769", 6}, {"100000", 6}, {"-70000", 6}, {"2147483647", 6}, {"-2147483648", 6},
  };
  for (const auto& [text, size] : cases) {
    CAPTURE(text);
    const std::string payload = EncodeStringObject(text);
    REQUIRE(payload.size() == size);
    REQUIRE(Decoded(payload) == text);
  }
  REQUIRE(EncodeStringObject("-129") == "\x00\xc1\x7f\xff"s);  // as Redis writes it
}

TEST_CASE("Text that only looks like an integer keeps its bytes") {
  for (const std::string text : {"00", "-0", "+1", " 1", "1 ", "01", "-", "2147483648", "-2147483649", "12345678901",
                                 "1e3", "99999999999999999999"}) {
    CAPTURE(text);
    const std::string payload = EncodeStringObject(text);
    REQUIRE(payload.size() == 2 + text.size());
    REQUIRE(Decoded(payload) == text);
  }
}

TEST_CASE("Compressed strings that Redis wrote are read") {
  REQUIRE(Decoded(kDumpOf300x) == std::string(300, 'x'));
  REQUIRE(Decoded(kDumpOfFoxes) == Foxes());
}

TEST_CASE("The header of a large string is written apart from its bytes, and tells where they lie") {
  const uint64_t size = 512ULL << 20;
  char header[kStringHeaderSizeMax];
  const size_t header_size = EncodeStringHeader(size, header);
  const auto layout = ParseStringObject(std::string_view(header, header_size), header_size + size);
  REQUIRE(layout.ok());
  REQUIRE(layout->form == StringLayout::Form::kRaw);
  REQUIRE(layout->header_size == header_size);
  REQUIRE(layout->stored_size == size);
  REQUIRE(layout->end() == header_size + size);
}

TEST_CASE("A payload that is cut off anywhere is refused") {
  for (const std::string& payload : {EncodeStringObject("hello"), EncodeStringObject("100000"), kDumpOf300x,
                                     kDumpOfFoxes, EncodeStringObject(std::string(300, 'y'))}) {
    for (size_t cut = 0; cut < payload.size(); ++cut) {
      CAPTURE(cut);
      REQUIRE_FALSE(DecodeStringObject(std::string_view(payload).substr(0, cut)).ok());
    }
  }
}

TEST_CASE("A payload with bytes after its string, or of another type, is refused") {
  REQUIRE_FALSE(DecodeStringObject(EncodeStringObject("hello") + "x").ok());
  REQUIRE_FALSE(DecodeStringObject("\x01\x05hello").ok());
}

TEST_CASE("Lengths that no payload can have are refused before anything is allocated") {
  std::string huge(1, static_cast<char>(kTypeString));
  AppendLength(UINT64_MAX, huge);
  REQUIRE_FALSE(DecodeStringObject(huge).ok());
  std::string bomb = "\x00\xc3\x03"s;
  AppendLength(1ULL << 40, bomb);
  REQUIRE_FALSE(DecodeStringObject(bomb + "\xe0\xff\x00"s).ok());
}

TEST_CASE("A back reference before the start, or a copy past the promised size, is refused") {
  REQUIRE_FALSE(DecodeStringObject("\x00\xc3\x04\x05\x00x\x20\x05"s).ok());
  REQUIRE_FALSE(DecodeStringObject("\x00\xc3\x05\x03\x00x\xe0\x10\x00"s).ok());
  REQUIRE_FALSE(DecodeStringObject("\x00\xc3\x02\x01\x05x"s).ok());
}

TEST_CASE("Strings in a row are decoded one after another") {
  std::string data;
  AppendString("first", data);
  AppendString("1234", data);
  AppendString("", data);
  std::string_view rest = data;
  for (const std::string expected : {"first", "1234", ""}) {
    const auto decoded = DecodeString(rest);
    REQUIRE(decoded.ok());
    REQUIRE(decoded->value == expected);
    rest.remove_prefix(decoded->size);
  }
  REQUIRE(rest.empty());
}

TEST_CASE("Mutated payloads never crash the decoder") {
  std::mt19937 random(20241124);
  const std::string seeds[] = {EncodeStringObject("hello world"), EncodeStringObject("31000"), kDumpOf300x,
                               kDumpOfFoxes};
  for (int round = 0; round < 20000; ++round) {
    std::string payload = seeds[random() % std::size(seeds)];
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      payload[random() % payload.size()] = static_cast<char>(random());
    }
    payload.resize(random() % (payload.size() + 1));
    const auto value = DecodeStringObject(payload);
    if (value.ok()) REQUIRE(value->size() <= payload.size() * 100);
  }
}
