// CLIENT PAUSE, UNPAUSE and UNBLOCK: making clients wait, and ending their waiting.
#include "server/blocked_clients.h"
#include "server/client.h"
#include "server/client_pause.h"
#include "server/commands/client_command.h"
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/subcommand_error.h"
#include "server/server.h"

namespace chestbox::client_command {

// CLIENT PAUSE timeout [WRITE | ALL] -> OK
Result<void> Pause(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 4) return SubcommandSyntaxError(args);
  ClientPause::Kind kind = ClientPause::Kind::kAll;
  if (args.size() == 4 && !EqualIgnoringCase(args[3], "all")) {
    if (!EqualIgnoringCase(args[3], "write")) return Error{"ERR CLIENT PAUSE mode must be WRITE or ALL"};
    kind = ClientPause::Kind::kWrites;
  }
  auto end_ms = ParseBlockTimeoutMs(ctx, args[2]);
  if (!end_ms) return end_ms.error();
  // A pause of no time is over at once.
  ctx.server.pause().Pause(kind, *end_ms == kBlockForever ? ctx.now_ms : *end_ms);
  reply.Ok();
  return {};
}

// CLIENT UNPAUSE -> OK
Result<void> Unpause(CommandContext& ctx, Args, ReplyWriter& reply) {
  ctx.server.pause().Unpause();
  reply.Ok();
  return {};
}

// CLIENT UNBLOCK client-id [TIMEOUT | ERROR] -> 1 if it was blocked and is not any more
Result<void> Unblock(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 4) return SubcommandSyntaxError(args);
  const bool with_error = args.size() == 4 && EqualIgnoringCase(args[3], "error");
  if (args.size() == 4 && !with_error && !EqualIgnoringCase(args[3], "timeout")) {
    return Error{"ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"};
  }
  auto id = IntegerArgument(args[2]);
  if (!id) return id.error();
  Client* client = ctx.server.FindClient(static_cast<uint64_t>(*id));
  const std::string_view error = with_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : "";
  reply.Integer(client != nullptr && ctx.server.blocked().Unblock(*client, error) ? 1 : 0);
  return {};
}

}  // namespace chestbox::client_command
