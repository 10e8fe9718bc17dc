#include "store_lab.h"

#include <algorithm>
#include <limits>

#include "swap/clean_marker.h"
#include "swap/record_codec.h"

namespace chestbox::swap {

TEST_CASE("Head keys sort by database, generation, position and key") {
  const std::vector<std::string> keys = {
      HeadKey(0, Id("z", 5, 0)),   HeadKey(1, Id("", 0, 0)),     HeadKey(1, Id("b", 255, 0)),
      HeadKey(1, Id("a", 256, 0)), HeadKey(1, Id("aa", 256, 0)), HeadKey(256, Id("", 0, 0)),
      HeadKey(0, Id("a", 0, 1)),   HeadKey(0, Id("a", 0, 200)),
  };
  REQUIRE(std::is_sorted(keys.begin(), keys.end()));
  REQUIRE(HeadKeyAfterPosition(0, 1, 255) <= keys[3]);
  REQUIRE(HeadKeyAfterPosition(0, 1, 255) > keys[2]);
  REQUIRE(HeadKeyAfterPosition(0, 1, std::numeric_limits<uint64_t>::max()) == GenerationPrefix(0, 2));
}

TEST_CASE("Keys are read back as they were made") {
  const StateId id = Id(std::string_view("a\0b", 3), 0x0102030405060708, 15);
  const std::string head_key = HeadKey(77, id);
  const auto head = ParseHeadKey(head_key);
  REQUIRE(head.has_value());
  REQUIRE(head->generation == 77);
  REQUIRE(head->id.database == 15);
  REQUIRE(head->id.position == id.position);
  REQUIRE(head->id.key == id.key);
  const std::string expiry_key = ExpiryKey(77, 1700000000123, id);
  const auto expiry = ParseExpiryKey(expiry_key);
  REQUIRE(expiry.has_value());
  REQUIRE(expiry->expire_at_ms == 1700000000123);
  REQUIRE(expiry->id.key == id.key);
  REQUIRE_FALSE(ParseHeadKey(head_key.substr(0, 12)).has_value());
  REQUIRE_FALSE(ParseExpiryKey(expiry_key.substr(0, 20)).has_value());
}

TEST_CASE("Expiry keys sort by time, times before 1970 first") {
  std::vector<std::string> keys;
  for (const int64_t time : {std::numeric_limits<int64_t>::min(), int64_t{-5}, int64_t{0}, int64_t{255}, int64_t{256},
                             std::numeric_limits<int64_t>::max()}) {
    keys.push_back(ExpiryKey(1, time, Id("k", 100 - keys.size())));
  }
  REQUIRE(std::is_sorted(keys.begin(), keys.end()));
}

TEST_CASE("A head record is refused when it is cut, longer than it says, or of another format") {
  HeadRecord head;
  head.payload_size = 5;
  head.inline_payload = "hello";
  const std::string bytes = EncodeHead(head);
  REQUIRE(DecodeHead(bytes).ok());
  for (size_t cut = 0; cut < bytes.size(); ++cut) REQUIRE_FALSE(DecodeHead(bytes.substr(0, cut)).ok());
  REQUIRE_FALSE(DecodeHead(bytes + "x").ok());
  std::string newer = bytes;
  newer[0] = 2;
  REQUIRE_FALSE(DecodeHead(newer).ok());
}

TEST_CASE("A clean marker comes back whole, and is refused when any byte is cut or changed") {
  CleanState state;
  state.next_value_id = 1ULL << 40;
  state.databases[0] = {3, 100, 50};
  state.databases[255] = {0, 1, 0};
  state.metadata = {{"a", "1"}, {"b", std::string(300, 'x')}, {"", ""}};
  const std::string bytes = EncodeCleanMarker(state);
  const auto decoded = DecodeCleanMarker(bytes);
  REQUIRE(decoded.ok());
  REQUIRE(decoded->next_value_id == state.next_value_id);
  REQUIRE(decoded->databases == state.databases);
  REQUIRE(decoded->metadata == state.metadata);
  for (size_t i = 0; i < bytes.size(); ++i) {
    REQUIRE_FALSE(DecodeCleanMarker(std::string_view(bytes).substr(0, i)).ok());
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    REQUIRE_FALSE(DecodeCleanMarker(changed).ok());
  }
}

}  // namespace chestbox::swap
