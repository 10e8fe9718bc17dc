// Every encoding, as redis-server wrote it.
#include <map>

#include "protocol/rdb/crc64.h"
#include "protocol/rdb/dump.h"
#include "protocol/rdb/object_tape.h"
#include "tests/unit/rdb/golden_payloads.h"
#include "tests/unit/rdb/object_model.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::rdb::testing {

namespace {

const std::map<std::string_view, std::string>& Expected() {
  const auto times = [](const char* text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::string node = " 5-1(2:2:1:1:f:0:2:0:0:v:4:3:0:1:d:4:0:0:2:2:g:w:h:7:8)";
  static const std::map<std::string_view, std::string> expected = {
      {"string_raw", "string hello"},
      {"string_integer", "string -12345"},
      {"string_compressed", "string " + times("ab", 40)},
      {"list", "list a 5 256"},
      {"list_ziplist", "list a " + times("x", 63) + " " + times("y", 64) + " " + times("z", 300) +
                           " after 0 12 -128 32767 -8388608 2147483647 -9223372036854775808"},
      {"list_quicklist", "list a b 3"},
      {"list_quicklist_2", "list a 17  -5000 " + times("c", 70)},
      {"list_quicklist_2_plain", "list abcdefgh x 12345678"},
      {"list_quicklist_2_nodes", "list a b c"},
      {"set_integers_16", "set -2 1 300"},
      {"set_integers_32", "set 1 70000"},
      {"set_integers_64", "set -9223372036854775808 1"},
      {"set", "set a"},
      {"set_listpack", "set a 7 bcd"},
      {"sorted_set_text", "zset a=1.5 b=inf c=-inf"},
      {"sorted_set_ziplist", "zset a=1 b=2.5"},
      {"sorted_set_listpack", "zset b=-inf a=1.5 7=3"},
      {"sorted_set", "zset b=inf a=1.5"},
      {"hash_zipmap", "hash f=v field=" + times("x", 300)},
      {"hash_ziplist", "hash f=v 1=5"},
      {"hash_listpack", "hash f=v 7=8"},
      {"hash", "hash f=" + times("v", 65)},
      {"hash_expiring_0", "hash f=v@1800000000000 g=w"},
      {"hash_listpack_ex_0", "hash f=v@1800000000000 g=w"},
      {"hash_expiring", "hash f=v@1800000000000 h=x@1800000000004 g=w"},
      {"hash_listpack_ex", "hash f=v@1800000000000 g=w"},
      {"stream_1",
       "stream" + node +
           " length=2 last=5-3 first=5-1 deleted=0-0 added=2 group g last=5-1 read=1 [c 2000 2000] {5-1 1000 7 0}"},
      {"stream_2", "stream" + node + " length=2 last=5-3 first=5-1 deleted=5-2 added=3"},
      {"stream_2_empty", "stream length=0 last=0-0 first=0-0 deleted=0-0 added=0 group g last=0-0 read=-1"},
      {"stream_3",
       "stream" + node +
           " length=2 last=5-3 first=5-1 deleted=5-2 added=3 group g last=5-1 read=1 [c 2000 -1] {5-1 1000 7 0}"},
  };
  return expected;
}

}  // namespace

TEST_CASE("Objects that redis-server dumped are decoded") {
  for (const GoldenPayload& golden : kGoldenPayloads) {
    INFO(golden.name);
    const std::string payload = FromHex(golden.hex);
    std::string_view object;
    REQUIRE(ParseDump(payload, &object));
    const std::string text = Decoded(object);
    CHECK(Decoded(object, true) == text);
    const auto expected = Expected().find(golden.name);
    if (expected != Expected().end()) {
      CHECK(text == expected->second);
    } else {
      CHECK(golden.name == "stream_2_group");  // its times are those of its making
      CHECK(text.find("stream 5-1(1:1:0:1:f:0:2:0:0:v:4) length=1 last=5-1 first=5-1 deleted=0-0 added=1 "
                      "group g last=5-1 read=1 [c ") == 0);
      CHECK(text.find(" [idle ") != std::string::npos);
    }
  }
}

TEST_CASE("Objects survive being written again") {
  for (const GoldenPayload& golden : kGoldenPayloads) {
    INFO(golden.name);
    const std::string payload = FromHex(golden.hex);
    std::string_view object;
    REQUIRE(ParseDump(payload, &object));
    ObjectModel model;
    REQUIRE(DecodeObject(object, Trust::kForeign, model));
    CHECK(Decoded(model.Write()) == model.Text());
  }
}

TEST_CASE("A tape tells what it was told, in pieces of any size") {
  for (const GoldenPayload& golden : kGoldenPayloads) {
    INFO(golden.name);
    const std::string payload = FromHex(golden.hex);
    std::string_view object;
    REQUIRE(ParseDump(payload, &object));
    for (const size_t pieces : {size_t{1}, size_t{3}, SIZE_MAX}) {
      for (const size_t bytes : {size_t{1}, size_t{100}, SIZE_MAX}) {
        ObjectTape tape;
        REQUIRE(DecodeObject(object, Trust::kForeign, tape));
        ObjectModel model(true);
        ObjectTape::Played played = ObjectTape::Played::kMore;
        size_t steps = 0;
        for (; played == ObjectTape::Played::kMore; ++steps) played = tape.Play(model, pieces, bytes);
        CHECK(played == ObjectTape::Played::kAll);
        CHECK(model.Text() == Decoded(object));
        if (pieces == 1 || bytes == 1) CHECK(steps > 1);
      }
    }
  }
}

TEST_CASE("A tape stops where the listener refuses") {
  ObjectTape tape;
  tape.Begin(ObjectKind::kList);
  tape.ListElement("a");
  tape.TakePacked(ObjectKind::kList, "no sound listpack", 1);
  ObjectModel model(false);
  CHECK(tape.Play(model, SIZE_MAX, SIZE_MAX) == ObjectTape::Played::kRefused);
  CHECK(model.Text() == "list a");
}

TEST_CASE("No beginning of an object is one, and nothing may follow it") {
  for (const GoldenPayload& golden : kGoldenPayloads) {
    INFO(golden.name);
    const std::string payload = FromHex(golden.hex);
    std::string_view object;
    REQUIRE(ParseDump(payload, &object));
    for (size_t size = 0; size < object.size(); ++size) CHECK(Decoded(object.substr(0, size)) == "bad");
    CHECK(Decoded(std::string(object) + '\0') == "bad");
  }
}

TEST_CASE("A footer with another sum or a later version is refused") {
  std::string payload = FromHex(kGoldenPayloads[0].hex);
  std::string_view object;
  CHECK_FALSE(ParseDump("", &object));
  CHECK_FALSE(ParseDump("123456789", &object));
  for (size_t i = 0; i < payload.size(); ++i) {
    std::string changed = payload;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(ParseDump(changed, &object));
  }
  std::string body("\0\x01x", 3);
  for (const char version : {'\x0c', '\x0d'}) {
    std::string later = body + version + '\0';
    const uint64_t sum = Crc64(0, later);
    later.append(reinterpret_cast<const char*>(&sum), sizeof sum);
    CHECK(ParseDump(later, &object) == (version == '\x0c'));
  }
  AppendFooter(body);
  REQUIRE(ParseDump(body, &object));
  CHECK(Decoded(object) == "string x");
}

}  // namespace chestbox::rdb::testing
