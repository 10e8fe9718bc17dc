// Blocking, with commands of our own over strings: TAKE and its kin do what BLPOP, BLMOVE and XREADGROUP do with lists
// and streams, and with as little around it as can be.
#include "server/blocked_clients.h"

#include <cstdlib>

#include "server/commands/lookup.h"
#include "server/dispatcher.h"
#include "tests/unit/server/test_server.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

// TAKE key … timeout -> key and value, and the key is gone
Result<void> Take(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto deadline_ms = ParseBlockTimeout(ctx, args.back());
  if (!deadline_ms) return deadline_ms.error();
  const Args keys = args.subspan(1, args.size() - 2);
  for (std::string_view key : keys) {
    auto state = OnlyString(StateToChange(ctx, key));
    if (!state) return state.error();
    if (!*state) continue;
    reply.Array(2);
    reply.Bulk(key);
    reply.Bulk((*state)->value);
    ctx.keys.Erase(ctx.db, key);
    ctx.Effect({"DEL", key});
    return {};
  }
  return ctx.Block({.keys = keys, .type = ValueType::kString, .deadline_ms = *deadline_ms});
}

// PASS from to timeout -> the value, which moves on
Result<void> Pass(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto deadline_ms = ParseBlockTimeout(ctx, args[3]);
  if (!deadline_ms) return deadline_ms.error();
  auto state = StateToChange(ctx, args[1]);
  if (!state) {
    return ctx.Block({.keys = args.subspan(1, 1),
                      .type = ValueType::kString,
                      .deadline_ms = *deadline_ms,
                      .on_timeout = [](ReplyWriter& timed_out) { timed_out.Null(); }});
  }
  reply.Bulk(state->value);
  if (auto renamed = ctx.keys.Rename(ctx.db, args[1], ctx.db, args[2]); !renamed) return renamed;
  ctx.Effect({"RENAME", args[1], args[2]});
  return {};
}

// ABOVE key number -> the value once it is above the number; an error once the key is gone
Result<void> Above(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto state = OnlyString(ReadState(ctx, args[1]));
  if (!state) return state.error();
  if (*state && std::atoi(std::string((*state)->value).c_str()) > std::atoi(std::string(args[2]).c_str())) {
    reply.Bulk((*state)->value);
    return {};
  }
  return ctx.Block({.keys = args.subspan(1, 1), .type = ValueType::kString, .gone_error = "UNBLOCKED it is gone"});
}

constexpr CommandSpec kBlockingCommands[] = {
    {.name = "take", .run = Take, .arity = -3, .flags = kWrite | kBlocking, .keys = {{1, -2, 1, kKeyRW}}},
    {.name = "pass", .run = Pass, .arity = 4, .flags = kWrite | kBlocking, .keys = {{1, 2, 1, kKeyRW}}},
    {.name = "above", .run = Above, .arity = 3, .flags = kReadOnly | kBlocking, .keys = {{1, 1, 1, kKeyRO}}},
};

class Blocking {
 public:
  explicit Blocking(std::string_view config = {}) : server_(config, ServerParts{.more_commands = kBlockingCommands}) {
    server_.server().dispatcher().set_on_resumed([this](Client& client) { resumed_.push_back(client.id); });
  }

  Client& Connect() { return server_.AddClient(); }
  // A client that was made to wait by this.
  Client& Wait(std::initializer_list<std::string_view> args, uint32_t db = 0) {
    Client& client = Connect();
    client.db = db;
    CHECK(server_.RunAs(client, args).empty());
    CHECK(client.is_waiting());
    return client;
  }
  // What a client was sent since the last time.
  static std::string Got(Client& client) {
    const std::string text(client.output.view());
    client.output.Clear();
    return text;
  }
  std::string Do(std::string_view line) { return server_.Do(line); }
  BlockedClients& blocked() { return server_.server().blocked(); }
  TestServer& test() { return server_; }
  std::vector<uint64_t> Resumed() {
    server_.host().RunPosted();
    return std::exchange(resumed_, {});
  }
  void Fire() { blocked().FireDeadlines(server_.keys().now_ms()); }

 private:
  TestServer server_;
  std::vector<uint64_t> resumed_;
};

TEST_CASE("A command that finds its key does not block") {
  Blocking b;
  b.Do("set k v");
  CHECK(b.Do("take a k 0") == "*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
  CHECK(b.blocked().clients() == 0);
}

TEST_CASE("A blocked client is served by the write to its key, and is resumed afterwards") {
  Blocking b;
  Client& waiter = b.Wait({"take", "a", "k", "0"});
  CHECK(b.blocked().clients() == 1);
  CHECK(b.blocked().keys() == 2);
  b.Do("set other v");
  CHECK(Blocking::Got(waiter).empty());
  b.test().effects().Take();
  CHECK(b.Do("set k v") == "+OK\r\n");
  CHECK_FALSE(waiter.is_waiting());
  CHECK(Blocking::Got(waiter) == "*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
  CHECK(b.test().effects().Take() == std::vector<std::string>{"0: SET k v", "0: DEL k"});
  CHECK(b.blocked().clients() == 0);
  CHECK(b.blocked().keys() == 0);
  CHECK(b.Resumed() == std::vector<uint64_t>{waiter.id});
}

TEST_CASE("Clients are served in the order in which they blocked, one for each element") {
  Blocking b;
  Client& first = b.Wait({"take", "k", "0"});
  Client& second = b.Wait({"take", "x", "k", "0"});
  Client& third = b.Wait({"take", "k", "0"});
  b.Do("set k 1");
  CHECK_FALSE(first.is_waiting());
  CHECK(second.is_waiting());
  b.Do("set k 2");
  CHECK_FALSE(second.is_waiting());
  CHECK(third.is_waiting());
  b.Do("set x 3");
  CHECK(third.is_waiting());
  b.Do("set k 4");
  CHECK(Blocking::Got(third) == "*2\r\n$1\r\nk\r\n$1\r\n4\r\n");
}

TEST_CASE("A chain of clients that feed each other resolves in one turn") {
  Blocking b;
  Client& last = b.Wait({"take", "c", "0"});
  Client& second = b.Wait({"pass", "b", "c", "0"});
  Client& first = b.Wait({"pass", "a", "b", "0"});
  b.Do("set a v");
  CHECK(Blocking::Got(first) == "$1\r\nv\r\n");
  CHECK(Blocking::Got(second) == "$1\r\nv\r\n");
  CHECK(Blocking::Got(last) == "*2\r\n$1\r\nc\r\n$1\r\nv\r\n");
  CHECK(b.Resumed() == std::vector<uint64_t>{first.id, second.id, last.id});
  CHECK(b.Do("dbsize") == ":0\r\n");
}

TEST_CASE("A key that appears under another name or in another way wakes as well") {
  Blocking b;
  b.Do("set src v");
  Client& renamed = b.Wait({"take", "k", "0"});
  b.Do("rename src k");
  CHECK_FALSE(renamed.is_waiting());
  b.Do("set src v");
  Client& copied = b.Wait({"take", "k", "0"});
  b.Do("copy src k");
  CHECK_FALSE(copied.is_waiting());
  Client& moved = b.Wait({"take", "src", "0"}, 3);
  b.Do("move src 3");
  CHECK_FALSE(moved.is_waiting());
  Client& swapped = b.Wait({"take", "k", "0"}, 5);
  b.Do("set k v");
  CHECK(swapped.is_waiting());
  b.Do("swapdb 0 5");
  CHECK_FALSE(swapped.is_waiting());
}

TEST_CASE("A client whose timeout has come gets its command's reply for that") {
  Blocking b;
  Client& first = b.Wait({"take", "k", "1.5"});
  Client& second = b.Wait({"pass", "k", "l", "0.001"});
  Client& forever = b.Wait({"take", "k", "0"});
  CHECK(b.blocked().clients_with_deadline() == 2);
  CHECK(b.test().host().alarm_at_ms() == b.blocked().next_deadline_ms());
  b.test().AdvanceClock(1);
  b.Fire();
  CHECK(Blocking::Got(second) == "$-1\r\n");
  CHECK(first.is_waiting());
  b.test().AdvanceClock(2000);
  b.Fire();
  CHECK(Blocking::Got(first) == "*-1\r\n");
  CHECK(forever.is_waiting());
  CHECK(b.blocked().clients_with_deadline() == 0);
  CHECK(b.Resumed() == std::vector<uint64_t>{second.id, first.id});
}

TEST_CASE("Timeouts are seconds with a fraction, and not negative") {
  Blocking b;
  CHECK(b.Do("take k x") == "-ERR timeout is not a float or out of range\r\n");
  CHECK(b.Do("take k -1") == "-ERR timeout is negative\r\n");
  CHECK(b.Do("take k -inf") == "-ERR timeout is negative\r\n");
  CHECK(b.Do("take k inf") == "-ERR timeout is out of range\r\n");
  CHECK(b.Do("take k 1e300") == "-ERR timeout is out of range\r\n");
}

TEST_CASE("A client that is gone is not served, and its place is another's") {
  Blocking b;
  Client& gone = b.Wait({"take", "k", "k", "9"});
  Client& next = b.Wait({"take", "k", "0"});
  b.test().server().RemoveClient(gone);
  CHECK(b.blocked().clients() == 1);
  CHECK(b.blocked().clients_with_deadline() == 0);
  b.Do("set k v");
  CHECK_FALSE(next.is_waiting());
}

TEST_CASE("CLIENT UNBLOCK ends the waiting as a timeout or with an error") {
  Blocking b;
  Client& first = b.Wait({"take", "k", "0"});
  Client& second = b.Wait({"take", "k", "10"});
  CHECK(b.Do("client unblock " + std::to_string(first.id)) == ":1\r\n");
  CHECK(Blocking::Got(first) == "*-1\r\n");
  CHECK(b.Do("client unblock " + std::to_string(first.id)) == ":0\r\n");
  CHECK(b.Do("client unblock " + std::to_string(second.id) + " error") == ":1\r\n");
  CHECK(Blocking::Got(second) == "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  CHECK(b.blocked().clients() == 0);
  CHECK(b.blocked().keys() == 0);
}

TEST_CASE("A command that is woken without work keeps its place and its deadline") {
  Blocking b;
  Client& first = b.Wait({"above", "k", "10"});
  Client& second = b.Wait({"above", "k", "5"});
  b.Do("set k 3");
  b.Do("incrby k 4");
  CHECK(first.is_waiting());
  CHECK(Blocking::Got(second) == "$1\r\n7\r\n");
  CHECK(Blocking::Got(first).empty());
  b.Do("incrby k 4");
  CHECK(Blocking::Got(first) == "$2\r\n11\r\n");
}

TEST_CASE("A client that depends on its key gets an error when that goes") {
  Blocking b;
  const std::string gone = "-UNBLOCKED it is gone\r\n";
  for (std::string_view command : {"del k", "flushdb", "flushall", "swapdb 0 1", "expire k -1"}) {
    b.Do("flushall");
    b.Do("set k 1");
    Client& client = b.Wait({"above", "k", "10"});
    Client& other = b.Wait({"take", "j", "0"});
    b.Do(command);
    CHECK(Blocking::Got(client) == gone);
    CHECK(other.is_waiting());
    b.test().server().RemoveClient(other);
  }
}

TEST_CASE("What a blocked client's pipeline has behind the command waits, and INFO and CLIENT LIST tell") {
  Blocking b;
  Client& waiter = b.Wait({"take", "k", "10"});
  const std::string info = b.Do("info clients");
  CHECK(info.find("\r\nblocked_clients:1\r\n") != std::string::npos);
  CHECK(info.find("\r\nclients_in_timeout_table:1\r\n") != std::string::npos);
  CHECK(info.find("\r\ntotal_blocking_keys:1\r\n") != std::string::npos);
  CHECK(b.Do("client list id " + std::to_string(waiter.id)).find(" flags=b ") != std::string::npos);
  CHECK(b.Resumed().empty());
}

TEST_CASE("A blocked client with CLIENT REPLY SKIP is woken without a reply") {
  Blocking b;
  Client& client = b.Connect();
  b.test().RunAs(client, {"client", "reply", "skip"});
  b.test().RunAs(client, {"take", "k", "0"});
  b.Do("set k v");
  CHECK_FALSE(client.is_waiting());
  CHECK(Blocking::Got(client).empty());
  CHECK(b.test().RunAs(client, {"ping"}) == "+PONG\r\n");
}

TEST_CASE("A woken command waits for swapped-out states first") {
  Blocking b("swap yes\n");
  b.Do("set dst old");
  Client& waiter = b.Wait({"pass", "k", "dst", "0"});
  b.test().host().RunUntil([&] { return b.Do("debug swapout dst") == "+OK\r\n" || true; });
  b.Do("set k v");
  b.test().host().RunUntil([&] { return !waiter.is_waiting(); });
  CHECK(Blocking::Got(waiter) == "$1\r\nv\r\n");
  CHECK(b.Do("get dst") == "$1\r\nv\r\n");
}

TEST_CASE("CLIENT PAUSE WRITE puts writes off, in order, and lets reads pass") {
  Blocking b;
  b.Do("set k 0");
  CHECK(b.Do("client pause 100000 write") == "+OK\r\n");
  Client& first = b.Wait({"append", "k", "1"});
  Client& second = b.Wait({"append", "k", "2"});
  CHECK(b.Do("get k") == "$1\r\n0\r\n");
  CHECK(b.Do("set k") == "-ERR wrong number of arguments for 'set' command\r\n");
  CHECK(b.Do("info clients").find("\r\nblocked_clients:2\r\n") != std::string::npos);
  CHECK(b.Do("client unblock " + std::to_string(first.id)) == ":0\r\n");
  CHECK(b.Do("client unpause") == "+OK\r\n");
  b.test().host().RunPosted();
  CHECK(b.Resumed() == std::vector<uint64_t>{first.id, second.id});
  CHECK(Blocking::Got(second) == ":3\r\n");
  CHECK(b.Do("get k") == "$3\r\n012\r\n");
}

TEST_CASE("CLIENT PAUSE ends by itself, and keeps expired keys meanwhile") {
  Blocking b;
  b.Do("set k v px 50");
  CHECK(b.Do("client pause 1000 write") == "+OK\r\n");
  CHECK(b.Do("client pause 10 write") == "+OK\r\n");  // the longer end holds
  b.test().AdvanceClock(60);
  b.test().effects().Take();
  CHECK(b.Do("get k") == "$-1\r\n");
  CHECK(b.Do("dbsize") == ":1\r\n");
  CHECK(b.test().effects().Take().empty());
  Client& writer = b.Wait({"set", "j", "v"});
  CHECK(b.test().host().alarm_at_ms() != 0);
  b.test().AdvanceClock(1000);
  b.test().server().OnAlarm();
  b.test().host().RunUntil([&] { return !writer.is_waiting(); });
  CHECK(b.Do("get k") == "$-1\r\n");
  CHECK(b.Do("dbsize") == ":1\r\n");
}

TEST_CASE("CLIENT PAUSE refuses what it does not understand") {
  Blocking b;
  CHECK(b.Do("client pause x") == "-ERR timeout is not an integer or out of range\r\n");
  CHECK(b.Do("client pause -1") == "-ERR timeout is negative\r\n");
  CHECK(b.Do("client pause 10 some") == "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
  CHECK(b.Do("client pause 0") == "+OK\r\n");
  CHECK(b.Do("set k v") == "+OK\r\n");
}

}  // namespace
}  // namespace chestbox::testing
