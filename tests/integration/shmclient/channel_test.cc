// Commands by the channel in shared memory: everything that goes over a socket goes there too, whatever its size; and
// clients that die, freeze or write nonsense in it harm nobody.
#include <hiredis/hiredis.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "protocol/shm/channel.h"
#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

namespace {

// More than both rings hold, by far, and not a multiple of anything.
constexpr size_t kHugeBytes = (40 << 20) + 12'345;

std::string Said(const ReplyPtr& reply) { return reply == nullptr ? "no reply" : Text(*reply); }

// The channel of this process' only attached client.
shm::Channel* OwnChannel() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("chestbox-client") == std::string::npos) continue;
    return reinterpret_cast<shm::Channel*>(std::stoull(line.substr(0, line.find('-')), nullptr, 16) +
                                           shm::kChannelOffset);
  }
  return nullptr;
}

// Puts bytes into the ring of requests and wakes nobody: the server looks at its rings whenever it is awake, as it is
// ten times a second.
void PutRaw(shm::Channel& channel, std::string_view bytes) {
  const uint64_t position = channel.requests.written.load();
  for (size_t i = 0; i < bytes.size(); ++i) {
    channel.requests.bytes[(position + i) % shm::kRingBytes] = bytes[i];
  }
  channel.requests.written.store(position + bytes.size());
}

int64_t Attached(Client& client) {
  const auto reply = client.Command({"CHESTBOX", "CLIENTS"});
  REQUIRE(reply != nullptr);
  return static_cast<int64_t>(reply->elements);
}

}  // namespace

TEST_CASE("Commands of an attached client go by the channel") {
  ServerProcess server;
  auto client = server.Connect();
  CHECK(client.stats().channels == 1);
  REQUIRE(client.Set("key", "value") == Code::kOk);
  CHECK(Said(client.Command({"APPEND", "key", "more"})) == "9");
  CHECK(*client.ReadString("key") == "valuemore");
  CHECK(Said(client.Command({"NOSUCH"})).starts_with("ERR unknown command"));
  const std::string listed = Said(client.Command({"CLIENT", "LIST"}));
  CHECK(std::count(listed.begin(), listed.end(), '\n') == 1);
  SECTION("in transactions") {
    CHECK(Said(client.Command({"MULTI"})) == "OK");
    CHECK(client.Set("key", "inside") == Code::kQueued);
    const auto reply = client.Command({"EXEC"});
    REQUIRE(reply != nullptr);
    CHECK(reply->elements == 1);
    CHECK(*client.ReadString("key") == "inside");
  }
  SECTION("and not where the program does not want it") {
    chestbox_options options = chestbox_default_options();
    options.no_channel = 1;
    auto other = server.Connect(options);
    CHECK(other.attached());
    CHECK(other.stats().channels == 0);
    CHECK(other.Set("key", "by the socket") == Code::kOk);
    CHECK(*client.ReadString("key") == "by the socket");
  }
}

TEST_CASE("Requests and replies much larger than a ring stream through it") {
  const int64_t spin_us = GENERATE(0, 20);
  ServerProcess server({"--channel-spin-us", std::to_string(spin_us)});
  auto client = server.Connect();
  REQUIRE(client.stats().channels == 1);
  const std::string value = Pattern(kHugeBytes, 5);
  REQUIRE(client.Set("huge", value) == Code::kOk);
  const auto reply = client.Command({"GETRANGE", "huge", "0", "-1"});
  REQUIRE(reply != nullptr);
  CHECK((std::string_view(reply->str, reply->len) == value));
  const auto echoed = client.Command({"ECHO", value});
  REQUIRE(echoed != nullptr);
  CHECK((std::string_view(echoed->str, echoed->len) == value));
}

TEST_CASE("A pipeline has its replies in order, more of them than a ring holds") {
  ServerProcess server;
  for (const int no_channel : {0, 1}) {
    chestbox_options options = chestbox_default_options();
    options.no_channel = no_channel;
    auto client = server.Connect(options);
    constexpr size_t kRequests = 5'000;
    std::vector<std::string> texts;
    for (size_t i = 0; i < kRequests; ++i) texts.push_back(Pattern(10 + i % 300, static_cast<unsigned>(i)));
    std::vector<std::array<const char*, 2>> words(kRequests);
    std::vector<std::array<size_t, 2>> sizes(kRequests);
    std::vector<chestbox_request> requests(kRequests);
    std::vector<redisReply*> replies(kRequests);
    for (size_t i = 0; i < kRequests; ++i) {
      words[i] = {"ECHO", texts[i].data()};
      sizes[i] = {4, texts[i].size()};
      requests[i] = {2, words[i].data(), sizes[i].data()};
    }
    REQUIRE(chestbox_pipeline(client.handle(), kRequests, requests.data(), replies.data()) == CHESTBOX_OK);
    for (size_t i = 0; i < kRequests; ++i) {
      const ReplyPtr reply(replies[i]);
      REQUIRE(reply != nullptr);
      REQUIRE(Text(*reply) == texts[i]);
    }
    CHECK(Said(client.Command({"PING"})) == "PONG");
  }
}

TEST_CASE("A pipeline that holds what cannot be sent sends nothing") {
  ServerProcess server;
  auto client = server.Connect();
  const char* set[] = {"SET", "key", "value"};
  const char* monitor[] = {"MONITOR"};
  const chestbox_request requests[] = {{3, set, nullptr}, {1, monitor, nullptr}};
  redisReply* replies[2];
  CHECK(chestbox_pipeline(client.handle(), 2, requests, replies) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(replies[0] == nullptr);
  CHECK(client.Get("key").code() == Code::kNotFound);
}

TEST_CASE("A blocked command by the channel is answered when its key comes") {
  ServerProcess server;
  auto other = server.Connect();
  std::thread waiting([&] {
    auto client = server.Connect();
    const auto reply = client.Command({"BLPOP", "list", "20"});
    if (reply == nullptr || reply->elements != 2 || Text(*reply->element[1]) != "element") std::abort();
  });
  WaitFor("a blocked client", [&] { return server.InfoNumber("blocked_clients") == 1; });
  REQUIRE(other.Command({"RPUSH", "list", "element"}) != nullptr);
  waiting.join();
}

TEST_CASE("A client that sleeps in the channel notices that its server was killed") {
  ServerProcess server;
  auto other = server.ConnectOnSocket();
  ChildProcess child([&](auto&, auto& to_parent) {
    auto client = Client::Connect(server.socket());
    if (!client || client->stats().channels != 1) return 1;
    to_parent.Send('r');
    const auto reply = client->Command({"BLPOP", "list", "0"});
    return reply == nullptr && client->last_code() == Code::kDisconnected ? 0 : 2;
  });
  REQUIRE(child.Receive() == 'r');
  WaitFor("a blocked client", [&] { return server.InfoNumber("blocked_clients") == 1; });
  SECTION("killed") { server.Kill(); }
  SECTION("stopped") { CHECK(server.Stop() == 0); }
  SECTION("only its connection") {
    REQUIRE(other.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}) != nullptr);
  }
  CHECK(child.Wait() == 0);
}

TEST_CASE("A client that is thrown out connects again by itself, with a new channel") {
  ServerProcess server;
  auto client = server.Connect();
  auto other = server.ConnectOnSocket();
  const std::string id = Said(client.Command({"CLIENT", "ID"}));
  REQUIRE(Said(other.Command({"CLIENT", "KILL", "ID", id})) == "1");
  WaitFor("the connection's end", [&] { return !client.attached(); });
  CHECK(client.Set("key", "value") == Code::kOk);
  CHECK(client.stats().channels == 2);
  CHECK(Said(client.Command({"QUIT"})) == "OK");
  CHECK(client.Set("key", "value") == Code::kOk);
}

TEST_CASE("A client that is killed in the middle of a request leaves nothing of it") {
  ServerProcess server;
  auto client = server.Connect();
  ChildProcess child([&](auto& from_parent, auto& to_parent) {
    auto own = Client::Connect(server.socket());
    shm::Channel* channel = OwnChannel();
    if (!own || channel == nullptr) return 1;
    PutRaw(*channel, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1000000\r\nhalf");
    to_parent.Send('r');
    (void)from_parent.Receive();
    return 0;
  });
  REQUIRE(child.Receive() == 'r');
  CHECK(Said(client.Command({"PING"})) == "PONG");
  child.Signal(SIGKILL);
  CHECK(child.Wait() == 1000 + SIGKILL);
  WaitFor("the client's end", [&] { return Attached(client) == 1; });
  CHECK(client.Get("key").code() == Code::kNotFound);
}

TEST_CASE("A client that takes no replies stops nobody, and goes when it is over its limit") {
  ServerProcess server({"--client-output-buffer-limit", "normal", "4mb", "0", "0"});
  auto client = server.Connect();
  REQUIRE(client.Set("value", Pattern(1 << 20, 2)) == Code::kOk);
  ChildProcess child([&](auto& from_parent, auto& to_parent) {
    auto own = Client::Connect(server.socket());
    shm::Channel* channel = OwnChannel();
    if (!own || channel == nullptr) return 1;
    const std::string request = "GET value\r\n";
    PutRaw(*channel, request);
    to_parent.Send('r');
    while (!from_parent.HasByte() && channel->requests.written.load() < 40 * request.size()) {
      PutRaw(*channel, request);
      usleep(10'000);
    }
    (void)from_parent.Receive();
    return 0;
  });
  REQUIRE(child.Receive() == 'r');
  WaitFor("the client's end", [&] { return Attached(client) == 1; });
  CHECK(server.InfoNumber("client_output_buffer_limit_disconnections") >= 1);
  CHECK(Said(client.Command({"PING"})) == "PONG");
  child.Send('g');
  CHECK(child.Wait() == 0);
}

TEST_CASE("A client that writes nonsense into its rings is given up, and nobody else notices") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Set("key", "value") == Code::kOk);
  const int kind = GENERATE(0, 1, 2, 3);
  ChildProcess child([&](auto& from_parent, auto& to_parent) {
    auto own = Client::Connect(server.socket());
    shm::Channel* channel = OwnChannel();
    if (!own || channel == nullptr) return 1;
    if (kind == 0) channel->requests.written.store(~uint64_t{0});
    if (kind == 1) PutRaw(*channel, "*1\r\n$-7\r\nnonsense that is no request");
    if (kind == 2) {  // the position up to which it has read the replies
      channel->replies.read.store(uint64_t{1} << 60);
      PutRaw(*channel, "PING\r\n");
    }
    if (kind == 3) {
      channel->client_sleeps.store(0xdead'beef);
      channel->server_wants_room.store(0xdead'beef);
      channel->requests.written.store(channel->requests.written.load() - 1);
    }
    to_parent.Send('r');
    (void)from_parent.Receive();
    return 0;
  });
  REQUIRE(child.Receive() == 'r');
  WaitFor("the client's end", [&] { return Attached(client) == 1; });
  CHECK(*client.ReadString("key") == "value");
  CHECK(Said(client.Command({"PING"})) == "PONG");
  child.Send('g');
  CHECK(child.Wait() == 0);
}

TEST_CASE("A client that goes on writing to its socket is given up") {
  ServerProcess server;
  redisContext* raw = redisConnectUnix(server.socket().c_str());
  REQUIRE(raw != nullptr);
  const std::string version = std::to_string(shm::kLayoutVersion);
  const auto said = [&](const char* format, const char* argument) {
    return ReplyPtr(static_cast<redisReply*>(redisCommand(raw, format, argument)));
  };
  CHECK(Said(said("CHESTBOX CHANNEL", nullptr)).starts_with("ERR channel"));
  REQUIRE(said("CHESTBOX ATTACH %s", version.c_str()) != nullptr);
  REQUIRE(Said(said("CHESTBOX CHANNEL", nullptr)) == "OK");
  CHECK(said("PING", nullptr) == nullptr);
  redisFree(raw);
}

TEST_CASE("Idle attached clients cost the server no spinning") {
  ServerProcess server({"--channel-spin-us", "1000"});
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(server.Connect());
  for (Client& client : clients) REQUIRE(client.Set("key", "value") == Code::kOk);
  const auto cpu_ms = [&] {
    return std::stod(server.Info("used_cpu_user")) * 1e3 + std::stod(server.Info("used_cpu_sys")) * 1e3;
  };
  // Not a measurement of speed: a server that spins uses all of a second. What INFO itself costs is in it, too.
  const double before = cpu_ms();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  CHECK(cpu_ms() - before < 200);
}

}  // namespace chestbox::test
