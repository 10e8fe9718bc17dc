// Counted B+trees of sorted sets against a std::set, and reads of trees that were torn.
#include <cmath>
#include <iterator>
#include <random>
#include <set>
#include <string>

#include "counted_tree_check.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

struct ByScore {
  using is_transparent = void;
  bool operator()(const std::pair<double, std::string>& a, const std::pair<double, std::string>& b) const {
    return a.first != b.first ? a.first < b.first : a.second < b.second;
  }
};
using Model = std::set<std::pair<double, std::string>, ByScore>;

class ScoredLab {
 public:
  ScoredLab(const CountedRows& rows, uint64_t seed, uint64_t scores) : rows_(rows), scores_(scores), random_(seed) {}
  ~ScoredLab() {
    while (!CountedTree::FreeNodes(arena_, rows_, &head_, 7)) continue;
    CHECK(arena_.bytes_out() == 0);
    CHECK(arena_.FreedBlocksIntact());
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  double Score() {
    const uint64_t pick = Below(scores_);
    if (pick == 0) return -HUGE_VAL;
    if (pick == 1) return HUGE_VAL;
    return (static_cast<double>(pick) - static_cast<double>(scores_) / 2) / (pick % 3 == 0 ? 3 : 1);
  }
  std::string Member() {
    std::string member = Below(2) == 0 ? std::string("prefix12") : std::string();
    member += std::to_string(Below(3000));
    if (Below(20) == 0) member += std::string(Below(2 * rows_.inline_bytes_max), 'z');
    if (Below(9) == 0) member[0] = static_cast<char>(Below(256));
    return member;
  }
  uint64_t RankInModel(Model::const_iterator at) const {
    return static_cast<uint64_t>(std::distance(model_.begin(), at));
  }

  void Insert(double score, const std::string& member) {
    CountedTree tree(arena_, rows_, &head_);
    std::string row;
    REQUIRE(tree.AddText(member, &row));
    if (score == std::floor(score) && std::isfinite(score)) {
      AppendInteger(static_cast<int64_t>(score), &row);
    } else {
      AppendScore(score, &row);
    }
    CountedPlace place;
    tree.Seek(ScoredProbe{.score = score, .member = member}, &place);
    REQUIRE(tree.Insert(place, row));
  }

  void Step(bool growing) {
    if (model_.empty() || Below(100) < (growing ? 65U : 35U)) {
      const double score = Score();
      const std::string member = Member();
      if (model_.insert({score, member}).second) Insert(score, member);
      return;
    }
    CountedTree tree(arena_, rows_, &head_);
    auto victim = model_.lower_bound({Score(), Member()});
    if (victim == model_.end()) victim = std::prev(victim);
    CountedPlace place;
    tree.Seek(ScoredProbe{.score = victim->first, .member = victim->second}, &place);
    REQUIRE(place.rank == RankInModel(victim));
    if (Below(50) != 0) {
      tree.Erase(place);
      model_.erase(victim);
      return;
    }
    const uint64_t count = Below(std::min<uint64_t>(model_.size() - place.rank, 40) + 1);
    tree.EraseRange(place.rank, count);
    model_.erase(victim, std::next(victim, static_cast<int64_t>(count)));
  }

  void CheckAll() {
    const CheckedTree checked = CheckTree(arena_, rows_, head_);
    REQUIRE(checked.fault == "");
    REQUIRE(checked.elements.size() == 2 * model_.size());
    size_t i = 0;
    for (const auto& [score, member] : model_) {
      REQUIRE(checked.elements[i] == member);
      REQUIRE(std::stod(checked.elements[i + 1]) == score);
      i += 2;
    }
  }

  void CheckBounds() {
    const CountedTree tree(arena_, rows_, &head_);
    const double score = Score();
    const std::string member = Member();
    CountedPlace place;
    tree.Seek(ScoredProbe{.score = score, .member = member}, &place);
    REQUIRE(place.rank == RankInModel(model_.lower_bound({score, member})));
    tree.Seek(ScoredProbe{.score = score, .member = member, .after_equal = true}, &place);
    REQUIRE(place.rank == RankInModel(model_.upper_bound({score, member})));
    tree.Seek(ScoredProbe{.score = score, .any_member = true}, &place);
    REQUIRE(place.rank == RankInModel(model_.lower_bound({score, ""})));
    tree.Seek(ScoredProbe{.score = score, .any_member = true, .after_equal = true}, &place);
    REQUIRE(place.rank == RankInModel(std::find_if(model_.begin(), model_.end(),
                                                   [&](const auto& each) { return each.first > score; })));
  }

  TestArena arena_;
  const CountedRows rows_;
  const uint64_t scores_;
  CountedTreeHead head_;
  Model model_;
  std::mt19937_64 random_;
};

TEST_CASE("A sorted set's tree does what a std::set does, change by change") {
  // One score (every separator ties), few, many.
  const uint64_t scores = GENERATE(3U, 8U, 5000U);
  ScoredLab lab(kSmallScoredRows, scores, scores);
  for (int i = 0; i < 8000; ++i) {
    lab.Step(i / 1500 % 2 == 0);
    lab.CheckAll();
    lab.CheckBounds();
  }
}

TEST_CASE("A sorted set's tree of real size does what a std::set does") {
  ScoredLab lab(kScoredRows, 11, GENERATE(3U, 1000U));
  for (int i = 0; i < 30000; ++i) {
    lab.Step(i / 10000 % 2 == 0);
    if (i % 500 == 0) lab.CheckAll();
    if (i % 10 == 0) lab.CheckBounds();
  }
}

TEST_CASE("Zero has one place in the order, whatever its sign") {
  CHECK(ScoreBits(-0.0) == ScoreBits(0.0));
  CHECK(ScoreBits(-1) < ScoreBits(-0.5));
  CHECK(ScoreBits(-HUGE_VAL) < ScoreBits(-1e300));
  CHECK(ScoreBits(1) < ScoreBits(HUGE_VAL));
  CHECK(MemberPrefix("a") < MemberPrefix("b"));
  CHECK(MemberPrefix("a") == MemberPrefix(std::string_view("a\0", 2)));
}

// A client's reads over bytes that were changed at random.
class TornReads {
 public:
  TornReads(const TestArena& arena, const CountedRows& rows) : rows_(rows), nodes_(arena.view()) {}

  void Run(const CountedTreeHead& head, uint64_t rank) {
    nodes_.Reset();
    CountedTreeReader<CopiedNodes> reader(nodes_, head, rows_);
    CountedPlace place;
    if (reader.SeekRank(rank, &place)) Walk(reader, &place);
    if (!rows_.ordered()) return;
    if (reader.Seek(ScoredProbe{.score = 1, .member = "prefix12500"}, &place)) Walk(reader, &place);
    (void)reader.Seek(ScoredProbe{.score = 2, .any_member = true, .after_equal = true}, &place);
  }

 private:
  void Walk(const CountedTreeReader<CopiedNodes>& reader, CountedPlace* place) {
    bool sound = true;
    for (int i = 0; i < 200 && sound && !reader.AtEnd(*place); ++i) {
      PackedElement element;
      char digits[kIntegerTextBytesMax];
      std::string_view text;
      sound = CountedTreeReader<CopiedNodes>::LeafOf(*place).Get(place->position, &element) &&
              CountedTextOf(nodes_, element, digits, &text) && reader.Next(place);
      if (sound) {
        for (const char each : text) sum_ += static_cast<unsigned char>(each);
      }
    }
    for (int i = 0; i < 200 && sound && place->rank > 0; ++i) sound = reader.Previous(place);
  }

  const CountedRows& rows_;
  CopiedNodes nodes_;
  uint64_t sum_ = 0;
};

TEST_CASE("Reads of a torn tree end, within bounds") {
  TestArena arena(4 << 20);
  std::mt19937_64 random(12);
  CountedTreeHead head;
  CountedTree tree(arena, kSmallScoredRows, &head);
  for (int i = 0; i < 1500; ++i) {
    const std::string member = "prefix12" + std::to_string(random() % 9000) + std::string(i % 50 == 0 ? 60 : 0, 'x');
    std::string row;
    REQUIRE(tree.AddText(member, &row));
    AppendInteger(1, &row);
    CountedPlace place;
    tree.Seek(ScoredProbe{.score = 1, .member = member}, &place);
    REQUIRE(tree.Insert(place, row));
  }
  const uint64_t used = 256 << 10;
  const std::string saved(arena.base() + kHeapOffset, used);
  TornReads reads(arena, kSmallScoredRows);
  for (int round = 0; round < 4000; ++round) {
    std::memcpy(arena.base() + kHeapOffset, saved.data(), used);
    for (uint64_t changes = 1 + random() % 2000; changes > 0; --changes) {
      char* at = arena.base() + kHeapOffset + random() % (used - 8);
      const uint64_t word = round % 3 == 0 ? random() : round % 3 == 1 ? random() % 300 : 0;
      std::memcpy(at, &word, 1 + random() % 8);
    }
    CountedTreeHead torn = head;
    if (round % 4 == 0) torn.height = static_cast<uint32_t>(random() % 14);
    if (round % 5 == 0) torn.root = static_cast<Link>(random() % (used / 16) + kHeapOffset / 16);
    if (round % 7 == 0) torn.rows = random();
    reads.Run(torn, round % 2 == 0 ? random() % 1500 : random());
  }
  std::memcpy(arena.base() + kHeapOffset, saved.data(), used);
}

}  // namespace
}  // namespace chestbox::shm
