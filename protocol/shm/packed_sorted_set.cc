#include "protocol/shm/packed_sorted_set.h"

namespace chestbox::shm {

namespace {

constexpr uint64_t kAll = UINT64_MAX;

}  // namespace

uint32_t PackedSortedSet::Find(std::string_view member, double* score) const {
  const uint32_t position = block_.Find(block_.First(), member, 1);
  if (position == 0) return 0;
  PackedElement element;
  if (!block_.Get(block_.Next(position), &element)) return 0;
  *score = ScoreOf(element);
  return position;
}

std::optional<uint64_t> PackedSortedSet::Rank(std::string_view member, double* score) const {
  const uint32_t found = Find(member, score);
  if (found == 0) return std::nullopt;
  return static_cast<uint64_t>(CountElements(block_, block_.First(), found)) / 2;
}

RankRange PackedSortedSet::InScores(const ScoreRange& range) const {
  if (range.Empty()) return {};
  RankRange found;
  uint64_t rank = 0;
  ForEach(0, kAll, false, [&](const ScoredMember& pair) {
    if (!range.BelowMax(pair.score)) return false;
    ++rank;
    if (!range.AboveMin(pair.score)) found.first = rank;
    return true;
  });
  found.last = rank;
  return found;
}

RankRange PackedSortedSet::InLex(const LexRange& range, bool from_end) const {
  const uint64_t members = size();
  if (members == 0 || range.Empty()) return {};
  bool possible = false;
  ForEach(members - 1, 1, false, [&](const ScoredMember& last) { return possible = range.AboveMin(last.member); });
  if (!possible) return {};
  ForEach(0, 1, false, [&](const ScoredMember& first) { return possible = range.BelowMax(first.member); });
  if (!possible) return {};

  uint64_t skipped = 0;
  uint64_t fitting = 0;
  const auto walk = [&](uint64_t start, auto&& begins, auto&& goes_on) {
    ForEach(start, kAll, from_end, [&](const ScoredMember& pair) {
      if (fitting == 0 && !begins(pair.member)) {
        ++skipped;
        return true;
      }
      if (!goes_on(pair.member)) return false;
      ++fitting;
      return true;
    });
  };
  const auto above = [&](std::string_view member) { return range.AboveMin(member); };
  const auto below = [&](std::string_view member) { return range.BelowMax(member); };
  if (!from_end) {
    walk(0, above, below);
    return {skipped, skipped + fitting};
  }
  walk(members - 1, below, above);
  if (skipped + fitting > members) return {};
  return {members - skipped - fitting, members - skipped};
}

uint32_t PackedSortedSet::PositionFor(double score, std::string_view member) const {
  for (uint32_t position = block_.First(); position != 0;) {
    PackedElement at;
    PackedElement its_score;
    if (!block_.Get(position, &at) || !block_.Get(at.next, &its_score)) break;
    const double there = ScoreOf(its_score);
    if (there > score || (there == score && CompareMember(at, member) > 0)) return position;
    position = block_.Next(at.next);
  }
  return block_.end();
}

uint32_t PackedSortedSet::Behind(uint32_t position) const {
  PackedElement element;
  if (!block_.Get(position, &element) || !block_.Get(element.next, &element)) return 0;
  return element.next;
}

}  // namespace chestbox::shm
