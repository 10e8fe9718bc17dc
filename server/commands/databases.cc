// Commands over whole databases.
#include "server/commands/databases.h"

#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/number_parsing.h"
#include "server/keyspace.h"
#include "server/persistence.h"
#include "server/server.h"

namespace chestbox {

Result<uint32_t> DatabaseArgument(const CommandContext& ctx, std::string_view text) {
  auto number = SmallIntegerArgument(text);
  if (!number) return number.error();
  if (*number < 0 || *number >= ctx.server.config().databases) return Error{"ERR DB index is out of range"};
  return static_cast<uint32_t>(*number);
}

int DatabaseOrNone(std::string_view text) {
  const std::optional<int64_t> number = ParseInteger(text);
  return number && *number >= 0 && *number < shm::kDatabases ? static_cast<int>(*number) : -1;
}

namespace {

// DBSIZE -> the number of keys of this database
Result<void> DbSize(CommandContext& ctx, Args, ReplyWriter& reply) {
  reply.Integer(static_cast<int64_t>(ctx.keys.Size(ctx.db)));
  return {};
}

// The option of FLUSHDB and FLUSHALL: whether memory may come back later.
Result<bool> ParseLazily(const CommandContext& ctx, Args args) {
  CommandParser parser(args, 1);
  if (parser.done()) return ctx.server.config().lazyfree_lazy_user_flush;
  const bool lazily = parser.Eat("async");
  if ((!lazily && !parser.Eat("sync")) || !parser.done()) return SyntaxError();
  return lazily;
}

// FLUSHDB [ASYNC | SYNC] -> OK
Result<void> FlushDb(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto lazily = ParseLazily(ctx, args);
  if (!lazily) return lazily.error();
  (void)ctx.keys.Flush(ctx.db, *lazily);
  ctx.Effect({"FLUSHDB"});  // of an empty database as well: a replica may differ
  reply.Ok();
  return {};
}

// FLUSHALL [ASYNC | SYNC] -> OK
Result<void> FlushAll(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto lazily = ParseLazily(ctx, args);
  if (!lazily) return lazily.error();
  for (uint32_t database = 0; database < shm::kDatabases; ++database) (void)ctx.keys.Flush(database, *lazily);
  ctx.server.persistence().OnFlushAll();
  ctx.Effect({"FLUSHALL"});
  reply.Ok();
  return {};
}

// SELECT index -> OK
Result<void> Select(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto database = DatabaseArgument(ctx, args[1]);
  if (!database) return database.error();
  ctx.client.db = *database;
  reply.Ok();
  return {};
}

// SWAPDB index1 index2 -> OK
Result<void> SwapDb(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto first = SmallIntegerArgument(args[1], "ERR invalid first DB index");
  if (!first) return first.error();
  auto second = SmallIntegerArgument(args[2], "ERR invalid second DB index");
  if (!second) return second.error();
  auto a = DatabaseArgument(ctx, args[1]);
  if (!a) return a.error();
  auto b = DatabaseArgument(ctx, args[2]);
  if (!b) return b.error();
  if (*a != *b) {
    ctx.keys.SwapDatabases(*a, *b);
    ctx.Effect({"SWAPDB", IntegerText(*a), IntegerText(*b)});
  }
  reply.Ok();
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kFlushAllAsyncArguments[] = {
    {.name = "async", .type = Type::kPureToken, .token = "ASYNC", .since = "4.0.0"},
    {.name = "sync", .type = Type::kPureToken, .token = "SYNC", .since = "6.2.0"},
};
constexpr ArgumentSpec kFlushAllArguments[] = {
    {.name = "async", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kFlushAllAsyncArguments}};
constexpr ArgumentSpec kSelectArguments[] = {{.name = "index", .type = Type::kInteger}};
constexpr ArgumentSpec kSwapDbArguments[] = {
    {.name = "index1", .type = Type::kInteger},
    {.name = "index2", .type = Type::kInteger},
};

constexpr std::string_view kAllShardsAggSumTips[] = {"request_policy:all_shards", "response_policy:agg_sum"};
constexpr std::string_view kAllShardsAllSucceededTips[] = {"request_policy:all_shards",
                                                           "response_policy:all_succeeded"};

constexpr CommandSpec kCommands[] = {
    {.name = "dbsize",
     .run = DbSize,
     .arity = 1,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Counts the keys of a database.",
     .tips = kAllShardsAggSumTips},
    {.name = "flushall",
     .run = FlushAll,
     .arity = -1,
     .flags = kWrite,
     .categories = kCatKeyspace | kCatDangerous,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(N) where N is the total number of keys in all databases",
     .summary = "Deletes all keys of all databases.",
     .arguments = kFlushAllArguments,
     .tips = kAllShardsAllSucceededTips},
    {.name = "flushdb",
     .run = FlushDb,
     .arity = -1,
     .flags = kWrite,
     .categories = kCatKeyspace | kCatDangerous,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys in the selected database",
     .summary = "Deletes all keys of the database.",
     .arguments = kFlushAllArguments,
     .tips = kAllShardsAllSucceededTips},
    {.name = "select",
     .run = Select,
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .categories = kCatConnection,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Chooses the database of this connection.",
     .arguments = kSelectArguments},
    {.name = "swapdb",
     .run = SwapDb,
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace | kCatDangerous,
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(N) where N is the count of clients watching or blocking on keys from both databases.",
     .summary = "Swaps two databases, for all clients at one moment.",
     .arguments = kSwapDbArguments},
};

}  // namespace

std::span<const CommandSpec> DatabaseCommands() { return kCommands; }

}  // namespace chestbox
