#include "protocol/glob.h"

#include <utility>

namespace chestbox {
namespace {

// Redis matches recursively and gives up at this depth, one level a run of '*': such a pattern matches nothing.
constexpr size_t kStarsMax = 1000;

int Fold(char c, bool ignore_case) {
  // Signed, because a class like [a-\xff] compares signed bytes in Redis.
  if (ignore_case && c >= 'A' && c <= 'Z') return c - 'A' + 'a';
  return static_cast<signed char>(c);
}

// Matches one byte against the class whose '[' stands at `*position`, and moves `*position` behind its ']'. A class
// without a ']' ends with the pattern.
bool ClassMatches(std::string_view pattern, size_t* position, char c, bool ignore_case) {
  size_t i = *position + 1;
  bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool matches = false;
  int byte = Fold(c, ignore_case);
  for (; i < pattern.size() && pattern[i] != ']'; ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      ++i;
      // An escaped byte is compared exactly, even when case is ignored: so it is in Redis.
      if (pattern[i] == c) matches = true;
    } else if (i + 2 < pattern.size() && pattern[i + 1] == '-') {
      auto [low, high] = std::pair(pattern[i], pattern[i + 2]);
      if (static_cast<signed char>(low) > static_cast<signed char>(high)) std::swap(low, high);
      if (byte >= Fold(low, ignore_case) && byte <= Fold(high, ignore_case)) matches = true;
      i += 2;
    } else if (Fold(pattern[i], ignore_case) == byte) {
      matches = true;
    }
  }
  *position = i < pattern.size() ? i + 1 : i;
  return matches != negated;
}

// Matches the element at `*position`, which is not a '*', against `c`, and moves `*position` behind it.
bool ElementMatches(std::string_view pattern, size_t* position, char c, bool ignore_case) {
  if (pattern[*position] == '?') {
    ++*position;
    return true;
  }
  if (pattern[*position] == '[') return ClassMatches(pattern, position, c, ignore_case);
  if (pattern[*position] == '\\' && *position + 1 < pattern.size()) ++*position;
  bool equal = Fold(pattern[*position], ignore_case) == Fold(c, ignore_case);
  ++*position;
  return equal;
}

}  // namespace

// Only the last '*' is ever tried again with a longer text: what an earlier one could reach by taking more, the last
// one reaches as well. So two positions to go back to are enough, and there is no recursion.
bool GlobMatch(std::string_view pattern, std::string_view text, bool ignore_case) {
  // Not even "*" matches an empty text in Redis; KEYS and SCAN know "*" as "all" before they come here.
  if (text.empty()) return pattern.empty();
  size_t p = 0;
  size_t t = 0;
  size_t after_star = std::string_view::npos;
  size_t star_text = 0;
  size_t stars = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (p == pattern.size()) return true;
      if (++stars > kStarsMax) return false;
      after_star = p;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && ElementMatches(pattern, &p, text[t], ignore_case)) {
      ++t;
      continue;
    }
    if (after_star == std::string_view::npos) return false;
    p = after_star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace chestbox
