// Commands that need no value leave it on disk, and are right all the same.
#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

constexpr int64_t kFar = 4'000'000'000'000;

// One state of each type, with and without an expiry, all of them on disk.
void FillAndLeave(SwapLab& lab) {
  lab.Run({"set", "string", ValueFor("string", 100 << 10)});
  lab.Run({"set", "expiring", "v", "pxat", std::to_string(kFar)});
  lab.Do("rpush list a b");
  lab.Do("sadd set a b");
  lab.Do("zadd zset 1 a 2 b");
  lab.Do("hset hash f v");
  lab.Do("xadd stream 1-1 f v");
  lab.SwapOutAll();
}

// Whether the store answers at once or a thread of its own has to.
SwapLab& Ready(SwapLab& lab, bool on_disk) {
  lab.faults().on_disk = on_disk;
  FillAndLeave(lab);
  return lab;
}

TEST_CASE("What is only asked for existence, type and expiry stays on disk") {
  SwapLab lab;
  Ready(lab, GENERATE(true, false));
  REQUIRE(lab.Do("exists string hash string none") == ":3\r\n");
  REQUIRE(lab.Do("type string") == "+string\r\n");
  REQUIRE(lab.Do("type list") == "+list\r\n");
  REQUIRE(lab.Do("type set") == "+set\r\n");
  REQUIRE(lab.Do("type zset") == "+zset\r\n");
  REQUIRE(lab.Do("type hash") == "+hash\r\n");
  REQUIRE(lab.Do("type stream") == "+stream\r\n");
  REQUIRE(lab.Do("type none") == "+none\r\n");
  REQUIRE(lab.Do("pexpiretime expiring") == ":" + std::to_string(kFar) + "\r\n");
  REQUIRE(lab.Do("ttl string") == ":-1\r\n");
  REQUIRE(lab.Do("pttl none") == ":-2\r\n");
  REQUIRE(lab.Do("setnx string other") == ":0\r\n");
  REQUIRE(lab.Do("set hash other nx") == "$-1\r\n");
  REQUIRE(lab.swapper().stats().swapped_in == 0);
  REQUIRE(lab.Run({"get", "string"}) == Bulk(ValueFor("string", 100 << 10)));
}

TEST_CASE("What is deleted or replaced is not read first, and does not come back") {
  SwapLab lab;
  Ready(lab, GENERATE(true, false));
  lab.effects().Take();
  REQUIRE(lab.Do("del string string expiring none") == ":2\r\n");
  REQUIRE(lab.Do("unlink hash") == ":1\r\n");
  REQUIRE(lab.Do("set list other") == "+OK\r\n");
  REQUIRE(lab.Do("psetex zset 100000 other") == "+OK\r\n");
  REQUIRE(lab.Do("set set other xx keepttl") == "+OK\r\n");
  REQUIRE(lab.effects().Take().size() == 5);  // one of DEL, whatever the number of its keys
  REQUIRE(lab.Do("dbsize") == ":4\r\n");
  REQUIRE(lab.Do("exists string expiring hash") == ":0\r\n");
  REQUIRE(lab.Do("get list") == Bulk("other"));
  REQUIRE(lab.swapper().stats().swapped_in == 0);
  lab.Do("del set");
  lab.Restart();
  REQUIRE(lab.Do("exists string expiring hash set") == ":0\r\n");
  REQUIRE(lab.Do("get list") == Bulk("other"));
  REQUIRE(lab.Do("type zset") == "+string\r\n");
  REQUIRE(lab.Do("dbsize") == ":3\r\n");
  REQUIRE(lab.keys().ExpiringSize(0) == 1);
}

TEST_CASE("SET keeps the expiry of what is on disk if it is told to, and reads what it is to reply") {
  SwapLab lab;
  Ready(lab, GENERATE(true, false));
  REQUIRE(lab.Do("set expiring other keepttl") == "+OK\r\n");
  REQUIRE(lab.Do("pexpiretime expiring") == ":" + std::to_string(kFar) + "\r\n");
  REQUIRE(lab.Do("set list other get") == "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  REQUIRE(lab.Do("llen list") == ":2\r\n");
}

TEST_CASE("A state that has expired on disk is deleted by the first look") {
  SwapLab lab;
  Ready(lab, GENERATE(true, false));
  lab.keys().SetTime(kFar);
  lab.effects().Take();
  REQUIRE(lab.Do("exists expiring") == ":0\r\n");
  REQUIRE(lab.effects().Take() == std::vector<std::string>{"0: DEL expiring"});
  REQUIRE(lab.Do("dbsize") == ":6\r\n");
  lab.Run({"set", "short", "v", "pxat", std::to_string(kFar + 5)});
  lab.SwapOutAll();
  lab.keys().SetTime(kFar + 5);
  REQUIRE(lab.Do("del short") == ":0\r\n");
  REQUIRE(lab.Do("dbsize") == ":6\r\n");
  lab.Run({"set", "short", "v", "pxat", std::to_string(kFar + 10)});
  lab.SwapOutAll();
  lab.keys().SetTime(kFar + 10);
  REQUIRE(lab.Do("set short new nx") == "+OK\r\n");
  lab.Restart();
  REQUIRE(lab.Do("get short") == Bulk("new"));
}

uint64_t OneHash(std::string_view, uint64_t) { return 0x1234'5678'9abc'def0; }

TEST_CASE("Keys of one hash are told apart by the store") {
  SwapLab lab({}, OneHash);
  lab.faults().on_disk = GENERATE(true, false);
  lab.Do("set a 1");
  lab.Do("sadd b 2");
  lab.SwapOutAll();
  REQUIRE(lab.Do("exists c") == ":0\r\n");
  lab.SwapOutAll();
  REQUIRE(lab.Do("del c") == ":0\r\n");
  lab.SwapOutAll();
  REQUIRE(lab.Do("set c 3") == "+OK\r\n");
  lab.SwapOutAll();
  REQUIRE(lab.Do("type b") == "+set\r\n");
  REQUIRE(lab.Do("del a a c") == ":2\r\n");
  REQUIRE(lab.Do("exists a b c") == ":1\r\n");
  REQUIRE(lab.Do("set b x") == "+OK\r\n");
  REQUIRE(lab.Do("set a y") == "+OK\r\n");
  lab.SwapOutAll();
  REQUIRE(lab.Do("mget a b c") == "*3\r\n" + Bulk("y") + Bulk("x") + "$-1\r\n");
}

TEST_CASE("What happens to a key while it is looked at counts") {
  SwapLab lab;
  Ready(lab, true);
  lab.gates().load.Close();
  REQUIRE_FALSE(lab.Begin(lab.client(), {"exists", "string", "hash"}));
  lab.gates().load.AwaitCaller();
  SECTION("FLUSHALL") {
    lab.RunAs(lab.AddClient(), {"flushall"});
    lab.gates().load.Open();
    REQUIRE(lab.Finish(lab.client()) == ":0\r\n");
  }
  SECTION("SWAPDB") {
    lab.RunAs(lab.AddClient(), {"swapdb", "0", "1"});
    lab.gates().load.Open();
    REQUIRE(lab.Finish(lab.client()) == ":0\r\n");
  }
  SECTION("the client goes away") {
    lab.server().RemoveClient(lab.client());
    lab.gates().load.Open();
    lab.Settle();
  }
}

TEST_CASE("A state that expires and is removed while it is looked at is gone") {
  SwapLab lab;
  Ready(lab, true);
  lab.gates().load.Close();
  REQUIRE_FALSE(lab.Begin(lab.client(), {"del", "expiring"}));
  lab.gates().load.AwaitCaller();
  lab.Cron(kFar);
  lab.host().RunUntil([&] { return lab.swapper().stats().erases_in_flight == 0 && lab.keys().Size(0) == 6; });
  lab.gates().load.Open();
  REQUIRE(lab.Finish(lab.client()) == ":0\r\n");
}

TEST_CASE("A disk that cannot be read is an error, and the state is still there") {
  SwapLab lab;
  Ready(lab, true);
  lab.faults().reads_fail = true;
  REQUIRE(lab.Do("exists string").starts_with("-ERR the state could not be read from disk"));
  REQUIRE(lab.Do("del string").starts_with("-ERR the state could not be read from disk"));
  lab.faults().reads_fail = false;
  REQUIRE(lab.Do("del string") == ":1\r\n");
}

TEST_CASE("SCAN TYPE knows the types of what is on disk, also before the index is filled") {
  SwapLab lab;
  Ready(lab, true);
  const bool restarts = GENERATE(true, false);
  if (restarts) lab.Restart();
  REQUIRE(lab.Do("scan 0 count 1000 type hash") == "*2\r\n$1\r\n0\r\n*1\r\n$4\r\nhash\r\n");
  REQUIRE(lab.Do("scan 0 count 1000 type stream") == "*2\r\n$1\r\n0\r\n*1\r\n$6\r\nstream\r\n");
  REQUIRE(lab.Do("scan 0 count 1000 type list match s*") == "*2\r\n$1\r\n0\r\n*0\r\n");
  REQUIRE(lab.swapper().stats().swapped_in == 0);
}

TEST_CASE("SORT in EXEC reads what elements name, also those of earlier commands") {
  SwapLab lab;
  lab.Do("rpush l a b");
  lab.Do("mset w:a 2 w:b 1 w:c 0");
  lab.Do("hset o:c f C");
  lab.SwapOutAll();
  lab.Do("multi");
  lab.Do("sort l by w:* get # get o:*->f");
  lab.Do("rpush l c");
  lab.Do("sort l by w:* get # get o:*->f get w:*");
  const std::string nothing = "$-1\r\n";
  REQUIRE(lab.Do("exec") == "*3\r\n*4\r\n" + Bulk("b") + nothing + Bulk("a") + nothing + ":3\r\n*9\r\n" + Bulk("c") +
                                Bulk("C") + Bulk("0") + Bulk("b") + nothing + Bulk("1") + Bulk("a") + nothing +
                                Bulk("2"));
}

TEST_CASE("SORT in EXEC says so if the disk cannot be read, and stores nothing") {
  SwapLab lab;
  lab.Do("set w:c 0");
  lab.SwapOutAll();
  lab.Do("multi");
  lab.Do("rpush l c");
  lab.Do("sort l by w:* get w:* store l");
  lab.faults().reads_fail = true;
  REQUIRE(lab.Do("exec").starts_with("*2\r\n:1\r\n-ERR the state could not be read from disk"));
  lab.faults().reads_fail = false;
  REQUIRE(lab.Do("lrange l 0 -1") == "*1\r\n" + Bulk("c"));
}

}  // namespace
}  // namespace chestbox::testing
