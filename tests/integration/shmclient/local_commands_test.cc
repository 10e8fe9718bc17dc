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
