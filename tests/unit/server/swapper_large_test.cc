// Large collections leave memory and come back in steps, between which other clients are served.
#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

constexpr int kElements = 100'000;
// What one turn of the executor may take: requests for blocks and frees of them.
constexpr uint64_t kStepsMax = 3000;

const char* const kKeys[] = {"h", "s", "z", "l", "x"};

void Fill(SwapLab& lab, int elements = kElements) {
  for (int i = 0; i < elements;) {
    SwapLab::Words hash{"HSET", "h"};
    SwapLab::Words set{"SADD", "s"};
    SwapLab::Words sorted_set{"ZADD", "z"};
    SwapLab::Words list{"RPUSH", "l"};
    for (const int end = i + 1000; i < end; ++i) {
      const std::string text = std::to_string(i * 7919 % 1'000'003) + ":text";
      hash.insert(hash.end(), {"f" + text, "v" + text});
      set.push_back(text);
      sorted_set.insert(sorted_set.end(), {std::to_string(i % 1000), text});
      list.push_back(text);
      if (i % 4 == 0) lab.Run({"XADD", "x", std::to_string(i + 1) + "-1", "f", text});
    }
    for (const SwapLab::Words& words : {hash, set, sorted_set, list}) lab.Run(words);
  }
}

std::string DigestOf(SwapLab& lab, const std::string& key) {
  REQUIRE(lab.Run({"OBJECT", "ENCODING", key}).starts_with('$'));
  return lab.Run({"DEBUG", "DIGEST-VALUE", key}) + lab.Run({"OBJECT", "ENCODING", key});
}

// Runs what is posted, a turn at a time, until `done`; another client is served in each. Returns how many turns there
// were in which blocks moved, and the most that one of them took.
struct Turns {
  int working = 0;
  uint64_t steps_max = 0;
};
template <class Done>
Turns TakeTurns(SwapLab& lab, const Done& done) {
  Turns turns;
  Client& other = lab.AddClient();
  while (!done()) {
    const uint64_t before = lab.memory().steps();
    lab.host().RunPosted();
    const uint64_t steps = lab.memory().steps() - before;
    if (steps > 0) ++turns.working;
    turns.steps_max = std::max(turns.steps_max, steps);
    CHECK(lab.Begin(other, {"INCR", "other"}));
  }
  lab.server().RemoveClient(other);
  return turns;
}

TEST_CASE("Large collections leave and come back in steps") {
  SwapLab lab;
  Fill(lab);
  for (const std::string key : kKeys) {
    INFO(key);
    const std::string before = DigestOf(lab, key);
    REQUIRE(lab.swapper().SwapOutNow(0, key));
    // Until it is encoded, what is in flight is an estimate.
    const uint64_t estimated = lab.swapper().stats().bytes_in_flight;
    int encoding_turns = 0;
    for (; lab.swapper().stats().bytes_in_flight == estimated; ++encoding_turns) lab.host().RunPosted();
    CHECK(encoding_turns >= 2);
    const Turns out = TakeTurns(lab, [&] { return lab.IsOut(0, key); });
    CHECK(out.steps_max < kStepsMax);
    while (lab.keys().FreeStep()) {
    }
    REQUIRE_FALSE(lab.Begin(lab.client(), {"OBJECT", "ENCODING", key}));
    const Turns in = TakeTurns(lab, [&] { return !lab.client().parked; });
    CHECK(in.steps_max < kStepsMax);
    CHECK(in.working >= 2);
    CHECK((DigestOf(lab, key) == before));
  }
}

TEST_CASE("A large collection that is changed while it is encoded stays, and leaves later as it is then") {
  SwapLab lab;
  Fill(lab);
  const auto encode_some = [&](const std::string& key) {
    REQUIRE(lab.swapper().SwapOutNow(0, key));
    for (int i = 0; i < 3; ++i) lab.host().RunPosted();
    REQUIRE(lab.swapper().stats().bytes_in_flight != 0);
  };
  encode_some("h");
  lab.Run({"HSET", "h", "new", "value"});
  encode_some("s");
  lab.Do("DEL s");
  encode_some("z");
  lab.Do("RENAME z renamed");
  encode_some("l");
  lab.Do("LTRIM l 10 -1");
  lab.Settle();
  CHECK_FALSE(lab.IsOut(0, "h"));
  CHECK_FALSE(lab.IsOut(0, "l"));
  CHECK(lab.Do("EXISTS s z") == ":0\r\n");
  lab.SwapOutAll();
  CHECK(lab.Do("HLEN h") == ":100001\r\n");
  CHECK(lab.Do("HGET h new") == Bulk("value"));
  CHECK(lab.Do("LLEN l") == ":99990\r\n");
  CHECK(lab.Do("ZCARD renamed") == ":100000\r\n");
}

TEST_CASE("A database is flushed while its collections are encoded and built") {
  SwapLab lab;
  Fill(lab);
  lab.Settle();
  const uint64_t lists = lab.used_bytes();
  lab.SwapOutAll();
  CHECK(lab.used_bytes() < lists);
  while (lab.keys().FreeStep()) {
  }
  REQUIRE(lab.Do("LLEN l") == ":100000\r\n");
  REQUIRE(lab.Run({"RPUSH", "l", "dirty"}) == ":100001\r\n");
  REQUIRE(lab.swapper().SwapOutNow(0, "l"));
  REQUIRE_FALSE(lab.Begin(lab.client(), {"HGET", "h", "f0:text"}));
  Client& other = lab.AddClient();
  const uint64_t steps = lab.memory().allocations();
  lab.host().RunUntil([&] { return lab.memory().allocations() > steps + 1000; });
  REQUIRE(lab.client().parked);
  REQUIRE(lab.RunAs(other, {"FLUSHALL"}) == "+OK\r\n");
  CHECK(lab.Finish(lab.client()) == "$-1\r\n");
  lab.Settle();
  while (lab.keys().FreeStep()) {
  }
  CHECK(lab.used_bytes() < 1 << 20);
  CHECK(lab.Do("DBSIZE") == ":0\r\n");
}

TEST_CASE("Without memory for all of it a large collection stays in the store, and nothing is kept") {
  SwapLab lab;
  Fill(lab);
  for (const std::string key : kKeys) {
    INFO(key);
    const std::string before = DigestOf(lab, key);
    lab.SwapOutAll();
    while (lab.keys().FreeStep()) {
    }
    const uint64_t bytes = lab.used_bytes();
    lab.memory().RefuseAfter(100, FaultyMemory::Refusals::kAllBehind);
    CHECK(lab.Run({"OBJECT", "ENCODING", key}).find("OOM") != std::string::npos);
    lab.memory().Relent();
    while (lab.keys().FreeStep()) {
    }
    CHECK(lab.IsOut(0, key));
    CHECK(lab.used_bytes() <= bytes);
    CHECK((DigestOf(lab, key) == before));
  }
}

TEST_CASE("A stop and a crash while large collections are under way") {
  SwapLab lab;
  Fill(lab);
  const std::string before = DigestOf(lab, "h");
  REQUIRE(lab.swapper().SwapOutNow(0, "h"));
  for (int i = 0; i < 3; ++i) lab.host().RunPosted();
  lab.Restart();
  CHECK((DigestOf(lab, "h") == before));
  lab.Restart();
  REQUIRE_FALSE(lab.Begin(lab.client(), {"OBJECT", "ENCODING", "h"}));
  const uint64_t steps = lab.memory().allocations();
  lab.host().RunUntil([&] { return lab.memory().allocations() > steps + 1000; });
  lab.Restart();
  CHECK((DigestOf(lab, "h") == before));
}

TEST_CASE("Fields of a large hash keep their expiries on the way") {
  SwapLab lab;
  for (int i = 0; i < 20; ++i) {
    SwapLab::Words words{"HSETEX", "h", "PXAT", std::to_string(9'000'000'000'000 + i), "FIELDS", "1000"};
    for (int f = 0; f < 1000; ++f) words.insert(words.end(), {"field:" + std::to_string(i * 1000 + f), "v"});
    REQUIRE(lab.Run(words) == ":1\r\n");
  }
  lab.Do("HSET h forever v");
  lab.SwapOutAll();
  CHECK(lab.Do("HPEXPIRETIME h FIELDS 3 field:7000 field:19999 forever") ==
        "*3\r\n:9000000000007\r\n:9000000000019\r\n:-1\r\n");
}

}  // namespace
}  // namespace chestbox::testing
