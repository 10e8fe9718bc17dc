// Commands that an attached client answers itself: their replies are the server's, whatever the state and the
// arguments.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

namespace {

using Words = std::vector<std::string>;

// Type, content and elements of a reply in one text.
std::string Describe(const redisReply& reply) {
  std::string text = std::to_string(reply.type) + ":";
  if (reply.type == REDIS_REPLY_INTEGER) return text + std::to_string(reply.integer);
  if (reply.str != nullptr) text.append(reply.str, reply.len);
  if (reply.type != REDIS_REPLY_ARRAY) return text;
  for (size_t i = 0; i < reply.elements; ++i) text += "[" + Describe(*reply.element[i]) + "]";
  return text;
}

std::string Run(Client& client, const Words& words) {
  std::vector<std::string_view> args(words.begin(), words.end());
  const auto reply = client.Command(args);
  REQUIRE(reply);
  return Describe(*reply);
}

Words Split(const std::string& line) {
  Words words;
  size_t begin = 0;
  while (begin <= line.size()) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string Printable(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

struct Pair {
  explicit Pair(std::vector<std::string> arguments = {})
      : server(std::move(arguments)), local(server.Connect()), remote(server.ConnectOnSocket()) {
    REQUIRE(local.attached());
  }
  // Both say the same, and the attached client asked nobody.
  void ExpectLocal(const Words& words) {
    INFO(Printable(words));
    const uint64_t sent = local.stats().commands;
    const std::string mine = Run(local, words);
    CHECK(mine == Run(remote, words));
    CHECK(local.stats().commands == sent);
  }
  // Both say the same, whoever answers.
  void ExpectSame(const Words& words) {
    INFO(Printable(words));
    CHECK(Run(local, words) == Run(remote, words));
  }
  void Write(const Words& words) { (void)Run(remote, words); }

  ServerProcess server;
  Client local;
  Client remote;
};

}  // namespace

TEST_CASE("Reads of strings and keys are answered from memory as the server answers them") {
  Pair pair;
  pair.Write({"SET", "small", "0123456789"});
  pair.Write({"SET", "empty", ""});
  pair.Write({"SET", "binary", std::string("\0\r\n\xff", 4)});
  pair.Write({"SET", "large", Pattern(100'000, 3)});
  pair.Write({"APPEND", "large", "changed in place"});
  pair.Write({"SET", "short-lived", "v", "EX", "100000"});
  for (const std::string key : {"small", "empty", "binary", "large", "short-lived", "missing"}) {
    for (const char* command :
         {"GET", "STRLEN", "TYPE", "TTL", "EXPIRETIME", "PEXPIRETIME", "EXISTS", "MGET", "get", "StrLen"}) {
      pair.ExpectLocal({command, key});
    }
    for (const char* range : {"0 -1", "2 4", "-3 -2", "5 2", "-1 -5", "100 200", "-200 3", "0 0"}) {
      Words words = Split(range);
      words.insert(words.begin(), {"GETRANGE", key});
      pair.ExpectLocal(words);
    }
  }
  pair.ExpectLocal({"MGET", "small", "missing", "large", "small", "binary"});
  pair.ExpectLocal({"EXISTS", "small", "missing", "small", "large"});
}

// A client copies a part of a leaf by a guess at where the element lies in it: elements of very different sizes, the
// large ones together, make it guess too little.
TEST_CASE("LINDEX finds every element of a large list from memory, however unlike in size they are") {
  Pair pair;
  Words elements;
  for (int i = 0; i < 600; ++i) {
    const bool large = i / 7 % 4 == 3;
    elements.push_back(i % 5 == 0 ? std::to_string(i * 1000)
                                  : std::to_string(i) + std::string(large ? 400 : i % 3, 'x'));
    if (i % 97 == 0) elements.push_back(std::to_string(i) + std::string(2000, 'y'));  // in a block of its own
  }
  Words push = {"RPUSH", "list"};
  push.insert(push.end(), elements.begin(), elements.end());
  pair.Write(push);
  const auto size = static_cast<int>(elements.size());
  for (int i = 0; i < size; ++i) {
    pair.ExpectLocal({"LINDEX", "list", std::to_string(i)});
    CHECK(Run(pair.local, {"LINDEX", "list", std::to_string(i - size)}) == "1:" + elements[static_cast<size_t>(i)]);
  }
  pair.ExpectLocal({"LINDEX", "list", std::to_string(size)});
  pair.ExpectLocal({"LINDEX", "list", std::to_string(-size - 1)});
}

TEST_CASE("Reads of collections are answered from memory as the server answers them, in every encoding") {
  const int count = GENERATE(3, 40, 1500);
  const std::string longest(700, 'x');  // in a block of its own in a large collection
  Pair pair;
  std::vector<std::string> members;
  for (int i = 0; i < count; ++i) members.push_back(i % 3 == 0 ? std::to_string(i) : "member:" + std::to_string(i));
  if (count > 40) members.push_back(longest);
  for (size_t i = 0; i < members.size(); ++i) {
    const std::string number = std::to_string(i);
    pair.Write({"HSET", "hash", members[i], "value:" + number});
    pair.Write({"RPUSH", "list", members[i]});
    pair.Write({"SADD", "set", members[i]});
    pair.Write({"SADD", "ints", number});
    pair.Write({"ZADD", "zset", i % 5 == 0 ? number + ".25" : number, members[i]});
    pair.Write({"ZADD", "lex", "0", members[i]});
    pair.Write({"XADD", "stream", std::to_string(i / 3 + 1) + "-" + number, "field", members[i], "n", number});
  }
  const std::string last = members.back();
  for (const std::string& member : {members.front(), last, std::string("none"), std::string("1")}) {
    for (const char* command :
         {"HGET hash", "HEXISTS hash", "HSTRLEN hash", "SISMEMBER set", "SISMEMBER ints", "ZSCORE zset", "ZRANK zset",
          "ZREVRANK zset", "HGET none", "ZRANK none", "SISMEMBER none"}) {
      Words words = Split(command);
      words.push_back(member);
      pair.ExpectLocal(words);
    }
  }
  pair.ExpectLocal({"HMGET", "hash", members.front(), "none", last});
  pair.ExpectLocal({"SMISMEMBER", "set", members.front(), "none", last});
  pair.ExpectLocal({"ZMSCORE", "zset", members.front(), "none", last});
  for (const char* line : {"HLEN hash",
                           "HGETALL hash",
                           "HKEYS hash",
                           "HVALS hash",
                           "LLEN list",
                           "LINDEX list 0",
                           "LINDEX list -1",
                           "LINDEX list 2",
                           "LINDEX list 99999",
                           "LRANGE list 0 -1",
                           "LRANGE list 1 20",
                           "LRANGE list -5 -2",
                           "LRANGE list 5 1",
                           "SCARD set",
                           "SMEMBERS set",
                           "SMEMBERS ints",
                           "ZCARD zset",
                           "ZRANGE zset 0 -1",
                           "ZRANGE zset 0 -1 WITHSCORES",
                           "ZRANGE zset 2 7 REV",
                           "ZRANGE zset 1 (9 BYSCORE WITHSCORES",
                           "ZRANGE zset 9 1 BYSCORE REV LIMIT 1 3",
                           "ZRANGE lex [1 (member:3 BYLEX",
                           "ZRANGE lex + - BYLEX REV LIMIT 2 4",
                           "ZREVRANGE zset 0 3 WITHSCORES",
                           "ZRANGEBYSCORE zset -inf +inf LIMIT 1 2",
                           "ZRANGEBYSCORE zset -inf +inf LIMIT -1 2",
                           "ZREVRANGEBYSCORE zset +inf (3 WITHSCORES LIMIT 0 5",
                           "ZRANGEBYLEX lex - (member:2",
                           "ZREVRANGEBYLEX lex + [member",
                           "ZCOUNT zset 2 (9",
                           "ZLEXCOUNT lex - +",
                           "XLEN stream",
                           "XRANGE stream - +",
                           "XRANGE stream 2 3",
                           "XREVRANGE stream + - COUNT 3",
                           "XRANGE stream 1-1 1-1",
                           "TYPE hash",
                           "TYPE stream",
                           "LLEN none",
                           "LRANGE none 0 1",
                           "SMEMBERS none",
                           "HGETALL none",
                           "ZCARD none",
                           "XLEN none",
                           "XRANGE none - +",
                           "GET hash",
                           "HGET list f",
                           "LLEN hash",
                           "SCARD zset",
                           "ZSCORE set m",
                           "XLEN list",
                           "STRLEN zset",
                           "EXISTS hash list none"}) {
    pair.ExpectLocal(Split(line));
  }
  for (const char* line :
       {"ZRANGE none x y", "ZRANGE zset a b BYSCORE", "ZRANGE zset 0 1 BYLEX", "LRANGE list a b", "XRANGE stream (1 +",
        "XRANGE stream - + COUNT 0", "ZRANGE zset 0 -1 LIMIT 0 1", "ZRANGE zset 0 -1 BYLEX WITHSCORES"}) {
    pair.ExpectSame(Split(line));
  }
}

TEST_CASE("Reads of bits are answered from memory as the server answers them") {
  Pair pair;
  pair.Write({"SET", "key", "foobar"});
  for (const char* line : {"GETBIT key 0", "GETBIT key 7", "GETBIT key 999", "GETBIT none 1", "BITCOUNT key",
                           "BITCOUNT none", "BITCOUNT key 1 -2", "BITCOUNT key 5 30 BIT", "BITCOUNT key 0 0 BYTE"}) {
    pair.ExpectLocal(Split(line));
  }
  for (const char* line : {"GETBIT key -1", "GETBIT key x", "BITCOUNT key 1", "BITCOUNT key 1 2 NIBBLE"})
    pair.ExpectSame(Split(line));
}

TEST_CASE("A hash whose fields expire is read from memory until one of them may have") {
  Pair pair;
  pair.Write({"HSET", "hash", "soon", "1", "later", "2"});
  pair.Write({"HPEXPIRE", "hash", "300000", "FIELDS", "1", "later"});
  pair.ExpectLocal({"HGETALL", "hash"});
  pair.Write({"HPEXPIRE", "hash", "1", "FIELDS", "1", "soon"});
  WaitFor("the field's end", [&] { return Run(pair.remote, {"HLEN", "hash"}).ends_with(":1"); });
  pair.ExpectSame({"HGET", "hash", "soon"});
  pair.ExpectSame({"HGETALL", "hash"});
}

TEST_CASE("Wrong arguments and unknown commands get the server's own words") {
  Pair pair;
  pair.Write({"SET", "key", "value"});
  for (const Words& words : std::vector<Words>{{"GET"},
                                               {"GET", "a", "b"},
                                               {"GETRANGE", "key", "x", "1"},
                                               {"GETRANGE", "key", "0"},
                                               {"STRLEN"},
                                               {"TTL", "a", "b"},
                                               {"NOSUCH", "key"},
                                               {"GETRANGE", "key", "0", "99999999999999999999"}}) {
    pair.ExpectSame(words);
  }
}

TEST_CASE("A command reads the database that was selected") {
  Pair pair;
  pair.Write({"SELECT", "3"});
  pair.Write({"SET", "key", "in three"});
  CHECK(Run(pair.local, {"GET", "key"}) == std::to_string(REDIS_REPLY_NIL) + ":");
  (void)Run(pair.local, {"SELECT", "3"});
  pair.ExpectLocal({"GET", "key"});
  CHECK(Run(pair.local, {"GET", "key"}).ends_with("in three"));
}

}  // namespace chestbox::test
