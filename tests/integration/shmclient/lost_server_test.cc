// What a client does when its server dies, comes back, hangs, or throws it out.
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

TEST_CASE("The first read after the server was killed notices") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Set("small", "value") == Code::kOk);
  REQUIRE(client.Set("large", Pattern(100'000, 1)) == Code::kOk);
  REQUIRE(client.Get("small"));
  server.Kill();
  std::byte buffer[10];
  SECTION("get") { CHECK(client.Get("small").code() == Code::kDisconnected); }
  SECTION("get of a large value") { CHECK(client.Get("large").code() == Code::kDisconnected); }
  SECTION("get of a missing key") { CHECK(client.Get("none").code() == Code::kDisconnected); }
  SECTION("read") { CHECK(client.Read("small", buffer).code() == Code::kDisconnected); }
  SECTION("set") { CHECK(client.Set("small", "other") == Code::kDisconnected); }
  SECTION("command") {
    CHECK(client.Command({"PING"}) == nullptr);
    CHECK(client.last_code() == Code::kDisconnected);
  }
  CHECK_FALSE(client.attached());
  CHECK_FALSE(client.last_error().empty());
  CHECK(client.Get("small").code() == Code::kDisconnected);
}

TEST_CASE("The same client goes on with the next run of its server") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Command({"SELECT", "2"}) != nullptr);
  REQUIRE(client.Set("key", "first run") == Code::kOk);
  server.Kill();
  const bool asked_while_dead = GENERATE(false, true);
  if (asked_while_dead) CHECK(client.Get("key").code() == Code::kDisconnected);
  server.Start();
  SECTION("it begins with a set") { CHECK(client.Set("key", "second run") == Code::kOk); }
  SECTION("it begins with a command") { CHECK(client.Command({"SET", "key", "second run"}) != nullptr); }
  SECTION("it begins with a read") {
    // A crash loses what was not on disk: here the question is only that the answer is the new server's.
    const Code code = client.Get("key").code();
    CHECK((code == Code::kNotFound || code == Code::kOk));
    CHECK(client.Set("key", "second run") == Code::kOk);
  }
  CHECK(*client.ReadString("key") == "second run");
  CHECK(client.attached());
  CHECK(client.stats().attaches == 2);
  auto other = server.ConnectOnSocket();
  CHECK(other.Get("key").code() == Code::kNotFound);  // still in database 2
}

TEST_CASE("A clean stop and start keeps the states, and the client finds them") {
  ServerProcess server;
  auto client = server.Connect();
  const std::string value = Pattern(100'000, 2);
  REQUIRE(client.Set("large", value) == Code::kOk);
  REQUIRE(client.Set("small", "value") == Code::kOk);
  CHECK(server.Stop() == 0);
  server.Start();
  CHECK(*client.ReadString("small") == "value");
  CHECK((*client.ReadString("large") == value));
  CHECK(client.attached());
}

TEST_CASE("A view outlives its server") {
  ServerProcess server;
  auto client = server.Connect();
  const std::string value = Pattern(1 << 20, 3);
  REQUIRE(client.Set("large", value) == Code::kOk);
  auto view = client.Get("large");
  REQUIRE(view);
  SECTION("killed") { server.Kill(); }
  SECTION("stopped") { CHECK(server.Stop() == 0); }
  CHECK((view->text() == value));
  CHECK(client.Get("large").code() == Code::kDisconnected);
  CHECK((view->text() == value));
  server.Start();
  REQUIRE(client.Set("large", "other") == Code::kOk);
  auto small = client.Get("large");
  CHECK(small);
  CHECK((view->text() == value));
  CHECK(view->valid());
  CHECK(client.stats().pinned_views == 1);
  view->Release();
  CHECK(client.stats().pinned_views == 0);
  CHECK(client.attached());
}

TEST_CASE("A server that throws the client out gets it back, and its old views say that they may be void") {
  ServerProcess server;
  auto client = server.Connect();
  auto other = server.ConnectOnSocket();
  REQUIRE(client.Set("key", Pattern(10'000, 4)) == Code::kOk);
  auto view = client.Get("key");
  REQUIRE(view);
  CHECK(view->valid());
  const std::string id = Text(*client.Command({"CLIENT", "ID"}));
  REQUIRE(Text(*other.Command({"CLIENT", "KILL", "ID", id})) == "1");
  WaitFor("the connection's end", [&] { return !view->valid(); });
  CHECK_FALSE(client.attached());
  // A read makes no system call, and yet does not go on with pins that nobody looks at.
  auto again = client.Get("key");
  REQUIRE(again);
  CHECK(again->valid());
  CHECK(client.stats().attaches == 2);
  CHECK(client.attached());
  CHECK_FALSE(view->valid());
  view->Release();
}

TEST_CASE("An attached client is never idle: its pins stay where a client on the socket is thrown out") {
  ServerProcess server({"--timeout", "1"});
  auto client = server.Connect();
  REQUIRE(client.Set("key", Pattern(10'000, 4)) == Code::kOk);
  const auto view = client.Get("key");
  REQUIRE(view);
  redisContext* idle = redisConnectUnix(server.socket().c_str());
  REQUIRE(idle != nullptr);
  char byte = 0;
  CHECK(recv(idle->fd, &byte, 1, 0) == 0);  // waits until the server has closed it
  redisFree(idle);
  CHECK(view->valid());
  CHECK(client.Get("key"));
  CHECK(client.stats().attaches == 1);
}

TEST_CASE("A timeout gives up the connection and keeps the pins") {
  ServerProcess server;
  chestbox_options options = chestbox_default_options();
  options.command_timeout_ms = 100;
  options.connect_timeout_ms = 100;
  auto client = server.Connect(options);
  const std::string value = Pattern(100'000, 5);
  REQUIRE(client.Set("key", value) == Code::kOk);
  auto view = client.Get("key");
  REQUIRE(view);
  server.Signal(SIGSTOP);
  CHECK(client.Set("key", "lost or not") == Code::kTimeout);
  CHECK(client.Get("key").code() == Code::kTimeout);  // it cannot attach either
  server.Signal(SIGCONT);
  WaitFor("the server's answer", [&] { return client.Set("key", "new") == Code::kOk; });
  CHECK(*client.ReadString("key") == "new");
  auto other = server.ConnectOnSocket();
  for (int i = 0; i < 50; ++i) REQUIRE(other.Set("filler" + std::to_string(i), Pattern(100'000, 6)) == Code::kOk);
  CHECK((view->text() == value));
  CHECK(view->valid());
}

TEST_CASE("CLIENT PAUSE puts off an attached client's reads as it does everybody's") {
  ServerProcess server;
  chestbox_options options = chestbox_default_options();
  options.command_timeout_ms = 100;
  auto client = server.Connect(options);
  auto admin = server.ConnectOnSocket();
  REQUIRE(client.Set("key", "value") == Code::kOk);
  const auto reads_locally = [&] {
    const uint64_t before = client.stats().local_reads;
    return client.Get("key") && client.stats().local_reads == before + 1;
  };
  REQUIRE(admin.Command({"CLIENT", "PAUSE", "1000000", "WRITE"}));
  CHECK(reads_locally());
  REQUIRE(admin.Command({"CLIENT", "UNPAUSE"}));
  // Nobody can end a pause of everything, as in Redis: CLIENT UNPAUSE is put off, too.
  REQUIRE(admin.Command({"CLIENT", "PAUSE", "3000", "ALL"}));
  CHECK(client.Get("key").code() == Code::kTimeout);
  WaitFor("the pause's end", [&] { return bool{client.Get("key")}; });
  CHECK(reads_locally());
}

TEST_CASE("Reads inside MULTI are queued, and right again after it") {
  ServerProcess server;
  auto client = server.Connect();
  REQUIRE(client.Set("key", "before") == Code::kOk);
  if (Text(*client.Command({"MULTI"})) != "OK") {
    WARN("this server has no MULTI yet");
    return;
  }
  CHECK_FALSE(client.attached());
  CHECK(client.Get("key").code() == Code::kQueued);
  CHECK(client.Set("key", "after") == Code::kQueued);
  CHECK(client.Command({"SELECT", "4"}) != nullptr);
  const auto reply = client.Command({"EXEC"});
  REQUIRE(reply != nullptr);
  REQUIRE(reply->elements == 3);
  CHECK(Text(*reply->element[0]) == "before");
  CHECK(client.attached());
  CHECK(client.Get("key").code() == Code::kNotFound);  // database 4 now
  REQUIRE(client.Command({"SELECT", "0"}) != nullptr);
  CHECK(*client.ReadString("key") == "after");
}

}  // namespace chestbox::test
