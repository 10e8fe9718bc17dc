#include <string>

#include "server/blocked_clients.h"
#include "server/dispatcher.h"
#include "server/replication/replication.h"
#include "tests/unit/commands/session.h"
#include "tests/unit/server_commands/fake_transport.h"

namespace chestbox::testing {
namespace {

// A server and a connection that means to replicate it.
struct Lab {
  explicit Lab(std::string_view config = {}) : session(config) {}

  std::string Say(std::initializer_list<std::string_view> args) {
    const std::string reply = session.server().RunAs(client, args);
    return reply.empty() ? "" : Session::Text(reply);
  }
  Replication& replication() { return session.server().server().replication(); }

  Session session;
  FakeTransport transport{"10.0.0.7:40000", "127.0.0.1:6379"};
  Client& client = session.server().server().AddClient(&transport);
};

TEST_CASE("REPLCONF takes what a replica says about itself, and nothing else") {
  Lab lab;
  CHECK(lab.Say({"replconf"}) == "+OK");
  CHECK(lab.Say({"replconf", "listening-port", "6380", "capa", "eof", "capa", "psync2", "capa", "flying"}) == "+OK");
  CHECK(lab.client.replica->listening_port == 6380);
  CHECK(lab.client.replica->knows_eof);
  CHECK(lab.client.replica->knows_psync2);
  CHECK(lab.Say({"replconf", "ip-address", "replica.local"}) == "+OK");
  CHECK(Replication::AddressOf(lab.client) == "replica.local");
  CHECK(lab.Say({"replconf", "rdb-only", "1"}) == "+OK");
  CHECK(lab.Say({"replconf", "rdb-filter-only", "functions"}) == "+OK");
  CHECK(lab.client.replica->is_filtered);

  CHECK(lab.Say({"replconf", "listening-port"}) == "-ERR syntax error");
  CHECK(lab.Say({"replconf", "listening-port", "x"}) == "-ERR value is not an integer or out of range");
  CHECK(lab.Say({"replconf", "ip-address", std::string(256, 'a')}) ==
        "-ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes");
  CHECK(lab.Say({"replconf", "rdb-only", "2"}) == "-ERR value is out of range, value must between 0 and 1");
  CHECK(lab.Say({"replconf", "rdb-filter-only", "keys"}) == "-ERR Unsupported rdb-filter-only option: keys");
  CHECK(lab.Say({"replconf", "rdb-filter-only", "\"unbalanced"}) == "-ERR Missing rdb-filter-only values");
  CHECK(lab.Say({"replconf", "speed", "1"}) == "-ERR Unrecognized REPLCONF option: speed");
  // Of somebody who is no replica, these mean nothing; they are never answered.
  CHECK(lab.Say({"replconf", "ack", "17"}).empty());
  CHECK(lab.Say({"replconf", "ack", "x"}).empty());
  CHECK(lab.Say({"replconf", "getack", "*"}).empty());
  CHECK_FALSE(lab.client.is_replica);
}

TEST_CASE("SYNC and PSYNC refuse what cannot work") {
  Lab lab;
  CHECK(lab.Say({"psync", "?", "x"}) == "-ERR value is not an integer or out of range");
  CHECK(lab.Say({"psync", "?", "-1", "failover"}) == "-ERR PSYNC FAILOVER can't be sent to a master.");
  CHECK(lab.session.Do("sync") == "-ERR SYNC and PSYNC need a connection");
  CHECK(lab.Say({"replconf", "rdb-filter-only", "functions"}) == "+OK");
  CHECK(lab.Say({"sync"}) == "-ERR Filtered replica requires EOF capability");
  CHECK(lab.Say({"replconf", "capa", "eof"}) == "+OK");
  CHECK(lab.Say({"psync", "?", "-1"}) ==
        "-ERR Filtered replicas are not supported yet: the file always has everything");
  CHECK_FALSE(lab.client.is_replica);
  lab.client.output.Clear();
  lab.client.output.Append("+what waits to be sent\r\n");
  Client& other = lab.client;
  const std::string_view sync[] = {"sync"};
  other.replica.reset();
  lab.session.server().server().dispatcher().Execute(other, sync);
  CHECK(std::string(other.output.view()) ==
        "+what waits to be sent\r\n-ERR SYNC and PSYNC are invalid with pending output\r\n");
  CHECK(lab.replication().replicas().empty());
  CHECK_FALSE(lab.replication().backlog());
}

TEST_CASE("A master without replicas says so, and WAIT for none is over at once") {
  Session s;
  CHECK(s.Do("role") == "[master, :0, []]");
  CHECK(s.Do("wait 0 0") == ":0");
  CHECK(s.Do("wait -1 10") == ":0");
  CHECK(s.Do("wait x 0") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("wait 1 x") == "-ERR timeout is not an integer or out of range");
  CHECK(s.Do("wait 1 -1") == "-ERR timeout is negative");
  s.Do("multi");
  s.Do("wait 1 0");
  CHECK(s.Do("exec") == "[:0]");
}

TEST_CASE("WAIT for replicas that are not there ends with its timeout") {
  Session s;
  Client& waiting = s.server().AddClient();
  CHECK(s.server().RunAs(waiting, {"wait", "1", "100"}).empty());
  CHECK(waiting.blocked != nullptr);
  s.Advance(101);
  s.server().server().OnAlarm();
  CHECK(waiting.blocked == nullptr);
  CHECK(waiting.output.view() == ":0\r\n");
}

TEST_CASE("REPLICAOF NO ONE changes nothing, and a master there is none") {
  Session s;
  CHECK(s.Do("replicaof no ONE") == "+OK");
  CHECK(s.Do("slaveof NO one") == "+OK");
  CHECK(s.Do("replicaof localhost x") == "-ERR Invalid master port");
  CHECK(s.Do("replicaof localhost 65536") == "-ERR Invalid master port");
  CHECK(s.Do("replicaof localhost 6379") == "-ERR This server can't be a replica of another one yet, only a master");
  CHECK(s.Do("role") == "[master, :0, []]");
}

TEST_CASE("min-replicas-to-write refuses writes, in scripts and transactions as well, and reads nothing of it") {
  Session s("min-replicas-to-write 1\n");
  const std::string refused = "-NOREPLICAS Not enough good replicas to write.";
  CHECK(s.Do("set a b") == refused);
  CHECK(s.Do("get a") == "nil");
  CHECK(s.Run({"eval", "return redis.call('get', 'a')", "0"}) == "nil");
  CHECK(s.Run({"eval", "return redis.pcall('set', 'a', 'b')", "0"}) == refused);
  CHECK(s.Do("multi") == "+OK");
  CHECK(s.Do("set a b") == refused);
  CHECK(s.Do("exec") == "-EXECABORT Transaction discarded because of previous errors.");
  CHECK(s.Do("config set min-replicas-to-write 0") == "+OK");
  CHECK(s.Do("multi") == "+OK");
  CHECK(s.Do("set a b") == "+QUEUED");
  CHECK(s.Do("config set min-replicas-to-write 1") == "+QUEUED");
  CHECK(s.Do("exec") == "[+OK, +OK]");
  CHECK(s.Do("config set min-replicas-max-lag 0") == "+OK");
  CHECK(s.Do("set a c") == "+OK");
}

}  // namespace
}  // namespace chestbox::testing
