#include "protocol/shm/layout.h"
#include "server/arena/arena_allocator.h"
#include "server/dispatcher.h"
#include "server/swapper.h"
#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("MULTI queues what follows, and EXEC runs it all") {
  Session s;
  CHECK(s.Do("multi") == "+OK");
  CHECK(s.Do("set k 1") == "+QUEUED");
  CHECK(s.Do("incr k") == "+QUEUED");
  CHECK(s.Do("get k") == "+QUEUED");
  CHECK(s.Do("exec") == "[+OK, :2, 2]");
  CHECK(s.Do("get k") == "2");
  CHECK(s.Do("multi") == "+OK");
  CHECK(s.Do("exec") == "[]");
}

TEST_CASE("DISCARD forgets what was queued") {
  Session s;
  CHECK(s.Do("multi") == "+OK");
  CHECK(s.Do("set k 1") == "+QUEUED");
  CHECK(s.Do("discard") == "+OK");
  CHECK(s.Do("get k") == "nil");
}

TEST_CASE("Transaction commands at the wrong moment are errors that leave the transaction as it is") {
  Session s;
  CHECK(s.Do("exec") == "-ERR EXEC without MULTI");
  CHECK(s.Do("discard") == "-ERR DISCARD without MULTI");
  CHECK(s.Do("unwatch") == "+OK");
  s.Do("multi");
  CHECK(s.Do("multi") == "-ERR MULTI calls can not be nested");
  CHECK(s.Do("watch k") == "-ERR WATCH inside MULTI is not allowed");
  CHECK(s.Do("ping") == "+QUEUED");
  CHECK(s.Do("exec") == "[+PONG]");
}

TEST_CASE("A command that is refused while it is queued makes EXEC refuse all") {
  const std::string aborted = "-EXECABORT Transaction discarded because of previous errors.";
  Session s;
  for (std::string_view refused : {"nosuch", "get", "client nosuch", "shutdown"}) {
    s.Do("multi");
    CHECK(s.Do("set k 1") == "+QUEUED");
    CHECK(s.Do(refused)[0] == '-');
    CHECK(s.Do("set k 2") == "+QUEUED");
    CHECK(s.Do("exec") == aborted);
    CHECK(s.Do("get k") == "nil");
  }
  s.Do("multi");
  CHECK(s.Do("shutdown") == "-ERR Command not allowed inside a transaction");
  CHECK(s.Do("discard") == "+OK");
}

TEST_CASE("An EXEC that is refused itself ends the transaction") {
  Session s;
  s.Do("multi");
  CHECK(s.Do("exec now") ==
        "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command");
  CHECK(s.Do("exec") == "-ERR EXEC without MULTI");
}

TEST_CASE("A command that fails in EXEC does not keep the others from running") {
  Session s;
  s.Do("set text x");
  s.Do("multi");
  s.Do("set k 1");
  s.Do("incr text");
  s.Do("incr k");
  CHECK(s.Do("exec") == "[+OK, -ERR value is not an integer or out of range, :2]");
  CHECK(s.Do("info errorstats").find("errorstat_ERR:count=1") != std::string::npos);
  CHECK(s.Do("info commandstats").find("cmdstat_incr:calls=2,") != std::string::npos);
}

TEST_CASE("Without swapping, queueing and EXEC of writes are refused when memory is full, and of reads is not") {
  Session s;
  s.Do("set k v");
  s.Do("multi");
  CHECK(s.Do("get k") == "+QUEUED");
  Client& other = s.server().AddClient();
  s.server().RunAs(other, {"config", "set", "maxmemory", "1"});
  CHECK(s.Do("exec") == "[v]");
  s.Do("multi");
  CHECK(s.Do("get k") == "-OOM command not allowed when used memory > 'maxmemory'.");
  CHECK(s.Do("discard") == "+OK");
  s.server().RunAs(other, {"config", "set", "maxmemory", "0"});
  s.Do("multi");
  CHECK(s.Do("set k w") == "+QUEUED");
  s.server().RunAs(other, {"config", "set", "maxmemory", "1"});
  CHECK(s.Do("exec") ==
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.");
  CHECK(s.Do("get k") == "v");
}

TEST_CASE("A transaction is bounded as what a client sends in one go is") {
  Session s("client-query-buffer-limit 1mb\n");
  s.Do("multi");
  const std::string value(300 << 10, 'v');
  CHECK(s.Run({"set", "a", value}) == "+QUEUED");
  CHECK(s.Run({"set", "b", value}) == "+QUEUED");
  CHECK(s.Run({"set", "c", value}) == "+QUEUED");
  CHECK(s.Do("client list").empty() == false);
  CHECK(s.Run({"set", "d", value}) == "-ERR Transaction is larger than client-query-buffer-limit");
  CHECK(s.Do("exec") == "-EXECABORT Transaction discarded because of previous errors.");
}

TEST_CASE("CLIENT LIST tells of transactions") {
  Session s;
  Client& client = s.server().AddClient();
  const std::string list = "client list id " + std::to_string(client.id);
  CHECK(s.Do(list).find(" multi=-1 ") != std::string::npos);
  s.server().RunAs(client, {"watch", "k"});
  s.server().RunAs(client, {"multi"});
  s.server().RunAs(client, {"set", "k", "v"});
  CHECK(s.Do(list).find(" flags=x ") != std::string::npos);
  CHECK(s.Do(list).find(" multi=1 ") != std::string::npos);
  CHECK(s.Do(list).find(" multi-mem=0 ") == std::string::npos);
  s.Do("set k w");
  CHECK(s.Do(list).find(" flags=xd ") != std::string::npos);
}

TEST_CASE("RESET and the end of a session end a transaction and its watches") {
  Session s;
  s.Do("watch k");
  s.Do("multi");
  CHECK(s.Do("reset") == "+RESET");
  CHECK(s.Do("exec") == "-ERR EXEC without MULTI");
  Client& client = s.server().AddClient();
  s.server().RunAs(client, {"watch", "k"});
  s.server().server().RemoveClient(client);
  CHECK(s.Do("set k v") == "+OK");
}

TEST_CASE("CLIENT REPLY OFF and SKIP swallow the words of a transaction as any other's") {
  Session s;
  s.server().Do("client reply skip");
  CHECK(s.server().Do("multi").empty());
  CHECK(s.Do("ping") == "+QUEUED");
  CHECK(s.Do("exec") == "[+PONG]");
  CHECK(s.server().Do("client reply off").empty());
  CHECK(s.server().Do("multi").empty());
  CHECK(s.server().Do("nosuch").empty());
  CHECK(s.server().Do("exec").empty());
  CHECK(s.server().Do("client reply on") == "+OK\r\n");
  CHECK(s.Do("exec") == "-ERR EXEC without MULTI");
}

// ---- WATCH ----

class Watching {
 public:
  explicit Watching(std::string_view config = {}) : s_(config), other_(s_.server().AddClient()) {}
  std::string Do(std::string_view line) { return s_.Do(line); }
  std::string Other(std::initializer_list<std::string_view> args) {
    return Session::Text(s_.server().RunAs(other_, args));
  }
  std::string Exec() {
    s_.Do("multi");
    s_.Do("ping");
    return s_.Do("exec");
  }
  void Advance(int64_t ms) { s_.Advance(ms); }
  Session& session() { return s_; }

 private:
  Session s_;
  Client& other_;
};

const char kDone[] = "[+PONG]";
const char kNothing[] = "nil";

TEST_CASE("EXEC does nothing once a watched key has changed, and watches nothing afterwards") {
  Watching w;
  w.Do("watch a b c");
  CHECK(w.Exec() == kDone);
  w.Do("watch a b c");
  w.Other({"set", "b", "1"});
  CHECK(w.Exec() == kNothing);
  w.Other({"set", "b", "2"});
  CHECK(w.Exec() == kDone);
  w.Do("watch b");
  w.Other({"get", "b"});
  w.Other({"set", "other", "1"});
  w.Other({"del", "missing"});
  CHECK(w.Exec() == kDone);
  w.Do("watch b");
  w.Do("set b 3");  // its own change counts
  CHECK(w.Exec() == kNothing);
}

TEST_CASE("UNWATCH and DISCARD make a change forgotten") {
  Watching w;
  w.Do("watch a");
  w.Other({"set", "a", "1"});
  w.Do("unwatch");
  CHECK(w.Exec() == kDone);
  w.Do("watch a");
  w.Other({"set", "a", "2"});
  w.Do("multi");
  w.Do("discard");
  CHECK(w.Exec() == kDone);
}

TEST_CASE("A watched key may change by commands of two keys, of other databases, and by its expiry being set") {
  Watching w;
  w.Do("set src v");
  w.Do("watch dst");
  w.Other({"copy", "src", "dst"});
  CHECK(w.Exec() == kNothing);
  w.Do("watch src");
  w.Other({"rename", "src", "away"});
  CHECK(w.Exec() == kNothing);
  w.Do("select 1");
  w.Do("watch away");
  w.Other({"move", "away", "1"});
  CHECK(w.Exec() == kNothing);
  w.Do("watch away");
  w.Other({"set", "away", "of database 0"});
  CHECK(w.Exec() == kDone);
  w.Do("watch away");
  w.Do("expire away 100");
  CHECK(w.Exec() == kNothing);
  w.Do("select 0");
  w.Other({"set", "src", "v"});
  w.Do("watch src copied");
  w.Other({"copy", "src", "copied", "db", "1"});
  CHECK(w.Exec() == kDone);
  w.Do("select 1");
  w.Do("watch copied");
  w.Other({"copy", "src", "copied", "db", "1", "replace"});
  CHECK(w.Exec() == kNothing);
}

TEST_CASE("A watched key that has expired fails EXEC, and one that had expired before does not") {
  Watching w;
  w.Do("debug set-active-expire 0");
  w.Do("set k v px 100");
  w.Do("watch k");
  w.Advance(200);
  CHECK(w.Exec() == kNothing);
  w.Do("set k v px 100");
  w.Advance(200);
  w.Do("watch k");
  w.Other({"exists", "k"});
  CHECK(w.Exec() == kDone);
  w.Do("set k v px 100");
  w.Do("watch k");
  w.Advance(200);
  w.Other({"exists", "k"});
  CHECK(w.Exec() == kNothing);
}

TEST_CASE("Flushing touches watched keys that were there") {
  for (std::string_view flush : {"flushdb", "flushall"}) {
    Watching w;
    w.Do("watch k");
    w.Other({"set", "other", "v"});
    w.Other({flush});
    CHECK(w.Exec() == kDone);
    w.Do("set k v");
    w.Do("watch k");
    w.Other({flush});
    CHECK(w.Exec() == kNothing);
  }
}

TEST_CASE("SWAPDB touches watched keys that are there before or after") {
  Watching w;
  w.Do("watch k");
  w.Other({"swapdb", "0", "1"});
  CHECK(w.Exec() == kDone);
  w.Do("set k v");
  w.Do("watch k");
  w.Other({"swapdb", "0", "1"});
  CHECK(w.Exec() == kNothing);
  w.Do("watch k");
  w.Other({"swapdb", "0", "1"});
  CHECK(w.Exec() == kNothing);
  w.Do("watch k");
  w.Other({"swapdb", "2", "3"});
  CHECK(w.Exec() == kDone);
}

// ---- What others see ----

// Looks at the arena's versions between two commands of an EXEC.
class HalfwayLook final : public EffectListener {
 public:
  explicit HalfwayLook(Keyspace& keys) : keys_(keys) {}
  void OnEffect(const Effect& effect) override {
    if (effect.command[0] != "SET") return;
    looks.push_back(IsClosed("first"));
    times.push_back(keys_.now_ms());
  }
  bool IsClosed(std::string_view key) {
    const shm::SlotRef ref = keys_.index(keys_.Physical(0)).Find(key, keys_.HashOf(key));
    return ref && (ref.home->version.load() & 1) != 0;
  }
  std::vector<bool> looks;
  std::vector<int64_t> times;

 private:
  Keyspace& keys_;
};

TEST_CASE("What EXEC changes stays closed to readers until its end, and time stands still") {
  Session s;
  HalfwayLook look(s.server().keys());
  s.server().server().effects().Add(&look);
  s.Do("multi");
  s.Do("set first 1");
  for (int i = 0; i < 100; ++i) s.Do("set other" + std::to_string(i) + " 1");
  s.Do("debug sleep 0.005");
  s.Do("set last 1");
  s.Do("exec");
  s.server().server().effects().Remove(&look);
  CHECK(look.looks == std::vector<bool>(102, true));
  CHECK(look.times.front() == look.times.back());
  CHECK_FALSE(look.IsClosed("first"));
}

TEST_CASE("CLIENT PAUSE ALL tells co-located readers, and its end too") {
  Session s;
  const auto paused = [&] { return s.server().server().arena().header().reads_paused.load(); };
  s.Do("client pause 100000 write");
  CHECK(paused() == 0);
  s.Do("client pause 100000 all");
  CHECK(paused() == 1);
  Client& client = s.server().AddClient();
  CHECK(s.server().server().dispatcher().Execute(client, std::vector<std::string_view>{"get", "k"}) ==
        Dispatcher::Outcome::kBlocked);
  s.Advance(200000);
  s.server().server().OnAlarm();
  s.server().host().RunUntil([&] { return !client.is_waiting(); });
  CHECK(paused() == 0);
  CHECK(client.output.view() == "$-1\r\n");
}

TEST_CASE("A write in EXEC waits for the end of CLIENT PAUSE WRITE, a read does not") {
  Session s;
  Client& client = s.server().AddClient();
  const auto run = [&](std::initializer_list<std::string_view> args) { return s.server().RunAs(client, args); };
  run({"multi"});
  run({"get", "k"});
  s.Do("client pause 100000 write");
  CHECK(run({"exec"}) == "*1\r\n$-1\r\n");
  s.Do("client unpause");
  run({"multi"});
  run({"set", "k", "v"});
  s.Do("client pause 100000 write");
  CHECK(run({"exec"}).empty());
  s.Do("client unpause");
  s.server().host().RunUntil([&] { return !client.is_waiting(); });
  CHECK(client.output.view() == "*1\r\n+OK\r\n");
}

// ---- States that are not in memory ----

TEST_CASE("EXEC brings in all that its commands need, wherever SELECT and SWAPDB take them") {
  Session s("swap yes\n");
  const auto out = [&](std::string_view key) {
    const std::string line = "debug swapout " + std::string(key);
    s.server().host().RunUntil([&] {
      s.Do(line);
      return !s.server().server().swapper()->InMemory(s.server().client().db, key);
    });
  };
  s.Do("set a of-zero");
  s.Do("select 1");
  s.Do("set a of-one");
  s.Do("select 2");
  s.Do("set b of-two");
  s.Do("set watched w");
  out("b");
  out("watched");
  s.Do("select 1");
  out("a");
  s.Do("select 0");
  out("a");
  for (std::string_view line : {"multi", "get a", "select 1", "get a", "swapdb 1 2", "get b", "append b !",
                                "debug swapout b", "get b", "keys *", "select 2", "keys *", "dbsize"}) {
    s.Do(line);
  }
  const std::string replies = s.Do("exec");
  CHECK(replies.starts_with(
      "[of-zero, +OK, of-one, +OK, of-two, :7, -ERR the state cannot be swapped out now, of-two!, ["));
  CHECK(replies.ends_with("], +OK, [a], :1]"));
  CHECK(replies.find("watched") != std::string::npos);
}

}  // namespace
}  // namespace chestbox::testing
