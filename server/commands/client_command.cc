// CLIENT: what a connection may say and ask about itself, and the family's rows.
#include "server/commands/client_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/commands/command_parser.h"
#include "server/commands/connection.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/subcommand_error.h"

namespace chestbox {

namespace {

// CLIENT ID -> the number of this connection
Result<void> Id(CommandContext& ctx, Args, ReplyWriter& reply) {
  reply.Integer(static_cast<int64_t>(ctx.client.id));
  return {};
}

// CLIENT GETNAME -> the name, or null
Result<void> GetName(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (ctx.client.name.empty()) {
    reply.Null();
  } else {
    reply.Bulk(ctx.client.name);
  }
  return {};
}

// CLIENT SETNAME name -> OK
Result<void> SetName(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (auto named = SetClientName(ctx.client, args[2]); !named) return named;
  reply.Ok();
  return {};
}

// CLIENT SETINFO LIB-NAME name | LIB-VER version -> OK
Result<void> SetInfo(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const bool is_name = EqualIgnoringCase(args[2], "lib-name");
  if (!is_name && !EqualIgnoringCase(args[2], "lib-ver")) {
    return Error{fmt::format("ERR Unrecognized option '{}'", AsEchoed(args[2]))};
  }
  const std::string_view value = args[3];
  if (std::any_of(value.begin(), value.end(), [](char c) { return c < '!' || c > '~'; })) {
    return Error{
        fmt::format("ERR {} cannot contain spaces, newlines or special characters.", is_name ? "lib-name" : "lib-ver")};
  }
  (is_name ? ctx.client.lib_name : ctx.client.lib_version) = value;
  reply.Ok();
  return {};
}

// CLIENT REPLY ON | OFF | SKIP -> OK for ON, and nothing else
Result<void> Reply(CommandContext& ctx, Args args, ReplyWriter& reply) {
  Client& client = ctx.client;
  if (EqualIgnoringCase(args[2], "on")) {
    client.reply_mode = ReplyMode::kOn;
    reply.Ok();
  } else if (EqualIgnoringCase(args[2], "off")) {
    client.reply_mode = ReplyMode::kOff;
  } else if (EqualIgnoringCase(args[2], "skip")) {
    if (client.reply_mode != ReplyMode::kOff) client.reply_mode = ReplyMode::kSkipNext;
  } else {
    return SyntaxError();
  }
  return {};
}

Result<void> Switch(bool* state, std::string_view word, ReplyWriter& reply) {
  const bool on = EqualIgnoringCase(word, "on");
  if (!on && !EqualIgnoringCase(word, "off")) return SyntaxError();
  *state = on;
  reply.Ok();
  return {};
}

// CLIENT NO-EVICT ON | OFF -> OK
Result<void> NoEvict(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Switch(&ctx.client.no_evict, args[2], reply);
}

// CLIENT NO-TOUCH ON | OFF -> OK
Result<void> NoTouch(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Switch(&ctx.client.no_touch, args[2], reply);
}

// CLIENT GETREDIR -> -1: no connection tracks keys
Result<void> GetRedir(CommandContext&, Args, ReplyWriter& reply) {
  reply.Integer(-1);
  return {};
}

// CLIENT TRACKINGINFO -> a map of flags, redirect and prefixes
Result<void> TrackingInfo(CommandContext&, Args, ReplyWriter& reply) {
  reply.Map(3);
  reply.Bulk("flags");
  reply.Set(1);
  reply.Bulk("off");
  reply.Bulk("redirect");
  reply.Integer(-1);
  reply.Bulk("prefixes");
  reply.Array(0);
  return {};
}

// CLIENT HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "GETREDIR",
      "    Return the client ID we are redirecting to when tracking is enabled.",
      "GETNAME",
      "    Return the name of the current connection.",
      "ID",
      "    Return the ID of the current connection.",
      "INFO",
      "    Return information about the current client connection.",
      "KILL <ip:port>",
      "    Kill connection made from <ip:port>.",
      "KILL <option> <value> [<option> <value> [...]]",
      "    Kill connections. Options are:",
      "    * ADDR (<ip:port>|<unixsocket>:0)",
      "      Kill connections made from the specified address",
      "    * LADDR (<ip:port>|<unixsocket>:0)",
      "      Kill connections made to specified local address",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Kill connections by type.",
      "    * USER <username>",
      "      Kill connections authenticated by <username>.",
      "    * SKIPME (YES|NO)",
      "      Skip killing current connection (default: yes).",
      "LIST [options ...]",
      "    Return information about client connections. Options:",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Return clients of specified type.",
      "UNPAUSE",
      "    Stop the current client pause, resuming traffic.",
      "PAUSE <timeout> [WRITE|ALL]",
      "    Suspend all, or just write, clients for <timeout> milliseconds.",
      "REPLY (ON|OFF|SKIP)",
      "    Control the replies sent to the current connection.",
      "SETNAME <name>",
      "    Assign the name <name> to the current connection.",
      "SETINFO <option> <value>",
      "    Set client meta attr. Options are:",
      "    * LIB-NAME: the client lib name.",
      "    * LIB-VER: the client lib version.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    Unblock the specified blocked client.",
      "TRACKINGINFO",
      "    Report tracking status for the current connection.",
      "NO-EVICT (ON|OFF)",
      "    Protect current client connection from eviction.",
      "NO-TOUCH (ON|OFF)",
      "    Will not touch LRU/LFU stats when this mode is on.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kClientKillFilterNewFormatNormalMasterSlavePubsubArguments[] = {
    {.name = "normal", .type = Type::kPureToken, .token = "NORMAL"},
    {.name = "master", .type = Type::kPureToken, .token = "MASTER", .since = "3.2.0"},
    {.name = "slave", .type = Type::kPureToken, .token = "SLAVE"},
    {.name = "replica", .type = Type::kPureToken, .token = "REPLICA", .since = "5.0.0"},
    {.name = "pubsub", .type = Type::kPureToken, .token = "PUBSUB"},
};
constexpr ArgumentSpec kClientKillFilterNewFormatArguments[] = {
    {.name = "client-id", .type = Type::kInteger, .token = "ID", .flags = ArgumentSpec::kOptional, .since = "2.8.12"},
    {.name = "normal_master_slave_pubsub",
     .type = Type::kOneOf,
     .token = "TYPE",
     .flags = ArgumentSpec::kOptional,
     .since = "2.8.12",
     .arguments = kClientKillFilterNewFormatNormalMasterSlavePubsubArguments},
    {.name = "username", .token = "USER", .flags = ArgumentSpec::kOptional},
    {.name = "ip:port", .token = "ADDR", .flags = ArgumentSpec::kOptional},
    {.name = "ip:port", .token = "LADDR", .flags = ArgumentSpec::kOptional, .since = "6.2.0"},
    {.name = "yes/no", .token = "SKIPME", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kClientKillFilterArguments[] = {
    {.name = "ip:port", .deprecated_since = "2.8.12"},
    {.name = "new-format",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kMultiple,
     .arguments = kClientKillFilterNewFormatArguments},
};
constexpr ArgumentSpec kClientKillArguments[] = {
    {.name = "filter", .type = Type::kOneOf, .arguments = kClientKillFilterArguments}};
constexpr ArgumentSpec kClientListNormalMasterReplicaPubsubArguments[] = {
    {.name = "normal", .type = Type::kPureToken, .token = "NORMAL"},
    {.name = "master", .type = Type::kPureToken, .token = "MASTER"},
    {.name = "replica", .type = Type::kPureToken, .token = "REPLICA"},
    {.name = "pubsub", .type = Type::kPureToken, .token = "PUBSUB"},
};
constexpr ArgumentSpec kClientListIdArguments[] = {
    {.name = "client-id", .type = Type::kInteger, .flags = ArgumentSpec::kMultiple}};
constexpr ArgumentSpec kClientListArguments[] = {
    {.name = "normal_master_replica_pubsub",
     .type = Type::kOneOf,
     .token = "TYPE",
     .flags = ArgumentSpec::kOptional,
     .since = "5.0.0",
     .arguments = kClientListNormalMasterReplicaPubsubArguments},
    {.name = "id",
     .type = Type::kBlock,
     .token = "ID",
     .flags = ArgumentSpec::kOptional,
     .since = "6.2.0",
     .arguments = kClientListIdArguments},
};
constexpr ArgumentSpec kClientNoEvictEnabledArguments[] = {
    {.name = "on", .type = Type::kPureToken, .token = "ON"},
    {.name = "off", .type = Type::kPureToken, .token = "OFF"},
};
constexpr ArgumentSpec kClientNoEvictArguments[] = {
    {.name = "enabled", .type = Type::kOneOf, .arguments = kClientNoEvictEnabledArguments}};
constexpr ArgumentSpec kClientPauseModeArguments[] = {
    {.name = "write", .type = Type::kPureToken, .token = "WRITE"},
    {.name = "all", .type = Type::kPureToken, .token = "ALL"},
};
constexpr ArgumentSpec kClientPauseArguments[] = {
    {.name = "timeout", .type = Type::kInteger},
    {.name = "mode",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "6.2.0",
     .arguments = kClientPauseModeArguments},
};
constexpr ArgumentSpec kClientReplyOnOffSkipArguments[] = {
    {.name = "on", .type = Type::kPureToken, .token = "ON"},
    {.name = "off", .type = Type::kPureToken, .token = "OFF"},
    {.name = "skip", .type = Type::kPureToken, .token = "SKIP"},
};
constexpr ArgumentSpec kClientReplyArguments[] = {
    {.name = "on_off_skip", .type = Type::kOneOf, .arguments = kClientReplyOnOffSkipArguments}};
constexpr ArgumentSpec kClientSetinfoAttrArguments[] = {
    {.name = "libname", .token = "LIB-NAME"},
    {.name = "libver", .token = "LIB-VER"},
};
constexpr ArgumentSpec kClientSetinfoArguments[] = {
    {.name = "attr", .type = Type::kOneOf, .arguments = kClientSetinfoAttrArguments}};
constexpr ArgumentSpec kClientSetnameArguments[] = {{.name = "connection-name"}};
constexpr ArgumentSpec kClientUnblockTimeoutErrorArguments[] = {
    {.name = "timeout", .type = Type::kPureToken, .token = "TIMEOUT"},
    {.name = "error", .type = Type::kPureToken, .token = "ERROR"},
};
constexpr ArgumentSpec kClientUnblockArguments[] = {
    {.name = "client-id", .type = Type::kInteger},
    {.name = "timeout_error",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kClientUnblockTimeoutErrorArguments},
};

constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};
constexpr std::string_view kAllNodesAllSucceededTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};

constexpr CommandSpec kClientSubcommands[] = {
    {.name = "getname",
     .run = GetName,
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Returns the name of the connection."},
    {.name = "getredir",
     .run = GetRedir,
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Returns the client that invalidation messages of this connection go to."},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells what the CLIENT subcommands do."},
    {.name = "id",
     .run = Id,
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Returns the number of the connection."},
    {.name = "info",
     .run = client_command::Info,
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Describes this connection.",
     .tips = kNondeterministicOutputTips},
    {.name = "kill",
     .run = client_command::Kill,
     .arity = -3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .summary = "Closes connections.",
     .arguments = kClientKillArguments},
    {.name = "list",
     .run = client_command::List,
     .arity = -2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .summary = "Describes the connections.",
     .arguments = kClientListArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "no-evict",
     .run = NoEvict,
     .arity = 3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Spares this connection when clients are evicted for memory.",
     .arguments = kClientNoEvictArguments},
    {.name = "no-touch",
     .run = NoTouch,
     .arity = 3,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Keeps the commands of this connection from counting as accesses of their keys.",
     .arguments = kClientNoEvictArguments},
    {.name = "pause",
     .run = client_command::Pause,
     .arity = -3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "2.9.50",
     .complexity = "O(1)",
     .summary = "Puts the commands of clients off for some time.",
     .arguments = kClientPauseArguments},
    {.name = "reply",
     .run = Reply,
     .arity = 3,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Says whether commands of this connection are answered.",
     .arguments = kClientReplyArguments},
    {.name = "setinfo",
     .run = SetInfo,
     .arity = 4,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Records the client library and its version.",
     .arguments = kClientSetinfoArguments,
     .tips = kAllNodesAllSucceededTips},
    {.name = "setname",
     .run = SetName,
     .arity = 3,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Names the connection.",
     .arguments = kClientSetnameArguments},
    {.name = "trackinginfo",
     .run = TrackingInfo,
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Tells how this connection tracks keys."},
    {.name = "unblock",
     .run = client_command::Unblock,
     .arity = -3,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "5.0.0",
     .complexity = "O(log N) where N is the number of client connections",
     .summary = "Ends the waiting of a blocked client.",
     .arguments = kClientUnblockArguments},
    {.name = "unpause",
     .run = client_command::Unpause,
     .arity = 2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(N) Where N is the number of paused clients",
     .summary = "Lets the clients go on that were paused."},
};

constexpr CommandSpec kCommands[] = {
    {.name = "client",
     .arity = -2,
     .group = "connection",
     .since = "2.4.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands about client connections.",
     .subcommands = kClientSubcommands},
};

}  // namespace

std::span<const CommandSpec> ClientCommands() { return kCommands; }

}  // namespace chestbox
