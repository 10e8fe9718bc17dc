// Full and partial synchronizations as a replica's connection sees them.
#include <string>

#include "server/background_save.h"
#include "server/blocked_clients.h"
#include "server/dispatcher.h"
#include "server/replication/replication.h"
#include "tests/unit/commands/session.h"
#include "tests/unit/server_commands/fake_transport.h"

namespace chestbox::testing {
namespace {

using State = Replica::State;

// A connection that replicates; what it is sent stays in its reply buffer.
struct Follower {
  explicit Follower(Session& session) : server(session.server()), client(server.server().AddClient(&transport)) {}

  ~Follower() { server.server().RemoveClient(client); }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  void Say(const std::vector<std::string_view>& args) { server.server().dispatcher().Execute(client, args); }
  std::string Take() {
    const std::string text(client.output.view());
    client.output.Clear();
    return text;
  }
  void PSync(std::string_view id = "?", std::string_view offset = "-1") {
    Say({"replconf", "capa", "psync2"});
    Take();
    Say({"psync", id, offset});
  }
  // The save ends, and the file is sent.
  void Receive() {
    server.host().RunUntil([&] { return transport.on_file_sent != nullptr; });
    CHECK(client.replica->state == State::kReceivesFile);
    transport.on_file_sent();
  }

  TestServer& server;
  FakeTransport transport{"10.0.0.7:40000", "127.0.0.1:6379"};
  Client& client;
};

std::string Encoded(std::initializer_list<std::string_view> words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (std::string_view word : words) text += "$" + std::to_string(word.size()) + "\r\n" + std::string(word) + "\r\n";
  return text;
}

Replication& ReplicationOf(Session& s) { return s.server().server().replication(); }

TEST_CASE("A full synchronization is the handshake, the file, and what was written since") {
  Session s;
  s.Do("set a 1");
  Follower replica(s);
  replica.PSync();
  CHECK(replica.transport.holds_replies);
  CHECK(replica.transport.sent_ahead == "+FULLRESYNC " + ReplicationOf(s).id() + " 0\r\n");
  CHECK(replica.client.replica->state == State::kWaitsForFile);
  CHECK(s.Do("client list type replica").find(" flags=S ") != std::string::npos);
  s.Do("set b 2");
  s.Do("set c 3");
  const std::string stream = Encoded({"SELECT", "0"}) + Encoded({"SET", "b", "2"}) + Encoded({"SET", "c", "3"});
  CHECK(ReplicationOf(s).offset() == stream.size());
  CHECK(s.Do("role") == "[master, :" + std::to_string(stream.size()) + ", []]");
  replica.Receive();
  CHECK(replica.transport.sent_ahead.ends_with("\r\n"));
  CHECK(replica.client.replica->state == State::kOnline);
  CHECK(replica.Take() == stream);
  replica.Say({"replconf", "ack", std::to_string(stream.size())});
  CHECK(replica.Take().empty());
  CHECK(s.Do("role") ==
        "[master, :" + std::to_string(stream.size()) + ", [[10.0.0.7, 0, " + std::to_string(stream.size()) + "]]]");
  CHECK_FALSE(replica.transport.closed);
}

TEST_CASE("A replica that comes while another one's save runs gets the same file and the same stream") {
  Session s;
  Follower first(s);
  first.PSync();
  s.Do("set a 1");
  Follower second(s);
  second.PSync();
  CHECK(second.transport.sent_ahead == first.transport.sent_ahead);
  s.Do("set b 2");
  first.Receive();
  second.Receive();
  CHECK(first.client.output.view() == second.client.output.view());
  Follower third(s);  // too late for that save
  third.Say({"sync"});
  CHECK(third.transport.sent_ahead.empty());
  s.Do("set c 3");
  third.Receive();
  CHECK(third.transport.sent_ahead.starts_with("$"));
  CHECK(third.Take() == Encoded({"SELECT", "0"}) + Encoded({"SET", "c", "3"}));
}

TEST_CASE("A replica that wants the file alone gets nothing else, and is closed") {
  Session s;
  Follower replica(s);
  replica.Say({"replconf", "rdb-only", "1"});
  replica.Take();
  replica.Say({"sync"});
  s.Do("set a 1");
  replica.server.host().RunUntil([&] { return replica.transport.on_file_sent != nullptr; });
  CHECK(replica.Take().empty());
  replica.transport.on_file_sent();
  CHECK(replica.transport.closed);
}

TEST_CASE("When the save fails, the replica is cut") {
  Session s;
  Follower replica(s);
  replica.PSync();
  s.server().server().background_save().Cancel();
  CHECK(replica.transport.closed);
}

TEST_CASE("PSYNC goes on where the backlog has everything") {
  Session s;
  Follower replica(s);
  replica.PSync();
  replica.Receive();
  s.Do("set a 1");
  const uint64_t there = ReplicationOf(s).offset();
  const std::string id = ReplicationOf(s).id();
  s.Do("set b 2");
  Follower resumed(s);
  resumed.PSync(id, std::to_string(there + 1));
  CHECK(resumed.Take() == "+CONTINUE " + id + "\r\n" + Encoded({"SET", "b", "2"}));
  CHECK(resumed.client.replica->state == State::kOnline);
  CHECK_FALSE(resumed.transport.holds_replies);
  s.Do("set c 3");
  CHECK(resumed.Take() == Encoded({"SET", "c", "3"}));

  const auto [asked_id, asked_offset] = GENERATE_REF(table<std::string, int64_t>({
      {std::string(40, 'f'), 1},
      {id, static_cast<int64_t>(ReplicationOf(s).offset()) + 2},
      {id, 0},
      {id, -1},
      {id, INT64_MIN},
      {id, INT64_MAX},
      {"", 1},
  }));
  Follower refused(s);
  refused.PSync(asked_id, std::to_string(asked_offset));
  CHECK(refused.transport.sent_ahead.starts_with("+FULLRESYNC " + id + " "));
  refused.Receive();
}

TEST_CASE("WAIT is over when enough replicas have acknowledged what the client wrote") {
  Session s;
  Follower one(s);
  Follower two(s);
  one.PSync();
  two.PSync();
  one.Receive();
  two.Receive();
  Client& writer = s.server().AddClient();
  s.server().RunAs(writer, {"set", "a", "1"});
  const std::string offset = std::to_string(ReplicationOf(s).offset());
  CHECK(s.server().RunAs(writer, {"wait", "2", "0"}).empty());
  one.Take();
  s.server().host().RunPosted();
  CHECK(one.Take() == Encoded({"REPLCONF", "GETACK", "*"}));
  one.Say({"replconf", "ack", offset});
  s.server().host().RunPosted();
  CHECK(writer.blocked != nullptr);
  CHECK(one.Take().empty());  // it is not asked again and again
  two.Say({"replconf", "ack", std::to_string(ReplicationOf(s).offset() - 100)});
  two.Say({"replconf", "ack", offset});
  s.server().host().RunPosted();
  CHECK(writer.blocked == nullptr);
  CHECK(writer.output.view() == ":2\r\n");
}

TEST_CASE("Without replicas and a backlog nobody listens to effects; a new backlog is a new history") {
  Session s("repl-backlog-ttl 1\n");
  const std::string before = ReplicationOf(s).id();
  s.Do("set a 1");
  CHECK(ReplicationOf(s).offset() == 0);
  {
    Follower replica(s);
    replica.PSync();
    replica.Receive();
    CHECK(ReplicationOf(s).id() != before);
  }
  const std::string id = ReplicationOf(s).id();
  s.Do("set a 2");
  const uint64_t offset = ReplicationOf(s).offset();
  CHECK(offset != 0);
  s.Advance(5000);
  s.server().server().Cron();
  CHECK_FALSE(ReplicationOf(s).backlog());
  CHECK(ReplicationOf(s).id() != id);
  s.Do("set a 3");
  CHECK(ReplicationOf(s).offset() == offset);
}

TEST_CASE("A replica that falls silent is cut after repl-timeout, one that came by SYNC is not") {
  Session s("repl-timeout 5\n");
  Follower talks(s);
  Follower silent(s);
  Follower old(s);
  talks.PSync();
  silent.PSync();
  old.Say({"sync"});
  talks.Receive();
  silent.Receive();
  old.Receive();
  s.Advance(6000);
  talks.Say({"replconf", "ack", "0"});
  s.server().server().Cron();
  CHECK_FALSE(talks.transport.closed);
  CHECK(silent.transport.closed);
  CHECK_FALSE(old.transport.closed);
  CHECK(talks.Take().ends_with(Encoded({"PING"})) == false);  // every ten seconds
  s.Advance(5000);
  s.server().server().Cron();
  CHECK(talks.Take().ends_with(Encoded({"PING"})));
}

}  // namespace
}  // namespace chestbox::testing
