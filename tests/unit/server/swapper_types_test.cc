// States of every type leave memory and come back as they were.
#include "random_history.h"
#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

const std::string kConfig = std::string("enable-debug-command yes\n") + kSmallLimits;

// Everything that is to be told of a key. Groups of a stream are in no digest, but its DUMP keeps its order.
std::string StateOf(SwapLab& lab, const std::string& key) {
  REQUIRE(lab.Run({"TOUCH", key}).size() == 4);  // brings it in
  const std::string type = lab.Run({"TYPE", key});
  std::string text = type + lab.Run({"DEBUG", "DIGEST-VALUE", key}) + lab.Run({"PEXPIRETIME", key});
  // A string that was changed in place is "raw" until it leaves.
  if (type != "+string\r\n") text += lab.Run({"OBJECT", "ENCODING", key});
  if (key[0] == 'x') text += lab.Run({"DUMP", key});
  if (key[0] == 'h') {
    for (int i = 0; i < 14; ++i) text += lab.Run({"HPEXPIRETIME", key, "FIELDS", "1", "f" + std::to_string(i)});
  }
  return text;
}

std::map<std::string, std::string> StatesOf(SwapLab& lab) {
  std::map<std::string, std::string> states;
  for (const std::string& key : RandomHistory::Keys()) states[key] = StateOf(lab, key);
  return states;
}

void CheckStates(SwapLab& lab, const std::map<std::string, std::string>& expected) {
  for (const auto& [key, state] : expected) {
    INFO(key);
    CHECK(StateOf(lab, key) == state);
  }
}

void RunHistory(SwapLab& lab, RandomHistory& history, int commands) {
  for (int i = 0; i < commands; ++i) lab.Run(history.Next());
}

}  // namespace

TEST_CASE("Every type comes back from the store as it went") {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SwapLab lab(kConfig);
    RandomHistory history(seed, true);
    for (int round = 0; round < 8; ++round) {
      INFO("seed " << seed << ", round " << round);
      RunHistory(lab, history, 150);
      const auto before = StatesOf(lab);
      lab.SwapOutAll();
      CheckStates(lab, before);
      lab.SwapOutAll();
      if (round % 2 == 0) lab.Restart();
      CheckStates(lab, before);
    }
  }
}

TEST_CASE("A history with states that come and go ends as one in memory does") {
  for (uint32_t seed = 11; seed <= 14; ++seed) {
    SwapLab lab(kConfig);
    SwapLab memory(kConfig);
    RandomHistory history(seed, false);
    std::minstd_rand random(seed);
    for (int i = 0; i < 1500; ++i) {
      const auto command = history.Next();
      INFO("seed " << seed << ", command " << i << " " << command[0]);
      REQUIRE(lab.Run(command) == memory.Run(command));
      const std::vector<std::string> keys = RandomHistory::Keys();
      // Some leave while others are changed.
      if (random() % 3 == 0) (void)lab.swapper().SwapOutNow(0, keys[random() % keys.size()]);
      if (random() % 50 == 0) lab.SwapOutAll();
      if (random() % 300 == 0) lab.Restart();
    }
    for (const std::string& key : RandomHistory::Keys()) {
      INFO(key);
      if (key[0] == 'x') {
        // Times in it are those of the moment.
        CHECK(lab.Run({"XRANGE", key, "-", "+"}) == memory.Run({"XRANGE", key, "-", "+"}));
      } else {
        lab.Run({"TOUCH", key});
        CHECK(lab.Run({"DEBUG", "DIGEST-VALUE", key}) == memory.Run({"DEBUG", "DIGEST-VALUE", key}));
      }
    }
  }
}

TEST_CASE("Collections larger than a chunk of the store come back whole") {
  SwapLab lab("enable-debug-command yes\n");
  for (int i = 0; i < 30000; ++i) {
    const std::string number = std::to_string(i);
    lab.Run({"SADD", "S0", "member:" + number + std::string(20, 'x')});
    lab.Run({"HSET", "h0", "field:" + number, "value:" + number + std::string(10, 'x')});
    lab.Run({"ZADD", "z0", number + ".5", "member:" + number});
    lab.Run({"RPUSH", "l0", "element:" + number});
    lab.Run({"XADD", "x0", number + "-1", "field", number});
  }
  std::map<std::string, std::string> before;
  for (const std::string key : {"S0", "h0", "z0", "l0", "x0"}) before[key] = StateOf(lab, key);
  lab.SwapOutAll();
  lab.Restart();
  for (const auto& [key, state] : before) {
    INFO(key);
    CHECK((StateOf(lab, key) == state));
  }
  CHECK(lab.Run({"SCARD", "S0"}) == ":30000\r\n");
  CHECK(lab.Run({"ZRANK", "z0", "member:29999"}) == ":29999\r\n");
  CHECK(lab.Run({"LINDEX", "l0", "-1"}) == Bulk("element:29999"));
}

TEST_CASE("A collection that is changed while it leaves stays, with the change") {
  SwapLab lab(kConfig);
  lab.Do("SADD S0 a b c");
  lab.gates().write.Close();
  REQUIRE(lab.swapper().SwapOutNow(0, "S0"));
  lab.Do("SADD S0 d");
  lab.gates().OpenAll();
  lab.Settle();
  CHECK_FALSE(lab.IsOut(0, "S0"));
  CHECK(lab.Do("SCARD S0") == ":4\r\n");
  lab.SwapOutAll();
  CHECK(lab.Do("SCARD S0") == ":4\r\n");
}

TEST_CASE("Swapped-out collections expire") {
  SwapLab lab(kConfig);
  lab.Do("SADD S0 a b c");
  lab.Do("HSET h0 f v");
  lab.Do("PEXPIRE S0 1000");
  lab.SwapOutAll();
  lab.Cron(2000);
  lab.Settle();
  CHECK(lab.Do("EXISTS S0") == ":0\r\n");
  CHECK(lab.Do("HGET h0 f") == Bulk("v"));
}

TEST_CASE("Collections beyond maxmemory leave by themselves and are all there") {
  SwapLab lab("maxmemory 8mb\n");
  for (int i = 0; i < 3000; ++i) {
    SwapLab::Words words{"HSET", "h" + std::to_string(i)};
    for (int field = 0; field < 40; ++field) {
      words.push_back("field" + std::to_string(field));
      words.push_back(ValueFor(std::to_string(i * 40 + field), 100));
    }
    REQUIRE(lab.Run(words) == ":40\r\n");
  }
  lab.Settle();
  CHECK(lab.swapper().stats().swapped_out > 1000);
  for (int i = 0; i < 3000; i += 13) {
    CHECK(lab.Run({"HGET", "h" + std::to_string(i), "field7"}) == Bulk(ValueFor(std::to_string(i * 40 + 7), 100)));
    CHECK(lab.Run({"HLEN", "h" + std::to_string(i)}) == ":40\r\n");
  }
}

}  // namespace chestbox::testing
