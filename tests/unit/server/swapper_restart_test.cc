// A clean stop leaves everything in the store, and the next start serves from it at once, while the indexes fill.
#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

std::string Key(int i) { return "key" + std::to_string(i); }

void FillDatabases(SwapLab& lab, int count) {
  for (int database = 0; database < 3; ++database) {
    lab.Run({"select", std::to_string(database)});
    for (int i = 0; i < count; ++i) {
      const std::string key = Key(i) + "/" + std::to_string(database);
      if (i % 3 == 0) {
        lab.Run({"set", key, ValueFor(key, static_cast<size_t>(i)), "pxat", "33177117420000"});
      } else {
        lab.Run({"set", key, ValueFor(key, static_cast<size_t>(i))});
      }
    }
  }
  lab.Run({"set", "large", ValueFor("large", 2 << 20)});
  lab.Do("select 0");
}

TEST_CASE("A clean restart keeps the states of all databases, their expiries and the SWAPDB map") {
  SwapLab lab;
  FillDatabases(lab, 300);
  lab.Do("swapdb 0 1");
  lab.Do("swapdb 1 2");
  lab.Do("select 9");
  lab.Do("set far v");
  const auto dump = lab.Dump();
  REQUIRE(dump.size() == 901);
  for (int round = 0; round < 3; ++round) {
    lab.Restart();
    if (round == 1) lab.Settle();
    REQUIRE((lab.Dump() == dump));
    lab.Do("select 9");
    REQUIRE(lab.Do("get far") == Bulk("v"));
  }
  lab.Run({"flushall"});
  lab.Restart();
  REQUIRE(lab.Dump().empty());
}

TEST_CASE("Without a clean stop, the next start has the states of the last one") {
  SwapLab lab;
  FillDatabases(lab, 50);
  lab.Restart();
  const auto dump = lab.Dump();
  lab.Do("set new v");
  lab.Do("del key1/0");
  lab.Do("flushdb");
  lab.SwapOutAll();
  SECTION("after a crash") { lab.Crash(); }
  SECTION("after SHUTDOWN NOSAVE") {
    REQUIRE(lab.server().Shutdown(ShutdownMode::kNoSave).ok());
    lab.host().RunPosted();
    lab.Crash();
  }
  lab.Start();
  REQUIRE((lab.Dump() == dump));
}

TEST_CASE("The first commands after a start need no index") {
  SwapLab lab;
  FillDatabases(lab, 300);
  const auto before = lab.Dump();
  lab.Stop();
  lab.gates().scan.Close();  // the fill does not get on
  lab.Start();
  REQUIRE(lab.Do("get key299/0") == Bulk(ValueFor("key299/0", 299)));
  REQUIRE(lab.Do("get none") == "$-1\r\n");
  REQUIRE(lab.Do("dbsize") == ":300\r\n");
  REQUIRE(lab.Do("exists key1/0 key2/0 none") == ":2\r\n");
  REQUIRE(lab.Do("pexpiretime key3/0") == ":33177117420000\r\n");
  REQUIRE(lab.Do("set key4/0 changed") == "+OK\r\n");
  REQUIRE(lab.Do("set none/0 new") == "+OK\r\n");
  REQUIRE(lab.Do("del key5/0 key6/0") == ":2\r\n");
  REQUIRE(lab.Do("del key5/0 key6/0") == ":0\r\n");
  REQUIRE(lab.Do("set key6/0 again") == "+OK\r\n");
  REQUIRE(lab.Do("rename key7/0 key8/0") == "+OK\r\n");
  REQUIRE(lab.Do("copy key9/0 key10/1 db 1 replace") == ":1\r\n");
  REQUIRE(lab.Do("move key11/0 2") == ":1\r\n");
  REQUIRE(lab.Do("setnx key12/0 x") == ":0\r\n");
  REQUIRE(lab.Do("dbsize") == ":298\r\n");
  auto expected = before;
  const std::string never = ":-1\r\n";
  expected["0:key4/0"] = never + Bulk("changed");
  expected["0:none/0"] = never + Bulk("new");
  expected.erase("0:key5/0");
  expected["0:key6/0"] = never + Bulk("again");
  expected["0:key8/0"] = expected["0:key7/0"];
  expected.erase("0:key7/0");
  expected["1:key10/1"] = expected["0:key9/0"];
  expected["2:key11/0"] = expected["0:key11/0"];
  expected.erase("0:key11/0");
  SECTION("and then it fills") {
    lab.gates().scan.Open();
    lab.Settle();
    REQUIRE((lab.Dump() == expected));
  }
  SECTION("and walks work before it is there") {
    lab.gates().scan.Open();
    REQUIRE((lab.Dump() == expected));
  }
  SECTION("and the next stop may come before it is there") { lab.gates().scan.Open(); }
  lab.Restart();
  REQUIRE((lab.Dump() == expected));
}

TEST_CASE("A database flushed while its index fills stays empty, however late the store hears of it") {
  SwapLab lab;
  FillDatabases(lab, 100);
  lab.Stop();
  lab.gates().scan.Close();
  lab.Start();
  lab.gates().write.Close();
  const int database = GENERATE(0, 1);
  CAPTURE(database);
  lab.Run({"select", std::to_string(database)});
  REQUIRE(lab.Do("flushdb") == "+OK\r\n");
  const std::string key = "key50/" + std::to_string(database);
  REQUIRE(lab.Run({"get", key}) == "$-1\r\n");
  REQUIRE(lab.Do("dbsize") == ":0\r\n");
  REQUIRE(lab.Run({"set", key, "new"}) == "+OK\r\n");
  lab.gates().scan.Open();
  REQUIRE(lab.Do("keys *") == "*1\r\n" + Bulk(key));
  lab.gates().write.Open();
  lab.Settle();
  REQUIRE(lab.Do("dbsize") == ":1\r\n");
  REQUIRE(lab.Dump().size() == 202);
  lab.Restart();
  REQUIRE(lab.Dump().size() == 202);
}

TEST_CASE("States that have expired while the server was away go, with their DEL") {
  SwapLab lab;
  lab.Do("set dies v px 1000");
  lab.Do("set stays v");
  lab.Stop();
  lab.gates().scan.Close();
  lab.Start();
  lab.Cron(2000);
  lab.host().RunUntil([&] { return lab.keys().Size(0) == 1; });
  REQUIRE(lab.effects().Take() == std::vector<std::string>{"0: DEL dies"});
  REQUIRE(lab.Do("get dies") == "$-1\r\n");
  lab.gates().scan.Open();
  lab.Settle();
  REQUIRE(lab.Dump().size() == 1);
  REQUIRE(lab.keys().ExpiringSize(0) == 0);
}

TEST_CASE("Memory is bounded and every state right while the index fills and after") {
  SwapLab lab("maxmemory 4mb\n");
  for (int i = 0; i < 600; ++i) REQUIRE(lab.Run({"set", Key(i), ValueFor(Key(i), 16000)}) == "+OK\r\n");
  lab.Restart();
  for (int i = 0; i < 600; ++i) {
    REQUIRE(lab.Run({"get", Key(i)}) == Bulk(ValueFor(Key(i), 16000)));
    REQUIRE(lab.Run({"set", "new" + Key(i), ValueFor(Key(i), 16000)}) == "+OK\r\n");
  }
  lab.Settle();
  REQUIRE(lab.used_bytes() <= 4 << 20);
  REQUIRE(lab.Do("dbsize") == ":1200\r\n");
  for (int i = 0; i < 600; ++i) REQUIRE(lab.Run({"get", "new" + Key(i)}) == Bulk(ValueFor(Key(i), 16000)));
}

}  // namespace
}  // namespace chestbox::testing
