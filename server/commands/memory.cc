// MEMORY USAGE: what a state takes.
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"

namespace chestbox {

namespace {

// MEMORY USAGE key [SAMPLES count] -> bytes of the arena that key and value take; null without the key. Nothing is
// sampled here: large collections know their size.
Result<void> Usage(CommandContext& ctx, Args args, ReplyWriter& reply) {
  CommandParser parser(args, 3);
  while (!parser.done()) {
    std::string_view samples;
    if (!parser.EatWithValue("samples", &samples)) return SyntaxError();
    auto count = IntegerArgument(samples);
    if (!count) return count.error();
    if (*count < 0) return SyntaxError();
  }
  const std::optional<uint64_t> bytes = ctx.keys.MemoryUsage(ctx.db, args[2]);
  if (bytes) {
    reply.Integer(static_cast<int64_t>(*bytes));
  } else {
    reply.Null();
  }
  return {};
}

// MEMORY HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "USAGE <key> [SAMPLES <count>]",
      "    Return memory in bytes used by <key> and its value. Nested values are",
      "    sampled up to <count> times (default: 5, 0 means sample all).",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kUsageArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "count", .type = Type::kInteger, .token = "SAMPLES", .flags = ArgumentSpec::kOptional},
};

constexpr CommandSpec kSubcommands[] = {
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Tells what the subcommands do."},
    {.name = "usage",
     .run = Usage,
     .arity = -3,
     .flags = kReadOnly,
     .keys = {{2, 2, 1, kKeyRO}},
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many bytes a state takes.",
     .arguments = kUsageArguments},
};

constexpr CommandSpec kCommands[] = {
    {.name = "memory",
     .arity = -2,
     .group = "server",
     .since = "4.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Commands about memory.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> MemoryCommands() { return kCommands; }

}  // namespace chestbox
