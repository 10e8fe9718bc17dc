// DEBUG: one row, as in Redis, with a table of its subcommands here.
#include "server/commands/debug.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "server/commands/command_parser.h"
#include "server/commands/connection.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/number_parsing.h"
#include "server/commands/subcommand_error.h"
#include "server/keyspace.h"
#include "server/log.h"
#include "server/persistence.h"
#include "server/scripting/scripts.h"
#include "server/swapper.h"

namespace chestbox {

Result<void> CheckDebugAllowed(const Server& server, const Client& client) {
  const ProtectedAction allowed = server.config().enable_debug_command;
  if (allowed == ProtectedAction::kYes || (allowed == ProtectedAction::kLocal && IsLocal(client))) return {};
  return Error{
      "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
      "local "
      "connection, otherwise you need to set this option in the configuration file, and then restart the server."};
}

namespace debug {

namespace {

// DEBUG SLEEP seconds -> OK, after the whole server has stood still
Result<void> Sleep(CommandContext&, Args args, ReplyWriter& reply) {
  const double seconds = std::strtod(std::string(args[2]).c_str(), nullptr);
  if (seconds > 0 && std::isfinite(seconds)) {
    std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int64_t>(seconds * 1000000)));
  }
  reply.Ok();
  return {};
}

// DEBUG LOG message -> OK
Result<void> Log(CommandContext&, Args args, ReplyWriter& reply) {
  LogWarning(fmt::format("DEBUG LOG: {}", args[2]));
  reply.Ok();
  return {};
}

// DEBUG ERROR text -> an error reply of that text
Result<void> ReplyWithError(CommandContext&, Args args, ReplyWriter& reply) {
  reply.Error(args[2]);
  return {};
}

// DEBUG SET-ACTIVE-EXPIRE 0 | 1 -> OK
Result<void> SetActiveExpire(CommandContext& ctx, Args args, ReplyWriter& reply) {
  ctx.server.set_active_expire(std::atoi(std::string(args[2]).c_str()) != 0);
  reply.Ok();
  return {};
}

// DEBUG SET-DISABLE-DENY-SCRIPTS 0 | 1 -> OK: whether scripts may run what is not for scripts
Result<void> SetDisableDenyScripts(CommandContext& ctx, Args args, ReplyWriter& reply) {
  ctx.server.scripts().set_allows_everything(std::atoi(std::string(args[2]).c_str()) != 0);
  reply.Ok();
  return {};
}

// DEBUG SWAPOUT key -> OK: the state is on its way to the swap store
Result<void> SwapOut(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (ctx.server.swapper() == nullptr) return Error{"ERR swapping is off"};
  auto state = StateInMemory(ctx, args[2]);
  if (!state) return state.error();
  if (!ctx.server.swapper()->SwapOutNow(ctx.db, args[2])) return Error{"ERR the state cannot be swapped out now"};
  reply.Ok();
  return {};
}

// DEBUG PROTOCOL type -> a reply of that type
Result<void> Protocol(CommandContext&, Args args, ReplyWriter& reply) {
  const std::string_view type = args[2];
  const auto is = [&](std::string_view name) { return EqualIgnoringCase(type, name); };
  const auto reply_numbers = [&] {
    for (int i = 0; i < 3; ++i) reply.Integer(i);
  };
  if (is("string")) {
    reply.Bulk("Hello World");
  } else if (is("integer")) {
    reply.Integer(12345);
  } else if (is("double")) {
    reply.Double(3.141);
  } else if (is("bignum")) {
    reply.BigNumber("1234567999999999999999999999999999999");
  } else if (is("null")) {
    reply.Null();
  } else if (is("array")) {
    reply.Array(3);
    reply_numbers();
  } else if (is("set")) {
    reply.Set(3);
    reply_numbers();
  } else if (is("map")) {
    reply.Map(3);
    for (int i = 0; i < 3; ++i) {
      reply.Integer(i);
      reply.Bool(i == 1);
    }
  } else if (is("attrib")) {
    if (reply.protocol() >= 3) {
      reply.Attribute(1);
      reply.Bulk("key-popularity");
      reply.Array(2);
      reply.Bulk("key:123");
      reply.Integer(90);
    }
    reply.Bulk("Some real reply following the attribute");
  } else if (is("push")) {
    if (reply.protocol() < 3) return Error{"ERR RESP2 is not supported by this command"};
    reply.Push(2);
    reply.Bulk("server-cpu-usage");
    reply.Integer(42);
    reply.Bulk("Some real reply following the push reply");
  } else if (is("true") || is("false")) {
    reply.Bool(is("true"));
  } else if (is("verbatim")) {
    reply.Verbatim("txt", "This is a verbatim\nstring");
  } else {
    return Error{
        "ERR Wrong protocol type name. Please use one of the following: "
        "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"};
  }
  return {};
}

// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE] -> OK: everything went to the RDB file and came back
Result<void> Reload(CommandContext& ctx, Args args, ReplyWriter& reply) {
  bool save = true;
  LoadOptions options;
  CommandParser parser(args, 2);
  while (!parser.done()) {
    if (parser.Eat("nosave")) {
      save = false;
    } else if (parser.Eat("noflush")) {
      options.flush = false;
    } else if (parser.Eat("merge")) {
      options.replace = true;
    } else {
      return Error{"ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."};
    }
  }
  if (auto reloaded = ctx.server.persistence().Reload(save, options); !reloaded) return reloaded;
  LogWarning("DB reloaded by DEBUG RELOAD");
  reply.Ok();
  return {};
}

// DEBUG LOADAOF -> OK: everything went to the base of an append-only file and came back
Result<void> LoadAof(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (auto reloaded = ctx.server.persistence().ReloadAof(); !reloaded) return reloaded;
  LogWarning("Append Only File loaded by DEBUG LOADAOF");
  reply.Ok();
  return {};
}

Result<int64_t> CountArgument(std::string_view text) {
  auto number = IntegerArgument(text, "ERR value is out of range, must be positive");
  if (!number) return number.error();
  if (*number < 0) return Error{"ERR value is out of range, must be positive"};
  return *number;
}

// DEBUG POPULATE count [prefix] [size] -> OK: strings prefix:0, prefix:1, … of that size, where there are none
Result<void> Populate(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto count = CountArgument(args[2]);
  if (!count) return count.error();
  int64_t bytes = 0;
  if (args.size() == 5) {
    auto size = CountArgument(args[4]);
    if (!size) return size.error();
    bytes = *size;
  }
  const std::string_view prefix = args.size() >= 4 ? args[3] : "key";
  for (int64_t i = 0; i < *count; ++i) {
    const std::string key = fmt::format("{}:{}", prefix, i);
    const Swapper* swapper = ctx.server.swapper();
    if ((swapper != nullptr && !swapper->InMemory(ctx.db, key)) || ctx.keys.Exists(ctx.db, key)) continue;
    std::string value = fmt::format("value:{}", i);
    if (bytes != 0) value.resize(static_cast<size_t>(bytes));
    auto set = ctx.keys.SetString(ctx.db, key, value, EncodingFor(value), kNoExpiry);
    if (!set) return set;
    ctx.Effect({"SET", key, value});
  }
  reply.Ok();
  return {};
}

Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "DIGEST",
      "    Output a hex signature representing the current DB content.",
      "DIGEST-VALUE <key> [<key> ...]",
      "    Output a hex signature of the values of all the specified keys.",
      "ERROR <string>",
      "    Return a Redis protocol error with <string> as message. Useful for clients",
      "    unit tests to simulate Redis errors.",
      "HTSTATS-KEY <key>",
      "    Show the size of the hash table behind a state.",
      "LISTPACK <key>",
      "    Tell whether the state is a listpack.",
      "LOG <message>",
      "    Write <message> to the server log.",
      "LOADAOF",
      "    Write the base of an append-only file, flush, and load it again.",
      "OBJECT <key>",
      "    Show low level info about `key` and associated value.",
      "POPULATE <count> [<prefix>] [<size>]",
      "    Create <count> string keys named key:<num>. If <prefix> is specified then",
      "    it is used instead of the 'key' prefix.",
      "QUICKLIST-PACKED-THRESHOLD <size>",
      "    Accepted and without effect: where lists keep large elements is not a setting.",
      "PROTOCOL <type>",
      "    Reply with a test value of the specified type. <type> can be: string,",
      "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
      "    true, false.",
      "QUICKLIST-PACKED-THRESHOLD <size>",
      "    Accepted and without effect: large elements of lists are always kept apart.",
      "RELOAD [option ...]",
      "    Save the RDB on disk and reload it back to memory. Valid <option> values:",
      "    * MERGE: conflicting keys will be loaded from RDB.",
      "    * NOFLUSH: the existing database will not be removed before load, and",
      "      a key that is there already is an error.",
      "    * NOSAVE: the database will be loaded from an existing RDB file.",
      "SET-ACTIVE-EXPIRE <0|1>",
      "    Setting it to 0 disables expiring keys in background when they are not",
      "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
      "    default.",
      "SET-DISABLE-DENY-SCRIPTS <0|1>",
      "    Setting it to 1 allows scripts to run commands that are not for scripts.",
      "SLEEP <seconds>",
      "    Stop the server for <seconds>. Decimals allowed.",
      "SWAPOUT <key>",
      "    Send the state to the swap store now, whatever memory says.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

struct Subcommand {
  std::string_view name;
  CommandFunction run;
  size_t args_min;  // with DEBUG and the subcommand
  size_t args_max;
};

constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();
constexpr Subcommand kSubcommands[] = {
    {"digest", Digest, 2, 2},
    {"digest-value", DigestValue, 2, kAnyNumber},
    {"error", ReplyWithError, 3, 3},
    {"help", Help, 2, 2},
    {"htstats-key", TableStats, 3, 3},
    {"listpack", Listpack, 3, 3},
    {"loadaof", LoadAof, 2, kAnyNumber},
    {"log", Log, 3, 3},
    {"object", Object, 3, 3},
    {"populate", Populate, 3, 5},
    {"protocol", Protocol, 3, 3},
    {"quicklist-packed-threshold", PackedThreshold, 3, 3},
    {"reload", Reload, 2, kAnyNumber},
    {"set-active-expire", SetActiveExpire, 3, 3},
    {"set-disable-deny-scripts", SetDisableDenyScripts, 3, 3},
    {"sleep", Sleep, 3, 3},
    {"swapout", SwapOut, 3, 3},
};

}  // namespace

}  // namespace debug

namespace {

// DEBUG subcommand [arg …]
Result<void> Debug(CommandContext& ctx, Args args, ReplyWriter& reply) {
  for (const debug::Subcommand& sub : debug::kSubcommands) {
    if (!EqualIgnoringCase(sub.name, args[1]) || args.size() < sub.args_min || args.size() > sub.args_max) continue;
    return sub.run(ctx, args, reply);
  }
  return SubcommandSyntaxError(args);
}

// DIGEST-VALUE reads whole values, wherever they are. The others tell what is in memory.
void VisitDigestedKeys(CommandContext&, Args args, const std::function<void(std::string_view key)>& visit) {
  if (args.size() < 2 || !EqualIgnoringCase(args[1], "digest-value")) return;
  for (std::string_view key : args.subspan(2)) visit(key);
}

constexpr CommandSpec kCommands[] = {
    {.name = "debug",
     .run = Debug,
     .arity = -2,
     .flags = kAdmin | kNoScript | kLoading | kStale | kProtected,
     .named_keys = VisitDigestedKeys,
     .group = "server",
     .since = "1.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands for tests and debugging.",
     .is_system = true},
};

}  // namespace

std::span<const CommandSpec> DebugCommands() { return kCommands; }

}  // namespace chestbox
