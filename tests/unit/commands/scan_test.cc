#include <set>

#include "protocol/resp/reply_parser.h"
#include "server/swapper.h"
#include "session.h"

namespace chestbox::testing {
namespace {

struct Step {
  std::string cursor;
  std::vector<std::string> keys;
};

Step ScanStep(Session& s, const std::string& line) {
  const std::string bytes = s.server().Do(line);
  resp::ReplyParser parser;
  REQUIRE(parser.Parse(bytes) == resp::ReplyParser::Status::kReply);
  const resp::Reply reply = parser.TakeReply();
  REQUIRE(reply.elements.size() == 2);
  Step step{reply.elements[0].text, {}};
  for (const resp::Reply& key : reply.elements[1].elements) step.keys.push_back(key.text);
  return step;
}

// A whole walk; every key is expected once.
std::set<std::string> ScanAll(Session& s, const std::string& options) {
  std::set<std::string> found;
  Step step{"0", {}};
  do {
    step = ScanStep(s, "scan " + step.cursor + options);
    for (const std::string& key : step.keys) CHECK(found.insert(key).second);
  } while (step.cursor != "0");
  return found;
}

std::set<std::string> Fill(Session& s, int keys) {
  std::set<std::string> names;
  for (int i = 0; i < keys; ++i) {
    names.insert("key:" + std::to_string(i));
    s.Do("set key:" + std::to_string(i) + " v");
  }
  return names;
}

TEST_CASE("SCAN finds every key once, whatever the count") {
  Session s;
  CHECK(s.Do("scan 0") == "[0, []]");
  const std::set<std::string> names = Fill(s, 3000);
  for (const char* options : {"", " count 1", " count 7", " count 100000", " count 9223372036854775807"}) {
    CHECK(ScanAll(s, options) == names);
  }
  CHECK(ScanStep(s, "scan 0 count 9223372036854775807").cursor == "0");
}

TEST_CASE("A walk misses no key that lives all along, however the index grows and shrinks meanwhile") {
  Session s;
  const std::set<std::string> names = Fill(s, 2000);
  std::set<std::string> found;
  Step step{"0", {}};
  int turn = 0;
  do {
    step = ScanStep(s, "scan " + step.cursor + " count 20");
    found.insert(step.keys.begin(), step.keys.end());
    const bool growing = turn++ % 50 < 25;
    for (int i = 0; i < 400; ++i) {
      const std::string name = "other:" + std::to_string(turn % 25 * 400 + i);
      s.Do((growing ? "set " : "del ") + name + (growing ? " v" : ""));
    }
  } while (step.cursor != "0");
  for (const std::string& name : names) CHECK(found.contains(name));
}

TEST_CASE("SCAN's MATCH and TYPE leave out what does not fit") {
  Session s;
  Fill(s, 1000);
  CHECK(ScanAll(s, " match key:1??").size() == 100);
  CHECK(ScanAll(s, " type string match key:* count 5").size() == 1000);
  CHECK(ScanAll(s, " type STRING").size() == 1000);
  CHECK(ScanAll(s, " type list").empty());
  CHECK(ScanAll(s, " type nosuchtype").empty());
  CHECK(ScanAll(s, " match key:1 match *").size() == 1000);
}

TEST_CASE("SCAN takes the cursors that Redis takes, and refuses the same") {
  Session s;
  s.Do("set k v");
  CHECK(s.Do("scan 12abc") == "-ERR invalid cursor");
  CHECK(s.Do("scan 18446744073709551616") == "-ERR invalid cursor");
  CHECK(s.Run({"scan", " 0"}) == "-ERR invalid cursor");
  CHECK(s.Run({"scan", ""}) == "[0, [k]]");
  CHECK(s.Do("scan 18446744073709551615").starts_with("[0, ["));
  CHECK(s.Do("scan 0 count 0") == "-ERR syntax error");
  CHECK(s.Do("scan 0 count x") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("scan 0 match") == "-ERR syntax error");
  CHECK(s.Do("scan x count x") == "-ERR invalid cursor");
}

TEST_CASE("Walks leave expired keys out") {
  Session s;
  s.Do("set a 1 ex 10");
  s.Do("set b 2");
  s.Advance(10'000);
  CHECK(s.Do("scan 0") == "[0, [b]]");
  CHECK(s.Do("keys *") == "[b]");
  for (int i = 0; i < 20; ++i) CHECK(s.Do("randomkey") == "b");
}

TEST_CASE("KEYS matches glob patterns, and * the empty key too") {
  Session s;
  CHECK(s.Do("keys *") == "[]");
  s.Do("mset one 1 two 2 three 3 four 4");
  CHECK(s.Do("keys f*") == "[four]");
  CHECK(s.Do("keys t?o") == "[two]");
  CHECK(s.Do("keys nothing*") == "[]");
  std::string pattern;
  for (int i = 0; i < 50000; ++i) pattern += "*?";
  s.Run({"set", std::string(50000, 'a'), "v"});
  CHECK(s.Run({"keys", pattern}) == "[]");  // Redis gives up on it, and so do we
  s.Do("flushdb");
  s.Run({"set", "", "empty"});
  CHECK(s.server().Do("keys *") == "*1\r\n$0\r\n\r\n");
  CHECK(s.server().Do("keys ?*") == "*0\r\n");
}

TEST_CASE("RANDOMKEY returns each key now and then, and null when there is none") {
  Session s;
  CHECK(s.Do("randomkey") == "nil");
  s.Do("mset a 1 b 2 c 3");
  std::set<std::string> seen;
  for (int i = 0; i < 2000 && seen.size() < 3; ++i) seen.insert(s.Do("randomkey"));
  CHECK(seen == std::set<std::string>{"a", "b", "c"});
}

// Swaps out every other key.
void SwapHalfOut(Session& s, const std::set<std::string>& names) {
  Swapper& swapper = *s.server().server().swapper();
  int i = 0;
  for (const std::string& name : names) {
    if (i++ % 2 != 0) continue;
    REQUIRE(swapper.SwapOutNow(0, name));
    s.server().host().RunUntil([&] { return !swapper.InMemory(0, name); });
  }
}

TEST_CASE("Walks find states that are not in memory, and leave them there") {
  Session s("swap yes");
  const std::set<std::string> names = Fill(s, 300);
  SwapHalfOut(s, names);
  CHECK(ScanAll(s, "") == names);
  CHECK(ScanAll(s, " count 3 match key:1*") == ScanAll(s, " match key:1*"));
  CHECK(ScanAll(s, " match key:1?").size() == 10);
  CHECK(ScanAll(s, " type string") == names);
  CHECK(ScanAll(s, " type hash").empty());
  const std::string all = s.server().Do("keys *");
  CHECK(all.starts_with("*300\r\n"));
  CHECK(s.server().server().swapper()->stats().swapped_in == 0);
}

TEST_CASE("Walks show neither deleted nor reloaded states twice") {
  Session s("swap yes");
  std::set<std::string> names = Fill(s, 100);
  SwapHalfOut(s, names);
  int i = 0;
  for (auto name = names.begin(); name != names.end(); ++i) {
    if (i % 4 == 0) s.Do("get " + *name);  // back in memory; the store still has its record
    if (i % 3 == 0) {
      s.Do("del " + *name);
      name = names.erase(name);
    } else {
      ++name;
    }
  }
  CHECK(ScanAll(s, "") == names);
}

TEST_CASE("RANDOMKEY finds states that are not in memory") {
  Session s("swap yes");
  const std::set<std::string> names = Fill(s, 20);
  SwapHalfOut(s, names);
  std::set<std::string> seen;
  for (int i = 0; i < 5000 && seen.size() < names.size(); ++i) seen.insert(s.Do("randomkey"));
  CHECK(seen == names);
}

}  // namespace
}  // namespace chestbox::testing
