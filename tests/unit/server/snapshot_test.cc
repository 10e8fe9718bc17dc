#include "server/snapshot.h"

#include <map>
#include <random>

#include "protocol/rdb/string_codec.h"
#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

class Told final : public SnapshotSink {
 public:
  void OnState(SnapshotState state) override {
    const auto value = rdb::DecodeStringObject(state.object);
    REQUIRE(value.ok());
    const bool is_new = states.emplace(std::pair(state.database, state.key), *value).second;
    REQUIRE(is_new);
  }
  void OnRange(SnapshotRange range) override {
    auto& next = next_position[range.database];
    REQUIRE(range.from_position == next);
    next = range.to_position + 1;
  }

  using States = std::map<std::pair<uint32_t, std::string>, std::string>;
  States states;
  std::map<uint32_t, uint64_t> next_position;  // 0 again: all ranges were told
};

std::string Key(uint64_t i) { return "key:" + std::to_string(i); }

}  // namespace

TEST_CASE("A snapshot tells every state of its start once, whatever is written meanwhile") {
  const auto seed = GENERATE(1U, 2U, 3U);
  const bool grows = GENERATE(true, false);
  std::mt19937_64 random(seed);
  SwapLab lab;
  Told::States expected;
  for (uint32_t database = 0; database < 3; ++database) {
    lab.Do("select " + std::to_string(database));
    for (uint64_t i = 0; i < (grows ? 700U : 6000U); ++i) {
      const std::string value = std::to_string(random() % 1000000);
      lab.Run({"set", Key(i), value});
      expected[{database, Key(i)}] = value;
    }
  }
  Told told;
  {
    Snapshot snapshot(lab.keys(), told);
    bool flushed = false;
    while (snapshot.Step(20, 1 << 20)) {
      lab.Do("select " + std::to_string(random() % 3));
      // Splits, or merges.
      for (int i = 0; i < 60; ++i) {
        if (grows) {
          lab.Run({"set", "new:" + std::to_string(random()), "x"});
        } else {
          lab.Run({"del", Key(random() % 6000), Key(random() % 6000), Key(random() % 6000)});
        }
      }
      lab.Run({"append", Key(random() % 700), "more"});
      lab.Run({"rename", Key(random() % 700), Key(random() % 700)});
      lab.Run({"pexpire", Key(random() % 700), "100000"});
      if (random() % 10 == 0) lab.Do("swapdb 0 2");
      if (!flushed && random() % 30 == 0) {
        lab.Do("flushdb async");
        flushed = true;
      }
    }
  }
  CHECK(told.states == expected);
  REQUIRE(told.next_position.size() == shm::kDatabases);
  for (const auto& [database, next] : told.next_position) CHECK(next == 0);
}

TEST_CASE("A snapshot that begins in the middle of a command does not see what comes later in it") {
  SwapLab lab;
  lab.Do("set a 1");
  REQUIRE(lab.keys().SetString(0, "a", "2", EncodingFor("2"), kNoExpiry).ok());  // its bucket stays closed
  Told told;
  Snapshot snapshot(lab.keys(), told);
  REQUIRE(lab.keys().SetString(0, "a", "3", EncodingFor("3"), kNoExpiry).ok());
  lab.keys().FinishCommand();
  while (snapshot.Step(100, 1 << 20)) {
  }
  CHECK(told.states == Told::States{{{0, "a"}, "2"}});
}

TEST_CASE("A snapshot that is given up frees what a flush left to it") {
  SwapLab lab;
  for (uint64_t i = 0; i < 2000; ++i) lab.Run({"set", Key(i), std::string(500, 'v')});
  const uint64_t full = lab.used_bytes();
  Told told;
  {
    Snapshot snapshot(lab.keys(), told);
    (void)snapshot.Step(10, 1 << 20);
    lab.Do("flushall sync");
    CHECK(lab.used_bytes() > full / 2);
  }
  while (lab.keys().FreeStep()) {
  }
  lab.keys().DrainRetired();
  CHECK(lab.used_bytes() < full / 4);
}

}  // namespace chestbox::testing
