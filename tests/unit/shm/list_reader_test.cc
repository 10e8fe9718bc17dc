// Lists as a client reads them: copied node by node, whole or torn.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "protocol/shm/counted_tree.h"
#include "protocol/shm/list_reader.h"
#include "test_arena.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

using Texts = std::vector<std::string>;

// False: torn.
bool ReadAll(const ListReader<CopiedNodes>& list, uint64_t index, uint64_t count, bool backwards, Texts* texts) {
  bool sound = true;
  const bool walked = list.ForEach(index, count, backwards, [&](const PackedElement& element) {
    char digits[kIntegerTextBytesMax];
    std::string_view text;
    sound = list.Text(element, digits, &text);
    if (sound) texts->emplace_back(text);
    return sound;
  });
  return walked && sound;
}

TEST_CASE("A client reads from both encodings what was pushed") {
  TestArena arena;
  CountedTreeHead head;
  CountedTree tree(arena, kListRows, &head);
  std::string packed = EmptyPacked();
  Texts model;
  for (int i = 0; i < 3000; ++i) {
    const std::string text = i % 100 == 7 ? std::string(600, 'x') : std::to_string(i);
    std::string row;
    REQUIRE(tree.AddText(text, &row));
    REQUIRE(tree.PushBack(row));
    std::string element;
    AppendElement(text, &element);
    const uint32_t end = PackedReader(packed).end();
    packed.resize(packed.size() + element.size());
    ApplySplice(packed.data(), {end, end, element, 1});
    model.push_back(text);
  }
  std::mt19937_64 random(31);
  CopiedNodes nodes(arena.view());
  for (int i = 0; i < 400; ++i) {
    const bool large = i % 2 == 0;
    nodes.Reset();
    const ListReader<CopiedNodes> list(nodes, large ? CollectionEncoding::kTree : CollectionEncoding::kPacked,
                                       large ? BytesOf(head) : std::string_view(packed));
    REQUIRE(list.size() == model.size());
    const uint64_t index = random() % 3010;
    const uint64_t count = random() % 500;
    const bool backwards = random() % 2 == 0;
    Texts texts;
    Texts expected;
    REQUIRE(ReadAll(list, index, count, backwards, &texts));
    for (uint64_t at = index; expected.size() < count && at < model.size(); at += backwards ? uint64_t{0} - 1 : 1) {
      expected.push_back(model[at]);
    }
    REQUIRE(texts == expected);
  }
  REQUIRE(CountedTree::FreeNodes(arena, kListRows, &head, SIZE_MAX));
}

TEST_CASE("Reads of a torn list end, within bounds") {
  TestArena arena(4 << 20);
  std::mt19937_64 random(32);
  CountedTreeHead head;
  CountedTree tree(arena, kListRows, &head);
  for (int i = 0; i < 5000; ++i) {
    std::string row;
    REQUIRE(tree.AddText(std::string(i % 97 == 0 ? 700 : 10 + i % 20, 'a'), &row));
    REQUIRE(tree.PushBack(row));
  }
  const uint64_t used = head.bytes + (256 << 10);
  const std::string saved(arena.base() + kHeapOffset, used);
  CopiedNodes nodes(arena.view());
  uint64_t sound = 0;
  for (int round = 0; round < 1500; ++round) {
    std::memcpy(arena.base() + kHeapOffset, saved.data(), used);
    for (uint64_t changes = random() % 3000; changes > 0; --changes) {
      const uint64_t word = round % 3 == 0 ? random() : round % 3 == 1 ? random() % 300 : 0;
      std::memcpy(arena.base() + kHeapOffset + random() % (used - 8), &word, 1 + random() % 8);
    }
    nodes.Reset();
    const ListReader<CopiedNodes> list(nodes, CollectionEncoding::kTree, BytesOf(head));
    Texts texts;
    sound += ReadAll(list, random() % 5000, 600, round % 2 == 0, &texts) ? 1 : 0;
    REQUIRE(texts.size() <= 600);
  }
  CHECK(sound > 0);
  std::memcpy(arena.base() + kHeapOffset, saved.data(), used);
}

}  // namespace
}  // namespace chestbox::shm
