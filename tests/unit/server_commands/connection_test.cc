#include "tests/unit/commands/session.h"
#include "tests/unit/server_commands/fake_transport.h"

namespace chestbox::testing {
namespace {

constexpr char kWrongPass[] = "-WRONGPASS invalid username-password pair or user is disabled.";

TEST_CASE("PING and ECHO answer with what they are given") {
  Session s;
  CHECK(s.Do("ping") == "+PONG");
  CHECK(s.Do("PING hello") == "hello");
  CHECK(s.Do("ping a b") == "-ERR wrong number of arguments for 'ping' command");
  CHECK(s.Run({"echo", "a\r\nb"}) == "a\r\nb");
  CHECK(s.Do("echo") == "-ERR wrong number of arguments for 'echo' command");
}

TEST_CASE("Unknown commands are named in the error, cut like Redis cuts them") {
  Session s;
  CHECK(s.Do("foo") == "-ERR unknown command 'foo', with args beginning with: ");
  CHECK(s.Do("foo a b") == "-ERR unknown command 'foo', with args beginning with: 'a' 'b' ");
  CHECK(s.Run({"f\r\no", std::string_view("a\0b", 3)}) ==
        "-ERR unknown command 'f  o', with args beginning with: 'a' ");
  const std::string longer(200, 'x');
  CHECK(s.Run({longer}) == "-ERR unknown command '" + longer.substr(0, 128) + "', with args beginning with: ");
  CHECK(s.Run({"foo", longer, "b"}) ==
        "-ERR unknown command 'foo', with args beginning with: '" + longer.substr(0, 128) + "' ");
  CHECK(s.Run({"foo", longer.substr(0, 120), "bcdef"}) ==
        "-ERR unknown command 'foo', with args beginning with: '" + longer.substr(0, 120) + "' 'bcdef' ");
  CHECK(s.Do("client foo") == "-ERR unknown subcommand 'foo'. Try CLIENT HELP.");
  CHECK(s.Do("command foo") == "-ERR unknown subcommand 'foo'. Try COMMAND HELP.");
  CHECK(s.Do("client") == "-ERR wrong number of arguments for 'client' command");
  CHECK(s.Do("client setname") == "-ERR wrong number of arguments for 'client|setname' command");
  CHECK(s.Do("client|list") == "-ERR unknown command 'client|list', with args beginning with: ");
}

TEST_CASE("rename-command renames and removes") {
  Session s(
      "rename-command get fetch\nrename-command debug \"\"\nrename-command CONFIG "
      "b840fc02d524045429941cc15f59e41cb7be6c52\n");
  CHECK(s.Do("get k") == "-ERR unknown command 'get', with args beginning with: 'k' ");
  CHECK(s.Do("FETCH k") == "nil");
  CHECK(s.Do("fetch") == "-ERR wrong number of arguments for 'get' command");
  CHECK(s.Do("debug sleep 0").starts_with("-ERR unknown command 'debug'"));
  CHECK(s.Do("b840fc02d524045429941cc15f59e41cb7be6c52 resetstat") == "+OK");
  CHECK(s.Do("command list filterby pattern debug") == "[]");
  CHECK(s.Do("command list filterby pattern get") == "[get]");
}

TEST_CASE("Without a password AUTH says so, and any password fits the default user") {
  Session s;
  CHECK(s.Do("auth x") ==
        "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is "
        "correct?");
  CHECK(s.Do("auth default x") == "+OK");
  CHECK(s.Do("auth somebody x") == kWrongPass);
  CHECK(s.Do("auth a b c") == "-ERR syntax error");
}

TEST_CASE("With a password nothing runs before it was given") {
  Session s("requirepass secret\n");
  CHECK(s.Do("get k") == "-NOAUTH Authentication required.");
  CHECK(s.Do("ping") == "-NOAUTH Authentication required.");
  CHECK(s.Do("get") == "-ERR wrong number of arguments for 'get' command");
  CHECK(s.Do("nosuch").starts_with("-ERR unknown command"));
  CHECK(s.Do("hello 3").starts_with("-NOAUTH HELLO must be called with the client already authenticated"));
  for (const char* wrong : {"auth wrong", "auth secre", "auth secrets", "auth secretsecret", "auth somebody secret",
                            "auth default wrong"}) {
    CHECK(s.Do(wrong) == kWrongPass);
    CHECK(s.Do("ping") == "-NOAUTH Authentication required.");
  }
  CHECK(s.Run({"auth", ""}) == kWrongPass);
  CHECK(s.server().server().stats().denied_auths == 7);
  CHECK(s.Do("auth secret") == "+OK");
  CHECK(s.Do("ping") == "+PONG");
  CHECK(s.Do("reset") == "+RESET");
  CHECK(s.Do("ping") == "-NOAUTH Authentication required.");
  CHECK(s.Do("hello 2 auth default wrong") == kWrongPass);
  CHECK(s.Do("hello 2 auth default secret setname me").starts_with("[server, redis, "));
  CHECK(s.Do("client getname") == "me");
}

TEST_CASE("HELLO switches the protocol and describes the server") {
  Session s;
  CHECK(s.Do("hello") ==
        "[server, redis, version, 7.2.4, proto, :2, id, :1, mode, standalone, role, master, modules, []]");
  CHECK(s.Do("hello 1") == "-NOPROTO unsupported protocol version");
  CHECK(s.Do("hello 4") == "-NOPROTO unsupported protocol version");
  CHECK(s.Do("hello x") == "-ERR Protocol version is not an integer or out of range");
  CHECK(s.Do("hello 3 nosuch") == "-ERR Syntax error in HELLO option 'nosuch'");
  CHECK(s.Do("hello 3 setname") == "-ERR Syntax error in HELLO option 'setname'");
  CHECK(s.Do("hello 3 auth x") == "-ERR Syntax error in HELLO option 'auth'");
  CHECK(s.server().Do("hello 3").starts_with("%7\r\n$6\r\nserver\r\n"));
  CHECK(s.server().Do("get nosuch") == "_\r\n");
  CHECK(s.server().Do("hello").starts_with("%7\r\n"));
  CHECK(s.server().Do("hello 2").starts_with("*14\r\n"));
}

TEST_CASE("RESET brings the session back to its beginning") {
  Session s;
  s.Do("hello 3 setname me");
  s.Do("select 5");
  s.Do("client no-touch on");
  s.Do("client no-evict on");
  CHECK(s.server().Do("reset") == "+RESET\r\n");
  Client& client = s.server().client();
  CHECK(client.db == 0);
  CHECK(client.name.empty());
  CHECK(client.protocol() == 2);
  CHECK_FALSE(client.no_touch);
  CHECK_FALSE(client.no_evict);
  s.server().Do("client reply off");
  CHECK(s.server().Do("reset") == "+RESET\r\n");
}

TEST_CASE("QUIT closes after its reply") {
  Session s;
  CHECK(s.Do("quit") == "+OK");
  CHECK(s.server().client().close_after_reply);
}

TEST_CASE("Only clients of this machine are local") {
  Session s("enable-debug-command local\n");
  FakeTransport loopback("127.0.0.1:4000", "127.0.0.1:6379");
  FakeTransport loopback6("[::1]:4000", "[::1]:6379");
  FakeTransport socket("/tmp/s:0", "/tmp/s:0", true);
  FakeTransport remote("127.0.0.10:4000", "10.0.0.1:6379");
  for (auto [transport, allowed] :
       {std::pair<FakeTransport*, bool>{&loopback, true}, {&loopback6, true}, {&socket, true}, {&remote, false}}) {
    Client& client = s.server().server().AddClient(transport);
    const std::string reply = s.server().RunAs(client, {"debug", "sleep", "0"});
    if (allowed) {
      CHECK(reply == "+OK\r\n");
    } else {
      CHECK(reply.starts_with(
          "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can"));
    }
  }
}

}  // namespace
}  // namespace chestbox::testing
