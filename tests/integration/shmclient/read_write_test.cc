// What a program sees of its states, the same whether it is attached, on the socket, or talks to a plain Redis server.
#include <hiredis/hiredis.h>
#include <signal.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

namespace {

// Runs `test` with each way to reach a server. All of its checks must hold in all of them.
template <class Test>
void OnEveryWay(Test&& test) {
  {
    ServerProcess server;
    INFO("attached");
    auto client = server.Connect();
    INFO(client.attach_error());
    REQUIRE(client.attached());
    test(server, client);
  }
  {
    ServerProcess server;
    INFO("on the Unix socket");
    auto client = server.ConnectOnSocket();
    REQUIRE_FALSE(client.attached());
    test(server, client);
  }
  {
    ServerProcess server;
    INFO("over TCP");
    auto client = Client::ConnectTcp("127.0.0.1", server.port());
    REQUIRE(client);
    REQUIRE_FALSE(client->attached());
    test(server, *client);
  }
  {
    ServerProcess server({}, ServerProcess::Kind::kRedis);
    INFO("a plain Redis server");
    auto client = server.Connect();
    REQUIRE_FALSE(client.attached());
    REQUIRE_FALSE(client.attach_error().empty());
    test(server, client);
  }
}

std::span<std::byte> Bytes(std::string& text) { return std::as_writable_bytes(std::span(text)); }

}  // namespace

TEST_CASE("A value of any size is read back as it was set, by view and by copy") {
  OnEveryWay([](ServerProcess&, Client& client) {
    for (const size_t bytes : {0, 1, 255, 256, 257, 4096, 64 << 10, 1 << 20}) {
      INFO(bytes << " bytes");
      const std::string value = Pattern(bytes, 1);
      REQUIRE(client.Set("key", value) == Code::kOk);
      auto view = client.Get("key");
      REQUIRE(view);
      CHECK(view->data() != nullptr);
      CHECK(view->text() == value);
      CHECK(view->valid());
      std::string copy(bytes + 10, '\0');
      const auto size = client.Read("key", Bytes(copy));
      REQUIRE(size);
      CHECK(*size == bytes);
      copy.resize(bytes);
      CHECK(copy == value);
      view->Release();
      CHECK(view->data() == nullptr);
      view->Release();
    }
  });
}

TEST_CASE("100 MiB are read back as they were set") {
  ServerProcess server;
  const std::string value = Pattern(100 << 20, 5);
  for (auto client : {0, 1}) {
    auto reader = client == 0 ? server.Connect() : server.ConnectOnSocket();
    REQUIRE(reader.Set("large", value) == Code::kOk);
    const auto view = reader.Get("large");
    INFO("client " << client << ": " << reader.last_error());
    REQUIRE(view);
    CHECK((view->text() == value));
    std::string copy(value.size(), '\0');
    REQUIRE(reader.Read("large", Bytes(copy)));
    CHECK((copy == value));
  }
}

TEST_CASE("Keys are bytes, the empty one and long ones too") {
  OnEveryWay([](ServerProcess&, Client& client) {
    const std::string keys[] = {"", std::string("a\0b\r\n", 5), std::string(300, 'k'), std::string(100'000, 'K')};
    for (const std::string& key : keys) {
      REQUIRE(client.Set(key, "value of " + std::to_string(key.size())) == Code::kOk);
    }
    for (const std::string& key : keys) {
      const auto view = client.Get(key);
      REQUIRE(view);
      CHECK(view->text() == "value of " + std::to_string(key.size()));
    }
  });
}

TEST_CASE("A missing key is not found, and neither is one whose time is over") {
  OnEveryWay([](ServerProcess&, Client& client) {
    CHECK(client.Get("missing").code() == Code::kNotFound);
    std::string buffer(10, '\0');
    CHECK(client.Read("missing", Bytes(buffer)).code() == Code::kNotFound);
    CHECK(client.last_code() == Code::kNotFound);

    REQUIRE(client.Set("lasting", "value", std::chrono::hours(1)) == Code::kOk);
    CHECK(client.Get("lasting"));
    REQUIRE(client.Set("short", std::string(1000, 's'), std::chrono::milliseconds(30)) == Code::kOk);
    WaitFor("the key's end", [&] { return client.Get("short").code() == Code::kNotFound; });
    CHECK(client.Read("short", Bytes(buffer)).code() == Code::kNotFound);
    CHECK(client.Get("lasting"));
  });
}

TEST_CASE("A buffer that is too small is told the size") {
  OnEveryWay([](ServerProcess&, Client& client) {
    for (const size_t bytes : {size_t{11}, size_t{1000}, size_t{300'000}}) {
      REQUIRE(client.Set("key", Pattern(bytes, 2)) == Code::kOk);
      char buffer[10];
      size_t size = 0;
      CHECK(chestbox_read(client.handle(), "key", 3, buffer, sizeof buffer, &size) == CHESTBOX_TOO_SMALL);
      CHECK(size == bytes);
      CHECK(chestbox_read(client.handle(), "key", 3, nullptr, 0, &size) == CHESTBOX_TOO_SMALL);
      CHECK(size == bytes);
    }
    REQUIRE(client.Set("empty", "") == Code::kOk);
    size_t size = 1;
    CHECK(chestbox_read(client.handle(), "empty", 5, nullptr, 0, &size) == CHESTBOX_OK);
    CHECK(size == 0);
  });
}

TEST_CASE("A view stays as it is while its key is overwritten, appended to and deleted") {
  OnEveryWay([](ServerProcess& server, Client& client) {
    auto other = server.ConnectOnSocket();
    for (const size_t bytes : {size_t{100}, size_t{5000}, size_t{1} << 20}) {
      INFO(bytes << " bytes");
      const std::string first = Pattern(bytes, 10);
      REQUIRE(client.Set("key", first) == Code::kOk);
      const auto view = client.Get("key");
      REQUIRE(view);
      REQUIRE(other.Command({"APPEND", "key", "more"}) != nullptr);
      REQUIRE(other.Command({"SETRANGE", "key", "0", "changed"}) != nullptr);
      const auto appended = client.Get("key");
      REQUIRE(appended);
      CHECK(appended->text() == "changed" + first.substr(7) + "more");
      REQUIRE(other.Set("key", Pattern(bytes, 11)) == Code::kOk);
      const auto overwritten = client.Get("key");
      REQUIRE(overwritten);
      REQUIRE(other.Command({"DEL", "key"}) != nullptr);
      // What the server frees is soon used again.
      for (int i = 0; i < 50; ++i) REQUIRE(other.Set("filler" + std::to_string(i), Pattern(bytes, 99)) == Code::kOk);
      CHECK((view->text() == first));
      CHECK((overwritten->text() == Pattern(bytes, 11)));
      CHECK(appended->text() == "changed" + first.substr(7) + "more");
      CHECK(view->valid());
      CHECK(client.Get("key").code() == Code::kNotFound);
      REQUIRE(other.Command({"FLUSHALL"}) != nullptr);
      CHECK((view->text() == first));
    }
  });
}

TEST_CASE("A value that is changed in place again and again is viewed as it is at the moment") {
  OnEveryWay([](ServerProcess& server, Client& client) {
    auto writer = server.ConnectOnSocket();
    std::string expected = Pattern(2000, 20);
    REQUIRE(writer.Set("log", expected) == Code::kOk);
    std::vector<View> views;
    std::vector<std::string> contents;
    for (int i = 0; i < 20; ++i) {
      const std::string line = "line " + std::to_string(i);
      for (int repeat = 0; repeat < 3; ++repeat) {
        REQUIRE(writer.Command({"APPEND", "log", line}) != nullptr);
        expected += line;
      }
      auto view = client.Get("log");
      REQUIRE(view);
      CHECK(view->text() == expected);
      std::string copy(expected.size(), '\0');
      REQUIRE(client.Read("log", Bytes(copy)));
      CHECK(copy == expected);
      contents.push_back(expected);
      views.push_back(std::move(*view));
    }
    for (size_t i = 0; i < views.size(); ++i) CHECK(views[i].text() == contents[i]);
  });
}

TEST_CASE("Any number of small views can be held at one time") {
  OnEveryWay([](ServerProcess&, Client& client) {
    std::vector<View> views;
    for (int i = 0; i < 300; ++i) {
      const std::string name = "small" + std::to_string(i);
      REQUIRE(client.Set(name, "value of " + name) == Code::kOk);
      auto view = client.Get(name);
      REQUIRE(view);
      views.push_back(std::move(*view));
    }
    for (int i = 0; i < 300; ++i) CHECK(views[static_cast<size_t>(i)].text() == "value of small" + std::to_string(i));
  });
}

TEST_CASE("A client that holds too many pinned views is told so, and goes on when it lets one go") {
  ServerProcess server;
  auto client = server.Connect();
  const std::string value = Pattern(1000, 30);
  REQUIRE(client.Set("key", value) == Code::kOk);
  std::vector<View> views;
  for (int i = 0; i < CHESTBOX_PINNED_VIEWS_MAX; ++i) {
    auto view = client.Get("key");
    REQUIRE(view);
    views.push_back(std::move(*view));
  }
  CHECK(client.stats().pinned_views == CHESTBOX_PINNED_VIEWS_MAX);
  CHECK(client.Get("key").code() == Code::kNoPin);
  std::string copy(value.size(), '\0');
  CHECK(client.Read("key", Bytes(copy)));
  CHECK(copy == value);
  views.erase(views.begin() + 500);
  auto again = client.Get("key");
  REQUIRE(again);
  CHECK(again->text() == value);
  CHECK(client.Get("key").code() == Code::kNoPin);
  views.clear();
  again->Release();
  CHECK(client.stats().pinned_views == 0);
}

TEST_CASE("Releasing twice, or a view of a copied struct, harms nobody") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Set("key", Pattern(1000, 31)) == Code::kOk);
  chestbox_view view{};
  REQUIRE(chestbox_get(client.handle(), "key", 3, &view) == CHESTBOX_OK);
  chestbox_view copy = view;
  chestbox_release(client.handle(), &view);
  chestbox_release(client.handle(), &view);
  chestbox_release(client.handle(), &copy);
  CHECK(client.stats().pinned_views == 0);
  CHECK(client.Get("key"));
}

TEST_CASE("Commands come back as hiredis' replies, errors too") {
  OnEveryWay([](ServerProcess&, Client& client) {
    auto reply = client.Command({"INCRBY", "number", "5"});
    REQUIRE(reply != nullptr);
    CHECK(reply->type == REDIS_REPLY_INTEGER);
    CHECK(reply->integer == 5);
    reply = client.Command({"MSET", "a", "1", "b", std::string(100'000, 'b')});
    REQUIRE(reply != nullptr);
    CHECK(Text(*reply) == "OK");
    reply = client.Command({"MGET", "a", "none", "b"});
    REQUIRE(reply != nullptr);
    REQUIRE(reply->type == REDIS_REPLY_ARRAY);
    REQUIRE(reply->elements == 3);
    CHECK(Text(*reply->element[0]) == "1");
    CHECK(reply->element[1]->type == REDIS_REPLY_NIL);
    CHECK(reply->element[2]->len == 100'000);
    reply = client.Command({"NOSUCHCOMMAND"});
    REQUIRE(reply != nullptr);
    CHECK(reply->type == REDIS_REPLY_ERROR);
    reply = client.Command({"SUBSCRIBE", "channel"});
    REQUIRE(reply != nullptr);
    CHECK(reply->type == REDIS_REPLY_ERROR);
    reply = client.Command({"PING"});
    REQUIRE(reply != nullptr);
    CHECK(Text(*reply) == "PONG");
    const char* argv[] = {"GET", "a"};
    redisReply* plain = chestbox_command_argv(client.handle(), 2, argv, nullptr);
    REQUIRE(plain != nullptr);
    CHECK(Text(*plain) == "1");
    freeReplyObject(plain);
  });
}

TEST_CASE("Reads follow SELECT, SWAPDB and FLUSHALL") {
  OnEveryWay([](ServerProcess& server, Client& client) {
    auto other = server.ConnectOnSocket();
    REQUIRE(client.Set("key", "in 0") == Code::kOk);
    REQUIRE(client.Command({"SELECT", "3"}) != nullptr);
    CHECK(client.Get("key").code() == Code::kNotFound);
    REQUIRE(client.Set("key", "in 3") == Code::kOk);
    CHECK(*client.ReadString("key") == "in 3");
    REQUIRE(client.Command({"SELECT", "99"}) != nullptr);
    CHECK(*client.ReadString("key") == "in 3");
    REQUIRE(other.Command({"SWAPDB", "0", "3"}) != nullptr);
    CHECK(*client.ReadString("key") == "in 0");
    REQUIRE(client.Command({"SELECT", "0"}) != nullptr);
    CHECK(*client.ReadString("key") == "in 3");
    REQUIRE(other.Command({"FLUSHALL"}) != nullptr);
    CHECK(client.Get("key").code() == Code::kNotFound);
  });
}

TEST_CASE("A database can be chosen at the beginning") {
  ServerProcess server;
  chestbox_options options = chestbox_default_options();
  options.database = 5;
  options.client_name = "reader";
  auto client = server.Connect(options);
  REQUIRE(client.Set("key", "in 5") == Code::kOk);
  CHECK(*client.ReadString("key") == "in 5");
  CHECK(Text(*client.Command({"CLIENT", "GETNAME"})) == "reader");
  auto other = server.ConnectOnSocket();
  CHECK(other.Get("key").code() == Code::kNotFound);
  options.database = 1000;
  CHECK(Client::Connect(server.socket(), &options).code() == Code::kServerError);
}

TEST_CASE("An attached client's reads do not reach the server") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Set("small", "value") == Code::kOk);
  REQUIRE(client.Set("large", Pattern(100'000, 40)) == Code::kOk);
  const auto before = client.stats();
  server.Signal(SIGSTOP);  // and it need not even run
  for (int i = 0; i < 100; ++i) {
    CHECK(client.Get("small"));
    CHECK(client.Get("large"));
    CHECK(client.Get("none").code() == Code::kNotFound);
  }
  server.Signal(SIGCONT);
  const auto after = client.stats();
  CHECK(after.local_reads - before.local_reads == 300);
  CHECK(after.server_reads == before.server_reads);
}

}  // namespace chestbox::test
