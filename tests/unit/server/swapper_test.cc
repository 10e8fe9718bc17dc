// States beyond maxmemory: they leave and come back right, in whatever order clients, listings and disk failures come.
#include <chrono>
#include <set>

#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

constexpr uint64_t kMib = 1 << 20;
const char kOom[] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

std::string Key(int i) { return "key" + std::to_string(i); }
std::string Value(int i, size_t bytes = 16 << 10) { return ValueFor(Key(i), bytes); }

void Fill(SwapLab& lab, int count, size_t bytes = 16 << 10) {
  for (int i = 0; i < count; ++i) REQUIRE(lab.Run({"set", Key(i), Value(i, bytes)}) == "+OK\r\n");
}

TEST_CASE("States beyond maxmemory all read back right, and memory stays bounded") {
  SwapLab lab("maxmemory 8mb\n");
  lab.faults().on_disk = GENERATE(true, false);
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(lab.Run({"set", Key(i), Value(i)}) == "+OK\r\n");
    REQUIRE(lab.used_bytes() < 8 * kMib + 64 * 1024);
  }
  lab.Settle();
  REQUIRE(lab.used_bytes() <= 8 * kMib);
  REQUIRE(lab.Do("dbsize") == ":2000\r\n");
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(lab.Run({"get", Key(i)}) == Bulk(Value(i)));
    REQUIRE(lab.used_bytes() < 9 * kMib);
  }
  REQUIRE(lab.swapper().stats().swapped_out > 1500);
  lab.Restart();
  for (int i = 0; i < 2000; i += 7) REQUIRE(lab.Run({"get", Key(i)}) == Bulk(Value(i)));
}

TEST_CASE("A lone state does not leave before the store has it, however often the walk comes round") {
  SwapLab lab;
  REQUIRE(lab.Do("set k v") == "+OK\r\n");
  lab.gates().write.Close();
  REQUIRE(lab.Do("config set maxmemory 1") == "+OK\r\n");
  lab.gates().write.AwaitCaller();
  CHECK_FALSE(lab.IsOut(0, "k"));
  lab.gates().write.Open();
  lab.Settle();
  CHECK(lab.IsOut(0, "k"));
  CHECK(lab.Do("get k") == Bulk("v"));
}

TEST_CASE("A command may need more states than memory holds") {
  SwapLab lab("maxmemory 8mb\n");
  Fill(lab, 40, 512 << 10);
  SwapLab::Words mget{"mget"};
  std::string expected = "*40\r\n";
  for (int i = 0; i < 40; ++i) {
    mget.push_back(Key(i));
    expected += Bulk(Value(i, 512 << 10));
  }
  REQUIRE((lab.Run(mget) == expected));
  lab.Settle();
  REQUIRE(lab.used_bytes() <= 8 * kMib);
}

TEST_CASE("A state may be larger than maxmemory") {
  SwapLab lab("maxmemory 4mb\n");
  const std::string big = ValueFor("big", 6 * kMib);
  REQUIRE(lab.Run({"set", "big", big}) == "+OK\r\n");
  REQUIRE(lab.Run({"set", "big2", big}) == "+OK\r\n");
  lab.Settle();
  REQUIRE(lab.IsOut(0, "big"));
  REQUIRE(lab.Run({"get", "big"}) == Bulk(big));
  REQUIRE(lab.Run({"append", "big", "tail"}) == ":" + std::to_string(big.size() + 4) + "\r\n");
  REQUIRE(lab.Run({"copy", "big", "big2", "replace"}) == ":1\r\n");
  REQUIRE(lab.Run({"copy", "big", "big2", "db", "5", "replace"}) == ":1\r\n");
  REQUIRE(lab.Run({"copy", "big2", "big2", "db", "5", "replace"}) == ":1\r\n");
  REQUIRE(lab.Run({"set", "small", "v"}) == "+OK\r\n");
  REQUIRE(lab.Run({"get", "big2"}) == Bulk(big + "tail"));
  lab.Settle();
  REQUIRE(lab.used_bytes() < 4 * kMib);
}

TEST_CASE("A crowd that reads large states does not fill the memory with them") {
  SwapLab lab("maxmemory 8mb\n");
  Fill(lab, 20, 4 << 20);
  lab.Settle();
  std::vector<Client*> crowd;
  for (int i = 0; i < 20; ++i) crowd.push_back(&lab.AddClient());
  for (int i = 0; i < 20; ++i) lab.Begin(*crowd[static_cast<size_t>(i)], {"get", Key(i)});
  uint64_t most = 0;
  for (int i = 0; i < 20; ++i) {
    lab.host().RunUntil([&] {
      most = std::max(most, lab.used_bytes());
      return !crowd[static_cast<size_t>(i)]->parked;
    });
    REQUIRE(crowd[static_cast<size_t>(i)]->output.view() == Bulk(Value(i, 4 << 20)));
    crowd[static_cast<size_t>(i)]->output.Clear();
  }
  REQUIRE(most < 26 * kMib);
}

TEST_CASE("Counting and looking at states treats those in memory and those out of it alike") {
  SwapLab lab;
  for (int i = 0; i < 3000; ++i) lab.Run({"set", Key(i), "v" + std::to_string(i), "pxat", "33177117420000"});
  lab.SwapOutAll();
  for (int i = 0; i < 3000; i += 3) lab.Run({"get", Key(i)});
  for (int i = 3000; i < 4000; ++i) lab.Run({"set", Key(i), "new"});
  REQUIRE(lab.Do("dbsize") == ":4000\r\n");
  REQUIRE(lab.Do("type key1") == "+string\r\n");
  REQUIRE(lab.Do("exists key1 key2 key3 none") == ":3\r\n");
  REQUIRE(lab.Do("pexpiretime key2000") == ":33177117420000\r\n");
  REQUIRE(lab.Do("ttl key3500") == ":-1\r\n");
  REQUIRE(lab.Dump().size() == 4000);  // KEYS, each key once
  std::set<std::string> found;
  std::string cursor = "0";
  do {
    const std::string reply = lab.Run({"scan", cursor, "count", "100"});
    size_t at = reply.find("\r\n", 5) + 2;
    cursor = reply.substr(at, reply.find("\r\n", at) - at);
    for (at = reply.find("$", at); at != std::string::npos; at = reply.find("$", at + 1)) {
      const size_t begin = reply.find("\r\n", at) + 2;
      found.insert(reply.substr(begin, reply.find("\r\n", begin) - begin));
    }
  } while (cursor != "0");
  REQUIRE(found.size() == 4000);
  std::set<std::string> random;
  for (int i = 0; i < 100; ++i) random.insert(lab.Do("randomkey"));
  REQUIRE(random.size() > 50);
  REQUIRE_FALSE(random.contains("$-1\r\n"));
}

TEST_CASE("States that leave, come, change and change places during a listing are listed once") {
  SwapLab lab;
  for (int i = 0; i < 500; ++i) lab.Run({"set", Key(i), Value(i, 100)});
  lab.SwapOutAll();
  for (int i = 0; i < 500; i += 2) lab.Run({"get", Key(i)});
  for (int i = 0; i < 500; i += 5) lab.Run({"append", Key(i), "x"});
  Client& lister = lab.AddClient();
  lab.gates().scan.Close();
  REQUIRE_FALSE(lab.Begin(lister, {"keys", "*"}));
  lab.gates().scan.AwaitCaller();
  lab.Run({"del", "key7"});
  lab.Run({"set", "fresh", "v"});
  for (int i = 0; i < 500; i += 3) lab.Run({"get", Key(i)});
  for (int i = 0; i < 500; i += 5) REQUIRE(lab.swapper().SwapOutNow(0, Key(i)));
  REQUIRE(lab.swapper().SwapOutNow(0, "fresh"));
  lab.host().RunUntil([&] { return lab.IsOut(0, "fresh"); });
  SECTION("in its database") {
    lab.gates().scan.Open();
    const std::string names = lab.Finish(lister);
    REQUIRE(names.substr(0, 6) == "*500\r\n");
    REQUIRE(names.find("fresh") != std::string::npos);
  }
  SECTION("which becomes another one") {
    lab.Do("swapdb 0 1");
    for (int i = 0; i < 3; ++i) lab.Run({"set", "other" + std::to_string(i), "v"});
    REQUIRE(lab.swapper().SwapOutNow(0, "other1"));
    lab.host().RunUntil([&] { return lab.IsOut(0, "other1"); });
    lab.gates().scan.Open();
    REQUIRE(lab.Finish(lister).substr(0, 4) == "*3\r\n");
  }
}

TEST_CASE("Listings under way do not keep memory from being freed") {
  SwapLab lab("maxmemory 4mb\n");
  Fill(lab, 400);
  Client& lister = lab.AddClient();
  lab.gates().scan.Close();
  REQUIRE_FALSE(lab.Begin(lister, {"keys", "*"}));
  lab.gates().scan.AwaitCaller();
  for (int i = 400; i < 1200; ++i) REQUIRE(lab.Run({"set", Key(i), Value(i)}) == "+OK\r\n");
  lab.gates().scan.Open();
  REQUIRE(lab.Finish(lister).substr(0, 7) == "*1200\r\n");
}

TEST_CASE("Writers that wait for memory go on in their order, and may leave") {
  SwapLab lab("maxmemory 4mb\n");
  lab.Run({"set", "log", ""});
  Fill(lab, 200);
  lab.Settle();
  lab.gates().write.Close();
  int i = 200;
  while (lab.Begin(lab.client(), {"set", Key(i), Value(i)})) ++i;
  std::vector<Client*> waiting;
  for (int c = 0; c < 5; ++c) {
    waiting.push_back(&lab.AddClient());
    REQUIRE_FALSE(lab.Begin(*waiting.back(), {"append", "log", std::to_string(c)}));
  }
  lab.server().RemoveClient(*waiting[2]);
  Client& other = lab.AddClient();
  REQUIRE(lab.Begin(other, {"del", Key(i - 1)}));  // who frees memory does not wait
  lab.gates().write.Open();
  REQUIRE(lab.Finish(lab.client()) == "+OK\r\n");
  for (int c : {0, 1, 3, 4}) (void)lab.Finish(*waiting[static_cast<size_t>(c)]);
  REQUIRE(lab.Do("get log") == Bulk("0134"));
}

TEST_CASE("maxmemory can be changed while the server runs") {
  SwapLab lab;
  Fill(lab, 1000);
  lab.Settle();
  REQUIRE(lab.used_bytes() > 15 * kMib);
  REQUIRE(lab.Do("config set maxmemory 4mb") == "+OK\r\n");
  lab.Settle();
  lab.Cron(0);
  lab.Settle();
  REQUIRE(lab.used_bytes() <= 4 * kMib);
  REQUIRE(lab.Do("config set maxmemory 1kb") == "+OK\r\n");
  lab.Settle();
  REQUIRE(lab.Do("set k v") == kOom);
  lab.gates().write.Close();
  REQUIRE(lab.Do("config set maxmemory 0") == "+OK\r\n");
  REQUIRE(lab.Do("set k v") == "+OK\r\n");
  lab.gates().write.Open();
  for (int i = 0; i < 1000; ++i) REQUIRE(lab.Run({"get", Key(i)}) == Bulk(Value(i)));
}

TEST_CASE("Without swapping, maxmemory refuses what needs memory and nothing else") {
  TestServer server("swap no\nmaxmemory 4mb\n");
  std::string reply;
  int i = 0;
  for (; i < 1000; ++i) {
    reply = server.Run({"set", Key(i), Value(i)});
    if (reply != "+OK\r\n") break;
  }
  REQUIRE(reply == kOom);
  REQUIRE(server.Run({"get", Key(1)}) == Bulk(Value(1)));
  REQUIRE(server.Run({"append", Key(1), "x"}) == kOom);
  REQUIRE(server.Run({"del", Key(1)}) == ":1\r\n");
  REQUIRE(server.Run({"flushall"}) == "+OK\r\n");
}

TEST_CASE("Memory that only a client's views hold is an error for writers, not a wait") {
  SwapLab lab("maxmemory 8mb\n");
  lab.Run({"set", "k", ValueFor("k", 12 << 20)});
  auto page = std::make_unique<shm::ClientPage>();
  lab.keys().AddClientPage(page.get());
  lab.Do("config set maxmemory 0");
  lab.Settle();
  (void)lab.Run({"get", "k"});
  page->summary.store(1);
  page->slots[0].store(lab.keys().ValueLinkOf(lab.keys().index(0).Find("k", lab.keys().HashOf("k")).entry));
  lab.Do("config set maxmemory 8mb");
  lab.Do("del k");
  REQUIRE(lab.Do("set other v") == kOom);
  page->slots[0].store(0);
  REQUIRE(lab.Do("set other v") == "+OK\r\n");
  lab.keys().RemoveClientPage(page.get());
}

// ---- Failing disks ----

TEST_CASE("A full disk loses nothing; memory that runs out is said; all goes on when there is space") {
  SwapLab lab("maxmemory 4mb\n");
  Fill(lab, 400);
  lab.Settle();
  lab.faults().disk_full = true;
  std::set<int> stored;
  for (int i = 0; i < 400; ++i) stored.insert(i);
  std::string reply = "+OK\r\n";
  for (int i = 400; i < 2000 && reply == "+OK\r\n"; ++i) {
    reply = lab.Run({"set", Key(i), Value(i)});
    if (reply == "+OK\r\n") stored.insert(i);
  }
  REQUIRE(reply == kOom);
  // Reading goes on, from memory and from disk, and within bounds: what was loaded leaves without being written.
  for (int i : stored) {
    REQUIRE(lab.Run({"get", Key(i)}) == Bulk(Value(i)));
    REQUIRE(lab.used_bytes() < 5 * kMib);
  }
  REQUIRE(lab.Do("del key3") == ":1\r\n");
  REQUIRE(lab.Do("del key350") == ":1\r\n");
  REQUIRE(lab.Do("get key3") == "$-1\r\n");
  REQUIRE(lab.Do("rename key4 key5") == "+OK\r\n");
  stored.erase(3);
  stored.erase(350);
  lab.Cron(2000);
  REQUIRE(lab.swapper().stats().write_errors > 0);
  REQUIRE_FALSE(lab.server().Shutdown(ShutdownMode::kSave).ok());  // and the server goes on
  REQUIRE(lab.Do("get key2") == Bulk(Value(2)));

  lab.faults().disk_full = false;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (lab.Run({"set", "after", "v"}) != "+OK\r\n") {
    REQUIRE(std::chrono::steady_clock::now() < until);
    lab.Cron(100);
  }
  REQUIRE(lab.Do("del after") == ":1\r\n");
  for (int i = 2000; i < 2400; ++i) {
    REQUIRE(lab.Run({"set", Key(i), Value(i)}) == "+OK\r\n");
    stored.insert(i);
  }
  const auto check = [&] {
    for (int i : stored) {
      if (i == 4) continue;
      REQUIRE(lab.Run({"get", Key(i)}) == Bulk(Value(i == 5 ? 4 : i)));
    }
    REQUIRE(lab.Do("exists key3 key350 key4") == ":0\r\n");
    REQUIRE(lab.Do("dbsize") == ":" + std::to_string(stored.size() - 1) + "\r\n");
  };
  check();
  lab.Restart();
  check();
}

TEST_CASE("What was deleted and flushed while the disk was full stays so after it has space and a restart") {
  SwapLab lab;
  Fill(lab, 100, 100);
  lab.Do("select 1");
  lab.Do("set flushed v");
  lab.Do("select 0");
  lab.SwapOutAll();
  lab.faults().disk_full = true;
  for (int i = 0; i < 50; ++i) REQUIRE(lab.Run({"del", Key(i)}) == ":1\r\n");
  lab.Do("select 1");
  REQUIRE(lab.Do("flushdb") == "+OK\r\n");
  lab.Do("select 0");
  for (int i = 0; i < 50; ++i) REQUIRE(lab.Run({"get", Key(i)}) == "$-1\r\n");
  SECTION("that is seen by the cron") {
    lab.Cron(0);
    lab.faults().disk_full = false;
    lab.Cron(2000);
    lab.Settle();
    REQUIRE(lab.Do("dbsize") == ":50\r\n");
  }
  SECTION("that is seen by the stop") { lab.faults().disk_full = false; }
  lab.Restart();
  REQUIRE(lab.Do("dbsize") == ":50\r\n");
  REQUIRE(lab.Do("get key7") == "$-1\r\n");
  REQUIRE(lab.Do("get key77") == Bulk(Value(77, 100)));
  lab.Do("select 1");
  REQUIRE(lab.Do("get flushed") == "$-1\r\n");
}

TEST_CASE("A disk that cannot be read is an error for who asks, and nothing is lost") {
  SwapLab lab;
  Fill(lab, 10, 300000);
  lab.SwapOutAll();
  lab.faults().reads_fail = true;
  REQUIRE(lab.Do("get key1").substr(0, 43) == "-ERR the state could not be read from disk:");
  REQUIRE(lab.Do("mget key1 key2").substr(0, 5) == "-ERR ");
  REQUIRE(lab.Do("keys *").substr(0, 5) == "-ERR ");
  lab.Cron(1000);
  REQUIRE(lab.Do("set fresh v") == "+OK\r\n");
  lab.faults().reads_fail = false;
  for (int i = 0; i < 10; ++i) REQUIRE(lab.Run({"get", Key(i)}) == Bulk(Value(i, 300000)));
}

}  // namespace
}  // namespace chestbox::testing
