// Commands over keys, whatever their type.
#include <optional>

#include "protocol/shm/type_name.h"
#include "server/commands/cold_states.h"
#include "server/commands/command_parser.h"
#include "server/commands/databases.h"
#include "server/commands/families.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/commands/object.h"

namespace chestbox {

namespace {

Error SameObject() { return Error{"ERR source and destination objects are the same"}; }

// DEL key [key …] -> how many there were. UNLINK key [key …] does the same: the memory of any deleted state comes back
// when no reader pins it any more.
Result<void> Del(CommandContext& ctx, Args args, ReplyWriter& reply) {
  int64_t deleted = 0;
  for (std::string_view key : args.subspan(1)) {
    if (EraseState(ctx, key)) ++deleted;
  }
  if (deleted != 0) {
    std::vector<std::string_view> effect(args.begin(), args.end());
    effect[0] = "DEL";
    ctx.Effect(effect);
  }
  reply.Integer(deleted);
  return {};
}

// EXISTS key [key …] -> how many there are; a key that is named twice counts twice
Result<void> Exists(CommandContext& ctx, Args args, ReplyWriter& reply) {
  int64_t count = 0;
  for (std::string_view key : args.subspan(1)) count += LookAtHead(ctx, key) ? 1 : 0;
  reply.Integer(count);
  return {};
}

// TOUCH key [key …] -> how many there are
Result<void> Touch(CommandContext& ctx, Args args, ReplyWriter& reply) {
  int64_t count = 0;
  for (std::string_view key : args.subspan(1)) count += ctx.keys.Touch(ctx.db, key) ? 1 : 0;
  reply.Integer(count);
  return {};
}

// TYPE key -> the type's name, or "none"
Result<void> TypeOf(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateHead> state = LookAtHead(ctx, args[1]);
  reply.SimpleString(state ? TypeName(state->type) : "none");
  return {};
}

// RENAME and RENAMENX: false if `only_new` and the new key exists.
Result<bool> RenameKey(CommandContext& ctx, std::string_view from, std::string_view to, bool only_new) {
  if (!StateToChange(ctx, from)) return Error{"ERR no such key"};
  if (from == to) return !only_new;
  if (only_new && StateToChange(ctx, to)) return false;
  if (auto renamed = ctx.keys.Rename(ctx.db, from, ctx.db, to); !renamed) return renamed.error();
  ctx.Effect({"RENAME", from, to});
  return true;
}

// RENAME key newkey -> OK
Result<void> Rename(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto renamed = RenameKey(ctx, args[1], args[2], false);
  if (!renamed) return renamed.error();
  reply.Ok();
  return {};
}

// RENAMENX key newkey -> 1 if it was renamed, 0 if newkey exists
Result<void> RenameNx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto renamed = RenameKey(ctx, args[1], args[2], true);
  if (!renamed) return renamed.error();
  reply.Integer(*renamed ? 1 : 0);
  return {};
}

int MoveDatabase(Args args) { return args.size() > 2 ? DatabaseOrNone(args[2]) : -1; }

// MOVE key db -> 1 if it was moved, 0 if it does not exist here or exists there
Result<void> Move(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view key = args[1];
  auto target = DatabaseArgument(ctx, args[2]);
  if (!target) return target.error();
  if (*target == ctx.db) return SameObject();
  if (!StateToChange(ctx, key) || ctx.keys.Exists(*target, key)) {
    reply.Integer(0);
    return {};
  }
  if (auto moved = ctx.keys.Rename(ctx.db, key, *target, key); !moved) return moved;
  ctx.Effect({"MOVE", key, IntegerText(*target)});
  reply.Integer(1);
  return {};
}

// The last DB option counts, as for the command itself.
int CopyDatabase(Args args) {
  int database = -1;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    std::string_view number;
    if (parser.EatWithValue("db", &number)) {
      database = DatabaseOrNone(number);
    } else if (!parser.Eat("replace")) {
      return -1;
    }
  }
  return database;
}

// COPY source destination [DB destination-db] [REPLACE] -> 1 if it was copied, 0 if source is missing or destination
// exists
Result<void> Copy(CommandContext& ctx, Args args, ReplyWriter& reply) {
  bool replace = false;
  uint32_t target = ctx.db;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    std::string_view number;
    if (parser.EatWithValue("db", &number)) {
      auto database = DatabaseArgument(ctx, number);
      if (!database) return database.error();
      target = *database;
    } else if (parser.Eat("replace")) {
      replace = true;
    } else {
      return SyntaxError();
    }
  }
  const std::string_view from = args[1];
  const std::string_view to = args[2];
  if (target == ctx.db && from == to) return SameObject();
  if (!ReadState(ctx, from) || (ctx.keys.Exists(target, to) && !replace)) {
    reply.Integer(0);
    return {};
  }
  if (auto copied = ctx.keys.Copy(ctx.db, from, target, to); !copied) return copied;
  ctx.Effect({"COPY", from, to, "DB", IntegerText(target), "REPLACE"});
  reply.Integer(1);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kCopyArguments[] = {
    {.name = "source", .type = Type::kKey, .key_spec = 0},
    {.name = "destination", .type = Type::kKey, .key_spec = 1},
    {.name = "destination-db", .type = Type::kInteger, .token = "DB", .flags = ArgumentSpec::kOptional},
    {.name = "replace", .type = Type::kPureToken, .token = "REPLACE", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kKeysArguments[] = {
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0}};
constexpr ArgumentSpec kMoveArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "db", .type = Type::kInteger},
};
constexpr ArgumentSpec kRenameArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "newkey", .type = Type::kKey, .key_spec = 1},
};
constexpr ArgumentSpec kKeyArguments[] = {{.name = "key", .type = Type::kKey, .key_spec = 0}};

constexpr std::string_view kMultiShardAggSumTips[] = {"request_policy:multi_shard", "response_policy:agg_sum"};

constexpr CommandSpec kCommands[] = {
    {.name = "copy",
     .run = Copy,
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}, {2, 2, 1, kKeyOW | kKeyUpdate}},
     .other_database = CopyDatabase,
     .group = "generic",
     .since = "6.2.0",
     .complexity = "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
     .summary = "Copies a state to another key.",
     .arguments = kCopyArguments},
    {.name = "del",
     .run = Del,
     .arity = -2,
     .flags = kWrite,
     .categories = kCatKeyspace,
     .keys = {{1, -1, 1, kKeyRM | kKeyDelete}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other "
                   "than a string, the individual complexity for this key is O(M) where M is the number of elements in "
                   "the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
     .summary = "Deletes keys.",
     .arguments = kKeysArguments,
     .tips = kMultiShardAggSumTips},
    {.name = "exists",
     .run = Exists,
     .arity = -2,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, -1, 1, kKeyRO}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys to check.",
     .summary = "Counts which of some keys exist.",
     .arguments = kKeysArguments,
     .tips = kMultiShardAggSumTips},
    {.name = "move",
     .run = Move,
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate}},
     .other_database = MoveDatabase,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Moves a key to another database.",
     .arguments = kMoveArguments},
    {.name = "object",
     .arity = -2,
     .group = "generic",
     .since = "2.2.3",
     .complexity = "Depends on subcommand.",
     .summary = "A container for looks at how states are kept.",
     .subcommands = kObjectSubcommands},
    {.name = "rename",
     .run = Rename,
     .arity = 3,
     .flags = kWrite,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}, {2, 2, 1, kKeyOW | kKeyUpdate}},
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a state another key, whose old state is replaced.",
     .arguments = kRenameArguments},
    {.name = "renamenx",
     .run = RenameNx,
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}, {2, 2, 1, kKeyOW | kKeyInsert}},
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a state another key, if that one does not exist.",
     .arguments = kRenameArguments},
    {.name = "touch",
     .run = Touch,
     .arity = -2,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, -1, 1, kKeyRO}},
     .group = "generic",
     .since = "3.2.1",
     .complexity = "O(N) where N is the number of keys that will be touched.",
     .summary = "Marks keys as used just now, and counts those that exist.",
     .arguments = kKeysArguments,
     .tips = kMultiShardAggSumTips},
    {.name = "type",
     .run = TypeOf,
     .arity = 2,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRO}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells the type of a state.",
     .arguments = kKeyArguments},
    {.name = "unlink",
     .run = Del,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, -1, 1, kKeyRM | kKeyDelete}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "4.0.0",
     .complexity =
         "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in "
         "order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
     .summary = "Deletes keys; memory comes back later.",
     .arguments = kKeysArguments,
     .tips = kMultiShardAggSumTips},
};

}  // namespace

std::span<const CommandSpec> KeyCommands() { return kCommands; }

}  // namespace chestbox
