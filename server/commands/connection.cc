// Commands about the connection that they come on.
#include "server/commands/connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/acl/acl.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/number_parsing.h"
#include "server/commands/subcommand_error.h"
#include "server/pubsub.h"

namespace chestbox {

bool IsLocal(const Client& client) {
  if (client.transport == nullptr || client.transport->is_unix_socket()) return true;
  const std::string peer = client.transport->peer_address();
  return peer.starts_with("127.0.0.1:") || peer.starts_with("[::1]:") || peer.starts_with("::1:");
}

Result<void> SetClientName(Client& client, std::string_view name) {
  // Else CLIENT LIST could not be split at its spaces.
  if (std::any_of(name.begin(), name.end(), [](char c) { return c < '!' || c > '~'; })) {
    return Error{"ERR Client names cannot contain spaces, newlines or special characters."};
  }
  client.name = name;
  return {};
}

namespace {

// PING [message] -> PONG, or the message
Result<void> Ping(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 2) return Error{"ERR wrong number of arguments for 'ping' command"};
  if (ctx.client.protocol() == 2 && IsSubscriber(ctx.client)) {  // it expects messages only
    reply.Array(2);
    reply.Bulk("pong");
    reply.Bulk(args.size() == 2 ? args[1] : "");
  } else if (args.size() == 2) {
    reply.Bulk(args[1]);
  } else {
    reply.SimpleString("PONG");
  }
  return {};
}

// ECHO message -> the message
Result<void> Echo(CommandContext&, Args args, ReplyWriter& reply) {
  reply.Bulk(args[1]);
  return {};
}

// AUTH [username] password -> OK
Result<void> Auth(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 3) return SyntaxError();
  if (args.size() == 2 && ctx.server.acl().Find(kDefaultUser)->no_password) {
    return Error{
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is "
        "correct?"};
  }
  const std::string_view user = args.size() == 3 ? args[1] : kDefaultUser;
  if (auto done = ctx.server.acl().Authenticate(ctx.client, user, args.back(), args[0]); !done) return done;
  reply.Ok();
  return {};
}

// The options of HELLO. As in Redis each takes effect when it is read, whatever comes after it.
Result<void> ApplyHelloOptions(CommandContext& ctx, Args args) {
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t more = args.size() - 1 - i;
    if (EqualIgnoringCase(args[i], "auth") && more >= 2) {
      if (auto done = ctx.server.acl().Authenticate(ctx.client, args[i + 1], args[i + 2], args[0]); !done) return done;
      i += 2;
    } else if (EqualIgnoringCase(args[i], "setname") && more >= 1) {
      if (auto done = SetClientName(ctx.client, args[i + 1]); !done) return done;
      ++i;
    } else {
      return Error{fmt::format("ERR Syntax error in HELLO option '{}'", AsEchoed(args[i]))};
    }
  }
  return {};
}

// HELLO [protover [AUTH username password] [SETNAME clientname]] -> a map about the server and the connection
Result<void> Hello(CommandContext& ctx, Args args, ReplyWriter& reply) {
  int64_t version = 0;
  if (args.size() >= 2) {
    auto asked = IntegerArgument(args[1], "ERR Protocol version is not an integer or out of range");
    if (!asked) return asked.error();
    version = *asked;
    if (version < 2 || version > 3) return Error{"NOPROTO unsupported protocol version"};
  }
  if (auto applied = ApplyHelloOptions(ctx, args); !applied) return applied;
  if (!ctx.client.authenticated && ctx.server.acl().login_required()) {
    return Error{
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> "
        "option can be "
        "used to authenticate the client and select the RESP protocol version at the same time"};
  }
  if (version != 0) reply.set_protocol(static_cast<int>(version));
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(ctx.server.config().redis_version);
  reply.Bulk("proto");
  reply.Integer(reply.protocol());
  reply.Bulk("id");
  reply.Integer(static_cast<int64_t>(ctx.client.id));
  reply.Bulk("mode");
  reply.Bulk("standalone");
  reply.Bulk("role");
  reply.Bulk("master");
  reply.Bulk("modules");
  reply.Array(0);
  return {};
}

// QUIT -> OK, then the connection is closed
Result<void> Quit(CommandContext& ctx, Args, ReplyWriter& reply) {
  reply.Ok();
  ctx.client.close_after_reply = true;
  return {};
}

// RESET -> RESET: all but the connection's id is as on a new one
Result<void> Reset(CommandContext& ctx, Args, ReplyWriter& reply) {
  Client& client = ctx.client;
  client.db = 0;
  client.name.clear();
  ctx.server.EndTransaction(client);
  ctx.server.pubsub().Forget(client);
  client.reply_mode = ReplyMode::kOn;
  client.no_evict = false;
  client.no_touch = false;
  ctx.server.acl().StartSession(client);
  reply.set_protocol(2);
  reply.SimpleString("RESET");
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kAuthArguments[] = {
    {.name = "username", .flags = ArgumentSpec::kOptional, .since = "6.0.0"},
    {.name = "password"},
};
constexpr ArgumentSpec kEchoArguments[] = {{.name = "message"}};
constexpr ArgumentSpec kHelloArgumentsUsernamePasswordArguments[] = {
    {.name = "username"},
    {.name = "password"},
};
constexpr ArgumentSpec kHelloArgumentsArguments[] = {
    {.name = "protover", .type = Type::kInteger},
    {.name = "username_password",
     .type = Type::kBlock,
     .token = "AUTH",
     .flags = ArgumentSpec::kOptional,
     .arguments = kHelloArgumentsUsernamePasswordArguments},
    {.name = "clientname", .token = "SETNAME", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kHelloArguments[] = {{.name = "arguments",
                                             .type = Type::kBlock,
                                             .flags = ArgumentSpec::kOptional,
                                             .arguments = kHelloArgumentsArguments}};
constexpr ArgumentSpec kPingArguments[] = {{.name = "message", .flags = ArgumentSpec::kOptional}};

constexpr std::string_view kAllShardsAllSucceededTips[] = {"request_policy:all_shards",
                                                           "response_policy:all_succeeded"};

constexpr CommandSpec kCommands[] = {
    {.name = "auth",
     .run = Auth,
     .arity = -2,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .categories = kCatConnection,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of passwords defined for the user",
     .summary = "Authenticates the connection.",
     .arguments = kAuthArguments},
    {.name = "echo",
     .run = Echo,
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .categories = kCatConnection,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns its argument.",
     .arguments = kEchoArguments},
    {.name = "hello",
     .run = Hello,
     .arity = -1,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .categories = kCatConnection,
     .group = "connection",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Chooses the protocol, authenticates and names the connection.",
     .arguments = kHelloArguments},
    {.name = "ping",
     .run = Ping,
     .arity = -1,
     .flags = kFast,
     .categories = kCatConnection,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns PONG or its argument.",
     .arguments = kPingArguments,
     .tips = kAllShardsAllSucceededTips},
    {.name = "quit",
     .run = Quit,
     .arity = -1,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy | kNotQueued,
     .categories = kCatConnection,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Closes the connection after its reply."},
    {.name = "reset",
     .run = Reset,
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy | kNotQueued,
     .categories = kCatConnection,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Brings the connection back to the state of a new one."},
};

}  // namespace

std::span<const CommandSpec> ConnectionCommands() { return kCommands; }

}  // namespace chestbox
