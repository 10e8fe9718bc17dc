// States that the store has in memory come back without a wait; everything else about them is as for the others.
#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

constexpr uint64_t kMib = 1 << 20;

std::string Key(int i) { return "key" + std::to_string(i); }
std::string Value(int i, size_t bytes = 16 << 10) { return ValueFor(Key(i), bytes); }

void Fill(SwapLab& lab, int count, size_t bytes = 16 << 10) {
  for (int i = 0; i < count; ++i) REQUIRE(lab.Run({"set", Key(i), Value(i, bytes)}) == "+OK\r\n");
}

// The reply of a command that is answered at once.
std::string AtOnce(SwapLab& lab, const SwapLab::Words& words) {
  REQUIRE(lab.Begin(lab.client(), words));
  return std::string(lab.client().output.view());
}

TEST_CASE("States in the store's memory are read without parking the client") {
  SwapLab lab;
  lab.faults().on_disk = false;
  Fill(lab, 6);
  lab.Run({"pexpire", Key(1), "100000"});
  lab.SwapOutAll();
  lab.gates().load.Close();
  REQUIRE(AtOnce(lab, {"get", Key(0)}) == Bulk(Value(0)));
  REQUIRE(AtOnce(lab, {"mget", Key(1), Key(0), "missing", Key(2), Key(1)}) ==
          "*5\r\n" + Bulk(Value(1)) + Bulk(Value(0)) + "$-1\r\n" + Bulk(Value(2)) + Bulk(Value(1)));
  REQUIRE(AtOnce(lab, {"pttl", Key(1)}) != ":-1\r\n");
  REQUIRE(AtOnce(lab, {"append", Key(3), "tail"}) == ":16388\r\n");
  REQUIRE(AtOnce(lab, {"rename", Key(4), Key(5)}) == "+OK\r\n");
  REQUIRE(AtOnce(lab, {"get", Key(5)}) == Bulk(Value(4)));
  REQUIRE(lab.swapper().stats().swapped_in == 6);
  lab.gates().load.Open();
  lab.Restart();
  REQUIRE(lab.Run({"get", Key(3)}) == Bulk(Value(3) + "tail"));
  REQUIRE(lab.Run({"get", Key(5)}) == Bulk(Value(4)));
  REQUIRE(lab.Do("dbsize") == ":5\r\n");
}

TEST_CASE("Integers, and states that expired in the store, are what they were") {
  SwapLab lab;
  lab.faults().on_disk = false;
  lab.Run({"set", "number", "12345"});
  lab.Run({"set", "gone", "v", "px", "5000"});
  lab.SwapOutAll();
  REQUIRE(AtOnce(lab, {"incr", "number"}) == ":12346\r\n");
  lab.keys().SetTime(lab.keys().now_ms() + 60000);
  REQUIRE(AtOnce(lab, {"get", "gone"}) == "$-1\r\n");
  REQUIRE(AtOnce(lab, {"dbsize"}) == ":1\r\n");
}

TEST_CASE("Large states, many at a time, and those behind other loads take the way over the disk's thread") {
  SwapLab lab;
  lab.faults().on_disk = false;
  Fill(lab, 40);
  lab.Run({"set", "large", ValueFor("large", 100 << 10)});
  lab.SwapOutAll();
  lab.gates().load.Close();
  Client& other = lab.AddClient();
  REQUIRE_FALSE(lab.Begin(other, {"get", "large"}));
  REQUIRE_FALSE(lab.Begin(lab.client(), {"get", Key(0)}));
  lab.gates().load.Open();
  REQUIRE(lab.Finish(lab.client()) == Bulk(Value(0)));
  REQUIRE(lab.Finish(other) == Bulk(ValueFor("large", 100 << 10)));
  SwapLab::Words mget{"mget"};
  std::string expected = "*39\r\n";
  for (int i = 1; i < 40; ++i) {
    mget.push_back(Key(i));
    expected += Bulk(Value(i));
  }
  lab.host().RunPosted();
  REQUIRE_FALSE(lab.Begin(lab.client(), mget));
  REQUIRE(lab.Finish(lab.client()) == expected);
}

TEST_CASE("Who reads in one batch more than memory holds waits for room") {
  SwapLab lab("maxmemory 8mb\n");
  lab.faults().on_disk = false;
  Fill(lab, 2000);
  lab.Settle();
  for (int round = 0; round < 100; ++round) {
    // Neither EndBatch nor Regulate between them, as in a pipeline.
    for (int i = 0; i < 20; ++i) {
      const std::string key = Key(round * 20 + i);
      const std::vector<std::string_view> args{"get", key};
      lab.client().output.Clear();
      (void)lab.server().dispatcher().Execute(lab.client(), args);
      REQUIRE(lab.Finish(lab.client()) == Bulk(Value(round * 20 + i)));
      REQUIRE(lab.used_bytes() < 8 * kMib + 512 * 1024);
    }
    lab.swapper().EndBatch();
    lab.swapper().Regulate();
  }
  lab.Settle();
  REQUIRE(lab.used_bytes() <= 8 * kMib);
}

}  // namespace
}  // namespace chestbox::testing
