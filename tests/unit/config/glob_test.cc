#include "protocol/glob.h"

#include <random>
#include <string>

// Last, because it defines CHECK anew.
#include <catch2/catch.hpp>

using chestbox::GlobMatch;

namespace {
bool Matches(std::string_view pattern, std::string_view text) { return GlobMatch(pattern, text, false); }

// Plain exponential backtracking over the elements '*', '?' and letters, to compare with.
bool SlowMatch(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (size_t taken = 0; taken <= text.size(); ++taken) {
      if (SlowMatch(pattern.substr(1), text.substr(taken))) return true;
    }
    return false;
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && SlowMatch(pattern.substr(1), text.substr(1));
}
}  // namespace

TEST_CASE("Stars, question marks and letters match as in a shell") {
  CHECK(Matches("*", "anything"));
  CHECK(Matches("a*", "a"));
  CHECK(Matches("a**", "a"));
  CHECK(Matches("h*llo", "heeeello"));
  CHECK(Matches("h?llo", "hallo"));
  CHECK_FALSE(Matches("h?llo", "hllo"));
  CHECK_FALSE(Matches("abc", "abcd"));
  CHECK_FALSE(Matches("abcd", "abc"));
  CHECK(Matches("*a*b*c", "xxaxxbxxc"));
  CHECK_FALSE(Matches("*a*b*c", "xxaxxbxxcx"));
}

TEST_CASE("An empty text is matched by an empty pattern only") {
  CHECK(Matches("", ""));
  CHECK_FALSE(Matches("*", ""));
  CHECK_FALSE(Matches("", "a"));
}

TEST_CASE("Classes take ranges either way round, negation and escapes") {
  CHECK(Matches("h[ae]llo", "hello"));
  CHECK_FALSE(Matches("h[ae]llo", "hillo"));
  CHECK(Matches("h[^e]llo", "hallo"));
  CHECK_FALSE(Matches("h[^e]llo", "hello"));
  CHECK(Matches("[a-c]", "b"));
  CHECK(Matches("[c-a]", "b"));
  CHECK_FALSE(Matches("[a-c]", "d"));
  CHECK(Matches("[\\]]", "]"));
  CHECK(Matches("[\\-x]", "-"));
  CHECK(Matches("[^]", "x"));
  CHECK_FALSE(Matches("[]", "x"));
}

TEST_CASE("A class or escape that the pattern cuts short is still well defined") {
  CHECK(Matches("[ab", "a"));
  CHECK_FALSE(Matches("[ab", "c"));
  CHECK_FALSE(Matches("[", "["));
  CHECK(Matches("[^", "x"));
  CHECK(Matches("a\\", "a\\"));
  CHECK(Matches("[a-", "-"));
  CHECK(Matches("[\\", "\\"));
}

TEST_CASE("A backslash takes the next byte for itself") {
  CHECK(Matches("a\\*b", "a*b"));
  CHECK_FALSE(Matches("a\\*b", "axb"));
  CHECK(Matches("\\\\", "\\"));
}

TEST_CASE("Case is ignored on demand, in classes and ranges too") {
  CHECK(GlobMatch("MAX*", "maxmemory", true));
  CHECK_FALSE(GlobMatch("MAX*", "maxmemory", false));
  CHECK(GlobMatch("[A-C]x", "bX", true));
  CHECK(GlobMatch("[abc]", "B", true));
}

TEST_CASE("Bytes are bytes: zeros and high bytes match like others") {
  using std::string_view_literals::operator""sv;
  CHECK(Matches("a\0b"sv, "a\0b"sv));
  CHECK(Matches("?\xff"sv, "\x80\xff"sv));
  CHECK_FALSE(Matches("a\0b"sv, "a\0c"sv));
}

TEST_CASE("A pattern made to be slow is not") {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*?";
  std::string stars;
  for (int i = 0; i < 999; ++i) stars += "a*";
  std::string text(20000, 'a');
  // Each of these would take longer than the age of the universe with backtracking at every star.
  CHECK_FALSE(Matches(pattern + "b", text));
  CHECK_FALSE(Matches(stars + "b", text));
  CHECK(Matches(pattern + "a", text));
}

TEST_CASE("A pattern with more than a thousand runs of stars matches nothing, as in Redis") {
  const std::string text(5000, 'a');
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "**a";
  CHECK(Matches(pattern + "*", text));
  CHECK_FALSE(Matches(pattern + "*a", text));
}

TEST_CASE("Random patterns agree with plain backtracking") {
  std::mt19937 random(7);
  auto pick = [&](std::string_view letters, size_t length_max) {
    std::string text(random() % (length_max + 1), ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    return text;
  };
  for (int i = 0; i < 20000; ++i) {
    std::string pattern = pick("ab*?", 7);
    std::string text = pick("ab", 8);
    INFO(pattern << " against " << text);
    if (!text.empty()) REQUIRE(Matches(pattern, text) == SlowMatch(pattern, text));
  }
}

TEST_CASE("Garbage in patterns never reads outside") {
  std::mt19937 random(11);
  for (int i = 0; i < 50000; ++i) {
    std::string pattern(random() % 12, ' ');
    std::string text(random() % 12, ' ');
    for (char& c : pattern) c = "[]^-\\*?ab\xff"[random() % 10];
    for (char& c : text) c = "[]^-\\*?ab\xff"[random() % 10];
    GlobMatch(pattern, text, i % 2 == 0);
  }
}
