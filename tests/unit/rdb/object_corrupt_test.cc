// What redis-server would never write.
#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/object_writer.h"
#include "protocol/rdb/stream_codec.h"
#include "protocol/rdb/string_codec.h"
#include "protocol/shm/packed_block.h"
#include "tests/unit/rdb/object_model.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::rdb::testing {

namespace {

using Texts = std::initializer_list<std::string_view>;

std::string Listpack(Texts elements) {
  std::string body;
  for (const std::string_view element : elements) shm::AppendElement(element, &body);
  std::string block = shm::EmptyPacked();
  std::string spliced(block.size() + body.size(), '\0');
  shm::CopySpliced(block.data(),
                   {shm::kPackedHeaderBytes, shm::kPackedHeaderBytes, body, static_cast<int>(elements.size())},
                   spliced.data());
  return spliced;
}

std::string Blob(ObjectType type, std::string_view blob) {
  std::string payload;
  AppendType(type, payload);
  AppendBlob(blob, payload);
  return payload;
}

std::string Stream(const StreamId& id, Texts node) {
  std::string payload;
  AppendType(ObjectType::kStream2, payload);
  AppendLength(1, payload);
  AppendStreamNode(id, Listpack(node), payload);
  AppendStreamInfo({1, {9, 9}, {5, 1}, {0, 0}, 1}, payload);
  AppendLength(0, payload);
  return payload;
}

}  // namespace

TEST_CASE("Types of modules, of later versions and of nobody are refused") {
  for (int type = 0; type < 256; ++type) {
    const std::string payload = std::string(1, static_cast<char>(type)) + std::string("\x01\x01x", 3);
    const bool known = type <= 4;
    if (!known) CHECK(Decoded(payload) == "bad");
  }
}

TEST_CASE("A count that the payload has no room for is refused before anything else") {
  for (const int type : {1, 2, 3, 4, 5, 14, 15, 18, 19, 21, 22}) {
    std::string payload(1, static_cast<char>(type));
    AppendLength(UINT64_MAX, payload);
    payload += std::string(64, '\0');
    CHECK(Decoded(payload) == "bad");
  }
}

TEST_CASE("Empty collections are refused") {
  CHECK(Decoded(std::string("\x01\x00", 2)) == "bad");
  CHECK(Decoded(std::string("\x02\x00", 2)) == "bad");
  CHECK(Decoded(std::string("\x04\x00", 2)) == "bad");
  CHECK(Decoded(std::string("\x05\x00", 2)) == "bad");
  for (const ObjectType type : {ObjectType::kHashListpack, ObjectType::kSortedSetListpack, ObjectType::kSetListpack}) {
    CHECK(Decoded(Blob(type, shm::EmptyPacked())) == "bad");
    CHECK(Decoded(Blob(type, shm::EmptyPacked()), true) == "bad");
  }
  CHECK(Decoded(Blob(ObjectType::kSetIntegers, std::string("\x02\0\0\0\0\0\0\0", 8))) == "bad");
}

TEST_CASE("Pairs without a second half are refused") {
  CHECK(Decoded(Blob(ObjectType::kHashListpack, Listpack({"a", "b", "c"}))) == "bad");
  CHECK(Decoded(Blob(ObjectType::kSortedSetListpack, Listpack({"a", "1", "c"}))) == "bad");
  CHECK(Decoded(Blob(ObjectType::kHashListpackEx0, Listpack({"a", "b", "0", "c", "d"}))) == "bad");
}

TEST_CASE("Scores that are no numbers are refused") {
  for (const std::string_view score : {"nan", "", "x", "1x", " 1", "0x10"}) {
    CHECK(Decoded(Blob(ObjectType::kSortedSetListpack, Listpack({"a", score}))) == "bad");
  }
  CHECK(Decoded(std::string("\x03\x01\x01"
                            "a\xfd",
                            5)) == "bad");
  CHECK(Decoded(std::string("\x05\x01\x01"
                            "a\0\0\0\0\0\0\xf8\x7f",
                            12)) == "bad");
}

TEST_CASE("What comes twice or out of order is never offered whole") {
  for (const std::string& payload : {Blob(ObjectType::kHashListpack, Listpack({"a", "1", "b", "2", "a", "3"})),
                                     Blob(ObjectType::kSetListpack, Listpack({"a", "b", "a"})),
                                     Blob(ObjectType::kSortedSetListpack, Listpack({"a", "1", "a", "2"})),
                                     Blob(ObjectType::kSortedSetListpack, Listpack({"a", "2", "b", "1"})),
                                     Blob(ObjectType::kSortedSetListpack, Listpack({"b", "1", "a", "1"}))}) {
    ObjectModel model(true);
    CHECK(DecodeObject(payload, Trust::kForeign, model));
    CHECK_FALSE(model.taken_whole());
  }
  ObjectModel model(true);
  CHECK(DecodeObject(Blob(ObjectType::kSortedSetListpack, Listpack({"a", "1", "b", "1", "0", "2"})), Trust::kForeign,
                     model));
  CHECK(model.taken_whole());
}

TEST_CASE("Integer sets out of order, or of another size than they say, are refused") {
  const auto set = [](std::string_view bytes) { return Decoded(Blob(ObjectType::kSetIntegers, bytes)); };
  CHECK(set({"\x02\0\0\0\x02\0\0\0\x01\0\x02\0", 12}) == "set 1 2");
  CHECK(set({"\x02\0\0\0\x02\0\0\0\x02\0\x01\0", 12}) == "bad");
  CHECK(set({"\x02\0\0\0\x02\0\0\0\x01\0\x01\0", 12}) == "bad");
  CHECK(set({"\x02\0\0\0\x03\0\0\0\x01\0\x02\0", 12}) == "bad");
  CHECK(set({"\x03\0\0\0\x01\0\0\0\x01\0\x02", 11}) == "bad");
  CHECK(set({"\x02\0\0\0\xff\xff\xff\xff\x01\0\x02\0", 12}) == "bad");
}

TEST_CASE("Our own extensions of the listpack are refused") {
  std::string block = Listpack({"a", "b"});
  std::string extension;
  shm::AppendExternal(1, 1, &extension);
  std::string spliced(block.size() + extension.size(), '\0');
  shm::CopySpliced(block.data(), {shm::kPackedHeaderBytes, shm::kPackedHeaderBytes, extension, 1}, spliced.data());
  CHECK(Decoded(Blob(ObjectType::kSetListpack, spliced)) == "bad");
}

TEST_CASE("Stream nodes are looked through") {
  const StreamId id{5, 1};
  CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "0", "2", "0", "0", "v", "4"})) != "bad");
  SECTION("counts") {
    CHECK(Decoded(Stream(id, {"2", "0", "1", "f", "0", "2", "0", "0", "v", "4"})) == "bad");
    CHECK(Decoded(Stream(id, {"1", "1", "1", "f", "0", "2", "0", "0", "v", "4"})) == "bad");
    // Redis keeps such nodes; but the stream says that it has an entry.
    CHECK(Decoded(Stream(id, {"0", "1", "1", "f", "0", "3", "0", "0", "v", "4"})) == "bad");
    CHECK(Decoded(Stream(id, {"-1", "2", "1", "f", "0", "2", "0", "0", "v", "4"})) == "bad");
  }
  SECTION("fields") {
    CHECK(Decoded(Stream(id, {"1", "0", "2", "f", "0", "2", "0", "0", "v", "4"})) == "bad");
    CHECK(Decoded(Stream(id, {"1", "0", "-1", "f", "0", "2", "0", "0", "v", "4"})) == "bad");
    CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "0", "0", "0", "0", "-1", "4"})) == "bad");
    CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "0", "0", "0", "0", "9223372036854775807", "4"})) == "bad");
  }
  SECTION("ends") {
    CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "0", "2", "0", "0", "v", "5"})) == "bad");
    CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "7", "2", "0", "0", "v", "4"})) == "bad");
    CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "0", "2", "0", "0", "v", "4", "more"})) == "bad");
  }
  SECTION("IDs") {
    CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "0", "2", "-1", "0", "v", "4"})) == "bad");
    CHECK(Decoded(Stream(id, {"1", "0", "1", "f", "0", "2", "4", "9", "v", "4"})) == "bad");  // after the last ID
    CHECK(Decoded(Stream(id, {"2", "0", "1", "f", "0", "2", "0", "0", "v", "4", "2", "0", "0", "v", "4"})) == "bad");
  }
}

TEST_CASE("Pending entries have one consumer each") {
  StreamGroup group{"g", {5, 1}, 1, {{"c", 1, 1}, {"d", 1, 1}}, {{{5, 1}, 1, 1, 0}, {{5, 2}, 1, 1, 1}}};
  const auto stream = [](const StreamGroup& written, int times = 1) {
    std::string payload;
    AppendType(ObjectType::kStream2, payload);
    AppendLength(0, payload);
    AppendStreamInfo({0, {9, 9}, {0, 0}, {0, 0}, 1}, payload);
    AppendLength(static_cast<uint64_t>(times), payload);
    for (int i = 0; i < times; ++i) AppendStreamGroup(ObjectType::kStream2, written, payload);
    return Decoded(payload);
  };
  CHECK(stream(group) != "bad");
  CHECK(stream(group, 2) == "bad");
  SECTION("not twice") {
    group.pending[1].id = group.pending[0].id;
    CHECK(stream(group) == "bad");
  }
  SECTION("in order") {
    std::swap(group.pending[0].id, group.pending[1].id);
    CHECK(stream(group) == "bad");
  }
  SECTION("consumers of one name") {
    group.consumers[1].name = "c";
    CHECK(stream(group) == "bad");
  }
}

TEST_CASE("Lists of many and of large elements come back from their nodes") {
  ListWriter writer;
  std::string expected = "list";
  for (int i = 0; i < 5000; ++i) {
    std::string element = std::to_string(i * 7919);
    if (i % 1000 == 500) element = std::string(static_cast<size_t>(i) * 300, 'x');
    writer.Element(element);
    expected += " " + element;
  }
  std::string payload;
  writer.Finish(payload);
  CHECK(Decoded(payload) == expected);
}

}  // namespace chestbox::rdb::testing
