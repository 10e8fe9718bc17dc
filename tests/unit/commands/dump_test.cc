// DUMP and RESTORE of every type. What the payloads say is in tests/unit/rdb; here is what the commands do with them.
#include "session.h"
#include "tests/unit/rdb/golden_payloads.h"

namespace chestbox::testing {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string Golden(std::string_view name) {
  for (const auto& golden : rdb::testing::kGoldenPayloads) {
    if (golden.name == name) return FromHex(golden.hex);
  }
  FAIL("no payload " << name);
  return {};
}

const char kDebug[] = "enable-debug-command yes\n";

TEST_CASE("A state that is dumped and restored is the same") {
  Session s(kDebug);
  s.Do("set string hello");
  s.Do("set number 42");
  s.Run({"set", "large", std::string(5000, 'x')});
  s.Do("rpush list a 1 b");
  s.Do("sadd integers 1 2 300000");
  s.Do("sadd set a b 7");
  s.Do("zadd zset 1 a 2.5 b inf c");
  s.Do("hset hash f v g 1");
  s.Do("xadd stream 1-1 f v");
  s.Do("xgroup create stream g 0");
  s.Do("xreadgroup group g consumer streams stream >");
  for (const std::string key : {"string", "number", "large", "list", "integers", "set", "zset", "hash", "stream"}) {
    INFO(key);
    const std::string payload = s.Do("dump " + key);
    REQUIRE(s.Run({"restore", "copy", "0", payload, "replace"}) == "+OK");
    CHECK(s.Do("debug digest-value copy") == s.Do("debug digest-value " + key));
    CHECK(s.Do("type copy") == s.Do("type " + key));
    CHECK(s.Do("object encoding copy") == s.Do("object encoding " + key));
    CHECK(s.Do("dump copy") == payload);
  }
  CHECK(s.Do("dump none") == "nil");
}

TEST_CASE("Payloads of all versions are restored") {
  Session s(kDebug);
  for (const auto& golden : rdb::testing::kGoldenPayloads) {
    INFO(golden.name);
    CHECK(s.Run({"restore", std::string(golden.name), "0", FromHex(golden.hex)}) == "+OK");
  }
  CHECK(s.Do("get string_compressed") ==
        "abababababababababababababababababababababababababababababababababababababababab");
  CHECK(s.Do("type list_ziplist") == "+list");
  CHECK(s.Do("type sorted_set_text") == "+zset");
  CHECK(s.Do("type hash_zipmap") == "+hash");
  CHECK(s.Do("object encoding set_integers_64") == "intset");
  CHECK(s.Do("type stream_1") == "+stream");
}

TEST_CASE("Settings decide how a restored collection is kept") {
  Session s("set-max-intset-entries 2\nhash-max-listpack-entries 1\nzset-max-listpack-value 1\n");
  s.Run({"restore", "set", "0", Golden("set_integers_16")});
  s.Run({"restore", "hash", "0", Golden("hash_listpack")});
  CHECK(s.Do("object encoding set") == "hashtable");
  CHECK(s.Do("object encoding hash") == "hashtable");
  CHECK(s.Do("hget hash 7") == "8");
}

TEST_CASE("RESTORE takes a time to live, absolute or not") {
  Session s;
  s.Do("set k v");
  const std::string payload = s.Do("dump k");
  s.Do("del k");
  const int64_t before_ms = s.now_ms();
  CHECK(s.Run({"restore", "k", "5000", payload}) == "+OK");
  const int64_t expire_at_ms = std::stoll(s.Do("pexpiretime k").substr(1));
  CHECK(expire_at_ms >= before_ms + 5000);
  CHECK(expire_at_ms <= s.now_ms() + 5000);
  const std::string later = std::to_string(s.now_ms() + 9000);
  CHECK(s.Run({"restore", "k", later, payload, "absttl", "replace"}) == "+OK");
  CHECK(s.Do("pexpiretime k") == ":" + later);
  CHECK(s.Run({"restore", "k", "0", payload, "replace"}) == "+OK");
  CHECK(s.Do("pttl k") == ":-1");
  CHECK(s.Run({"restore", "k", "-1", payload, "replace"}) == "-ERR Invalid TTL value, must be >= 0");
  CHECK(s.Run({"restore", "k", "x", payload, "replace"}) == "-ERR value is not an integer or out of range");
  s.Effects();
  CHECK(s.Run({"restore", "k", "1", payload, "absttl", "replace"}) == "+OK");
  CHECK(s.Do("exists k") == ":0");
  CHECK(s.Effects() == Texts{"0: DEL k"});
  CHECK(s.Run({"restore", "k", "1", payload, "absttl"}) == "+OK");
  CHECK(s.Effects().empty());
}

TEST_CASE("RESTORE replaces only when told") {
  Session s;
  s.Do("set k v");
  const std::string payload = s.Do("dump k");
  CHECK(s.Run({"restore", "k", "0", "nonsense"}) == "-BUSYKEY Target key name already exists.");
  s.Do("del k");
  s.Do("sadd k a b");
  CHECK(s.Run({"restore", "k", "0", payload}) == "-BUSYKEY Target key name already exists.");
  CHECK(s.Run({"restore", "k", "0", payload, "REPLACE"}) == "+OK");
  CHECK(s.Do("get k") == "v");
}

TEST_CASE("RESTORE reports itself with an absolute time") {
  Session s;
  s.Do("set k v");
  const std::string payload = s.Do("dump k");
  s.Effects();
  s.Run({"restore", "n", "0", payload});
  s.Run({"restore", "n", "1000", payload, "replace", "idletime", "5"});
  const std::string at = std::to_string(s.now_ms() + 1000);
  CHECK(s.Effects() ==
        Texts{"0: RESTORE n 0 " + payload, "0: RESTORE n " + at + " " + payload + " replace idletime 5 ABSTTL"});
}

TEST_CASE("Options of RESTORE are checked") {
  Session s;
  s.Do("set k v");
  const std::string payload = s.Do("dump k");
  CHECK(s.Run({"restore", "n", "0", payload, "what"}) == "-ERR syntax error");
  CHECK(s.Run({"restore", "n", "0", payload, "idletime"}) == "-ERR syntax error");
  CHECK(s.Run({"restore", "n", "0", payload, "idletime", "-1"}) == "-ERR Invalid IDLETIME value, must be >= 0");
  CHECK(s.Run({"restore", "n", "0", payload, "freq", "256"}) == "-ERR Invalid FREQ value, must be >= 0 and <= 255");
  CHECK(s.Run({"restore", "n", "0", payload, "freq", "1", "idletime", "1"}) == "-ERR syntax error");
  CHECK(s.Run({"restore", "n", "0", payload, "idletime", "1000"}) == "+OK");
  CHECK(s.Do("object idletime n") == ":1000");
}

TEST_CASE("FREQ sets the counter under an LFU policy") {
  Session s("maxmemory-policy allkeys-lfu\n");
  s.Do("set k v");
  const std::string payload = s.Do("dump k");
  CHECK(s.Run({"restore", "n", "0", payload, "freq", "100"}) == "+OK");
  CHECK(s.Do("object freq n") == ":100");
}

TEST_CASE("Payloads that were changed are refused, and nothing changes") {
  Session s;
  for (const auto& golden : rdb::testing::kGoldenPayloads) {
    INFO(golden.name);
    std::string payload = FromHex(golden.hex);
    for (size_t i = 0; i < payload.size(); ++i) {
      payload[i] = static_cast<char>(payload[i] ^ 0x20);
      REQUIRE(s.Run({"restore", "k", "0", payload}) == "-ERR DUMP payload version or checksum are wrong");
      payload[i] = static_cast<char>(payload[i] ^ 0x20);
    }
  }
  CHECK(s.Do("dbsize") == ":0");
  // A right sum of nothing, and of members that come twice.
  CHECK(s.Run({"restore", "k", "0", FromHex("0a008bcab0a0466d4fb2")}).starts_with("-ERR"));
  CHECK(s.Do("dbsize") == ":0");
}

TEST_CASE("DEBUG RELOAD keeps everything") {
  Session s(kDebug);
  s.Do("rpush list a 1 b");
  s.Do("sadd set a b 7");
  s.Do("zadd zset 1 a 2.5 b");
  s.Do("hset hash f v");
  s.Do("xadd stream 1-1 f v");
  s.Do("set string x ex 1000");
  s.Do("pexpire hash 100000");
  const std::string digest = s.Do("debug digest");
  CHECK(s.Do("debug reload") == "+OK");
  CHECK(s.Do("debug digest") == digest);
  CHECK(s.Do("dbsize") == ":6");
  CHECK(s.Do("ttl string") == ":1000");
}

}  // namespace
}  // namespace chestbox::testing
