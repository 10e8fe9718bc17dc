// EVAL, EVALSHA, their read-only siblings, and SCRIPT. What runs scripts is server/scripting/scripts.h.
#include <string>

#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/scripting/scripts.h"
#include "server/server.h"

namespace chestbox {

namespace {

// EVAL script numkeys [key …] [arg …] -> what the script returns. EVALSHA, EVAL_RO and EVALSHA_RO differ in their row.
Result<void> Eval(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ctx.server.scripts().Eval(ctx, args, reply);
}

// SCRIPT DEBUG YES | SYNC | NO -> OK. There is no debugger, so it can only be off.
Result<void> Debug(CommandContext&, Args args, ReplyWriter& reply) {
  if (EqualIgnoringCase(args[2], "yes") || EqualIgnoringCase(args[2], "sync")) {
    return Error{"ERR The Lua debugger is not available"};
  }
  if (!EqualIgnoringCase(args[2], "no")) return Error{"ERR Use SCRIPT DEBUG YES/SYNC/NO"};
  reply.Ok();
  return {};
}

// SCRIPT EXISTS sha1 [sha1 …] -> for each whether it is known, as 1 or 0
Result<void> Exists(CommandContext& ctx, Args args, ReplyWriter& reply) {
  reply.Array(args.size() - 2);
  for (std::string_view sha1 : args.subspan(2)) reply.Integer(ctx.server.scripts().Knows(sha1) ? 1 : 0);
  return {};
}

// SCRIPT FLUSH [ASYNC | SYNC] -> OK. There is little to be freed: it is done at once.
Result<void> Flush(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const bool known = args.size() == 2 ||
                     (args.size() == 3 && (EqualIgnoringCase(args[2], "sync") || EqualIgnoringCase(args[2], "async")));
  if (!known) return Error{"ERR SCRIPT FLUSH only support SYNC|ASYNC option"};
  ctx.server.scripts().Flush();
  reply.Ok();
  return {};
}

// SCRIPT KILL -> OK; the script that runs ends with an error
Result<void> Kill(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (auto killed = ctx.server.scripts().Kill(false); !killed) return killed;
  reply.Ok();
  return {};
}

// SCRIPT LOAD script -> its SHA-1
Result<void> Load(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto sha1 = ctx.server.scripts().Load(args[2]);
  if (!sha1) return sha1.error();
  reply.Bulk(*sha1);
  return {};
}

// SCRIPT HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "DEBUG (YES|SYNC|NO)",
      "    Set the debug mode for subsequent scripts executed.",
      "EXISTS <sha1> [<sha1> ...]",
      "    Return information about the existence of the scripts in the script cache.",
      "FLUSH [ASYNC|SYNC]",
      "    Flush the Lua scripts cache. Very dangerous on replicas.",
      "    When called without the optional mode argument, the behavior is determined by the",
      "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
      "    * ASYNC: Asynchronously flush the scripts cache.",
      "    * SYNC: Synchronously flush the scripts cache.",
      "KILL",
      "    Kill the currently executing Lua script.",
      "LOAD <script>",
      "    Load a script into the scripts cache without executing it.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr uint8_t kOptionalMultiple = ArgumentSpec::kOptional | ArgumentSpec::kMultiple;
constexpr ArgumentSpec kEvalArguments[] = {
    {.name = "script"},
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = kOptionalMultiple, .key_spec = 0},
    {.name = "arg", .flags = kOptionalMultiple},
};
constexpr ArgumentSpec kEvalShaArguments[] = {
    {.name = "sha1"},
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = kOptionalMultiple, .key_spec = 0},
    {.name = "arg", .flags = kOptionalMultiple},
};
constexpr ArgumentSpec kDebugModes[] = {
    {.name = "yes", .type = Type::kPureToken, .token = "YES"},
    {.name = "sync", .type = Type::kPureToken, .token = "SYNC"},
    {.name = "no", .type = Type::kPureToken, .token = "NO"},
};
constexpr ArgumentSpec kDebugArguments[] = {{.name = "mode", .type = Type::kOneOf, .arguments = kDebugModes}};
constexpr ArgumentSpec kExistsArguments[] = {{.name = "sha1", .flags = ArgumentSpec::kMultiple}};
constexpr ArgumentSpec kFlushModes[] = {
    {.name = "async", .type = Type::kPureToken, .token = "ASYNC"},
    {.name = "sync", .type = Type::kPureToken, .token = "SYNC"},
};
constexpr ArgumentSpec kFlushArguments[] = {{.name = "async",
                                             .type = Type::kOneOf,
                                             .flags = ArgumentSpec::kOptional,
                                             .since = "6.2.0",
                                             .arguments = kFlushModes}};
constexpr ArgumentSpec kLoadArguments[] = {{.name = "script"}};

constexpr std::string_view kAllAndTips[] = {"request_policy:all_shards", "response_policy:agg_logical_and"};
constexpr std::string_view kAllNodesTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};
constexpr std::string_view kOneSucceededTips[] = {"request_policy:all_shards", "response_policy:one_succeeded"};

constexpr uint64_t kEvalFlags = kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys | kRunsScript;

constexpr CommandSpec kScriptSubcommands[] = {
    {.name = "debug",
     .run = Debug,
     .arity = 3,
     .flags = kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Switches the debugger of scripts, which can only be off.",
     .arguments = kDebugArguments},
    {.name = "exists",
     .run = Exists,
     .arity = -3,
     .flags = kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "2.6.0",
     .complexity =
         "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).",
     .summary = "Tells which scripts are known.",
     .arguments = kExistsArguments,
     .tips = kAllAndTips},
    {.name = "flush",
     .run = Flush,
     .arity = -2,
     .flags = kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "2.6.0",
     .complexity = "O(N) with N being the number of scripts in cache",
     .summary = "Forgets all scripts.",
     .arguments = kFlushArguments,
     .tips = kAllNodesTips},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells what the SCRIPT subcommands do."},
    {.name = "kill",
     .run = Kill,
     .arity = 2,
     .flags = kNoScript | kAllowBusy,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Ends the script that is running, if it has written nothing.",
     .tips = kOneSucceededTips},
    {.name = "load",
     .run = Load,
     .arity = 3,
     .flags = kNoScript | kStale,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "2.6.0",
     .complexity = "O(N) with N being the length in bytes of the script body.",
     .summary = "Compiles a script for EVALSHA.",
     .arguments = kLoadArguments,
     .tips = kAllNodesTips},
};

constexpr CommandSpec kCommands[] = {
    {.name = "eval",
     .run = Eval,
     .arity = -3,
     .flags = kEvalFlags | kMayReplicate,
     .categories = kCatScripting,
     .keys = {CountedKeys(2, kKeyRW | kKeyAccess | kKeyUpdate)},
     .group = "scripting",
     .since = "2.6.0",
     .complexity = "Depends on the script that is executed.",
     .summary = "Runs a Lua script.",
     .arguments = kEvalArguments},
    {.name = "evalsha",
     .run = Eval,
     .arity = -3,
     .flags = kEvalFlags | kMayReplicate,
     .categories = kCatScripting,
     .keys = {CountedKeys(2, kKeyRW | kKeyAccess | kKeyUpdate)},
     .group = "scripting",
     .since = "2.6.0",
     .complexity = "Depends on the script that is executed.",
     .summary = "Runs a Lua script that is known, by its SHA-1.",
     .arguments = kEvalShaArguments},
    {.name = "evalsha_ro",
     .run = Eval,
     .arity = -3,
     .flags = kEvalFlags | kReadOnly,
     .categories = kCatScripting,
     .keys = {CountedKeys(2, kKeyRO | kKeyAccess)},
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "Depends on the script that is executed.",
     .summary = "Runs a known Lua script that may not write.",
     .arguments = kEvalShaArguments},
    {.name = "eval_ro",
     .run = Eval,
     .arity = -3,
     .flags = kEvalFlags | kReadOnly,
     .categories = kCatScripting,
     .keys = {CountedKeys(2, kKeyRO | kKeyAccess)},
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "Depends on the script that is executed.",
     .summary = "Runs a Lua script that may not write.",
     .arguments = kEvalArguments},
    {.name = "script",
     .arity = -2,
     .group = "scripting",
     .since = "2.6.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands about scripts.",
     .subcommands = kScriptSubcommands},
};

}  // namespace

std::span<const CommandSpec> ScriptingCommands() { return kCommands; }

}  // namespace chestbox
