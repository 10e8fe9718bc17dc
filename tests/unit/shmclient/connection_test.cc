// What the library makes of a server that answers in pieces, answers nonsense, goes away, or says nothing.
#include <catch2/catch.hpp>
#include <chestbox/client.hpp>
#include <future>
#include <string>

#include "protocol/shm/layout.h"
#include "tests/unit/shmclient/fake_server.h"

namespace chestbox::shmclient {

namespace {

// The handshake of a client that does not attach.
void Greet(Peer& peer) {
  peer.ReceiveUntil("PING\r\n");
  peer.Send("+PONG\r\n");
}

chestbox_options OnSocket() {
  chestbox_options options = chestbox_default_options();
  options.no_attach = 1;
  return options;
}

chestbox::Client Connected(const FakeServer& server, const chestbox_options& options) {
  auto client = chestbox::Client::Connect(server.path(), &options);
  REQUIRE(client);
  return std::move(*client);
}

// The outcome of GET against a server that answers it with `reply` and closes.
chestbox::Code GetAnswered(std::string_view reply) {
  const FakeServer server({[&](Peer& peer) {
    Greet(peer);
    peer.ReceiveUntil("key\r\n");
    peer.Send(reply);
  }});
  auto client = Connected(server, OnSocket());
  return client.Get("key").code();
}

}  // namespace

TEST_CASE("A value is whole however its bytes arrive") {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{300}, size_t{70'000}}) {
    const std::string value(bytes, 'v');
    const std::string reply = "$" + std::to_string(bytes) + "\r\n" + value + "\r\n";
    const size_t step = bytes > 1000 ? 9973 : 1;
    const FakeServer server({[&](Peer& peer) {
      Greet(peer);
      peer.ReceiveUntil("key\r\n");
      for (size_t at = 0; at < reply.size(); at += step) peer.Send(reply.substr(at, step));
      peer.WaitForClose();
    }});
    auto client = Connected(server, OnSocket());
    const auto view = client.Get("key");
    REQUIRE(view);
    CHECK(view->text() == value);
  }
}

TEST_CASE("Replies of GET other than a string have their codes") {
  CHECK(GetAnswered("$-1\r\n") == Code::kNotFound);
  CHECK(GetAnswered("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n") == Code::kWrongType);
  CHECK(GetAnswered("-ERR whatever\r\n") == Code::kServerError);
  CHECK(GetAnswered("+QUEUED\r\n") == Code::kQueued);
  CHECK(GetAnswered(":5\r\n") == Code::kProtocol);
}

TEST_CASE("Nonsense is a protocol error, and never a value") {
  CHECK(GetAnswered("$5\r\nabcdeXX") == Code::kProtocol);
  CHECK(GetAnswered("$5x\r\nabcde\r\n") == Code::kProtocol);
  CHECK(GetAnswered("$-2\r\n") == Code::kProtocol);
  CHECK(GetAnswered("$99999999999999999\r\n") == Code::kProtocol);
  CHECK(GetAnswered("$1111111111111111111111111111111111111111\r\n") == Code::kProtocol);
  CHECK(GetAnswered("$3\nabc\r\n") == Code::kProtocol);
  CHECK(GetAnswered("?what\r\n") == Code::kProtocol);
  CHECK(GetAnswered("$1\r\na\r\n$1\r\nb\r\n") == Code::kProtocol);
}

TEST_CASE("A server that goes away in the middle of a reply is a lost connection") {
  CHECK(GetAnswered("") == Code::kDisconnected);
  CHECK(GetAnswered("$") == Code::kDisconnected);
  CHECK(GetAnswered("$100000\r\nabc") == Code::kDisconnected);
  CHECK(GetAnswered("-ERR half") == Code::kDisconnected);
}

TEST_CASE("A server that says nothing is a timeout, and the late reply is nobody else's") {
  chestbox_options options = OnSocket();
  options.command_timeout_ms = 50;
  const FakeServer server({[](Peer& peer) {
                             Greet(peer);
                             peer.ReceiveUntil("first\r\n");
                             peer.WaitForClose();
                             peer.Send("$4\r\nlate\r\n");
                           },
                           [](Peer& peer) {
                             Greet(peer);
                             peer.ReceiveUntil("second\r\n");
                             peer.Send("$5\r\nright\r\n");
                             peer.WaitForClose();
                           }});
  auto client = Connected(server, options);
  CHECK(client.Get("first").code() == Code::kTimeout);
  const auto view = client.Get("second");
  REQUIRE(view);
  CHECK(view->text() == "right");
}

TEST_CASE("A connection with bytes that nobody asked for is not used any more") {
  std::promise<void> connected;
  std::promise<void> sent;
  const FakeServer server({[&](Peer& peer) {
                             Greet(peer);
                             connected.get_future().wait();
                             peer.Send("$5\r\nwrong\r\n");
                             sent.set_value();
                             peer.WaitForClose();
                           },
                           [](Peer& peer) {
                             Greet(peer);
                             peer.ReceiveUntil("key\r\n");
                             peer.Send("$5\r\nright\r\n");
                             peer.WaitForClose();
                           }});
  auto client = Connected(server, OnSocket());
  connected.set_value();
  sent.get_future().wait();
  const auto view = client.Get("key");
  REQUIRE(view);
  CHECK(view->text() == "right");
}

TEST_CASE("A lost transaction is told once before the client connects again") {
  const FakeServer server({[](Peer& peer) {
                             Greet(peer);
                             peer.ReceiveUntil("WATCH\r\n$1\r\nk\r\n");
                             peer.Send("+OK\r\n");
                           },
                           [](Peer& peer) {
                             Greet(peer);
                             peer.ReceiveUntil("MULTI\r\n");
                             peer.Send("+OK\r\n");
                             peer.WaitForClose();
                           }});
  auto client = Connected(server, OnSocket());
  REQUIRE(client.Command({"WATCH", "k"}) != nullptr);
  CHECK(client.Command({"MULTI"}) == nullptr);
  CHECK(client.last_code() == Code::kDisconnected);
  CHECK(client.Command({"MULTI"}) != nullptr);
}

TEST_CASE("An answer to ATTACH without descriptors, or with nonsense, leaves the client on the socket") {
  for (const std::string_view answer : {"*3\r\n$1\r\n5\r\n:1000000\r\n:8192\r\n", "*1\r\n:1\r\n", "+OK\r\n", ":3\r\n",
                                        "-ERR unknown command 'CHESTBOX'\r\n", "-NOPERM no\r\n"}) {
    const FakeServer server({[&](Peer& peer) {
      peer.ReceiveUntil("ATTACH\r\n$1\r\n" + std::to_string(shm::kLayoutVersion) + "\r\n");
      peer.Send(answer);
      peer.ReceiveUntil("key\r\n");
      peer.Send("$5\r\nvalue\r\n");
      peer.WaitForClose();
    }});
    auto client = Connected(server, chestbox_default_options());
    CHECK_FALSE(client.attached());
    CHECK_FALSE(client.attach_error().empty());
    const auto view = client.Get("key");
    REQUIRE(view);
    CHECK(view->text() == "value");
  }
}

TEST_CASE("A server that turns the client away fails the connect with its words") {
  for (const std::string_view answer :
       {"-NOAUTH Authentication required.\r\n", "-ERR max number of clients reached\r\n",
        "-DENIED Redis is running in protected mode\r\n"}) {
    const FakeServer server({[&](Peer& peer) {
      peer.ReceiveUntil("ATTACH\r\n$1\r\n" + std::to_string(shm::kLayoutVersion) + "\r\n");
      peer.Send(answer);
      peer.WaitForClose();
    }});
    auto client = chestbox::Client::Connect(server.path());
    CHECK_FALSE(client);
    CHECK(client.code() == Code::kDenied);
    CHECK("-" + client.message() + "\r\n" == answer);
  }
}

TEST_CASE("Arguments that make no sense are refused before anything is sent") {
  chestbox_client* client = nullptr;
  CHECK(chestbox_connect(nullptr, nullptr, &client) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_connect("", nullptr, &client) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_connect("/nowhere/at/all", nullptr, nullptr) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_connect("/nowhere/at/all", nullptr, &client) == CHESTBOX_DISCONNECTED);
  CHECK(std::string(chestbox_last_error(nullptr)).find("No such file") != std::string::npos);
  CHECK(chestbox_connect(std::string(200, 'p').c_str(), nullptr, &client) == CHESTBOX_INVALID_ARGUMENT);
  chestbox_options options = chestbox_default_options();
  options.size = 0;
  CHECK(chestbox_connect("/nowhere/at/all", &options, &client) == CHESTBOX_INVALID_ARGUMENT);
  options = chestbox_default_options();
  options.user = "somebody";
  CHECK(chestbox_connect("/nowhere/at/all", &options, &client) == CHESTBOX_INVALID_ARGUMENT);
  options = chestbox_default_options();
  options.tcp_host = "127.0.0.1";
  CHECK(chestbox_connect("/nowhere/at/all", &options, &client) == CHESTBOX_INVALID_ARGUMENT);

  const FakeServer server({[](Peer& peer) {
    Greet(peer);
    peer.WaitForClose();
  }});
  const chestbox_options on_socket = OnSocket();
  REQUIRE(chestbox_connect(server.path().c_str(), &on_socket, &client) == CHESTBOX_OK);
  chestbox_view view{};
  size_t size = 1;
  const char* argument = nullptr;
  CHECK(chestbox_get(client, nullptr, 1, &view) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_get(client, "k", 1, nullptr) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_get(nullptr, "k", 1, &view) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_read(client, "k", 1, nullptr, 1, &size) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(size == 0);
  CHECK(chestbox_set(client, "k", 1, "v", 1, -1) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_set(client, "k", 1, nullptr, 1, 0) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_command_argv(client, 0, nullptr, nullptr) == nullptr);
  CHECK(chestbox_command_argv(client, 1, &argument, nullptr) == nullptr);
  CHECK(chestbox_last_code(client) == CHESTBOX_INVALID_ARGUMENT);
  redisReply* reply = nullptr;
  const chestbox_request no_words = {0, nullptr, nullptr};
  const chestbox_request null_word = {1, &argument, nullptr};
  CHECK(chestbox_pipeline(nullptr, 1, &null_word, &reply) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_pipeline(client, 1, nullptr, &reply) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_pipeline(client, 1, &null_word, nullptr) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_pipeline(client, 1, &no_words, &reply) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_pipeline(client, 1, &null_word, &reply) == CHESTBOX_INVALID_ARGUMENT);
  CHECK(chestbox_pipeline(client, 0, nullptr, nullptr) == CHESTBOX_OK);
  chestbox_release(client, &view);
  chestbox_release(client, nullptr);
  chestbox_close(client);
  chestbox_close(nullptr);
}

TEST_CASE("Every code has words of its own") {
  std::vector<std::string> seen;
  for (int code = 0; code >= CHESTBOX_QUEUED; --code) {
    const std::string words = chestbox_strerror(code);
    CHECK(words != "unknown code");
    for (const std::string& other : seen) CHECK(other != words);
    seen.push_back(words);
  }
  CHECK(std::string(chestbox_strerror(12345)) == "unknown code");
}

}  // namespace chestbox::shmclient
