// The order of a sorted set, by score and then by the members' bytes, and the ranges of it that commands ask for.
//
// A packed sorted set, and every leaf of a large one, is a packed block of pairs: member, score. Scores are never NaN.
// In a packed set an integral score is an integer element and any other its text of 17 digits, as in Redis' listpacks,
// so that DUMP copies the bytes; in a leaf any other is a score element.
//
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/shm/packed_block.h"

namespace chestbox::shm {

struct ScoreRange {
  double min = 0;
  double max = 0;
  bool min_exclusive = false;
  bool max_exclusive = false;

  bool AboveMin(double score) const { return min_exclusive ? score > min : score >= min; }
  bool BelowMax(double score) const { return max_exclusive ? score < max : score <= max; }
  bool Empty() const { return min > max || (min == max && (min_exclusive || max_exclusive)); }
};

// One end of a range of members; kLowest and kHighest are the ends of all strings ("-" and "+").
struct LexBound {
  enum class Kind : uint8_t { kLowest, kHighest, kInclusive, kExclusive };
  Kind kind = Kind::kLowest;
  std::string_view text;
};

struct LexRange {
  LexBound min;
  LexBound max;

  bool AboveMin(std::string_view member) const;
  bool BelowMax(std::string_view member) const;
  bool Empty() const;
};

// ZRANGE's arguments: "5", "(5", "-inf"; "[a", "(a", "-", "+". Nothing if they are none.
std::optional<ScoreRange> ParseScoreRange(std::string_view min, std::string_view max);
std::optional<LexRange> ParseLexRange(std::string_view min, std::string_view max);

// Ranks [first, last).
struct RankRange {
  uint64_t first = 0;
  uint64_t last = 0;

  uint64_t count() const { return last > first ? last - first : 0; }
};

// Of ZRANGE's indexes, both included, negative ones from the end.
RankRange RankRangeOf(int64_t start, int64_t stop, uint64_t size);

struct ScoredMember {
  std::string_view member;
  double score = 0;
};

// True if (a, x) comes before (b, y).
inline bool ComesBefore(double a, std::string_view x, double b, std::string_view y) { return a != b ? a < b : x < y; }

// A score element of any kind as a number.
double ScoreOf(const PackedElement& element);
void AppendPackedScore(double score, std::string* out);  // in a packed set
void AppendLeafScore(double score, std::string* out);    // in a leaf
// The text of a packed set's score element, which is what ZSCAN shows. `buffer` holds kScoreTextBytes.
inline constexpr size_t kScoreTextBytes = 32;
std::string_view PackedScoreText(double score, char* buffer);

// Negative, 0 or positive: how an element that is a member compares with `member`.
int CompareMember(const PackedElement& element, std::string_view member);

}  // namespace chestbox::shm
