// CONFIG: the settings of the running server (server/config/settings.h) over the wire.
#include "server/config/settings.h"

#include "server/commands/connection.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/log.h"

namespace chestbox {

namespace {

// CONFIG GET pattern … -> a map of settings and their values
Result<void> Get(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const auto found = ctx.server.settings().Get(args.subspan(2));
  reply.Map(found.size());
  for (const auto& [name, value] : found) {
    reply.Bulk(name);
    reply.Bulk(value);
  }
  return {};
}

// CONFIG SET setting value … -> OK, all or nothing
Result<void> Set(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (auto set = ctx.server.settings().Set(args.subspan(2), IsLocal(ctx.client)); !set) return set;
  reply.Ok();
  return {};
}

// CONFIG REWRITE -> OK
Result<void> Rewrite(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (auto written = ctx.server.settings().Rewrite(); !written) {
    LogWarning("CONFIG REWRITE failed: " + written.error().message);
    return written;
  }
  LogNotice("CONFIG REWRITE executed with success.");
  reply.Ok();
  return {};
}

// CONFIG RESETSTAT -> OK
Result<void> ResetStat(CommandContext& ctx, Args, ReplyWriter& reply) {
  ctx.server.ResetStats();
  reply.Ok();
  return {};
}

// CONFIG HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "GET <pattern>",
      "    Return parameters matching the glob-like <pattern> and their values.",
      "SET <directive> <value>",
      "    Set the configuration <directive> to <value>.",
      "RESETSTAT",
      "    Reset statistics reported by the INFO command.",
      "REWRITE",
      "    Rewrite the configuration file.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kConfigGetParameterArguments[] = {{.name = "parameter"}};
constexpr ArgumentSpec kConfigGetArguments[] = {{.name = "parameter",
                                                 .type = Type::kBlock,
                                                 .flags = ArgumentSpec::kMultiple,
                                                 .arguments = kConfigGetParameterArguments}};
constexpr ArgumentSpec kConfigSetParameterValueArguments[] = {
    {.name = "parameter"},
    {.name = "value"},
};
constexpr ArgumentSpec kConfigSetArguments[] = {{.name = "parameter_value",
                                                 .type = Type::kBlock,
                                                 .flags = ArgumentSpec::kMultiple,
                                                 .arguments = kConfigSetParameterValueArguments}};

constexpr std::string_view kAllNodesAllSucceededTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};

constexpr CommandSpec kConfigSubcommands[] = {
    {.name = "get",
     .run = Get,
     .arity = -3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = "server",
     .since = "2.0.0",
     .complexity = "O(N) when N is the number of configuration parameters provided",
     .summary = "Returns settings by name or pattern.",
     .arguments = kConfigGetArguments},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells what the CONFIG subcommands do."},
    {.name = "resetstat",
     .run = ResetStat,
     .arity = 2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = "server",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets the counters of INFO to zero."},
    {.name = "rewrite",
     .run = Rewrite,
     .arity = 2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = "server",
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Writes the settings to the configuration file."},
    {.name = "set",
     .run = Set,
     .arity = -4,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = "server",
     .since = "2.0.0",
     .complexity = "O(N) when N is the number of configuration parameters provided",
     .summary = "Changes settings at run time.",
     .arguments = kConfigSetArguments,
     .tips = kAllNodesAllSucceededTips},
};

constexpr CommandSpec kCommands[] = {
    {.name = "config",
     .arity = -2,
     .group = "server",
     .since = "2.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands about settings.",
     .subcommands = kConfigSubcommands},
};

}  // namespace

std::span<const CommandSpec> ConfigCommands() { return kCommands; }

}  // namespace chestbox
