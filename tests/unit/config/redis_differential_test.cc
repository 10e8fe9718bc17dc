// The settings of a live redis-server 7.0 beside ours: the same names, defaults, values, refusals and texts.
#include <algorithm>
#include <set>

#include "server/config/setting.h"
#include "server/config/settings_table.h"
#include "tests/unit/config/redis_server.h"
#include "tests/unit/config/settings_test_support.h"

// Last, because it defines CHECK anew.
#include <catch2/catch.hpp>

using namespace chestbox;

namespace {

using Names = std::set<std::string, std::less<>>;

// What a process was started with, or differs on purpose.
const Names kOtherDefaults = {"dir",    "port", "unixsocket", "save", "syslog-ident", "enable-protected-configs",
                              "pidfile"};

// Redis would lose its socket or its client, or asks the operating system; TLS, replication and limits differ on
// purpose.
const Names kNotCompared = {"bind",       "port",        "dir",           "maxclients",
                            "tls-port",   "appendonly",  "oom-score-adj", "oom-score-adj-values",
                            "unixsocket", "syslog-ident"};
const Names kAppliedByOpenSsl = {"tls-cluster", "tls-replication"};

std::unique_ptr<RedisServer> StartRedis() {
  auto redis = RedisServer::Start({"--enable-protected-configs", "local"});
  if (redis && redis->Run({"INFO", "server"}).text.find("redis_version:7.0.") == std::string::npos) redis = nullptr;
  if (redis) redis->Run({"CLIENT", "NO-EVICT", "ON"});
  return redis;
}

std::string RedisSet(RedisServer& redis, std::string_view name, std::string_view value) {
  return redis.Run({"CONFIG", "SET", name, value}).text;
}

std::string RedisGet(RedisServer& redis, std::string_view name) {
  resp::Reply reply = redis.Run({"CONFIG", "GET", name});
  return reply.elements.size() == 2 ? reply.elements[1].text : "(none)";
}

// Every name that CONFIG GET * of Redis shows, but for those in `without`.
std::vector<std::string> RedisNames(RedisServer& redis, const Names& without) {
  resp::Reply reply = redis.Run({"CONFIG", "GET", "*"});
  std::vector<std::string> names;
  for (size_t i = 0; i < reply.elements.size(); i += 2) {
    if (!without.contains(reply.elements[i].text)) names.push_back(reply.elements[i].text);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

TEST_CASE("Every setting of Redis is known and has Redis' default") {
  auto redis = StartRedis();
  if (!redis) {
    WARN("skipped: no redis-server 7.0 on this machine");
    return;
  }
  Settings settings;
  for (const std::string& name : RedisNames(*redis, kOtherDefaults)) {
    INFO(name);
    CHECK(GetValue(settings, name) == RedisGet(*redis, name));
  }
}

TEST_CASE("Every setting takes and refuses the same values as Redis, and says the same") {
  auto redis = StartRedis();
  if (!redis) {
    WARN("skipped: no redis-server 7.0 on this machine");
    return;
  }
  Settings settings;
  REQUIRE(settings.LoadText("enable-protected-configs local\nsave \"\""));
  constexpr std::string_view kValues[] = {"",
                                          " ",
                                          "yes",
                                          "NO",
                                          "maybe",
                                          "0",
                                          "1",
                                          "5",
                                          "-1",
                                          "-2",
                                          "+1",
                                          "007",
                                          "1.5",
                                          "10",
                                          "11",
                                          "100",
                                          "101",
                                          "1000",
                                          "65535",
                                          "65536",
                                          "1b",
                                          "5k",
                                          "2mb",
                                          "3Gb",
                                          "1tb",
                                          "50%",
                                          "100%",
                                          "101%",
                                          "-5%",
                                          "%",
                                          "2147483647",
                                          "2147483648",
                                          "-2147483648",
                                          "-2147483649",
                                          "4294967295",
                                          "4294967296",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "-9223372036854775808",
                                          "0x10",
                                          "a b",
                                          "a/b",
                                          "1 2",
                                          "1 2 3",
                                          "save now",
                                          "nosave save",
                                          "KEA",
                                          "gx$lshzetdn",
                                          "no one",
                                          "local",
                                          "always",
                                          "allkeys-lru",
                                          "Debug",
                                          "\"quoted\"",
                                          "{title} x",
                                          "{foo}",
                                          "{{",
                                          "99.9 50",
                                          "99.99999",
                                          "normal 1mb 2mb 3 replica 1 1 1",
                                          "normal 1 1",
                                          "master 1 1 1",
                                          "normal 1 1 x",
                                          "ip",
                                          "hostname",
                                          "clients",
                                          "relative",
                                          "panic",
                                          "swapdb",
                                          "optional",
                                          "allchannels",
                                          "a.b-c",
                                          "a_b"};
  for (const std::string& name : RedisNames(*redis, kNotCompared)) {
    std::string before = RedisGet(*redis, name);
    for (std::string_view value : kValues) {
      if (kAppliedByOpenSsl.contains(name) && value == "yes") continue;  // Redis wants certificates at once
      // Far beyond the arena's reach.
      if (name == "maxmemory" && value.size() > 15) continue;
      INFO(name << " = '" << value << "'");
      CHECK(SetValues(settings, {name, value}) == RedisSet(*redis, name, value));
      CHECK(GetValue(settings, name) == RedisGet(*redis, name));
    }
    RedisSet(*redis, name, before);
    SetValues(settings, {name, before});
  }
}

TEST_CASE("Sets of several values and faulty calls get the same answers") {
  auto redis = StartRedis();
  if (!redis) {
    WARN("skipped: no redis-server 7.0 on this machine");
    return;
  }
  Settings settings;
  REQUIRE(settings.LoadText("enable-protected-configs local\nsave \"\""));
  const std::vector<std::vector<std::string_view>> calls = {
      {"timeout", "1", "maxmemory", "x"},
      {"timeout", "1", "TIMEOUT", "2"},
      {"foo", "1"},
      {"timeout", "1", "Foo", "1", "databases", "3"},
      {"timeout", "1", "Databases", "3", "foo", "1"},
      {"MAXMEMORY", "x"},
      {"hash-max-ziplist-entries", "7", "hash-max-listpack-entries", "8"},
      {"Hash-Max-Ziplist-Entries", "x"},
      {"dbfilename", "a/b"},
      {"dbfilename", "x.rdb", "timeout", "3"},
      {"slave-priority", "50", "hz", "1000"},
  };
  for (const auto& call : calls) {
    std::string text;
    for (std::string_view word : call) text += std::string(word) + " ";
    INFO(text);
    std::vector<std::string_view> words = {"CONFIG", "SET"};
    words.insert(words.end(), call.begin(), call.end());
    Result<void> set = settings.Set(call, true);
    CHECK((set ? "OK" : set.error().message) == redis->Run(words).text);
    for (const char* name : {"timeout", "hash-max-listpack-entries", "dbfilename", "replica-priority", "hz"}) {
      CHECK(GetValue(settings, name) == RedisGet(*redis, name));
    }
  }
}

TEST_CASE("CONFIG GET with patterns names the same settings") {
  auto redis = StartRedis();
  if (!redis) {
    WARN("skipped: no redis-server 7.0 on this machine");
    return;
  }
  Settings settings;
  for (const char* pattern : {"*max-*", "MAX*", "slave-*", "[rs]*-priority", "h?", "key-load-d*", "key-load-delay", "x",
                              "", "tls-p*", "*\\-policy", "[^a-x]*"}) {
    INFO(pattern);
    resp::Reply reply = redis->Run({"CONFIG", "GET", pattern});
    std::vector<std::string> theirs;
    for (size_t i = 0; i < reply.elements.size(); i += 2) theirs.push_back(reply.elements[i].text);
    std::ranges::sort(theirs);
    std::vector<std::string> ours;
    for (auto& [name, value] : settings.Get(std::vector<std::string_view>{pattern})) {
      if (FindSetting(name).setting->note != "Redis 7.2") ours.push_back(name);
    }
    CHECK(ours == theirs);
  }
}
