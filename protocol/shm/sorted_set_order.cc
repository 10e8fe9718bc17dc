#include "protocol/shm/sorted_set_order.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "protocol/resp/number_format.h"

namespace chestbox::shm {

namespace {

// As strtod reads it, to the end of the text.
std::optional<double> Bound(std::string_view text, bool* exclusive) {
  *exclusive = !text.empty() && text.front() == '(';
  if (*exclusive) text.remove_prefix(1);
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (*end != '\0' || std::isnan(value)) return std::nullopt;
  return value;
}

std::optional<LexBound> LexBoundOf(std::string_view text) {
  if (text == "-") return LexBound{LexBound::Kind::kLowest, {}};
  if (text == "+") return LexBound{LexBound::Kind::kHighest, {}};
  if (text.starts_with('(')) return LexBound{LexBound::Kind::kExclusive, text.substr(1)};
  if (text.starts_with('[')) return LexBound{LexBound::Kind::kInclusive, text.substr(1)};
  return std::nullopt;
}

}  // namespace

std::optional<ScoreRange> ParseScoreRange(std::string_view min, std::string_view max) {
  ScoreRange range;
  const std::optional<double> low = Bound(min, &range.min_exclusive);
  const std::optional<double> high = Bound(max, &range.max_exclusive);
  if (!low || !high) return std::nullopt;
  range.min = *low;
  range.max = *high;
  return range;
}

std::optional<LexRange> ParseLexRange(std::string_view min, std::string_view max) {
  const std::optional<LexBound> low = LexBoundOf(min);
  const std::optional<LexBound> high = LexBoundOf(max);
  if (!low || !high) return std::nullopt;
  return LexRange{*low, *high};
}

RankRange RankRangeOf(int64_t start, int64_t stop, uint64_t size) {
  const auto length = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(start + length, 0);
  if (stop < 0) stop += length;
  if (start > stop || start >= length) return {};
  return {static_cast<uint64_t>(start), static_cast<uint64_t>(std::min(stop, length - 1)) + 1};
}

namespace {

// Longer than any score's text; a longer one comes from a forged dump and counts up to here.
constexpr size_t kScoreTextBytesMax = 127;
// Whole numbers in this range are integers without a look at their digits.
constexpr double kIntegralMax = 4611686018427387903.0;

bool AsInteger(double score, int64_t* integer) {
  if (!(score >= -kIntegralMax && score <= kIntegralMax)) return false;
  *integer = static_cast<int64_t>(score);
  return static_cast<double>(*integer) == score;
}

double TextAsScore(std::string_view text) {
  double score = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (failed == std::errc() && end == text.data() + text.size()) return score;
  char bytes[kScoreTextBytesMax + 1];
  bytes[text.copy(bytes, kScoreTextBytesMax)] = '\0';
  return std::strtod(bytes, nullptr);
}

// Where a text stands to a bound, with the ends of all strings.
int CompareBounds(const LexBound& a, const LexBound& b) {
  using Kind = LexBound::Kind;
  const bool same_end = a.kind == b.kind && (a.kind == Kind::kLowest || a.kind == Kind::kHighest);
  if (same_end) return 0;
  if (a.kind == Kind::kLowest || b.kind == Kind::kHighest) return -1;
  if (a.kind == Kind::kHighest || b.kind == Kind::kLowest) return 1;
  return a.text.compare(b.text);
}

bool IsOpen(const LexBound& bound) { return bound.kind != LexBound::Kind::kInclusive; }

}  // namespace

bool LexRange::AboveMin(std::string_view member) const {
  switch (min.kind) {
    case LexBound::Kind::kLowest:
      return true;
    case LexBound::Kind::kHighest:
      return false;
    case LexBound::Kind::kInclusive:
      return member >= min.text;
    case LexBound::Kind::kExclusive:
      return member > min.text;
  }
  return false;
}

bool LexRange::BelowMax(std::string_view member) const {
  switch (max.kind) {
    case LexBound::Kind::kLowest:
      return false;
    case LexBound::Kind::kHighest:
      return true;
    case LexBound::Kind::kInclusive:
      return member <= max.text;
    case LexBound::Kind::kExclusive:
      return member < max.text;
  }
  return false;
}

bool LexRange::Empty() const {
  const int order = CompareBounds(min, max);
  return order > 0 || (order == 0 && (IsOpen(min) || IsOpen(max)));
}

double ScoreOf(const PackedElement& element) {
  switch (element.kind) {
    case PackedElement::Kind::kInteger:
      return static_cast<double>(element.integer);
    case PackedElement::Kind::kScore:
      return element.score;
    case PackedElement::Kind::kString:
      return TextAsScore(element.text);
    case PackedElement::Kind::kExternal:
    case PackedElement::Kind::kExpiry:
      break;
  }
  return 0;
}

void AppendPackedScore(double score, std::string* out) {
  int64_t integer = 0;
  if (AsInteger(score, &integer)) return AppendInteger(integer, out);
  char text[resp::kDoubleBytesMax];
  AppendElement(resp::FormatDouble(score, text), out);
}

std::string_view PackedScoreText(double score, char* buffer) {
  static_assert(kScoreTextBytes >= resp::kDoubleBytesMax);
  int64_t integer = 0;
  if (!AsInteger(score, &integer)) return resp::FormatDouble(score, buffer);
  return {buffer, static_cast<size_t>(std::to_chars(buffer, buffer + kScoreTextBytes, integer).ptr - buffer)};
}

void AppendLeafScore(double score, std::string* out) {
  int64_t integer = 0;
  if (AsInteger(score, &integer) && !(score == 0 && std::signbit(score))) return AppendInteger(integer, out);
  AppendScore(score, out);
}

int CompareMember(const PackedElement& element, std::string_view member) {
  char digits[kIntegerTextBytesMax];
  return TextOf(element, digits).compare(member);
}

}  // namespace chestbox::shm
