// Collections read from memory while the server changes them as fast as it can: each reply is one that some moment of
// the history allows. Every write replaces a whole generation of a collection in one command, or moves a window by one,
// so that any mixture of two moments shows.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

namespace {

using Words = std::vector<std::string>;

constexpr int kRounds = 1500;

struct Scene {
  std::string name;
  Words read;
  // The commands of generation `n`, from 1 on.
  std::function<std::vector<Words>(int n)> writes;
  // Whether a reply is of one moment.
  std::function<bool(const redisReply& reply)> is_whole;
};

bool IsArray(const redisReply& reply) { return reply.type == REDIS_REPLY_ARRAY; }

// All elements from `first` on in strides are the same.
bool AllEqual(const redisReply& reply, size_t first, size_t stride, size_t expected) {
  if (!IsArray(reply) || reply.elements != expected) return false;
  for (size_t i = first; i < reply.elements; i += stride) {
    if (Text(*reply.element[i]) != Text(*reply.element[first])) return false;
  }
  return true;
}

// Numbers that go up by one.
bool Consecutive(const std::vector<std::string>& texts) {
  for (size_t i = 1; i < texts.size(); ++i) {
    if (std::stoll(texts[i]) != std::stoll(texts[i - 1]) + 1) return false;
  }
  return !texts.empty();
}

std::vector<std::string> TextsOf(const redisReply& reply) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < reply.elements; ++i) texts.push_back(Text(*reply.element[i]));
  return texts;
}

Scene HashScene(int fields) {
  const auto name = [](int i) { return "field:" + std::to_string(i); };
  return {"a hash of " + std::to_string(fields),
          {"HGETALL", "hash"},
          [=](int n) {
            Words set = {"HSET", "hash"};
            for (int i = 0; i < fields; ++i) {
              set.push_back(name(i));
              set.push_back("generation:" + std::to_string(n));
            }
            return std::vector<Words>{set};
          },
          [=](const redisReply& reply) { return AllEqual(reply, 1, 2, static_cast<size_t>(fields) * 2); }};
}

Scene SetScene(int members) {
  return {"a set of " + std::to_string(members),
          {"SMEMBERS", "set"},
          [=](int n) {
            // Another generation's members in place of all others, by one command.
            Words add = {"SADD", "next"};
            for (int i = 0; i < members; ++i) add.push_back(std::to_string(n) + ":" + std::to_string(i));
            return std::vector<Words>{{"DEL", "next"}, add, {"SUNIONSTORE", "set", "next"}};
          },
          [=](const redisReply& reply) {
            if (!IsArray(reply) || reply.elements != static_cast<size_t>(members)) return false;
            std::vector<std::string> texts = TextsOf(reply);
            const std::string generation = texts[0].substr(0, texts[0].find(':'));
            return std::all_of(texts.begin(), texts.end(),
                               [&](const std::string& text) { return text.substr(0, text.find(':')) == generation; });
          }};
}

Scene SortedSetScene(int members) {
  return {"a sorted set of " + std::to_string(members),
          {"ZRANGE", "zset", "0", "-1", "WITHSCORES"},
          [=](int n) {
            Words add = {"ZADD", "zset"};
            for (int i = 0; i < members; ++i) {
              add.push_back(std::to_string(n));
              add.push_back("member:" + std::to_string(i));
            }
            return std::vector<Words>{add};
          },
          [=](const redisReply& reply) { return AllEqual(reply, 1, 2, static_cast<size_t>(members) * 2); }};
}

Scene ListScene(int elements) {
  return {"a list of " + std::to_string(elements),
          {"LRANGE", "list", "0", "-1"},
          [=](int n) {
            if (n == 1) {
              Words push = {"RPUSH", "list"};
              for (int i = 0; i < elements; ++i) push.push_back(std::to_string(1000 + i));
              return std::vector<Words>{push};
            }
            return std::vector<Words>{{"RPUSH", "list", std::to_string(1000 + elements + n - 2)}, {"LPOP", "list"}};
          },
          [](const redisReply& reply) { return IsArray(reply) && Consecutive(TextsOf(reply)); }};
}

Scene StreamScene(int entries) {
  return {"a stream of " + std::to_string(entries),
          {"XRANGE", "stream", "-", "+"},
          [=](int n) {
            std::vector<Words> adds;
            const int first = n == 1 ? 1 : entries + n - 1;
            for (int i = first; i <= entries + n - 1; ++i) {
              const std::string number = std::to_string(i);
              adds.push_back({"XADD", "stream", "MAXLEN", "=", std::to_string(entries), number + "-0", "n", number});
            }
            return adds;
          },
          [](const redisReply& reply) {
            if (!IsArray(reply)) return false;
            std::vector<std::string> numbers;
            for (size_t i = 0; i < reply.elements; ++i) {
              const redisReply& entry = *reply.element[i];
              const std::string number = Text(*entry.element[1]->element[1]);
              if (Text(*entry.element[0]) != number + "-0") return false;
              numbers.push_back(number);
            }
            return Consecutive(numbers);
          }};
}

void Write(Client& client, const Scene& scene, int n) {
  for (const Words& words : scene.writes(n)) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    const auto reply = client.Command(args);
    if (reply == nullptr || reply->type == REDIS_REPLY_ERROR) throw std::runtime_error("a write failed");
  }
}

void CheckUnderWrites(const Scene& scene) {
  INFO(scene.name);
  ServerProcess server;
  Client reader = server.Connect();
  REQUIRE(reader.attached());
  Client first = server.ConnectOnSocket();
  Write(first, scene, 1);
  std::atomic<bool> stopped{false};
  std::atomic<int> generation{1};
  std::thread writer([&] {
    Client client = server.ConnectOnSocket();
    while (!stopped.load()) Write(client, scene, ++generation);
  });
  const std::vector<std::string_view> args(scene.read.begin(), scene.read.end());
  int torn = 0;
  int rounds = 0;
  while (rounds < kRounds || generation.load() < 50) {
    const auto reply = reader.Command(args);
    ++rounds;
    if (reply == nullptr || !scene.is_whole(*reply)) ++torn;
  }
  stopped.store(true);
  writer.join();
  CHECK(torn == 0);
  const auto stats = reader.stats();
  // Whoever could not be answered from memory was answered by the server, and nobody starved.
  CHECK(stats.local_commands + stats.commands == static_cast<uint64_t>(rounds));
  CHECK(stats.local_commands > 0);
}

}  // namespace

TEST_CASE("A small collection under constant writes is always read as it was at one moment") {
  for (const Scene& scene : {HashScene(10), SetScene(10), SortedSetScene(10), ListScene(10), StreamScene(10)}) {
    CheckUnderWrites(scene);
  }
}

TEST_CASE("A large collection under constant writes is always read as it was at one moment") {
  for (const Scene& scene : {HashScene(1500), SetScene(800), SortedSetScene(500), ListScene(2000), StreamScene(1000)}) {
    CheckUnderWrites(scene);
  }
}

}  // namespace chestbox::test
