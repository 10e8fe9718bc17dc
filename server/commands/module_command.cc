// MODULE: there are no modules, and none can be loaded.
#include "server/commands/connection.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/server.h"

namespace chestbox {

namespace {

// MODULE LIST -> the modules: none
Result<void> List(CommandContext&, Args, ReplyWriter& reply) {
  reply.Array(0);
  return {};
}

// MODULE LOAD, LOADEX and UNLOAD -> an error: as enable-module-command says, or that there can be none
Result<void> Refuse(CommandContext& ctx, Args args, ReplyWriter&) {
  const ProtectedAction allowed = ctx.server.config().enable_module_command;
  if (allowed == ProtectedAction::kNo || (allowed == ProtectedAction::kLocal && !IsLocal(ctx.client))) {
    return Error{
        "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from "
        "a "
        "local connection, otherwise you need to set this option in the configuration file, and then restart the "
        "server."};
  }
  const bool unloads = args[1].size() == 6 && (args[1][0] == 'u' || args[1][0] == 'U');
  return Error{unloads ? "ERR Error unloading module: no such module with that name"
                       : "ERR Error loading the extension. Please check the server logs."};
}

// MODULE HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "LIST",
      "    Return a list of loaded modules.",
      "LOAD <path> [<arg> ...]",
      "    Load a module library from <path>, passing to it any optional arguments.",
      "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
      "    Load a module library from <path>, while passing it module configurations and optional arguments.",
      "UNLOAD <name>",
      "    Unload a module.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

constexpr uint64_t kLoads = kAdmin | kNoScript | kNoAsyncLoading;
using Type = ArgumentSpec::Type;
using Arguments = std::span<const ArgumentSpec>;
constexpr uint8_t kAny = ArgumentSpec::kOptional | ArgumentSpec::kMultiple;

constexpr ArgumentSpec kLoadArguments[] = {{.name = "path"}, {.name = "arg", .flags = kAny}};
constexpr ArgumentSpec kConfigArguments[] = {{.name = "name"}, {.name = "value"}};
constexpr ArgumentSpec kArgsArguments[] = {{.name = "arg"}};
constexpr ArgumentSpec kLoadExArguments[] = {
    {.name = "path"},
    {.name = "configs",
     .type = Type::kBlock,
     .token = "CONFIG",
     .flags = kAny | ArgumentSpec::kMultipleToken,
     .arguments = kConfigArguments},
    {.name = "args", .type = Type::kBlock, .token = "ARGS", .flags = kAny, .arguments = kArgsArguments},
};
constexpr ArgumentSpec kUnloadArguments[] = {{.name = "name"}};

constexpr CommandSpec Row(std::string_view name, CommandFunction run, int arity, uint64_t flags, std::string_view since,
                          std::string_view summary, Arguments arguments = {}) {
  CommandSpec row;
  row.name = name;
  row.run = run;
  row.arity = arity;
  row.flags = flags;
  row.group = "server";
  row.since = since;
  row.complexity = "O(1)";
  row.summary = summary;
  row.arguments = arguments;
  return row;
}

constexpr std::string_view kListTips[] = {"nondeterministic_output_order"};

constexpr CommandSpec ListRow() {
  CommandSpec row = Row("list", List, 2, kAdmin | kNoScript, "4.0.0", "Lists the modules: none.");
  row.complexity = "O(N) where N is the number of loaded modules.";
  row.tips = kListTips;
  return row;
}

constexpr CommandSpec kSubcommands[] = {
    Row("help", Help, 2, kLoading | kStale, "5.0.0", "Describes the subcommands."),
    ListRow(),
    Row("load", Refuse, -3, kLoads, "4.0.0", "Refused: there are no modules.", kLoadArguments),
    Row("loadex", Refuse, -3, kLoads, "7.0.0", "Refused: there are no modules.", kLoadExArguments),
    Row("unload", Refuse, 3, kLoads, "4.0.0", "Refused: there are no modules.", kUnloadArguments),
};

constexpr CommandSpec kCommands[] = {
    {.name = "module",
     .arity = -2,
     .group = "server",
     .since = "4.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands about modules.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> ModuleCommands() { return kCommands; }

}  // namespace chestbox
