// Commands about the server as a whole.
#include <chrono>

#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/info.h"
#include "server/log.h"
#include "server/scripting/scripts.h"
#include "server/server.h"

namespace chestbox {

namespace {

// TIME -> [seconds, microseconds]
Result<void> Time(CommandContext&, Args, ReplyWriter& reply) {
  // The clock itself, not the command's `now`: who asks twice sees time pass.
  const int64_t now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  reply.Array(2);
  reply.BulkInteger(now_us / 1000000);
  reply.BulkInteger(now_us % 1000000);
  return {};
}

// LASTSAVE -> when all states were last on disk, in seconds
Result<void> LastSave(CommandContext& ctx, Args, ReplyWriter& reply) {
  reply.Integer(ctx.server.last_save_s());
  return {};
}

struct ShutdownOptions {
  bool save = false;
  bool no_save = false;
  bool now = false;
  bool force = false;
  bool abort = false;
};

Result<ShutdownOptions> ParseShutdown(Args args) {
  ShutdownOptions options;
  CommandParser parser(args, 1);
  while (!parser.done()) {
    if (parser.Eat("nosave")) {
      options.no_save = true;
    } else if (parser.Eat("save")) {
      options.save = true;
    } else if (parser.Eat("now")) {
      options.now = true;
    } else if (parser.Eat("force")) {
      options.force = true;
    } else if (parser.Eat("abort")) {
      options.abort = true;
    } else {
      return SyntaxError();
    }
  }
  const bool anything = options.save || options.no_save || options.now || options.force;
  if ((options.abort && anything) || (options.save && options.no_save)) return SyntaxError();
  return options;
}

// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT] -> no reply: the server ends. States are written unless NOSAVE says
// otherwise; whether there are save points makes no difference, for nothing else keeps them. There are no replicas to
// wait for, so every shutdown is as with NOW, and none can be aborted.
Result<void> Shutdown(CommandContext& ctx, Args args, ReplyWriter&) {
  auto options = ParseShutdown(args);
  if (!options) return options.error();
  if (options->abort) return Error{"ERR No shutdown in progress."};
  if (!options->no_save && ctx.server.scripts().running()) return ctx.server.scripts().Busy();
  LogWarning("User requested shutdown...");
  auto stopped = ctx.server.Shutdown(options->no_save ? ShutdownMode::kNoSave : ShutdownMode::kSave);
  if (!stopped && options->force) stopped = ctx.server.Shutdown(ShutdownMode::kNoSave);
  if (!stopped) return Error{"ERR Errors trying to SHUTDOWN. Check logs."};
  ctx.client.close_after_reply = true;  // what is pipelined behind is not executed any more
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kInfoArguments[] = {
    {.name = "section", .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple}};
constexpr ArgumentSpec kShutdownNosaveSaveArguments[] = {
    {.name = "nosave", .type = Type::kPureToken, .token = "NOSAVE"},
    {.name = "save", .type = Type::kPureToken, .token = "SAVE"},
};
constexpr ArgumentSpec kShutdownArguments[] = {
    {.name = "nosave_save",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kShutdownNosaveSaveArguments},
    {.name = "now", .type = Type::kPureToken, .token = "NOW", .flags = ArgumentSpec::kOptional, .since = "7.0.0"},
    {.name = "force", .type = Type::kPureToken, .token = "FORCE", .flags = ArgumentSpec::kOptional, .since = "7.0.0"},
    {.name = "abort", .type = Type::kPureToken, .token = "ABORT", .flags = ArgumentSpec::kOptional, .since = "7.0.0"},
};

constexpr std::string_view kNondeterministicOutputAllShardsSpecialTips[] = {
    "nondeterministic_output", "request_policy:all_shards", "response_policy:special"};
constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};

constexpr CommandSpec kCommands[] = {
    {.name = "info",
     .run = info::Info,
     .arity = -1,
     .flags = kLoading | kStale,
     .categories = kCatDangerous,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Reports figures of the server in sections.",
     .arguments = kInfoArguments,
     .tips = kNondeterministicOutputAllShardsSpecialTips},
    {.name = "lastsave",
     .run = LastSave,
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .categories = kCatAdmin | kCatDangerous,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns when all states were last on disk.",
     .tips = kNondeterministicOutputTips},
    {.name = "shutdown",
     .run = Shutdown,
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
     .group = "server",
     .since = "1.0.0",
     .complexity =
         "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
     .summary = "Writes all states to disk and ends the server.",
     .arguments = kShutdownArguments},
    {.name = "time",
     .run = Time,
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .group = "server",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Returns the server's clock.",
     .tips = kNondeterministicOutputTips},
};

}  // namespace

std::span<const CommandSpec> ServerCommands() { return kCommands; }

}  // namespace chestbox
