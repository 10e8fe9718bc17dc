// What a command is: one function and one row of its family's table. COMMAND, COMMAND DOCS, arity and key checks, ACL
// categories and INFO commandstats all derive from the row; nothing else knows a command's name.
//
//   // GET key -> bulk string, or null when the key does not exist.
//   Result<void> Get(CommandContext& ctx, Args args, resp::ReplyWriter& reply);
//
// A handler that returns an Error has written nothing (neither state nor reply); the dispatcher sends the error. One
// exception: a command of several elements (HSET, SADD, ZADD …) that meets a full memory in the middle returns -OOM,
// and what it had done by then stays, and was reported. Args include the command's name (args[0]), and the subcommand's
// (args[1]). They live until the handler returns. Executor thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/resp/reply_writer.h"
#include "protocol/resp/request_parser.h"
#include "protocol/result.h"
#include "protocol/shm/layout.h"

namespace chestbox {

class Server;
class Keyspace;
struct BlockRequest;
struct Client;
struct CommandSpec;

using resp::Args;
using resp::ReplyWriter;

struct CommandContext {
  Server& server;
  Client& client;
  Keyspace& keys;
  uint32_t db;     // the client's logical database
  int64_t now_ms;  // one `now` for the whole command, script or EXEC
  Args args = {};  // what is being executed, and its row
  const CommandSpec* spec = nullptr;
  bool may_block = false;  // false in EXEC and in scripts
  bool woken = false;      // executed again because a key may be ready

  // Waits for keys (blocked_clients.h). The handler returns what this returns and replies nothing.
  Result<void> Block(const BlockRequest& request);

  // Reports an effect (effects.h) of this command in the client's database, or in another one.
  void Effect(std::initializer_list<std::string_view> command);
  void EffectIn(uint32_t database, std::initializer_list<std::string_view> command);
  void Effect(std::span<const std::string_view> command);
};

using CommandFunction = Result<void> (*)(CommandContext& ctx, Args args, ReplyWriter& reply);

// Flags of a row, by Redis' meaning. Those with a name in COMMAND INFO are reported there (command_flag_names in
// command_table.cc).
enum CommandFlag : uint64_t {
  kWrite = 1 << 0,
  kReadOnly = 1 << 1,
  kDenyOom = 1 << 2,
  kAdmin = 1 << 3,
  kPubsub = 1 << 4,
  kNoScript = 1 << 5,
  kBlocking = 1 << 6,
  kLoading = 1 << 7,
  kStale = 1 << 8,
  kSkipMonitor = 1 << 9,
  kSkipSlowlog = 1 << 10,
  kFast = 1 << 11,
  kNoAuth = 1 << 12,
  kMayReplicate = 1 << 13,
  kNoMulti = 1 << 14,
  kMovableKeys = 1 << 15,
  kAllowBusy = 1 << 16,
  kNoAsyncLoading = 1 << 17,
  kProtected = 1 << 18,  // needs enable-debug-command and the like
  kNoMandatoryKeys = 1 << 19,
  kTouchesArbitraryKeys = 1 << 20,
  kNotQueued = 1 << 21,   // runs at once inside MULTI
  kRunsQueue = 1 << 22,   // EXEC: its effects are those of what was queued
  kRunsScript = 1 << 23,  // EVAL and its kin: what it may do is what its script says (scripting/scripts.h)
};

// ACL categories beyond those that follow from the flags (@read, @write, @fast, @slow, @admin+@dangerous, @pubsub,
// @blocking).
enum AclCategory : uint64_t {
  kCatKeyspace = 1 << 0,
  kCatString = 1 << 1,
  kCatConnection = 1 << 2,
  kCatDangerous = 1 << 3,
  kCatScripting = 1 << 4,
  kCatTransaction = 1 << 5,
  kCatList = 1 << 6,
  kCatSet = 1 << 7,
  kCatSortedSet = 1 << 8,
  kCatHash = 1 << 9,
  kCatStream = 1 << 10,
  kCatBitmap = 1 << 11,
  kCatHyperloglog = 1 << 12,
  kCatGeo = 1 << 13,
  kCatAdmin = 1 << 14,
};

// What a command does to the keys of one range, by Redis' key-spec flags.
enum KeyFlag : uint32_t {
  kKeyRO = 1 << 0,
  kKeyRW = 1 << 1,
  kKeyOW = 1 << 2,
  kKeyRM = 1 << 3,
  kKeyAccess = 1 << 4,
  kKeyUpdate = 1 << 5,
  kKeyInsert = 1 << 6,
  kKeyDelete = 1 << 7,
  kKeyNotKey = 1 << 8,
  kKeyVariableFlags = 1 << 9,
  kKeyIncomplete = 1 << 10,
};

// Keys at args[first], args[first + step], … args[last]; a negative `last` counts from the end. first 0: no keys.
// Or where the arguments say so:
//   kCounted   args[first] is the number of keys that follow it
//   kKeyword   behind `keyword`, which is looked for from args[first] on (negative: from that place from the end,
//   backwards): one key, or all that follow if `last` is negative
struct KeyRange {
  enum class Place : uint8_t { kFixed, kCounted, kKeyword };
  int first = 0;
  int last = 0;
  int step = 0;
  uint32_t flags = 0;
  Place place = Place::kFixed;
  std::string_view keyword = {};
  int limit = 0;  // n, with a negative `last`: only the first n-th part of those arguments
};
constexpr KeyRange CountedKeys(int count_at, uint32_t flags) {
  return {count_at, 0, 1, flags, KeyRange::Place::kCounted, {}, 0};
}
// One key behind the keyword.
constexpr KeyRange KeyBehind(std::string_view keyword, int look_from, uint32_t flags) {
  return {look_from, 0, 1, flags, KeyRange::Place::kKeyword, keyword, 0};
}
// The first half of what follows the keyword: keys, and then as many of something else.
constexpr KeyRange HalfBehind(std::string_view keyword, int look_from, uint32_t flags) {
  return {look_from, -1, 1, flags, KeyRange::Place::kKeyword, keyword, 2};
}

// One argument of COMMAND DOCS' tree.
struct ArgumentSpec {
  enum class Type : uint8_t { kKey, kString, kInteger, kDouble, kPattern, kUnixTime, kPureToken, kOneOf, kBlock };
  enum Flag : uint8_t { kOptional = 1, kMultiple = 2, kMultipleToken = 4 };
  std::string_view name;
  Type type = Type::kString;
  std::string_view token = {};
  uint8_t flags = 0;
  int8_t key_spec = -1;
  std::string_view since = {};
  std::span<const ArgumentSpec> arguments = {};
  std::string_view deprecated_since = {};
};

// A range of positions (bit-reversed hashes, both ends included) that a walk over the keyspace is about to cover.
struct KeyWalk {
  uint64_t from_position = 0;
  uint64_t to_position = ~uint64_t{0};
};

// A name that a walk found in the store.
struct WalkedName {
  std::string key;
  shm::ValueType type;
};

struct CommandSpec {
  std::string_view name;  // lower case
  CommandFunction run = nullptr;
  int arity = 0;  // with the name; negative: at least
  uint64_t flags = 0;
  uint64_t categories = 0;
  KeyRange keys[3] = {};
  // For commands whose keys may be of another database as well (MOVE, COPY … DB n): that database, or -1. The
  // dispatcher sees to it that the keys are in memory there too.
  int (*other_database)(Args args) = nullptr;
  // For SCAN, KEYS and RANDOMKEY: which part of the keyspace this call will walk, so that the names of states that are
  // not in memory are there when it runs (Client::walked_names). False: none, or the arguments are wrong.
  bool (*walk)(CommandContext& ctx, Args args, KeyWalk* walk) = nullptr;
  // For commands that need no value, but only whether there is one, of which type and until when: what is swapped out
  // is looked at in the store and stays there (cold_states.h). False: with these arguments they do need it.
  bool (*heads_suffice)(Args args) = nullptr;
  // For SORT: keys that the data of the other keys name, which are in memory when this is called.
  void (*named_keys)(CommandContext& ctx, Args args, const std::function<void(std::string_view key)>& visit) = nullptr;
  std::string_view group = {};  // COMMAND DOCS: "string", "generic", "connection", "server"
  std::string_view since = {};
  std::string_view complexity = {};
  std::string_view summary = {};
  std::span<const ArgumentSpec> arguments = {};
  std::span<const std::string_view> tips = {};
  std::span<const CommandSpec> subcommands = {};
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
  bool is_system = false;  // COMMAND DOCS: "syscmd", not meant for applications
};

}  // namespace chestbox
