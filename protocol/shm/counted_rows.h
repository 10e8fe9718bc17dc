// What a row of a counted B+tree (counted_tree_reader.h) is: how many elements of its leaf, and by what it is ordered.
//
//   list        one element a row, ordered by nothing but its place
//   sorted set  two elements a row, member and score, ordered by score and then by the members' bytes
//
// A separator stands for the first row of a subtree: comparing separators never contradicts comparing rows, but equal
// separators may stand for different rows (of a member it holds the first eight bytes).
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/shm/nodes.h"
#include "protocol/shm/packed_block.h"

namespace chestbox::shm {

struct CountedSeparator {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const CountedSeparator&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees one
};

struct CountedRows {
  uint32_t elements_per_row = 1;
  // Blocks of leaves are exactly so large, whatever is in them. A row takes less than half.
  uint32_t leaf_bytes_max = 0;
  // Larger strings get a block of their own.
  uint32_t inline_bytes_max = 0;
  // Children of an inner node, so that it just fits a size class of jemalloc.
  uint32_t fanout = 0;
  // Null: rows are not ordered, and inner nodes have no separators.
  CountedSeparator (*separator_of)(const DirectNodes& nodes, const PackedReader& leaf, uint32_t position) = nullptr;

  bool ordered() const { return separator_of != nullptr; }
};

// ---- Scores and members ----

// Orders as the scores do; -0 and 0 are one. Scores are never NaN.
inline uint64_t ScoreBits(double score) {
  score += 0.0;
  uint64_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  return (bits >> 63) != 0 ? ~bits : bits | 1ULL << 63;
}

// The first eight bytes as a number, zeros where there are less. Orders as the members do, as far as it goes.
inline uint64_t MemberPrefix(std::string_view member) {
  uint64_t prefix = 0;
  if (!member.empty())
    std::memcpy(&prefix, member.data(), member.size() < sizeof prefix ? member.size() : sizeof prefix);
  return __builtin_bswap64(prefix);
}

// The score element of a row: an integer or a score.
inline double CountedScoreOf(const PackedElement& element) {
  return element.kind == PackedElement::Kind::kInteger ? static_cast<double>(element.integer) : element.score;
}

// The bytes of an element that is a string of whatever kind; an integer's go to `digits`. False: torn.
template <class Nodes>
bool CountedTextOf(Nodes& nodes, const PackedElement& element, char* digits, std::string_view* text) {
  if (element.kind != PackedElement::Kind::kExternal) {
    *text = TextOf(element, digits);
    return true;
  }
  const char* bytes = nodes.Bytes(element.link, element.bytes);
  *text = {bytes, bytes == nullptr ? 0 : element.bytes};
  return bytes != nullptr;
}

CountedSeparator ScoredSeparator(const DirectNodes& nodes, const PackedReader& leaf, uint32_t position);

// Finds the first row of a sorted set that is not before (score, member); or, if `after_equal`, the first one behind
// it. `member` null (any_member): only scores count, so that all members of `score` are equal.
//
// Every probe (CountedTreeReader::Seek) has these two members.
struct ScoredProbe {
  double score = 0;
  std::string_view member = {};
  bool any_member = false;
  bool after_equal = false;

  // Where the row lies that a separator stands for. Negative: before what is sought; positive: there or behind; 0: that
  // row decides.
  int Compare(const CountedSeparator& separator) const {
    const uint64_t bits = ScoreBits(score);
    if (separator.high != bits) return separator.high < bits ? -1 : 1;
    if (any_member) return after_equal ? -1 : 1;
    const uint64_t prefix = MemberPrefix(member);
    return separator.low == prefix ? 0 : separator.low < prefix ? -1 : 1;
  }
  // *before: whether the row at `position` lies before what is sought. False: torn.
  template <class Nodes>
  bool IsBefore(Nodes& nodes, const PackedReader& leaf, uint32_t position, bool* before) const {
    PackedElement name;
    PackedElement value;
    if (!leaf.Get(position, &name) || !leaf.Get(name.next, &value)) return false;
    const double at = CountedScoreOf(value);
    if (at != score || any_member) {
      *before = at < score || (at == score && after_equal);
      return true;
    }
    char digits[kIntegerTextBytesMax];
    std::string_view text;
    if (!CountedTextOf(nodes, name, digits, &text)) return false;
    const int order = text.compare(member);
    *before = order < 0 || (order == 0 && after_equal);
    return true;
  }
};

inline constexpr CountedRows kListRows{
    .elements_per_row = 1, .leaf_bytes_max = 4096, .inline_bytes_max = 512, .fanout = 84, .separator_of = nullptr};
inline constexpr CountedRows kScoredRows{.elements_per_row = 2,
                                         .leaf_bytes_max = 1280,
                                         .inline_bytes_max = 512,
                                         .fanout = 72,
                                         .separator_of = ScoredSeparator};

}  // namespace chestbox::shm
