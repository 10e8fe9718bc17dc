// Reads of a sorted set in whatever encoding, from its value's bytes and its nodes: the same code on the server and in
// clients (nodes.h says how a torn copy is harmless).
//
//   kPacked     one packed block of pairs (packed_sorted_set.h)
//   kTableTree  a head of two heads: a hash table of members and scores (hash_table_reader.h), and a counted tree of
//               members and scores in order (counted_tree_reader.h). Both have the same members with the same scores.
//
// After a false from ok() everything that was returned is void. Nothing here writes. Any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "protocol/resp/number_format.h"
#include "protocol/shm/counted_tree_reader.h"
#include "protocol/shm/encoding.h"
#include "protocol/shm/hash.h"
#include "protocol/shm/hash_table_reader.h"
#include "protocol/shm/packed_sorted_set.h"

namespace chestbox::shm {

struct TableTreeHead {
  HashTableHead table;
  CountedTreeHead tree;
};
static_assert(sizeof(TableTreeHead) == 96);
static_assert(std::is_trivially_copyable_v<TableTreeHead>);

// False: these bytes are no head.
inline bool LoadTableTreeHead(std::string_view bytes, TableTreeHead* head) {
  if (bytes.size() != sizeof *head) return false;
  return LoadTableHead(bytes.substr(0, sizeof head->table), &head->table) &&
         LoadCountedHead(bytes.substr(sizeof head->table), &head->tree);
}
inline std::string_view BytesOf(const TableTreeHead& head) {
  return {reinterpret_cast<const char*>(&head), sizeof head};
}

// Finds the first row of a tree whose member is not below `bound`, where all scores are the same; with `behind` the
// first one above it.
struct LexProbe {
  LexBound bound;
  bool behind = false;

  bool IsBeforeBound(std::string_view member) const {
    switch (bound.kind) {
      case LexBound::Kind::kLowest:
        return false;
      case LexBound::Kind::kHighest:
        return true;
      case LexBound::Kind::kInclusive:
      case LexBound::Kind::kExclusive:
        break;
    }
    return behind ? member <= bound.text : member < bound.text;
  }
  // As ScoredProbe's.
  int Compare(const CountedSeparator& separator) const {
    if (bound.kind == LexBound::Kind::kLowest) return 1;
    if (bound.kind == LexBound::Kind::kHighest) return -1;
    const uint64_t prefix = MemberPrefix(bound.text);
    return separator.low == prefix ? 0 : separator.low < prefix ? -1 : 1;
  }
  template <class Nodes>
  bool IsBefore(Nodes& nodes, const PackedReader& leaf, uint32_t position, bool* before, uint32_t* next) const {
    PackedElement member;
    PackedElement score;
    char digits[kIntegerTextBytesMax];
    std::string_view text;
    if (!leaf.Get(position, &member) || !leaf.Get(member.next, &score)) return false;
    if (!CountedTextOf(nodes, member, digits, &text)) return false;
    *next = score.next;
    *before = IsBeforeBound(text);
    return true;
  }
};

template <class Nodes>
class SortedSetReader {
 public:
  // `hash_seed` is the arena's. `nodes` and `bytes` outlive this.
  SortedSetReader(Nodes& nodes, CollectionEncoding encoding, std::string_view bytes, uint64_t hash_seed)
      : nodes_(nodes), packed_(encoding == CollectionEncoding::kPacked), bytes_(bytes), hash_seed_(hash_seed) {
    if (!packed_) ok_ = LoadTableTreeHead(bytes, &head_);
  }

  bool ok() const { return ok_; }

  uint64_t size() const { return packed_ ? Packed().size() : head_.tree.rows; }

  std::optional<double> Score(std::string_view member) {
    double score = 0;
    return FindScore(member, &score) ? std::optional(score) : std::nullopt;
  }

  // The number of members before this one, and its score.
  std::optional<uint64_t> Rank(std::string_view member, double* score) {
    if (packed_) return Packed().Rank(member, score);
    CountedPlace place;
    if (!FindScore(member, score) || !Check(Tree().Seek(ScoredProbe{.score = *score, .member = member}, &place))) {
      return std::nullopt;
    }
    return place.rank;
  }

  RankRange InScores(const ScoreRange& range) {
    if (packed_) return Packed().InScores(range);
    if (range.Empty()) return {};
    // Most ranges are open at one side.
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    RankRange found{0, head_.tree.rows};
    if (range.min != -kInfinity || range.min_exclusive) {
      found.first = RankOf(ScoredProbe{.score = range.min, .any_member = true, .after_equal = range.min_exclusive});
    }
    if (range.max != kInfinity || range.max_exclusive) {
      found.last = RankOf(ScoredProbe{.score = range.max, .any_member = true, .after_equal = !range.max_exclusive});
    }
    return found;
  }

  // As PackedSortedSet::InLex; in a large set whose scores differ the result is any range.
  RankRange InLex(const LexRange& range, bool from_end) {
    if (packed_) return Packed().InLex(range, from_end);
    if (range.Empty()) return {};
    return {RankOf(LexProbe{range.min, range.min.kind == LexBound::Kind::kExclusive}),
            RankOf(LexProbe{range.max, range.max.kind == LexBound::Kind::kInclusive})};
  }

  // As PackedSortedSet::ForEach.
  template <class Visit>
  void ForEach(uint64_t rank, uint64_t count, bool backwards, Visit&& visit, bool with_scores = true) {
    if (packed_) {
      Packed().ForEach(rank, count, backwards, visit, with_scores);
    } else if (rank < size() && count > 0) {
      backwards ? Check(WalkDown(rank, count, visit)) : Check(WalkUp(rank, count, visit));
    }
  }

  // A score as ZSCAN shows it. `buffer` holds kScoreTextBytes.
  std::string_view ScanText(double score, char* buffer) const {
    return packed_ ? PackedScoreText(score, buffer) : resp::FormatDouble(score, buffer);
  }
  // A step of ZSCAN from a cursor (0: the start) on, about `count` members long. The next cursor, 0 at the end.
  template <class Visit>
  uint64_t Scan(uint64_t cursor, uint64_t count, Visit&& visit) {
    if (packed_) {
      Packed().ForEach(0, UINT64_MAX, false, [&](const ScoredMember& each) {
        visit(each);
        return true;
      });
      return 0;
    }
    const HashTableReader<Nodes> table(nodes_, head_.table);
    uint64_t position = ReverseBits(cursor);
    // Buckets are empty now and then, but never many in a row.
    const uint64_t buckets_max =
        count > UINT64_MAX / kScanBucketsPerMember ? UINT64_MAX : count * kScanBucketsPerMember;
    uint64_t visited = 0;
    for (uint64_t buckets = 0; ok_ && visited < count && buckets < buckets_max; ++buckets) {
      Check(table.VisitPosition(position, &position, [&](const PackedRow& row) {
        ++visited;
        char digits[kIntegerTextBytesMax];
        std::string_view member;
        if (Check(CountedTextOf(nodes_, row.key, digits, &member))) visit(ScoredMember{member, ScoreOf(row.value)});
      }));
      if (position == 0) return 0;
    }
    return ReverseBits(position);
  }

 private:
  static constexpr uint64_t kScanBucketsPerMember = 10;

  PackedSortedSet Packed() const { return PackedSortedSet(bytes_); }
  CountedTreeReader<Nodes> Tree() const { return {nodes_, head_.tree, kScoredRows}; }
  bool Check(bool sound) {
    ok_ = ok_ && sound;
    return sound;
  }

  bool FindScore(std::string_view member, double* score) {
    if (packed_) return Packed().Find(member, score) != 0;
    PackedRow row;
    const Looked looked = HashTableReader<Nodes>(nodes_, head_.table).Find(member, HashKey(member, hash_seed_), &row);
    Check(looked != Looked::kTorn);
    if (looked == Looked::kFound) *score = ScoreOf(row.value);
    return looked == Looked::kFound;
  }

  // How many members are before what the probe seeks.
  template <class Probe>
  uint64_t RankOf(const Probe& probe) {
    CountedPlace place;
    return Check(Tree().Seek(probe, &place)) ? place.rank : 0;
  }

  // The pair at `position` of a leaf; its end is where the next one begins.
  template <class Visit>
  bool VisitPair(const PackedReader& leaf, uint32_t position, uint32_t* next, bool* go_on, Visit&& visit) {
    PackedElement member;
    PackedElement score;
    char digits[kIntegerTextBytesMax];
    std::string_view text;
    if (!leaf.Get(position, &member) || !leaf.Get(member.next, &score)) return false;
    if (!CountedTextOf(nodes_, member, digits, &text)) return false;
    *next = score.next;
    *go_on = visit(ScoredMember{text, CountedScoreOf(score)});
    return true;
  }

  template <class Visit>
  bool WalkUp(uint64_t rank, uint64_t count, Visit&& visit) {
    const CountedTreeReader<Nodes> tree = Tree();
    CountedPlace place;
    if (!tree.SeekRank(rank, &place)) return false;
    uint64_t left = count < size() - rank ? count : size() - rank;
    for (bool go_on = true; left > 0 && go_on;) {
      const PackedReader leaf = tree.LeafOf(place);
      uint32_t position = place.position;
      uint64_t here = 0;
      for (; position != leaf.end() && left > 0 && go_on; --left, ++here) {
        if (!VisitPair(leaf, position, &position, &go_on, visit)) return false;
      }
      if (left == 0 || !go_on) break;
      if (here == 0 || !tree.NextLeaf(&place) || tree.AtEnd(place)) return false;
    }
    return true;
  }

  template <class Visit>
  bool WalkDown(uint64_t rank, uint64_t count, Visit&& visit) {
    const CountedTreeReader<Nodes> tree = Tree();
    CountedPlace place;
    if (!tree.SeekRank(rank, &place)) return false;
    uint64_t left = count < rank + 1 ? count : rank + 1;
    for (;;) {
      const PackedReader leaf = tree.LeafOf(place);
      uint32_t position = place.position;
      uint64_t here = 0;
      while (position != 0) {
        uint32_t behind = 0;
        bool go_on = true;
        if (!VisitPair(leaf, position, &behind, &go_on, visit)) return false;
        ++here;
        if (--left == 0 || !go_on) return true;
        position = leaf.Previous(position);
        if (position != 0) position = leaf.Previous(position);
      }
      if (place.rank < here || !tree.PreviousLeaf(&place)) return false;
    }
  }

  Nodes& nodes_;
  const bool packed_;
  const std::string_view bytes_;
  const uint64_t hash_seed_;
  TableTreeHead head_;
  bool ok_ = true;
};

}  // namespace chestbox::shm
