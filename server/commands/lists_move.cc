// Commands that move an element from one list to another (or within one).
#include <string>

#include "server/blocked_clients.h"
#include "server/commands/lists.h"
#include "server/server.h"

namespace chestbox::lists {

namespace {

struct MoveRequest {
  std::string_view source;
  std::string_view destination;
  ListEnd from = ListEnd::kBack;
  ListEnd to = ListEnd::kFront;
};

// source destination LEFT|RIGHT LEFT|RIGHT, from args[1] on
Result<MoveRequest> ParseMove(Args args) {
  auto from = EndArgument(args[3]);
  if (!from) return from.error();
  auto to = EndArgument(args[4]);
  if (!to) return to.error();
  return MoveRequest{args[1], args[2], *from, *to};
}

// False: the source does not exist. The element is pushed first, as only that can fail. Effects are of one key each:
// the push with its element, and the pop.
Result<bool> Move(CommandContext& ctx, const MoveRequest& move, ReplyWriter& reply) {
  auto source = ListType::Find(ctx, move.source, Look::kChange);
  if (!source) return source.error();
  if (!*source) return false;
  char digits[shm::kIntegerTextBytesMax];
  const uint64_t size = (*source)->size();
  const std::string text((*source)->Text((*source)->At(move.from == ListEnd::kFront ? 0 : size - 1), digits));
  const std::string_view element = text;
  auto pushed = ListType::Push(ctx, move.destination, {&element, 1}, move.to, false);
  if (!pushed) return pushed.error();
  ctx.Effect({move.to == ListEnd::kFront ? "LPUSH" : "RPUSH", move.destination, element});
  source = ListType::Find(ctx, move.source, Look::kPeek);
  // The one that was pushed may stand before it now; they are equal, whichever goes.
  PopAndReport(ctx, move.source, **source, move.from, 1, true);
  reply.Bulk(element);
  return true;
}

Result<void> MoveOrNull(CommandContext& ctx, const MoveRequest& move, ReplyWriter& reply) {
  auto moved = Move(ctx, move, reply);
  if (!moved) return moved.error();
  if (!*moved) reply.Null();
  return {};
}

Result<void> MoveOrBlock(CommandContext& ctx, const MoveRequest& move, std::string_view timeout, ReplyWriter& reply) {
  auto deadline_ms = ParseBlockTimeout(ctx, timeout);
  if (!deadline_ms) return deadline_ms.error();
  if (!ctx.may_block) return MoveOrNull(ctx, move, reply);
  auto moved = Move(ctx, move, reply);
  if (!moved) return moved.error();
  if (*moved) return {};
  return ctx.Block({.keys = {&move.source, 1}, .type = ValueType::kList, .deadline_ms = *deadline_ms});
}

}  // namespace

// LMOVE source destination LEFT|RIGHT LEFT|RIGHT -> the element, or null
Result<void> LMove(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto move = ParseMove(args);
  if (!move) return move.error();
  return MoveOrNull(ctx, *move, reply);
}

// RPOPLPUSH source destination -> the element, or null
Result<void> RPopLPush(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return MoveOrNull(ctx, {.source = args[1], .destination = args[2]}, reply);
}

// BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout -> the element, or null
Result<void> BLMove(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto move = ParseMove(args);
  if (!move) return move.error();
  return MoveOrBlock(ctx, *move, args[5], reply);
}

// BRPOPLPUSH source destination timeout -> the element, or null
Result<void> BRPopLPush(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return MoveOrBlock(ctx, {.source = args[1], .destination = args[2]}, args[3], reply);
}

}  // namespace chestbox::lists
