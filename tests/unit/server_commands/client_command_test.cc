#include <regex>

#include "tests/unit/commands/session.h"
#include "tests/unit/server_commands/fake_transport.h"

namespace chestbox::testing {
namespace {

TEST_CASE("A client knows its number, names itself, and tells about its library") {
  Session s;
  CHECK(s.Do("client id") == ":1");
  CHECK(s.Do("client getname") == "nil");
  CHECK(s.Do("client setname worker-1") == "+OK");
  CHECK(s.Do("client getname") == "worker-1");
  CHECK(s.Run({"client", "setname", "two words"}) ==
        "-ERR Client names cannot contain spaces, newlines or special characters.");
  CHECK(s.Do("client getname") == "worker-1");
  CHECK(s.Run({"client", "setname", ""}) == "+OK");
  CHECK(s.Do("client getname") == "nil");
  CHECK(s.Do("client setinfo lib-name redis-py(x)") == "+OK");
  CHECK(s.Do("client setinfo LIB-VER 5.0.1") == "+OK");
  CHECK(s.Run({"client", "setinfo", "lib-name", "a b"}) ==
        "-ERR lib-name cannot contain spaces, newlines or special characters.");
  CHECK(s.Do("client setinfo foo bar") == "-ERR Unrecognized option 'foo'");
  const std::string info = s.Do("client info");
  CHECK(info.ends_with(" lib-name=redis-py(x) lib-ver=5.0.1\n"));
}

TEST_CASE("CLIENT LIST has the fields of Redis 7.2 in its order") {
  Session s;
  FakeTransport transport("127.0.0.1:40000", "127.0.0.1:6379");
  Client& client = s.server().server().AddClient(&transport);
  s.server().RunAs(client, {"client", "setname", "me"});
  s.Advance(3500);
  const std::string line = s.Do("client list id " + std::to_string(client.id));
  const std::string capacity = std::to_string(client.output.capacity());
  const std::string total = std::to_string(sizeof(Client) + 26 + 16358 + client.output.capacity());
  INFO(line);
  // At least the 3.5 s that the clock was moved by.
  const std::string seconds = "([3-9]|[0-9]{2,})";
  CHECK(std::regex_match(
      line,
      std::regex("id=2 addr=127.0.0.1:40000 laddr=127.0.0.1:6379 fd=8 name=me age=" + seconds + " idle=" + seconds +
                 " flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=26 qbuf-free=16358 argv-mem=0 multi-mem=0 rbs=" +
                 capacity + " rbp=" + capacity + " obl=0 oll=0 omem=0 tot-mem=" + total +
                 " events=r cmd=client\\|setname user=default redir=-1 resp=2 lib-name= lib-ver=\n")));
}

TEST_CASE("CLIENT LIST finds clients by type and number") {
  Session s;
  s.server().AddClient();
  const auto lines = [&](std::string_view command) {
    const std::string text = s.Do(command);
    return std::count(text.begin(), text.end(), '\n');
  };
  CHECK(lines("client list") == 2);
  CHECK(lines("client list type normal") == 2);
  CHECK(lines("client list type PUBSUB") == 0);
  CHECK(lines("client list id 2") == 1);
  CHECK(lines("client list id 2 1 77") == 2);
  CHECK(s.Do("client list type foo") == "-ERR Unknown client type 'foo'");
  CHECK(s.Do("client list id x") == "-ERR Invalid client ID");
  CHECK(s.Do("client list id") == "-ERR syntax error");
  CHECK(s.Do("client list foo") == "-ERR syntax error");
  CHECK(s.Do("client list").find("cmd=NULL") != std::string::npos);
}

TEST_CASE("CLIENT KILL closes what fits all its filters") {
  Session s;
  FakeTransport first("127.0.0.1:4001", "127.0.0.1:6379");
  FakeTransport second("127.0.0.1:4002", "127.0.0.1:6379");
  s.server().server().AddClient(&first);
  s.server().server().AddClient(&second);
  CHECK(s.Do("client kill 127.0.0.1:9999") == "-ERR No such client");
  CHECK(s.Do("client kill addr 127.0.0.1:4002 id 2") == ":0");
  CHECK(s.Do("client kill addr 127.0.0.1:4002 id 3 type normal user default") == ":1");
  CHECK(second.closed);
  CHECK_FALSE(first.closed);
  CHECK(s.Do("client kill type pubsub") == ":0");
  CHECK(s.Do("client kill 127.0.0.1:4001") == "+OK");
  CHECK(first.closed);
  CHECK(s.Do("client kill id 1") == ":0");
  CHECK_FALSE(s.server().client().close_after_reply);
  CHECK(s.Do("client kill id 1 skipme no") == ":1");
  CHECK(s.server().client().close_after_reply);
}

TEST_CASE("CLIENT KILL refuses what it does not understand") {
  Session s;
  CHECK(s.Do("client kill id 0") == "-ERR client-id should be greater than 0");
  CHECK(s.Do("client kill id x") == "-ERR client-id should be greater than 0");
  CHECK(s.Do("client kill type foo") == "-ERR Unknown client type 'foo'");
  CHECK(s.Do("client kill user nobody") == "-ERR No such user 'nobody'");
  CHECK(s.Do("client kill skipme maybe") == "-ERR syntax error");
  CHECK(s.Do("client kill id 1 addr") == "-ERR syntax error");
  CHECK(s.Do("client kill") == "-ERR wrong number of arguments for 'client|kill' command");
}

TEST_CASE("CLIENT REPLY switches replies off, skips one, and switches them on") {
  Session s;
  CHECK(s.server().Do("client reply skip").empty());
  CHECK(s.server().Do("set k v").empty());
  CHECK(s.server().Do("get k") == "$1\r\nv\r\n");
  CHECK(s.server().Do("client reply skip").empty());
  CHECK(s.server().Do("nosuch").empty());
  CHECK(s.server().Do("ping") == "+PONG\r\n");
  CHECK(s.server().Do("client reply off").empty());
  CHECK(s.server().Do("get k").empty());
  CHECK(s.server().Do("nosuch").empty());
  CHECK(s.server().Do("client reply skip").empty());
  CHECK(s.server().Do("get k").empty());
  CHECK(s.server().Do("client reply on") == "+OK\r\n");
  CHECK(s.server().Do("client reply foo") == "-ERR syntax error\r\n");
}

TEST_CASE("Switches of a session are in its flags") {
  Session s;
  CHECK(s.Do("client info").find(" flags=N ") != std::string::npos);
  CHECK(s.Do("client no-evict on") == "+OK");
  CHECK(s.Do("client no-touch ON") == "+OK");
  CHECK(s.Do("client info").find(" flags=eT ") != std::string::npos);
  CHECK(s.Do("client no-touch maybe") == "-ERR syntax error");
  CHECK(s.Do("client no-touch off") == "+OK");
  CHECK(s.Do("client info").find(" flags=e ") != std::string::npos);
}

TEST_CASE("Nobody tracks or redirects yet, and who is not blocked is not unblocked") {
  Session s;
  CHECK(s.Do("client getredir") == ":-1");
  CHECK(s.Do("client trackinginfo") == "[flags, [off], redirect, :-1, prefixes, []]");
  CHECK(s.Do("client unblock 1") == ":0");
  CHECK(s.Do("client unblock 99 error") == ":0");
  CHECK(s.Do("client unblock x") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("client unblock 1 foo") == "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
}

}  // namespace
}  // namespace chestbox::testing
