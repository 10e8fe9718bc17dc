// Counted B+trees of lists against a vector.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "counted_tree_check.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

class ListLab {
 public:
  ListLab(const CountedRows& rows, uint64_t seed) : rows_(rows), random_(seed) {}
  ~ListLab() {
    while (!CountedTree::FreeNodes(arena_, rows_, &head_, 7)) continue;
    CHECK(arena_.bytes_out() == 0);
    CHECK(arena_.FreedBlocksIntact());
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  std::string Text() {
    const uint64_t kind = Below(20);
    if (kind < 8) return std::to_string(static_cast<int64_t>(random_() >> Below(64)));
    if (kind < 18) return std::string(Below(30), static_cast<char>('a' + Below(26)));
    return std::string(Below(4 * rows_.inline_bytes_max), '\xf5');
  }

  // Some change; true if it needed memory and got none.
  bool Step(bool growing) {
    CountedTree tree(arena_, rows_, &head_);
    const uint64_t kind = Below(100);
    if (model_.empty() || kind < (growing ? 60U : 30U)) return !Insert(tree, kind);
    if (kind < 75) return !Replace(tree);
    CountedPlace place;
    if (kind < 97) {
      const uint64_t rank = kind < 80 ? 0 : kind < 85 ? model_.size() - 1 : Below(model_.size());
      tree.SeekRank(rank, &place);
      tree.Erase(place);
      model_.erase(model_.begin() + static_cast<int64_t>(rank));
      return false;
    }
    const uint64_t rank = Below(model_.size());
    uint64_t count = Below(model_.size() - rank + 1);
    if (growing) count = std::min<uint64_t>(count, 20);
    tree.EraseRange(rank, count);
    model_.erase(model_.begin() + static_cast<int64_t>(rank), model_.begin() + static_cast<int64_t>(rank + count));
    return false;
  }

  bool Insert(CountedTree& tree, uint64_t kind) {
    const std::string text = Text();
    std::string row;
    if (!tree.AddText(text, &row)) return false;
    const uint64_t rank = kind % 3 == 0 ? 0 : kind % 3 == 1 ? model_.size() : Below(model_.size() + 1);
    CountedPlace place;
    tree.SeekRank(rank, &place);
    const bool done = kind % 3 == 0   ? tree.PushFront(row)
                      : kind % 3 == 1 ? tree.PushBack(row)
                                      : tree.Insert(place, row);
    if (done) {
      model_.insert(model_.begin() + static_cast<int64_t>(rank), text);
    } else {
      tree.DropTexts(row);
    }
    return done;
  }

  bool Replace(CountedTree& tree) {
    const std::string text = Text();
    std::string row;
    if (!tree.AddText(text, &row)) return false;
    const uint64_t rank = Below(model_.size());
    CountedPlace place;
    tree.SeekRank(rank, &place);
    const bool done = tree.Replace(place, row);
    if (done) {
      model_[rank] = text;
    } else {
      tree.DropTexts(row);
    }
    return done;
  }

  void CheckAll() {
    const CheckedTree checked = CheckTree(arena_, rows_, head_);
    REQUIRE(checked.fault == "");
    REQUIRE(checked.elements == model_);
  }

  std::string TextAt(const CountedPlace& place) {
    PackedElement element;
    REQUIRE(CountedTreeReader<const DirectNodes>::LeafOf(place).Get(place.position, &element));
    char digits[kIntegerTextBytesMax];
    std::string_view text;
    const DirectNodes nodes(arena_);
    const bool sound = CountedTextOf(nodes, element, digits, &text);
    REQUIRE(sound);
    return std::string(text);
  }

  // From a random row some steps forward, then back to the beginning.
  void CheckReads() {
    const DirectNodes nodes(arena_);
    const CountedTreeReader<const DirectNodes> reader(nodes, head_, rows_);
    const uint64_t rank = Below(model_.size() + 3);
    CountedPlace place;
    REQUIRE(reader.SeekRank(rank, &place));
    for (uint64_t at = rank; at < model_.size() && at < rank + 60; ++at) {
      REQUIRE(place.rank == at);
      REQUIRE(TextAt(place) == model_[at]);
      REQUIRE(reader.Next(&place));
    }
    while (place.rank > 0) {
      const uint64_t before = place.rank;
      REQUIRE(reader.Previous(&place));
      REQUIRE(place.rank == before - 1);
      REQUIRE(TextAt(place) == model_[place.rank]);
    }
  }

  TestArena arena_;
  const CountedRows rows_;
  CountedTreeHead head_;
  std::vector<std::string> model_;
  std::mt19937_64 random_;
};

TEST_CASE("A list's tree does what a vector does, change by change") {
  ListLab lab(kSmallListRows, GENERATE(1, 2, 3, 4));
  for (int i = 0; i < 12000; ++i) {
    lab.Step(i / 1500 % 2 == 0);
    lab.CheckAll();
    if (i % 100 == 0) lab.CheckReads();
  }
}

TEST_CASE("A list's tree of real size does what a vector does") {
  ListLab lab(kListRows, 5);
  for (int i = 0; i < 60000; ++i) {
    lab.Step(i / 20000 % 2 == 0);
    if (i % 500 == 0) lab.CheckAll();
    if (i % 5000 == 0) lab.CheckReads();
  }
}

TEST_CASE("Without memory a list's tree stays as it is") {
  ListLab lab(kSmallListRows, 6);
  int refused = 0;
  for (int i = 0; i < 6000; ++i) {
    const CountedTreeHead before = lab.head_;
    lab.arena_.FailAfter(lab.Below(3));
    const uint64_t out = lab.arena_.bytes_out();
    if (lab.Step(i / 1500 % 2 == 0)) {
      ++refused;
      REQUIRE(std::memcmp(&before, &lab.head_, sizeof before) == 0);
      REQUIRE(lab.arena_.bytes_out() == out);
    }
    lab.arena_.NeverFail();
    lab.CheckAll();
  }
  CHECK(refused > 100);
}

TEST_CASE("Leaves that are filled from either end are full") {
  for (const bool front : {false, true}) {
    ListLab lab(kListRows, 7);
    CountedTree tree(lab.arena_, kListRows, &lab.head_);
    std::string row;
    REQUIRE(tree.AddText("0123456789abcdef", &row));
    for (int i = 0; i < 200000; ++i) REQUIRE((front ? tree.PushFront(row) : tree.PushBack(row)));
    CHECK(static_cast<double>(lab.head_.bytes) / 200000 < 18.2);
    CHECK(lab.head_.height == 2);
    lab.model_.assign(200000, "0123456789abcdef");
    lab.CheckAll();
  }
}

TEST_CASE("A tree is a queue in either direction") {
  ListLab lab(kSmallListRows, 8);
  CountedTree tree(lab.arena_, kSmallListRows, &lab.head_);
  for (int i = 0; i < 3000; ++i) {
    REQUIRE(lab.Insert(tree, 1));
    if (lab.model_.size() > 200) {
      tree.EraseRange(0, 1);
      lab.model_.erase(lab.model_.begin());
    }
    lab.CheckAll();
  }
  CHECK(lab.head_.height <= 5);
}

TEST_CASE("A copy of a tree is equal and independent, and fails without a trace") {
  ListLab lab(kSmallListRows, 9);
  for (int i = 0; i < 2000; ++i) lab.Step(true);
  CountedTreeHead copy;
  const uint64_t out = lab.arena_.bytes_out();
  for (uint64_t successes = 0;; successes += 7) {
    lab.arena_.FailAfter(successes);
    const bool done = CountedTree::CopyNodes(lab.arena_, kSmallListRows, lab.head_, &copy);
    lab.arena_.NeverFail();
    if (done) break;
    REQUIRE(lab.arena_.bytes_out() == out);
  }
  const std::vector<std::string> model = lab.model_;
  for (int i = 0; i < 500; ++i) lab.Step(false);
  lab.CheckAll();
  const CheckedTree checked = CheckTree(lab.arena_, kSmallListRows, copy);
  REQUIRE(checked.fault == "");
  REQUIRE(checked.elements == model);
  REQUIRE(CountedTree::FreeNodes(lab.arena_, kSmallListRows, &copy, SIZE_MAX));
}

}  // namespace
}  // namespace chestbox::shm
