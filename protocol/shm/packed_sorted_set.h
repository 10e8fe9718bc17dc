// A sorted set that is one packed block of pairs (sorted_set_order.h), or a leaf of a larger one. Everything walks, as
// in Redis: such a set is small.
//
// Reads are bounded by the block whatever it holds. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/shm/packed_block.h"
#include "protocol/shm/sorted_set_order.h"

namespace chestbox::shm {

class PackedSortedSet {
 public:
  explicit PackedSortedSet(std::string_view block) : block_(block) {}

  const PackedReader& block() const { return block_; }
  uint64_t size() const { return block_.count() / 2; }

  // The position of the member's pair, and its score; 0: it is not there.
  uint32_t Find(std::string_view member, double* score) const;
  std::optional<uint64_t> Rank(std::string_view member, double* score) const;
  RankRange InScores(const ScoreRange& range) const;
  // Where scores differ, such a range means what a walk finds: from the first member that fits on while they fit, or,
  // `from_end`, from the last one back.
  RankRange InLex(const LexRange& range, bool from_end) const;

  // Where (score, member) belongs: the position of the first pair that comes after it, or end().
  uint32_t PositionFor(double score, std::string_view member) const;
  uint32_t AtRank(uint64_t rank) const { return block_.Seek(static_cast<int64_t>(rank * 2)); }
  // The position behind the pair at `position`; 0 if there is no sound pair.
  uint32_t Behind(uint32_t position) const;

  // Visits pairs from `rank` on, up or down, while visit(ScoredMember) returns true and at most `count`. The member's
  // text is valid during the call. Who wants no scores gets zeros, for less.
  template <class Visit>
  void ForEach(uint64_t rank, uint64_t count, bool backwards, Visit&& visit, bool with_scores = true) const {
    uint32_t position = AtRank(rank);
    char digits[kIntegerTextBytesMax];
    for (; count > 0 && position != 0; --count) {
      PackedElement member;
      PackedElement score;
      if (!block_.Get(position, &member) || !block_.Get(member.next, &score)) return;
      if (!visit(ScoredMember{TextOf(member, digits), with_scores ? ScoreOf(score) : 0})) return;
      if (backwards) {
        position = block_.Previous(position);
        if (position != 0) position = block_.Previous(position);
      } else {
        position = score.next;
      }
    }
  }

 private:
  PackedReader block_;
};

}  // namespace chestbox::shm
