// Clients that die, hang, or write nonsense: the server and everybody else go on, and memory comes back.
#include <hiredis/hiredis.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/shm/pins.h"
#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

namespace {

constexpr size_t kValueBytes = 1 << 20;
constexpr int kValues = 32;

std::string Name(int number) { return "value" + std::to_string(number); }

// Sets kValues values of 1 MiB, and reads them back through `client`.
void SetAll(Client& client) {
  for (int i = 0; i < kValues; ++i) {
    REQUIRE(client.Set(Name(i), Pattern(kValueBytes, static_cast<unsigned>(i))) == Code::kOk);
  }
}
void CheckAll(Client& client) {
  for (int i = 0; i < kValues; ++i) {
    const auto view = client.Get(Name(i));
    REQUIRE(view);
    CHECK((view->text() == Pattern(kValueBytes, static_cast<unsigned>(i))));
  }
}
void DeleteAll(Client& client) {
  for (int i = 0; i < kValues; ++i) REQUIRE(client.Command({"DEL", Name(i)}) != nullptr);
}

// Pins of all attached clients, by CHESTBOX CLIENTS.
int64_t Pins(Client& client) {
  const auto reply = client.Command({"CHESTBOX", "CLIENTS"});
  REQUIRE(reply != nullptr);
  REQUIRE(reply->type == REDIS_REPLY_ARRAY);
  int64_t pins = 0;
  for (size_t i = 0; i < reply->elements; ++i) {
    const redisReply& map = *reply->element[i];
    for (size_t j = 0; j + 1 < map.elements; j += 2) {
      if (Text(*map.element[j]) == "pins") pins += map.element[j + 1]->integer;
    }
  }
  return pins;
}

// A child that attaches, views every value, says so, and then does nothing until it is killed.
int HoldViews(const std::string& socket, ChildProcess::Pipe& from_parent, ChildProcess::Pipe& to_parent) {
  auto client = Client::Connect(socket);
  if (!client || !client->attached()) return 1;
  std::vector<View> views;
  for (int i = 0; i < kValues; ++i) {
    auto view = client->Get(Name(i));
    if (!view) return 2;
    views.push_back(std::move(*view));
  }
  to_parent.Send('r');
  (void)from_parent.Receive();
  for (int i = 0; i < kValues; ++i) {
    if (views[static_cast<size_t>(i)].text() != Pattern(kValueBytes, static_cast<unsigned>(i))) return 3;
  }
  return 0;
}

// The page that this process' only attached client shares with the server.
shm::ClientPage* OwnPage() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("chestbox-client") == std::string::npos) continue;
    return reinterpret_cast<shm::ClientPage*>(std::stoull(line.substr(0, line.find('-')), nullptr, 16));
  }
  return nullptr;
}

}  // namespace

TEST_CASE("The memory that a killed client had pinned comes back") {
  ServerProcess server;
  auto client = server.ConnectOnSocket();
  const int64_t empty_bytes = server.InfoNumber("used_memory");
  SetAll(client);
  ChildProcess child([&](auto& from, auto& to) { return HoldViews(server.socket(), from, to); });
  REQUIRE(child.Receive() == 'r');
  CHECK(Pins(client) == kValues);
  DeleteAll(client);
  CHECK(server.InfoNumber("used_memory") > empty_bytes + kValues / 2 * static_cast<int64_t>(kValueBytes));
  child.Signal(SIGKILL);
  CHECK(child.Wait() == 1000 + SIGKILL);
  WaitFor("the end of the pins", [&] { return Pins(client) == 0; });
  WaitFor("the memory", [&] { return server.InfoNumber("used_memory") < empty_bytes + 2 * int64_t{kValueBytes}; });
}

TEST_CASE("The memory of released views comes back while their client lives") {
  ServerProcess server;
  auto client = server.Connect();
  const int64_t empty_bytes = server.InfoNumber("used_memory");
  SetAll(client);
  {
    std::vector<View> views;
    for (int i = 0; i < kValues; ++i) views.push_back(std::move(*client.Get(Name(i))));
    DeleteAll(client);
    CHECK(Pins(client) == kValues);
  }
  CHECK(Pins(client) == 0);
  WaitFor("the memory", [&] { return server.InfoNumber("used_memory") < empty_bytes + 2 * int64_t{kValueBytes}; });
}

TEST_CASE("A frozen client stops nobody, and its views are whole when it wakes up") {
  ServerProcess server;
  auto client = server.Connect();
  SetAll(client);
  ChildProcess child([&](auto& from, auto& to) { return HoldViews(server.socket(), from, to); });
  REQUIRE(child.Receive() == 'r');
  child.Signal(SIGSTOP);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kValues; ++i) {
      REQUIRE(client.Set(Name(i), Pattern(kValueBytes, static_cast<unsigned>(100 + round))) == Code::kOk);
      REQUIRE(client.Command({"APPEND", Name(i), "more"}) != nullptr);
    }
  }
  REQUIRE(client.Command({"FLUSHALL"}) != nullptr);
  SetAll(client);
  CheckAll(client);
  child.Signal(SIGCONT);
  child.Send('g');
  CHECK(child.Wait() == 0);
}

TEST_CASE("A client that scribbles over its own page harms neither the server nor anybody's states") {
  ServerProcess server;
  auto client = server.ConnectOnSocket();
  SetAll(client);
  ChildProcess child([&](ChildProcess::Pipe& from_parent, ChildProcess::Pipe& to_parent) {
    auto hostile = Client::Connect(server.socket());
    shm::ClientPage* page = OwnPage();
    if (!hostile || page == nullptr) return 1;
    // Random links, links into the arena, pins without a summary and the other way round, hits that never were, until
    // the parent has seen enough.
    std::mt19937_64 random(7);
    for (int round = 0; !from_parent.HasByte(); ++round) {
      for (auto& slot : page->slots) {
        const auto bits = static_cast<uint32_t>(random());
        slot.store(round % 3 == 0 ? bits : bits % (1U << 22), std::memory_order_relaxed);
      }
      page->summary.store(round % 4 == 0 ? random() : ~uint64_t{0}, std::memory_order_relaxed);
      for (auto& word : page->hit_log.slots) word.store(random(), std::memory_order_relaxed);
      page->hit_log.hits.store(round % 2 == 0 ? random() : page->hit_log.hits + 1, std::memory_order_relaxed);
      if (round == 100) to_parent.Send('r');
    }
    return 0;
  });
  REQUIRE(child.Receive() == 'r');
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < kValues; ++i) {
      REQUIRE(client.Command({"APPEND", Name(i), "more"}) != nullptr);
      REQUIRE(client.Set("victim" + std::to_string(i), Pattern(kValueBytes / 4, 9)) == Code::kOk);
    }
    SetAll(client);
    CheckAll(client);
  }
  CHECK(Text(*client.Command({"PING"})) == "PONG");
  child.Send('g');
  CHECK(child.Wait() == 0);
  WaitFor("the end of the pins", [&] { return Pins(client) == 0; });
  auto honest = server.Connect();
  CheckAll(honest);
}

TEST_CASE("A client that sends half a command stops nobody") {
  ServerProcess server;
  auto client = server.Connect();
  redisContext* half = redisConnectUnix(server.socket().c_str());
  REQUIRE(half != nullptr);
  REQUIRE(half->err == 0);
  const std::string command = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1000000\r\nhalf";
  REQUIRE(write(half->fd, command.data(), command.size()) == static_cast<ssize_t>(command.size()));
  SetAll(client);
  CheckAll(client);
  redisFree(half);
  CHECK(client.Get("key").code() == Code::kNotFound);
}

}  // namespace chestbox::test
