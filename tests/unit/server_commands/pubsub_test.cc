// Pub/sub: who hears what, in both protocols, and what a subscriber may do.
#include "server/pubsub.h"

#include <string>

#include "server/server.h"
#include "tests/unit/commands/session.h"
#include "tests/unit/server_commands/fake_transport.h"

namespace chestbox::testing {

namespace {

// What has come to a client that executes nothing.
std::string Heard(Client& client) {
  std::string bytes(client.output.data(), client.output.size());
  client.output.Clear();
  return bytes;
}

constexpr const char* kOneX = "*3\r\n$7\r\nmessage\r\n$3\r\none\r\n$1\r\nx\r\n";
constexpr const char* kRefusedGet =
    "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
    "context\r\n";

}  // namespace

TEST_CASE("A message reaches whoever listens to its channel or a pattern of it, in the words of their protocol") {
  TestServer s;
  Client& two = s.AddClient();
  Client& three = s.AddClient();
  CHECK(s.RunAs(two, {"subscribe", "one", "one"}) ==
        "*3\r\n$9\r\nsubscribe\r\n$3\r\none\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$3\r\none\r\n:1\r\n");
  s.RunAs(three, {"hello", "3"});
  CHECK(s.RunAs(three, {"psubscribe", "o*"}) == ">3\r\n$10\r\npsubscribe\r\n$2\r\no*\r\n:1\r\n");
  (void)Heard(two);
  (void)Heard(three);
  CHECK(s.Do("publish one x") == ":2\r\n");
  CHECK(s.Do("publish two x") == ":0\r\n");
  CHECK(s.Do("spublish one x") == ":0\r\n");
  CHECK(Heard(two) == kOneX);
  CHECK(Heard(three) == ">4\r\n$8\r\npmessage\r\n$2\r\no*\r\n$3\r\none\r\n$1\r\nx\r\n");
}

TEST_CASE("Leaving tells each name, what is left, and null where there was nothing") {
  TestServer s;
  Client& client = s.AddClient();
  CHECK(s.RunAs(client, {"unsubscribe"}) == "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
  s.RunAs(client, {"subscribe", "a", "b"});
  s.RunAs(client, {"ssubscribe", "s"});
  CHECK(s.RunAs(client, {"punsubscribe"}) == "*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:2\r\n");
  CHECK(s.RunAs(client, {"unsubscribe", "z"}) == "*3\r\n$11\r\nunsubscribe\r\n$1\r\nz\r\n:2\r\n");
  CHECK(s.RunAs(client, {"unsubscribe"}) ==
        "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n");
  CHECK(s.RunAs(client, {"get", "k"}) == kRefusedGet);
  CHECK(s.RunAs(client, {"sunsubscribe"}) == "*3\r\n$12\r\nsunsubscribe\r\n$1\r\ns\r\n:0\r\n");
  CHECK(s.RunAs(client, {"get", "k"}) == "$-1\r\n");
}

TEST_CASE("A subscriber in RESP2 may do little, and is answered by messages; RESET makes it an ordinary client") {
  TestServer s;
  Client& client = s.AddClient();
  s.RunAs(client, {"subscribe", "a"});
  CHECK(s.RunAs(client, {"get", "k"}) == kRefusedGet);
  CHECK(s.RunAs(client, {"config", "get", "port"}).starts_with("-ERR Can't execute 'config|get': only "));
  CHECK(s.RunAs(client, {"ping"}) == "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  CHECK(s.RunAs(client, {"ping", "hey"}) == "*2\r\n$4\r\npong\r\n$3\r\nhey\r\n");
  CHECK(s.RunAs(client, {"reset"}) == "+RESET\r\n");
  CHECK(s.RunAs(client, {"get", "k"}) == "$-1\r\n");
  CHECK(s.Do("publish a x") == ":0\r\n");
  CHECK(s.Do("pubsub numsub a") == "*2\r\n$1\r\na\r\n:0\r\n");
}

TEST_CASE("What a client publishes to itself follows the reply, whatever makes it publish") {
  TestServer s;
  Client& client = s.AddClient();
  const std::string message = ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n";
  s.RunAs(client, {"hello", "3"});
  s.RunAs(client, {"subscribe", "a"});
  CHECK(s.RunAs(client, {"publish", "a", "x"}) == ":1\r\n" + message);
  CHECK(s.RunAs(client, {"eval", "redis.call('publish', 'a', 'x') return 7", "0"}) == ":7\r\n" + message);
  CHECK(s.RunAs(client, {"eval", "redis.call('publish', 'a', 'x') error('no')", "0"}).ends_with(message));
  s.RunAs(client, {"multi"});
  s.RunAs(client, {"publish", "a", "x"});
  s.RunAs(client, {"ping"});
  CHECK(s.RunAs(client, {"exec"}) == "*2\r\n:1\r\n+PONG\r\n" + message);
  s.RunAs(client, {"client", "reply", "off"});
  CHECK(s.RunAs(client, {"publish", "a", "x"}) == message);
  CHECK(s.RunAs(client, {"subscribe", "b"}) == ">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
}

TEST_CASE("SUBSCRIBE works in a transaction, PUBLISH in a script that may write") {
  Session s;
  Client& client = s.server().AddClient();
  s.server().RunAs(client, {"multi"});
  CHECK(s.server().RunAs(client, {"subscribe", "a"}) == "+QUEUED\r\n");
  s.server().RunAs(client, {"get", "k"});
  CHECK(s.server().RunAs(client, {"exec"}) == "*2\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n$-1\r\n");
  CHECK(s.Run({"eval", "return redis.call('publish', 'a', 'x')", "0"}) == ":1");
  CHECK(s.Run({"eval", "return redis.call('subscribe', 'a')", "0"})
            .starts_with("-ERR This Redis command is not allowed from script"));
  CHECK(s.Run({"eval_ro", "return redis.call('publish', 'a', 'x')", "0"})
            .starts_with("-ERR Write commands are not allowed from read-only scripts."));
}

TEST_CASE("PUBSUB tells who listens to what, and only while they do") {
  Session s;
  Client& client = s.server().AddClient();
  s.server().RunAs(client, {"subscribe", "news", "new"});
  s.server().RunAs(client, {"psubscribe", "n*"});
  s.server().RunAs(client, {"ssubscribe", "shard"});
  CHECK(s.Do("pubsub channels *s") == "[news]");
  CHECK(s.Do("pubsub shardchannels") == "[shard]");
  CHECK(s.Do("pubsub numsub news none") == "[news, :1, none, :0]");
  CHECK(s.Do("pubsub shardnumsub shard") == "[shard, :1]");
  CHECK(s.Do("pubsub numsub") == "[]");
  CHECK(s.Do("pubsub numpat") == ":1");
  CHECK(s.Do("pubsub channels a b") ==
        "-ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.");
  CHECK(s.Do("info stats").find("pubsub_channels:2\r\npubsub_patterns:1\r\npubsubshard_channels:1\r\n") !=
        std::string::npos);
  CHECK(s.Do("client list type pubsub").find(" flags=P db=0 sub=2 psub=1 ssub=1 ") != std::string::npos);
  s.server().server().RemoveClient(client);
  CHECK(s.Do("pubsub channels") == "[]");
  CHECK(s.Do("pubsub numpat") == ":0");
  CHECK(s.Do("publish news x") == ":0");
}

TEST_CASE("CLIENT KILL finds subscribers by their type") {
  Session s;
  FakeTransport subscriber("127.0.0.1:1", "127.0.0.1:2");
  FakeTransport other("127.0.0.1:3", "127.0.0.1:2");
  Client& client = s.server().server().AddClient(&subscriber);
  s.server().server().AddClient(&other);
  s.server().RunAs(client, {"ssubscribe", "a"});
  CHECK(s.Do("client kill type pubsub") == ":1");
  CHECK(subscriber.closed);
  CHECK_FALSE(other.closed);
}

TEST_CASE("A message is no effect: it makes nothing dirty and fails no EXEC") {
  Session s;
  Client& watcher = s.server().AddClient();
  s.server().RunAs(watcher, {"watch", "k"});
  s.Do("spublish k x");
  CHECK(s.EffectsOf("publish k x").empty());
  CHECK(s.server().server().dirty() == 0);
  s.server().RunAs(watcher, {"multi"});
  CHECK(s.server().RunAs(watcher, {"exec"}) == "*0\r\n");
}

}  // namespace chestbox::testing
