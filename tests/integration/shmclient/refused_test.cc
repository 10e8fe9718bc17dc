// Servers that do not let a client in, or not into their memory.
#include <hiredis/hiredis.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

TEST_CASE("A server that lets nobody attach serves the client over the socket") {
  ServerProcess server({"--shm-attach", "no"});
  auto client = server.Connect();
  CHECK_FALSE(client.attached());
  CHECK(client.attach_error().substr(0, 6) == "NOPERM");
  REQUIRE(client.Set("key", "value") == Code::kOk);
  CHECK(*client.ReadString("key") == "value");
  CHECK(client.stats().local_reads == 0);
  CHECK(client.stats().attaches == 0);
}

TEST_CASE("A password is needed where the server has one, and a wrong one fails the connect") {
  ServerProcess server({"--requirepass", "open sesame"});
  for (const int no_attach : {0, 1}) {
    chestbox_options options = chestbox_default_options();
    options.no_attach = no_attach;
    auto none = Client::Connect(server.socket(), &options);
    CHECK(none.code() == Code::kDenied);
    CHECK(none.message().substr(0, 6) == "NOAUTH");
    options.password = "open barley";
    auto wrong = Client::Connect(server.socket(), &options);
    CHECK(wrong.code() == Code::kDenied);
    CHECK(wrong.message().substr(0, 9) == "WRONGPASS");
    options.password = "open sesame";
    auto right = server.Connect(options);
    CHECK(right.attached() == (no_attach == 0));
    REQUIRE(right.Set("key", "value") == Code::kOk);
    CHECK(*right.ReadString("key") == "value");
    options.user = "default";
    CHECK(Client::Connect(server.socket(), &options));
  }
}

TEST_CASE("A server without a password that is given one does not let the client in") {
  ServerProcess server;
  chestbox_options options = chestbox_default_options();
  options.user = "nobody";
  options.password = "whatever";
  CHECK(Client::Connect(server.socket(), &options).code() == Code::kDenied);
}

TEST_CASE("Who may not read every key does not attach, and who loses that right goes on over the socket") {
  ServerProcess server;
  auto admin = server.Connect();
  REQUIRE(admin.Command({"ACL", "SETUSER", "some", "on", ">pw", "+@all", "~a*"}) != nullptr);
  REQUIRE(admin.Command({"ACL", "SETUSER", "all", "on", ">pw", "+@all", "~*"}) != nullptr);
  chestbox_options options = chestbox_default_options();
  options.password = "pw";
  options.user = "some";
  auto some = server.Connect(options);
  CHECK_FALSE(some.attached());
  CHECK(some.attach_error().substr(0, 6) == "NOPERM");
  REQUIRE(some.Set("a", "value") == Code::kOk);
  CHECK(*some.ReadString("a") == "value");

  options.user = "all";
  auto all = server.Connect(options);
  CHECK(all.attached());
  CHECK(*all.ReadString("a") == "value");
  CHECK(all.stats().local_reads == 1);
  REQUIRE(admin.Command({"ACL", "SETUSER", "all", "resetkeys", "%R~b*"}) != nullptr);
  CHECK_FALSE(all.ReadString("a"));
  CHECK_FALSE(all.attached());
  CHECK(all.stats().local_reads == 1);
  // The others were asked to attach anew, and did.
  CHECK(*admin.ReadString("a") == "value");
  CHECK(admin.attached());
}

TEST_CASE("After RESET or AUTH reads go over the socket") {
  ServerProcess server({"--requirepass", "secret"});
  chestbox_options options = chestbox_default_options();
  options.password = "secret";
  auto client = server.Connect(options);
  REQUIRE(client.Set("key", "value") == Code::kOk);
  CHECK(client.attached());
  REQUIRE(client.Command({"RESET"}) != nullptr);
  CHECK_FALSE(client.attached());
  CHECK(client.Get("key").code() == Code::kServerError);
  CHECK(client.last_error().substr(0, 6) == "NOAUTH");
  REQUIRE(client.Command({"AUTH", "secret"})->type == REDIS_REPLY_STATUS);
  CHECK(*client.ReadString("key") == "value");
}

TEST_CASE("A path where no server listens is a failed connect") {
  std::string path;
  {
    const ServerProcess server;
    path = server.socket();
  }
  CHECK(Client::Connect(path).code() == Code::kDisconnected);
  CHECK(Client::ConnectTcp("127.0.0.1", 1).code() == Code::kDisconnected);
}

}  // namespace chestbox::test
