// Large sorted sets, table and tree together, against a std::map; without memory at every possible point; and torn.
#include <map>
#include <random>
#include <string>
#include <vector>

#include "protocol/shm/score_index.h"
#include "test_arena.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

using Model = std::map<std::string, double>;

class Lab {
 public:
  explicit Lab(uint64_t seed) : random_(seed) {
    ScoreIndex index(arena_);
    REQUIRE(index.Create());
    head_ = index.head();
  }
  ~Lab() {
    arena_.NeverFail();
    while (!ScoreIndex::FreeNodes(arena_, &head_, 3)) continue;
    CHECK(arena_.bytes_out() == 0);
    CHECK(arena_.FreedBlocksIntact());
  }

  TestArena& arena() { return arena_; }
  const TableTreeHead& head() const { return head_; }
  const Model& model() const { return model_; }
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  std::string Member() {
    std::string member = std::to_string(Below(400));
    if (Below(10) == 0) member += std::string(500 + Below(40), 'x');
    return member;
  }
  double Score() { return (static_cast<double>(Below(60)) - 30) / (Below(2) == 0 ? 1 : 7); }

  // False: there was no memory, and then nothing is to have changed.
  bool Put(const std::string& member, double score) {
    ScoreIndex index(arena_, head_);
    const TablePlace place = index.Find(member);
    REQUIRE(place.found == model_.contains(member));
    if (place.found && model_[member] == score) return true;
    const bool done = place.found ? index.Move(place, member, score) : index.Insert(place, member, score);
    if (done) {
      head_ = index.head();
      model_[member] = score;
    }
    return done;
  }
  void Erase(const std::string& member) {
    ScoreIndex index(arena_, head_);
    const TablePlace place = index.Find(member);
    REQUIRE(place.found == (model_.erase(member) == 1));
    if (place.found) index.Erase(place, member);
    head_ = index.head();
  }
  void EraseRanks(RankRange range) {
    std::vector<std::string> members;
    const DirectNodes nodes(arena_);
    SortedSetReader reader(nodes, CollectionEncoding::kTableTree, BytesOf(head_), arena_.header().hash_seed);
    reader.ForEach(range.first, range.count(), false, [&](const ScoredMember& each) {
      members.emplace_back(each.member);
      return true;
    });
    REQUIRE(members.size() == range.count());
    ScoreIndex index(arena_, head_);
    for (const std::string& member : members) {
      index.EraseFromTable(member);
      model_.erase(member);
    }
    index.EraseFromTree(range);
    head_ = index.head();
  }

  // Everything that a reader can ask.
  void Compare() const {
    std::vector<std::pair<double, std::string>> order;
    for (const auto& [member, score] : model_) order.emplace_back(score, member);
    std::sort(order.begin(), order.end());
    const DirectNodes nodes(arena_);
    SortedSetReader reader(nodes, CollectionEncoding::kTableTree, BytesOf(head_), arena_.header().hash_seed);
    REQUIRE(reader.size() == order.size());
    uint64_t rank = 0;
    reader.ForEach(0, UINT64_MAX, false, [&](const ScoredMember& each) {
      REQUIRE(each.score == order[rank].first);
      REQUIRE(each.member == order[rank].second);
      double score = 0;
      REQUIRE(reader.Rank(each.member, &score) == rank);
      REQUIRE(score == each.score);
      return ++rank != 0;
    });
    REQUIRE(rank == order.size());
    reader.ForEach(rank - 1, UINT64_MAX, true, [&](const ScoredMember& each) {
      REQUIRE(each.member == order[--rank].second);
      return true;
    });
    REQUIRE(rank == 0);
    CheckScan(reader);
    REQUIRE(reader.ok());
  }

 private:
  template <class Reader>
  void CheckScan(Reader& reader) const {
    Model scanned;
    uint64_t cursor = 0;
    do {
      cursor =
          reader.Scan(cursor, 7, [&](const ScoredMember& each) { scanned[std::string(each.member)] = each.score; });
    } while (cursor != 0);
    REQUIRE(scanned == model_);
  }

  TestArena arena_;
  std::mt19937_64 random_;
  TableTreeHead head_;
  Model model_;
};

TEST_CASE("A large sorted set does what a map does, in both orders") {
  Lab lab(1);
  for (int step = 0; step < 6000; ++step) {
    const uint64_t what = lab.Below(100);
    if (what < 70) {
      REQUIRE(lab.Put(lab.Member(), lab.Score()));
    } else if (what < 99) {
      lab.Erase(lab.Member());
    } else if (!lab.model().empty()) {
      const uint64_t first = lab.Below(lab.model().size());
      lab.EraseRanks({first, first + lab.Below(lab.model().size() - first) + 1});
    }
    if (step % 500 == 0 && !lab.model().empty()) lab.Compare();
  }
  lab.Compare();
}

TEST_CASE("Ranges of scores and of members are those of the order") {
  Lab lab(2);
  for (int i = 0; i < 300; ++i) REQUIRE(lab.Put(lab.Member(), lab.Score()));
  const DirectNodes nodes(lab.arena());
  SortedSetReader reader(nodes, CollectionEncoding::kTableTree, BytesOf(lab.head()), lab.arena().header().hash_seed);
  for (int i = 0; i < 500; ++i) {
    const ScoreRange range{lab.Score(), lab.Score(), lab.Below(2) == 0, lab.Below(2) == 0};
    uint64_t expected = 0;
    for (const auto& [member, score] : lab.model()) expected += range.AboveMin(score) && range.BelowMax(score) ? 1 : 0;
    REQUIRE(reader.InScores(range).count() == expected);
  }
}

TEST_CASE("Without memory a write to a large sorted set changes nothing") {
  Lab lab(3);
  for (int i = 0; i < 300; ++i) REQUIRE(lab.Put(lab.Member(), lab.Score()));
  uint64_t refused = 0;
  for (int i = 0; i < 1500; ++i) {
    lab.arena().FailAfter(lab.Below(3));
    const bool done = lab.Put(lab.Member(), lab.Score());
    lab.arena().NeverFail();
    refused += done ? 0 : 1;
    if (i % 50 == 0 || (!done && i % 5 == 0)) lab.Compare();
    if (lab.Below(3) == 0) lab.Erase(lab.Member());
  }
  lab.Compare();
  CHECK(refused > 50);
}

TEST_CASE("A copy of a large sorted set is another one") {
  Lab lab(4);
  for (int i = 0; i < 300; ++i) REQUIRE(lab.Put(lab.Member(), lab.Score()));
  TableTreeHead copy;
  REQUIRE(ScoreIndex::CopyNodes(lab.arena(), lab.head(), &copy));
  const uint64_t size = lab.model().size();
  lab.EraseRanks({0, size - 1});
  const DirectNodes nodes(lab.arena());
  SortedSetReader reader(nodes, CollectionEncoding::kTableTree, BytesOf(copy), lab.arena().header().hash_seed);
  uint64_t seen = 0;
  reader.ForEach(0, UINT64_MAX, false, [&](const ScoredMember&) { return ++seen != 0; });
  CHECK(seen == size);
  while (!ScoreIndex::FreeNodes(lab.arena(), &copy, 5)) continue;
  for (uint64_t failing = 0; failing < 40; ++failing) {
    const uint64_t out = lab.arena().bytes_out();
    lab.arena().FailAfter(failing);
    TableTreeHead another;
    const bool copied = ScoreIndex::CopyNodes(lab.arena(), lab.head(), &another);
    lab.arena().NeverFail();
    if (copied) {
      while (!ScoreIndex::FreeNodes(lab.arena(), &another, 1)) continue;
    }
    CHECK(lab.arena().bytes_out() == out);
  }
}

TEST_CASE("Reading a torn sorted set ends and stays within the arena") {
  Lab lab(5);
  for (int i = 0; i < 400; ++i) REQUIRE(lab.Put(lab.Member(), lab.Score()));
  std::mt19937_64 random(9);
  CopiedNodes nodes(lab.arena().view());
  for (int i = 0; i < 3000; ++i) {
    TableTreeHead head = lab.head();
    auto* bytes = reinterpret_cast<unsigned char*>(&head);
    for (uint64_t flips = random() % 4; flips > 0; --flips) {
      bytes[random() % sizeof head] = static_cast<unsigned char>(random());
    }
    // A write that happens while a client reads.
    if (i % 3 == 0) REQUIRE(lab.Put(lab.Member(), lab.Score()));
    nodes.Reset();
    SortedSetReader<CopiedNodes> reader(nodes, CollectionEncoding::kTableTree, BytesOf(head), 0);
    double score = 0;
    (void)reader.Rank(lab.Member(), &score);
    (void)reader.InScores({-3, 3, false, true});
    uint64_t seen = 0;
    reader.ForEach(random() % 500, 200, random() % 2 == 0, [&](const ScoredMember&) { return ++seen < 300; });
    CHECK(seen <= 200);
    (void)reader.Scan(random(), 20, [](const ScoredMember&) {});
  }
}

TEST_CASE("Reading a packed sorted set of any bytes ends and stays within them") {
  std::mt19937_64 random(10);
  std::string good = EmptyPacked();
  std::string pairs;
  for (int i = 0; i < 40; ++i) {
    AppendElement("member" + std::to_string(i), &pairs);
    AppendPackedScore(i / 3.0, &pairs);
  }
  std::string block(good.size() + pairs.size(), '\0');
  CopySpliced(good.data(), {kPackedHeaderBytes, kPackedHeaderBytes, pairs, 80}, block.data());
  for (int i = 0; i < 20000; ++i) {
    std::string torn = block;
    for (int flips = 0; flips < 3; ++flips) torn[random() % torn.size()] = static_cast<char>(random());
    const auto copy = std::make_unique<char[]>(torn.size());
    std::memcpy(copy.get(), torn.data(), torn.size());
    const PackedSortedSet set({copy.get(), torn.size()});
    double score = 0;
    (void)set.Find("member39", &score);
    (void)set.Rank("member7", &score);
    (void)set.InScores({1, 4, true, false});
    (void)set.InLex({{LexBound::Kind::kLowest, {}}, {LexBound::Kind::kInclusive, "member2"}}, i % 2 == 0);
    (void)set.PositionFor(3, "x");
    set.ForEach(random() % 100, 50, i % 2 == 0, [](const ScoredMember&) { return true; });
  }
}

}  // namespace
}  // namespace chestbox::shm
