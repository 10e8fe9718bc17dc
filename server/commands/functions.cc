// FUNCTION, FCALL and FCALL_RO. The libraries are kept by server/scripting/functions.h.
#include "server/scripting/functions.h"

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <string>

#include "protocol/glob.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/subcommand_error.h"
#include "server/scripting/script_flags.h"
#include "server/scripting/scripts.h"
#include "server/server.h"

namespace chestbox {

namespace {

constexpr char kEngine[] = "LUA";

Functions& FunctionsOf(CommandContext& ctx) { return ctx.server.scripts().functions(); }

// FCALL function numkeys [key …] [arg …] -> what the function returns; FCALL_RO differs in its row
Result<void> Call(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ctx.server.scripts().CallFunction(ctx, args, reply);
}

// FUNCTION LOAD [REPLACE] code -> the library's name
Result<void> Load(CommandContext& ctx, Args args, ReplyWriter& reply) {
  bool replace = false;
  for (std::string_view option : args.subspan(2, args.size() - 3)) {
    if (!EqualIgnoringCase(option, "replace")) {
      return Error{fmt::format("ERR Unknown option given: {}", AsEchoed(option))};
    }
    replace = true;
  }
  auto name = FunctionsOf(ctx).Load(args.back(), replace);
  if (!name) return name.error();
  ctx.Effect({"FUNCTION", "LOAD", "REPLACE", args.back()});
  reply.Bulk(*name);
  return {};
}

// FUNCTION DELETE library -> OK
Result<void> Delete(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (auto deleted = FunctionsOf(ctx).Delete(args[2]); !deleted) return deleted;
  ctx.Effect({"FUNCTION", "DELETE", args[2]});
  reply.Ok();
  return {};
}

// FUNCTION FLUSH [ASYNC | SYNC] -> OK. There is little to be freed: it is done at once.
Result<void> Flush(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 3) return SubcommandSyntaxError(args);
  if (args.size() == 3 && !EqualIgnoringCase(args[2], "sync") && !EqualIgnoringCase(args[2], "async")) {
    return Error{"ERR FUNCTION FLUSH only supports SYNC|ASYNC option"};
  }
  FunctionsOf(ctx).Flush();
  ctx.Effect({"FUNCTION", "FLUSH"});
  reply.Ok();
  return {};
}

// FUNCTION DUMP -> all libraries as a payload
Result<void> Dump(CommandContext& ctx, Args, ReplyWriter& reply) {
  reply.Bulk(FunctionsOf(ctx).Dump());
  return {};
}

// FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE] -> OK
Result<void> Restore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 4) return SubcommandSyntaxError(args);
  auto policy = Functions::RestorePolicy::kAppend;
  if (args.size() == 4) {
    if (EqualIgnoringCase(args[3], "replace")) {
      policy = Functions::RestorePolicy::kReplace;
    } else if (EqualIgnoringCase(args[3], "flush")) {
      policy = Functions::RestorePolicy::kFlush;
    } else if (!EqualIgnoringCase(args[3], "append")) {
      return Error{"ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."};
    }
  }
  if (auto restored = FunctionsOf(ctx).Restore(args[2], policy); !restored) return restored;
  ctx.Effect({"FUNCTION", "RESTORE", FunctionsOf(ctx).Dump(), "FLUSH"});
  reply.Ok();
  return {};
}

// FUNCTION KILL -> OK; the function that runs ends with an error
Result<void> Kill(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (auto killed = ctx.server.scripts().Kill(true); !killed) return killed;
  reply.Ok();
  return {};
}

void ReplyFunction(ReplyWriter& reply, const Function& function) {
  reply.Map(3);
  reply.Bulk("name");
  reply.Bulk(function.name);
  reply.Bulk("description");
  if (function.description) {
    reply.Bulk(*function.description);
  } else {
    reply.Null();
  }
  reply.Bulk("flags");
  reply.Set(static_cast<size_t>(std::popcount(function.flags)));
  for (std::string_view name : ScriptFlagNames(function.flags)) reply.SimpleString(name);
}

void ReplyLibrary(ReplyWriter& reply, const Library& library, bool with_code) {
  reply.Map(with_code ? 4 : 3);
  reply.Bulk("library_name");
  reply.Bulk(library.name);
  reply.Bulk("engine");
  reply.Bulk(kEngine);
  reply.Bulk("functions");
  reply.Array(library.functions.size());
  for (const Function& function : library.functions) ReplyFunction(reply, function);
  if (!with_code) return;
  reply.Bulk("library_code");
  reply.Bulk(library.code);
}

// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE] -> the libraries
Result<void> List(CommandContext& ctx, Args args, ReplyWriter& reply) {
  bool with_code = false;
  bool with_name = false;
  std::string_view pattern = "*";
  for (size_t i = 2; i < args.size(); ++i) {
    if (!with_code && EqualIgnoringCase(args[i], "withcode")) {
      with_code = true;
    } else if (!with_name && EqualIgnoringCase(args[i], "libraryname")) {
      if (++i == args.size()) return Error{"ERR library name argument was not given"};
      with_name = true;
      pattern = args[i];
    } else {
      return Error{fmt::format("ERR Unknown argument {}", AsEchoed(args[i]))};
    }
  }
  const size_t mark = reply.BeginDeferredArray();
  size_t count = 0;
  for (const auto& [name, library] : FunctionsOf(ctx).libraries()) {
    if (!GlobMatch(pattern, name, true)) continue;
    ReplyLibrary(reply, library, with_code);
    ++count;
  }
  reply.EndDeferredArray(mark, count);
  return {};
}

// FUNCTION STATS -> what runs now, and how much there is
Result<void> StatsOfFunctions(CommandContext& ctx, Args, ReplyWriter& reply) {
  const ScriptRun* run = ctx.server.scripts().run();
  if (run != nullptr && !run->is_function) return ctx.server.scripts().Busy();
  reply.Map(2);
  reply.Bulk("running_script");
  if (run == nullptr) {
    reply.Null();
  } else {
    reply.Map(3);
    reply.Bulk("name");
    reply.Bulk(run->name);
    reply.Bulk("command");
    reply.Array(run->command.size());
    for (std::string_view word : run->command) reply.Bulk(word);
    reply.Bulk("duration_ms");
    reply.Integer(
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - run->began).count());
  }
  reply.Bulk("engines");
  reply.Map(1);
  reply.Bulk(kEngine);
  reply.Map(2);
  reply.Bulk("libraries_count");
  reply.Integer(static_cast<int64_t>(FunctionsOf(ctx).libraries().size()));
  reply.Bulk("functions_count");
  reply.Integer(static_cast<int64_t>(FunctionsOf(ctx).size()));
  return {};
}

// FUNCTION HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "LOAD [REPLACE] <FUNCTION CODE>",
      "    Create a new library with the given library name and code.",
      "DELETE <LIBRARY NAME>",
      "    Delete the given library.",
      "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
      "    Return general information on all the libraries:",
      "    * Library name",
      "    * The engine used to run the Library",
      "    * Library description",
      "    * Functions list",
      "    * Library code (if WITHCODE is given)",
      "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
      "STATS",
      "    Return information about the current function running:",
      "    * Function name",
      "    * Command used to run the function",
      "    * Duration in MS that the function is running",
      "    If no function is running, return nil",
      "    In addition, returns a list of available engines.",
      "KILL",
      "    Kill the current running function.",
      "FLUSH [ASYNC|SYNC]",
      "    Delete all the libraries.",
      "    When called without the optional mode argument, the behavior is determined by the",
      "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
      "    * ASYNC: Asynchronously flush the libraries.",
      "    * SYNC: Synchronously flush the libraries.",
      "DUMP",
      // A line of Redis' help that is longer than ours:
      // clang-format off
      "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
      // clang-format on
      "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
      "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
      "    control how to handle existing libraries (default APPEND):",
      "    * FLUSH: delete all existing libraries.",
      "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
      "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
      "      libraries with the new libraries (notice that even on this option there is a chance of failure",
      "      in case of functions name collision with another library).",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kCallArguments[] = {
    {.name = "function"},
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "arg", .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple},
};
constexpr ArgumentSpec kLibraryArguments[] = {{.name = "library-name"}};
constexpr ArgumentSpec kFlushModes[] = {
    {.name = "async", .type = Type::kPureToken, .token = "ASYNC"},
    {.name = "sync", .type = Type::kPureToken, .token = "SYNC"},
};
constexpr ArgumentSpec kFlushArguments[] = {
    {.name = "async", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kFlushModes}};
constexpr ArgumentSpec kListArguments[] = {
    {.name = "library-name-pattern", .token = "LIBRARYNAME", .flags = ArgumentSpec::kOptional},
    {.name = "withcode", .type = Type::kPureToken, .token = "WITHCODE", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kLoadArguments[] = {
    {.name = "replace", .type = Type::kPureToken, .token = "REPLACE", .flags = ArgumentSpec::kOptional},
    {.name = "function-code"},
};
constexpr ArgumentSpec kPolicies[] = {
    {.name = "flush", .type = Type::kPureToken, .token = "FLUSH"},
    {.name = "append", .type = Type::kPureToken, .token = "APPEND"},
    {.name = "replace", .type = Type::kPureToken, .token = "REPLACE"},
};
constexpr ArgumentSpec kRestoreArguments[] = {
    {.name = "serialized-value"},
    {.name = "policy", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kPolicies},
};

constexpr std::string_view kAllSucceededTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};
constexpr std::string_view kOneSucceededTips[] = {"request_policy:all_shards", "response_policy:one_succeeded"};
constexpr std::string_view kOrderTips[] = {"nondeterministic_output_order"};
constexpr std::string_view kStatsTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                           "response_policy:special"};

constexpr CommandSpec kFunctionSubcommands[] = {
    {.name = "delete",
     .run = Delete,
     .arity = 3,
     .flags = kWrite | kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Deletes a library and its functions.",
     .arguments = kLibraryArguments,
     .tips = kAllSucceededTips},
    {.name = "dump",
     .run = Dump,
     .arity = 2,
     .flags = kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of functions",
     .summary = "Returns all libraries as a payload."},
    {.name = "flush",
     .run = Flush,
     .arity = -2,
     .flags = kWrite | kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of functions deleted",
     .summary = "Deletes all functions.",
     .arguments = kFlushArguments,
     .tips = kAllSucceededTips},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells what the FUNCTION subcommands do."},
    {.name = "kill",
     .run = Kill,
     .arity = 2,
     .flags = kNoScript | kAllowBusy,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Ends the function that is running, if it has written nothing.",
     .tips = kOneSucceededTips},
    {.name = "list",
     .run = List,
     .arity = -2,
     .flags = kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of functions",
     .summary = "Lists the libraries of functions.",
     .arguments = kListArguments,
     .tips = kOrderTips},
    {.name = "load",
     .run = Load,
     .arity = -3,
     .flags = kWrite | kDenyOom | kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(1) (considering compilation time is redundant)",
     .summary = "Makes a library of what the code registers.",
     .arguments = kLoadArguments,
     .tips = kAllSucceededTips},
    {.name = "restore",
     .run = Restore,
     .arity = -3,
     .flags = kWrite | kDenyOom | kNoScript,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of functions on the payload",
     .summary = "Brings back the libraries of a payload.",
     .arguments = kRestoreArguments,
     .tips = kAllSucceededTips},
    {.name = "stats",
     .run = StatsOfFunctions,
     .arity = 2,
     .flags = kNoScript | kAllowBusy,
     .categories = kCatScripting,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells what function is running, and how many there are.",
     .tips = kStatsTips},
};

constexpr uint64_t kCallFlags = kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys | kRunsScript;

constexpr CommandSpec kCommands[] = {
    {.name = "fcall",
     .run = Call,
     .arity = -3,
     .flags = kCallFlags | kMayReplicate,
     .categories = kCatScripting,
     .keys = {CountedKeys(2, kKeyRW | kKeyAccess | kKeyUpdate)},
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "Depends on the function that is executed.",
     .summary = "Calls a function.",
     .arguments = kCallArguments},
    {.name = "fcall_ro",
     .run = Call,
     .arity = -3,
     .flags = kCallFlags | kReadOnly,
     .categories = kCatScripting,
     .keys = {CountedKeys(2, kKeyRO | kKeyAccess)},
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "Depends on the function that is executed.",
     .summary = "Calls a function that may not write.",
     .arguments = kCallArguments},
    {.name = "function",
     .arity = -2,
     .group = "scripting",
     .since = "7.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands about functions.",
     .subcommands = kFunctionSubcommands},
};

}  // namespace

std::span<const CommandSpec> FunctionCommands() { return kCommands; }

}  // namespace chestbox
