// MULTI, EXEC, DISCARD, WATCH and UNWATCH. Queueing is the dispatcher's (dispatcher_transactions.cc).
#include "server/client.h"
#include "server/commands/families.h"
#include "server/dispatcher.h"
#include "server/server.h"
#include "server/transaction.h"
#include "server/watched_keys.h"

namespace chestbox {

namespace {

// MULTI -> OK
Result<void> Multi(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (ctx.client.transaction != nullptr) return Error{"ERR MULTI calls can not be nested"};
  ctx.client.transaction = std::make_unique<Transaction>();
  reply.Ok();
  return {};
}

// EXEC -> the replies of the queued commands; null when a watched key has changed
Result<void> Exec(CommandContext& ctx, Args, ReplyWriter& reply) {
  Client& client = ctx.client;
  if (client.transaction == nullptr) return Error{"ERR EXEC without MULTI"};
  const bool failed = client.transaction->failed;
  const bool changed = client.watch_failed || (!failed && ctx.server.watched().AnyExpired(client));
  const std::unique_ptr<Transaction> transaction = std::move(client.transaction);
  ctx.server.watched().Unwatch(client);
  if (failed) return Error{"EXECABORT Transaction discarded because of previous errors."};
  if (changed) {
    reply.NullArray();
    return {};
  }
  reply.Array(transaction->commands.size());
  for (QueuedCommand& command : transaction->commands) ctx.server.dispatcher().RunQueued(client, command);
  return {};
}

// DISCARD -> OK
Result<void> Discard(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (ctx.client.transaction == nullptr) return Error{"ERR DISCARD without MULTI"};
  ctx.server.EndTransaction(ctx.client);
  reply.Ok();
  return {};
}

// WATCH key … -> OK
Result<void> Watch(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (ctx.client.transaction != nullptr) return Error{"ERR WATCH inside MULTI is not allowed"};
  for (std::string_view key : args.subspan(1)) {
    if (!ctx.client.watch_failed) ctx.server.watched().Watch(ctx.client, ctx.db, key);
  }
  reply.Ok();
  return {};
}

// UNWATCH -> OK
Result<void> Unwatch(CommandContext& ctx, Args, ReplyWriter& reply) {
  ctx.server.watched().Unwatch(ctx.client);
  reply.Ok();
  return {};
}

constexpr ArgumentSpec kWatchArguments[] = {
    {.name = "key", .type = ArgumentSpec::Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0}};

constexpr CommandSpec kCommands[] = {
    {.name = "discard",
     .run = Discard,
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy | kNotQueued,
     .categories = kCatTransaction,
     .group = "transactions",
     .since = "2.0.0",
     .complexity = "O(N), when N is the number of queued commands",
     .summary = "Forgets the queued commands."},
    {.name = "exec",
     .run = Exec,
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kSkipSlowlog | kNotQueued | kRunsQueue,
     .categories = kCatTransaction,
     .group = "transactions",
     .since = "1.2.0",
     .complexity = "Depends on commands in the transaction",
     .summary = "Runs the queued commands, all at once."},
    {.name = "multi",
     .run = Multi,
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy | kNotQueued,
     .categories = kCatTransaction,
     .group = "transactions",
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Begins a transaction: commands are queued from here on."},
    {.name = "unwatch",
     .run = Unwatch,
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .categories = kCatTransaction,
     .group = "transactions",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Forgets all watched keys."},
    {.name = "watch",
     .run = Watch,
     .arity = -2,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy | kNotQueued,
     .categories = kCatTransaction,
     .keys = {{1, -1, 1, kKeyRO}},
     .group = "transactions",
     .since = "2.2.0",
     .complexity = "O(1) for every key.",
     .summary = "Makes the next EXEC depend on keys that do not change until then.",
     .arguments = kWatchArguments},
};

}  // namespace

std::span<const CommandSpec> TransactionCommands() { return kCommands; }

}  // namespace chestbox
