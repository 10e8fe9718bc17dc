#include <algorithm>
#include <set>
#include <string>

#include "session.h"

namespace chestbox::testing {
namespace {

// The elements of "[a, b]", sorted.
Texts Sorted(const std::string& array) {
  Texts texts;
  std::string inner = array.substr(1, array.size() - 2);
  while (!inner.empty()) {
    const size_t comma = inner.find(", ");
    texts.push_back(inner.substr(0, comma));
    inner = comma == std::string::npos ? "" : inner.substr(comma + 2);
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::string Many(std::string_view command, std::string_view prefix, int count) {
  std::string line(command);
  for (int i = 0; i < count; ++i) line += " " + std::string(prefix) + std::to_string(i);
  return line;
}

TEST_CASE("Members are added once, asked for and removed, in every encoding") {
  const auto [prefix, count] = GENERATE(table<std::string, int>(
      {{"", 5},
       {"", 700},
       {"m", 5},
       {"m", 128},
       {"m", 129},
       {"m", 3000},
       {"long-member-that-is-more-than-sixty-four-bytes-long-so-that-no-packed-block-takes-it", 3}}));
  Session s;
  CHECK(s.Do(Many("sadd k", prefix, count)) == ":" + std::to_string(count));
  CHECK(s.Do(Many("sadd k", prefix, count)) == ":0");
  CHECK(s.Do("scard k") == ":" + std::to_string(count));
  CHECK(s.Do("sismember k " + prefix + "0") == ":1");
  CHECK(s.Do("sismember k none") == ":0");
  CHECK(s.Do("smismember k " + prefix + "1 none " + prefix + "2") == "[:1, :0, :1]");
  CHECK(Sorted(s.Do("smembers k")).size() == static_cast<size_t>(count));
  CHECK(s.Do("srem k " + prefix + "0 none " + prefix + "0") == ":1");
  CHECK(s.Do("scard k") == ":" + std::to_string(count - 1));
  CHECK(s.Do(Many("srem k", prefix, count)) == ":" + std::to_string(count - 1));
  CHECK(s.Do("exists k") == ":0");
}

TEST_CASE("OBJECT ENCODING says Redis 7.0's names, and thresholds are live settings") {
  Session s;
  s.Do("sadd k 1 2 3");
  CHECK(s.Do("object encoding k") == "intset");
  s.Do("sadd k a");
  CHECK(s.Do("object encoding k") == "hashtable");
  s.Do("config set set-max-intset-entries 2");
  s.Do("sadd ints 1 2");
  CHECK(s.Do("object encoding ints") == "intset");
  s.Do("sadd ints 3");
  CHECK(s.Do("object encoding ints") == "hashtable");
  CHECK(Sorted(s.Do("smembers ints")) == Texts{"1", "2", "3"});
}

TEST_CASE("Effects name the members that changed, and nothing is reported where nothing did") {
  Session s;
  CHECK(s.EffectsOf("sadd k a b a") == Texts{"0: SADD k a b"});
  CHECK(s.EffectsOf("sadd k a") == Texts{});
  CHECK(s.EffectsOf("srem k b x") == Texts{"0: SREM k b"});
  CHECK(s.EffectsOf("spop k") == Texts{"0: SREM k a"});
  CHECK(s.EffectsOf("srem k a") == Texts{});
  s.Do("sadd k a b c");
  CHECK(s.EffectsOf("spop k 5") == Texts{"0: DEL k"});
  s.Do("sadd k a");
  CHECK(s.EffectsOf("smove k l a") == Texts{"0: SREM k a", "0: SADD l a"});
  CHECK(s.Do("exists k") == ":0");
  CHECK(s.EffectsOf("sunionstore l l none") == Texts{"0: DEL l", "0: SADD l a"});
  CHECK(s.EffectsOf("sinterstore l l none") == Texts{"0: DEL l"});
  CHECK(s.EffectsOf("sinterstore l l none") == Texts{});
}

TEST_CASE("SMOVE knows missing sources, missing members and other types") {
  Session s;
  s.Do("sadd a x");
  s.Do("set str v");
  CHECK(s.Do("smove none str x") == ":0");
  CHECK(s.Do("smove a str x").starts_with("-WRONGTYPE"));
  CHECK(s.Do("smove str a x").starts_with("-WRONGTYPE"));
  CHECK(s.Do("smove a b y") == ":0");
  CHECK(s.Do("smove a a x") == ":1");
  CHECK(s.Do("smove a b x") == ":1");
  CHECK(s.Do("smembers b") == "[x]");
}

TEST_CASE("Unions, intersections and differences are right over all pairs of encodings") {
  Session s;
  s.Do("sadd ints 1 2 3 4");
  s.Do("sadd small 3 4 a b");
  s.Do(Many("sadd large", "m", 1000));
  s.Do("sadd large 4 b");
  CHECK(Sorted(s.Do("sinter ints small")) == Texts{"3", "4"});
  CHECK(Sorted(s.Do("sinter ints small large")) == Texts{"4"});
  CHECK(s.Do("sinter ints none small") == "[]");
  CHECK(Sorted(s.Do("sunion ints small none")) == Texts{"1", "2", "3", "4", "a", "b"});
  CHECK(Sorted(s.Do("sdiff ints large none")) == Texts{"1", "2", "3"});
  CHECK(s.Do("sdiff none ints") == "[]");
  CHECK(Sorted(s.Do("sdiff large small")).size() == 1000);
  CHECK(s.Do("sunionstore ints ints large") == ":1005");
  CHECK(s.Do("scard ints") == ":1005");
  CHECK(s.Do("sdiffstore ints ints ints") == ":0");
  CHECK(s.Do("exists ints") == ":0");
  CHECK(s.Do("sintercard 2 small large") == ":2");
  CHECK(s.Do("sintercard 2 small large limit 1") == ":1");
  CHECK(s.Do("sintercard 2 small large limit 0") == ":2");
}

TEST_CASE("Wrong arguments are told in Redis' words and change nothing") {
  Session s;
  s.Do("set str v");
  s.Do("sadd k a");
  for (const char* line :
       {"sadd str a", "srem str a", "scard str", "smembers str", "sismember str a", "smismember str a", "spop str",
        "srandmember str", "sinter k str", "sunionstore d k str", "sdiff str", "sintercard 1 str"}) {
    INFO(line);
    CHECK(s.Do(line).starts_with("-WRONGTYPE"));
  }
  CHECK(s.Do("spop k -1") == "-ERR value is out of range, must be positive");
  CHECK(s.Do("spop k x") == "-ERR value is out of range, must be positive");
  CHECK(s.Do("spop k 1 2") == "-ERR syntax error");
  CHECK(s.Do("srandmember k x") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("srandmember k 1 2") == "-ERR syntax error");
  CHECK(s.Do("sintercard 0 k") == "-ERR numkeys should be greater than 0");
  CHECK(s.Do("sintercard x k") == "-ERR numkeys should be greater than 0");
  CHECK(s.Do("sintercard 3 k") == "-ERR Number of keys can't be greater than number of args");
  CHECK(s.Do("sintercard 1 k limit -1") == "-ERR LIMIT can't be negative");
  CHECK(s.Do("sintercard 1 k limit") == "-ERR syntax error");
  CHECK(s.Do("scard k") == ":1");
}

TEST_CASE("Random members are members, different ones for a count, and every one comes") {
  const int count = GENERATE(3, 100, 2000);
  Session s;
  s.Do(Many("sadd k", "m", count));
  std::set<std::string> seen;
  for (int i = 0; i < 30 * count && seen.size() < static_cast<size_t>(count); ++i) seen.insert(s.Do("srandmember k"));
  CHECK(seen.size() == static_cast<size_t>(count));
  for (const int asked : {1, 2, count / 2, count, 2 * count}) {
    const Texts members = Sorted(s.Do("srandmember k " + std::to_string(asked)));
    CHECK(members.size() == static_cast<size_t>(std::min(asked, count)));
    CHECK(std::adjacent_find(members.begin(), members.end()) == members.end());
    CHECK(Sorted(s.Do("srandmember k -" + std::to_string(asked))).size() == static_cast<size_t>(asked));
  }
  CHECK(s.Do("srandmember k 0") == "[]");
  CHECK(s.Do("srandmember none 5") == "[]");
  CHECK(s.Do("srandmember none") == "nil");
  CHECK(Sorted(s.Do("spop k 2")).size() == 2);
  CHECK(s.Do("scard k") == ":" + std::to_string(count - 2));
  CHECK(s.Do("spop none") == "nil");
  CHECK(s.Do("spop none 3") == "[]");
}

}  // namespace
}  // namespace chestbox::testing
