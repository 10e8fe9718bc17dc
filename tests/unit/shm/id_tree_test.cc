#include "protocol/shm/id_tree.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "test_arena.h"
// Catch2 last.
#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

using Model = std::map<TreeKey, std::string>;

std::string PayloadFor(uint64_t number, uint32_t bytes) {
  std::string payload(bytes, '\0');
  for (uint32_t i = 0; i < bytes; ++i) payload[i] = static_cast<char>(number >> (i % 8 * 8));
  return payload;
}

void RequireEqual(TestArena& arena, const TreeRoot& root, uint32_t payload_bytes, const Model& model) {
  DirectNodes nodes(arena);
  TreeCursor<DirectNodes> cursor(nodes, root, payload_bytes);
  REQUIRE(root.count == model.size());
  bool on = cursor.First();
  for (const auto& [key, payload] : model) {
    REQUIRE(on);
    REQUIRE(cursor.key() == key);
    REQUIRE(std::string(cursor.payload(), payload_bytes) == payload);
    on = cursor.Next();
  }
  REQUIRE(!on);
  on = cursor.Last();
  for (auto it = model.rbegin(); it != model.rend(); ++it) {
    REQUIRE(on);
    REQUIRE(cursor.key() == it->first);
    on = cursor.Previous();
  }
  REQUIRE(!on);
}

// Every inner key is the smallest key below its child; levels fall by one.
TreeKey CheckNode(TestArena& arena, Link link, uint32_t payload_bytes, int level, size_t* nodes) {
  ++*nodes;
  DirectNodes direct(arena);
  uint64_t bytes = 0;
  const char* data = direct.Node(link, kTreeNodeHeaderBytes, &bytes);
  const TreeNode node(data, bytes, payload_bytes);
  REQUIRE(node.valid());
  if (level >= 0) REQUIRE(node.level() == level);
  for (uint32_t i = 0; i < node.count(); ++i) {
    if (i > 0) REQUIRE(node.Key(i - 1) < node.Key(i));
    if (node.level() > 0)
      REQUIRE(CheckNode(arena, node.Child(i), payload_bytes, node.level() - 1, nodes) == node.Key(i));
  }
  return node.Key(0);
}

TEST_CASE("An ID tree holds what a map holds, whatever is put in and taken out", "[id_tree]") {
  for (const uint32_t payload_bytes : {0U, 4U, 24U}) {
    for (uint32_t seed = 1; seed <= 6; ++seed) {
      TestArena arena;
      TreeWriter writer(arena, payload_bytes);
      TreeRoot root;
      Model model;
      std::mt19937 random(seed);
      const uint64_t keys = seed % 2 == 0 ? 300 : 20000;
      for (int step = 0; step < 6000; ++step) {
        // Growing, shrinking, growing …
        const bool insert = (random() % 100) < ((step / 1500) % 2 == 0 ? 75U : 20U);
        TreeKey key{random() % keys, random() % 2};
        if (seed == 3 && insert) key = {1000000 + static_cast<uint64_t>(step), 0};  // appended
        if (seed == 3 && !insert && !model.empty()) key = model.begin()->first;     // taken from the front
        const TreePath path = writer.FindKey(root, key);
        REQUIRE(path.found == model.contains(key));
        if (insert && !path.found) {
          const std::string payload = PayloadFor(random(), payload_bytes);
          REQUIRE(writer.Insert(&root, path, key, payload.data()));
          model[key] = payload;
        } else if (!insert && path.found) {
          writer.Erase(&root, path);
          model.erase(key);
        }
        if (step % 500 == 0) RequireEqual(arena, root, payload_bytes, model);
      }
      RequireEqual(arena, root, payload_bytes, model);
      size_t nodes = 0;
      if (root.link != 0) (void)CheckNode(arena, root.link, payload_bytes, -1, &nodes);
      REQUIRE(nodes == arena.blocks_out());
      while (root.link != 0) (void)writer.DropLastItem(&root);
      REQUIRE(arena.blocks_out() == 0);
      REQUIRE(arena.FreedBlocksIntact());
    }
  }
}

TEST_CASE("An ID tree seeks the neighbours of any key", "[id_tree]") {
  TestArena arena;
  TreeWriter writer(arena, 0);
  TreeRoot root;
  std::vector<TreeKey> keys;
  for (uint64_t i = 0; i < 5000; ++i) keys.push_back({i * 3 + 3, 0});
  for (const TreeKey& key : keys) REQUIRE(writer.Insert(&root, writer.FindEnd(root), key, nullptr));
  DirectNodes nodes(arena);
  TreeCursor<DirectNodes> cursor(nodes, root, 0);
  for (uint64_t sought = 0; sought < 15010; ++sought) {
    const KeyProbe probe{{sought, 0}};
    const auto at_least = std::lower_bound(keys.begin(), keys.end(), probe.sought);
    REQUIRE(cursor.SeekAtLeast(probe) == (at_least != keys.end()));
    if (at_least != keys.end()) REQUIRE(cursor.key() == *at_least);
    const auto behind = std::upper_bound(keys.begin(), keys.end(), probe.sought);
    REQUIRE(cursor.SeekAtMost(probe) == (behind != keys.begin()));
    if (behind != keys.begin()) REQUIRE(cursor.key() == *(behind - 1));
    REQUIRE(cursor.Find(probe) == (sought % 3 == 0 && sought >= 3 && sought <= 15000));
  }
}

TEST_CASE("Appended items fill the nodes of an ID tree", "[id_tree]") {
  TestArena arena;
  TreeWriter writer(arena, 4);
  TreeRoot root;
  const Link link = 7;
  for (uint64_t i = 0; i < 63 * 63; ++i) REQUIRE(writer.Insert(&root, writer.FindEnd(root), {i, 0}, &link));
  REQUIRE(arena.blocks_out() == 64);
}

TEST_CASE("Without memory an ID tree stays as it was", "[id_tree]") {
  for (uint64_t successes = 0; successes < 4; ++successes) {
    TestArena arena;
    TreeWriter writer(arena, 24);
    TreeRoot root;
    Model model;
    std::mt19937 random(static_cast<uint32_t>(successes) + 9);
    for (int step = 0; step < 6000; ++step) {
      const TreeKey key{random(), 0};
      const std::string payload = PayloadFor(random(), 24);
      const uint64_t blocks = arena.blocks_out();
      const TreeRoot before = root;
      arena.FailAfter(successes);
      const bool inserted = writer.Insert(&root, writer.FindKey(root, key), key, payload.data());
      arena.NeverFail();
      if (!inserted) {
        REQUIRE(arena.blocks_out() == blocks);
        REQUIRE(root.link == before.link);
        REQUIRE(root.count == before.count);
        REQUIRE(writer.Insert(&root, writer.FindKey(root, key), key, payload.data()));
      }
      model[key] = payload;
      if (!inserted || step % 1000 == 0) {
        size_t nodes = 0;
        (void)CheckNode(arena, root.link, 24, -1, &nodes);
        REQUIRE(nodes == arena.blocks_out());
      }
    }
    RequireEqual(arena, root, 24, model);
  }
}

}  // namespace
}  // namespace chestbox::shm
