#include <deque>
#include <random>
#include <string>

#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("Elements are pushed, read and popped at both ends") {
  Session s;
  CHECK(s.Do("rpush k b c") == ":2");
  CHECK(s.Do("lpush k a 1") == ":4");
  CHECK(s.Do("lrange k 0 -1") == "[1, a, b, c]");
  CHECK(s.Do("lrange k -2 100") == "[b, c]");
  CHECK(s.Do("lrange k 3 1") == "[]");
  CHECK(s.Do("llen k") == ":4");
  CHECK(s.Do("lindex k -1") == "c");
  CHECK(s.Do("lindex k 4") == "nil");
  CHECK(s.Do("lpop k") == "1");
  CHECK(s.Do("rpop k 2") == "[c, b]");
  CHECK(s.Do("object encoding k") == "quicklist");
  CHECK(s.Do("type k") == "+list");
  CHECK(s.Do("lpop k 5") == "[a]");
  CHECK(s.Do("exists k") == ":0");
  CHECK(s.Do("lpop k") == "nil");
  CHECK(s.Do("lpushx k a") == ":0");
}

TEST_CASE("A command on a list refuses other types and changes nothing") {
  Session s;
  s.Do("set s v");
  s.Do("rpush k a");
  for (const char* line : {"lpush s a", "rpushx s a", "lpop s", "llen s", "lrange s 0 1", "lindex s 0", "lset s 0 a",
                           "lrem s 0 a", "ltrim s 0 1", "lpos s a", "lmove s k left left", "lmove k s left left",
                           "linsert s before a b", "lmpop 2 none s left", "blpop s 1", "blmove k s left left 1"}) {
    CHECK(s.Do(line).starts_with("-WRONGTYPE"));
  }
  CHECK(s.Do("lrange k 0 -1") == "[a]");
}

TEST_CASE("What a list command changed is reported once, and nothing is when nothing changed") {
  Session s;
  CHECK(s.EffectsOf("lpush k a b") == Texts{"0: LPUSH k a b"});
  CHECK(s.EffectsOf("rpushx k c") == Texts{"0: RPUSH k c"});
  CHECK(s.EffectsOf("rpushx none c").empty());
  CHECK(s.EffectsOf("lset k 0 x") == Texts{"0: LSET k 0 x"});
  CHECK(s.EffectsOf("linsert k after x y") == Texts{"0: LINSERT k after x y"});
  CHECK(s.EffectsOf("linsert k after none y").empty());
  CHECK(s.EffectsOf("lrem k 0 none").empty());
  CHECK(s.EffectsOf("lrem k -1 y") == Texts{"0: LREM k -1 y"});
  CHECK(s.EffectsOf("ltrim k 0 -1").empty());
  CHECK(s.EffectsOf("lmove k d left right") == Texts{"0: RPUSH d x", "0: LPOP k"});
  CHECK(s.EffectsOf("rpoplpush k k") == Texts{"0: LPUSH k c", "0: RPOP k"});
  CHECK(s.EffectsOf("lmpop 2 none k right count 10") == Texts{"0: RPOP k 2"});
  CHECK(s.EffectsOf("blpop k d 0") == Texts{"0: LPOP d"});
  CHECK(s.EffectsOf("lpop k").empty());
}

TEST_CASE("A list that grows into a tree and shrinks again keeps its elements and its expiry") {
  Session s;
  s.Do("config set list-max-listpack-size 10");
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    s.Do("rpush k element-" + std::to_string(i));
    if (i == 0) s.Do("expire k 1000");
  }
  CHECK(s.Do("ttl k") == ":1000");
  CHECK(s.Do("lindex k 1234") == "element-1234");
  CHECK(s.Do("lindex k -1") == "element-1999");
  CHECK(s.Do("lrange k 999 1001") == "[element-999, element-1000, element-1001]");
  CHECK(s.Do("lpos k element-1500") == ":1500");
  CHECK(s.Do("lpos k element-1500 rank -1") == ":1500");
  CHECK(s.Do("copy k c") == ":1");
  CHECK(s.Do("ltrim k 500 502") == "+OK");
  CHECK(s.Do("lrange k 0 -1") == "[element-500, element-501, element-502]");
  CHECK(s.Do("ttl k") == ":1000");
  CHECK(s.Do("llen c") == ":2000");
  CHECK(s.Do("rename c k") == "+OK");
  CHECK(s.Do("llen k") == ":2000");
}

TEST_CASE("All memory of a list comes back when it goes") {
  Session s;
  s.Do("set warm v");
  const uint64_t before = s.server().keys().memory().allocated_bytes();
  for (int i = 0; i < 3000; ++i) {
    s.Run({"rpush", "k", std::string(static_cast<size_t>(i % 700), 'x')});
    s.Run({"lpush", "k", std::to_string(i)});
  }
  s.Do("copy k c");
  s.Do("copy k d");
  s.Do("lrem c 0 " + std::string(600, 'x'));
  s.Do("ltrim c 1000 2000");
  s.Run({"lset", "d", "3000", std::string(5000, 'y')});
  CHECK(s.Do("lindex d 3000").size() == 5000);
  CHECK(s.Do("del k c") == ":2");
  CHECK(s.Do("set d v") == "+OK");
  CHECK(s.Do("del d") == ":1");
  while (s.server().keys().FreeStep()) continue;
  s.server().keys().DrainRetired();
  CHECK(s.server().keys().memory().allocated_bytes() <= before + 4096);
}

TEST_CASE("A list does what a deque does, whatever its encoding") {
  Session s;
  std::mt19937_64 random(21);
  std::deque<std::string> model;
  const auto below = [&](uint64_t bound) { return random() % bound; };
  const auto at = [&](uint64_t index) { return model.begin() + static_cast<int64_t>(index); };
  s.Do("config set list-max-listpack-size 64");
  for (int i = 0; i < 20000; ++i) {
    const std::string text =
        below(30) == 0 ? std::string(400 + below(300), 'z') : std::to_string(below(50)) + (below(2) == 0 ? "" : "x");
    const uint64_t kind = below(i / 4000 % 2 == 0 ? 20 : 16) + (i / 4000 % 2 == 0 ? 0 : 4);
    const std::string index = std::to_string(model.empty() ? 0 : below(model.size()));
    if (kind < 6) {
      s.Do("lpush k " + text);
      model.push_front(text);
    } else if (kind < 10) {
      s.Do("rpush k " + text);
      model.push_back(text);
    } else if (model.empty()) {
      continue;
    } else if (kind < 13) {
      REQUIRE(s.Do("lpop k") == model.front());
      model.pop_front();
    } else if (kind < 16) {
      REQUIRE(s.Do("rpop k") == model.back());
      model.pop_back();
    } else if (kind == 16) {
      s.Do("lset k " + index + " " + text);
      *at(std::stoull(index)) = text;
    } else if (kind == 17) {
      const auto found = std::find(model.begin(), model.end(), text);
      const std::string reply = s.Do("linsert k before " + text + " new");
      if (found != model.end()) model.insert(found, "new");
      REQUIRE(reply ==
              ":" + std::to_string(found == model.end() && reply == ":-1" ? -1 : static_cast<int64_t>(model.size())));
    } else if (kind == 18) {
      REQUIRE(s.Do("lrem k 0 " + text) == ":" + std::to_string(std::erase(model, text)));
    } else {
      REQUIRE(s.Do("lindex k " + index) == *at(std::stoull(index)));
    }
    if (i % 500 != 0) continue;
    std::string all;
    for (const std::string& each : model) all += (all.empty() ? "" : ", ") + each;
    REQUIRE(s.Do("lrange k 0 -1") == "[" + all + "]");
  }
}

TEST_CASE("The effects of random list commands lead to the same lists") {
  Session s;
  Session replica;
  std::mt19937_64 random(22);
  const auto pick = [&](std::initializer_list<const char*> words) {
    return std::string(words.begin()[random() % words.size()]);
  };
  s.Do("config set list-max-listpack-size 5");
  s.Effects();
  for (int i = 0; i < 5000; ++i) {
    const std::string key = pick({"a", "b", "c"});
    const std::string number = std::to_string(static_cast<int64_t>(random() % 9) - 4);
    const std::string text = pick({"x", "y", "1", "2", "zz"});
    const std::string end = pick({"left", "right"});
    s.Do(pick({"lpush", "rpush", "lpush", "rpush", "lpushx"}) + " " + key + " " + text + " " + number);
    switch (random() % 9) {
      case 0:
        s.Do("lrem " + key + " " + number + " " + text);
        break;
      case 1:
        s.Do("ltrim " + key + " " + number + " 20");
        break;
      case 2:
        s.Do("lmove " + key + " " + pick({"a", "b"}) + " " + end + " " + pick({"left", "right"}));
        break;
      case 3:
        s.Do("lmpop 2 " + key + " c " + end + " count 3");
        break;
      case 4:
        s.Do("linsert " + key + " after " + text + " new");
        break;
      case 5:
        s.Do("lset " + key + " " + number + " set");
        break;
      case 6:
        if (s.Do("exists " + key) == ":1") s.Do("blmove " + key + " c " + end + " left 0");
        break;
      default:
        if (s.Do("exists " + key) == ":1") s.Do("brpop none " + key + " 0");
    }
    for (const std::string& effect : s.Effects()) replica.Do(std::string_view(effect).substr(3));
    s.Advance(10);
  }
  for (const char* key : {"a", "b", "c"}) {
    CHECK(s.Do(std::string("lrange ") + key + " 0 -1") == replica.Do(std::string("lrange ") + key + " 0 -1"));
  }
}

}  // namespace
}  // namespace chestbox::testing
