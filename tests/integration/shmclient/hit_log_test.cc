// Reads that no server sees count all the same: for INFO, OBJECT IDLETIME and FREQ, and for what is swapped out.
#include <hiredis/hiredis.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

namespace {

int64_t Ask(Client& client, std::initializer_list<std::string_view> args) {
  const auto reply = client.Command(args);
  REQUIRE(reply != nullptr);
  REQUIRE(reply->type == REDIS_REPLY_INTEGER);
  return reply->integer;
}

void WaitUntilIdle(Client& watcher, std::string_view key, int64_t seconds) {
  WaitFor("the key to be idle", [&] { return Ask(watcher, {"OBJECT", "IDLETIME", key}) >= seconds; });
}

}  // namespace

TEST_CASE("Local reads count as hits and misses") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Set("small", "value") == Code::kOk);
  REQUIRE(client.Set("large", Pattern(100000, 1)) == Code::kOk);
  REQUIRE(client.Command({"LPUSH", "list", "a"}) != nullptr);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(client.Get("small"));
    REQUIRE(client.Get("large"));
    CHECK(client.Get("none").code() == Code::kNotFound);
  }
  CHECK(*client.ReadString("small") == "value");
  CHECK(client.Get("list").code() == Code::kWrongType);  // a hit, as in Redis
  REQUIRE(client.Command({"LRANGE", "list", "0", "-1"}) != nullptr);
  REQUIRE(client.Command({"MGET", "small", "large", "none"}) != nullptr);
  REQUIRE(client.Command({"EXISTS", "small", "none"}) != nullptr);
  const auto stats = client.stats();
  CHECK(stats.local_reads == 302);
  CHECK(stats.local_commands == 3);
  // 100 and 100, read, wrong type, list, two of MGET, one of EXISTS.
  WaitFor("the hits", [&] { return server.InfoNumber("keyspace_hits") == 206; });
  CHECK(server.InfoNumber("keyspace_misses") == 102);
  CHECK(server.InfoNumber("shared_memory_hits") == 206);
  CHECK(server.InfoNumber("shared_memory_misses") == 102);
}

TEST_CASE("What a client read last counts, though it leaves at once") {
  ServerProcess server;
  {
    auto client = server.Connect();
    REQUIRE(client.Set("key", "value") == Code::kOk);
    for (int i = 0; i < 1000; ++i) REQUIRE(client.Get("key"));
  }
  WaitFor("the hits", [&] { return server.InfoNumber("keyspace_hits") == 1000; });
}

TEST_CASE("Local reads end a key's idle time; looks and CLIENT NO-TOUCH don't") {
  ServerProcess server;
  auto client = server.Connect();
  auto watcher = server.ConnectOnSocket();
  REQUIRE(client.Command({"SELECT", "3"}) != nullptr);
  REQUIRE(watcher.Command({"SELECT", "3"}) != nullptr);
  REQUIRE(client.Set("read", "value") == Code::kOk);
  REQUIRE(client.Set("looked at", "value") == Code::kOk);
  REQUIRE(client.Command({"CLIENT", "NO-TOUCH", "ON"}) != nullptr);
  WaitUntilIdle(watcher, "looked at", 2);
  REQUIRE(client.Get("read"));
  WaitFor("the hit", [&] { return server.InfoNumber("shared_memory_hits") == 1; });
  CHECK(Ask(watcher, {"OBJECT", "IDLETIME", "read"}) >= 2);

  REQUIRE(client.Command({"CLIENT", "NO-TOUCH", "OFF"}) != nullptr);
  REQUIRE(client.Get("read"));
  REQUIRE(client.Command({"TTL", "looked at"}) != nullptr);
  WaitFor("the hits", [&] { return server.InfoNumber("shared_memory_hits") == 3; });
  CHECK(Ask(watcher, {"OBJECT", "IDLETIME", "read"}) <= 1);
  CHECK(Ask(watcher, {"OBJECT", "IDLETIME", "looked at"}) >= 2);
  CHECK(client.stats().server_reads == 0);
}

TEST_CASE("Local reads raise the frequency of a key") {
  ServerProcess server({"--maxmemory-policy", "allkeys-lfu"});
  auto client = server.Connect();
  auto watcher = server.ConnectOnSocket();
  REQUIRE(client.Set("hot", "value") == Code::kOk);
  REQUIRE(client.Set("cold", "value") == Code::kOk);
  WaitFor("the frequency", [&] {
    for (int i = 0; i < 10000; ++i) REQUIRE(client.Get("hot"));
    return Ask(watcher, {"OBJECT", "FREQ", "hot"}) > 20;
  });
  CHECK(Ask(watcher, {"OBJECT", "FREQ", "cold"}) <= 5);
}

TEST_CASE("A state that is only read in shared memory stays there while cold ones leave") {
  ServerProcess server({"--maxmemory", "32mb"});
  auto client = server.Connect();
  auto watcher = server.ConnectOnSocket();
  constexpr size_t kBytes = 16 << 10;
  constexpr int kHot = 128;    // 2 MiB
  constexpr int kCold = 1024;  // 16 MiB
  constexpr int kNew = 800;    // 12 MiB, for which some of the others have to leave; not all that is cold
  const auto set = [&](const char* name, int i) {
    REQUIRE(client.Set(name + std::to_string(i), Pattern(kBytes, static_cast<unsigned>(i))) == Code::kOk);
  };
  const auto read_hot = [&] {
    for (int i = 0; i < kHot; ++i) REQUIRE(client.Get("hot" + std::to_string(i)));
  };
  for (int i = 0; i < kHot; ++i) set("hot", i);  // the oldest: without the log they would be among the first to go
  for (int i = 0; i < kCold; ++i) set("cold", i);
  CHECK(server.InfoNumber("swapped_out_keys") == 0);
  WaitFor("cold states", [&] {
    read_hot();
    return Ask(watcher, {"OBJECT", "IDLETIME", "cold0"}) >= 3;
  });
  for (int i = 0; i < kNew; ++i) {
    set("new", i);
    if (i % 50 == 0) read_hot();
  }
  WaitFor("states to leave", [&] { return server.InfoNumber("swapped_out_keys") >= 200; });
  // New states are as warm as the hot ones, so that a few of these may leave where no cold ones are among the
  // candidates that are compared. Without the log they would be the coldest of all.
  read_hot();
  CHECK(client.stats().server_reads <= kHot / 16);
}

}  // namespace chestbox::test
