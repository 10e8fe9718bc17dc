// DUMP and RESTORE: states as payloads that redis-server understands, and from any version of it.
#include <fmt/format.h>

#include "protocol/rdb/dump.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

// DUMP key -> the state as a payload, or null
Result<void> Dump(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = ReadState(ctx, args[1]);
  if (!state) {
    reply.Null();
    return {};
  }
  std::string payload = EncodeState(ctx.keys.memory(), *state, ObjectReader::kRedis7);
  rdb::AppendFooter(payload);
  reply.Bulk(payload);
  return {};
}

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  int64_t idle_s = -1;
  int64_t frequency = -1;
};

Result<RestoreOptions> ParseRestoreOptions(Args args) {
  RestoreOptions options;
  CommandParser parser(args, 4);
  std::string_view value;
  while (!parser.done()) {
    if (parser.Eat("replace")) {
      options.replace = true;
    } else if (parser.Eat("absttl")) {
      options.absolute = true;
    } else if (options.frequency == -1 && parser.EatWithValue("idletime", &value)) {
      const auto seconds = IntegerArgument(value);
      if (!seconds) return seconds.error();
      if (*seconds < 0) return Error{"ERR Invalid IDLETIME value, must be >= 0"};
      options.idle_s = *seconds;
    } else if (options.idle_s == -1 && parser.EatWithValue("freq", &value)) {
      const auto frequency = IntegerArgument(value);
      if (!frequency) return frequency.error();
      if (*frequency < 0 || *frequency > 255) return Error{"ERR Invalid FREQ value, must be >= 0 and <= 255"};
      options.frequency = *frequency;
    } else {
      return SyntaxError();
    }
  }
  return options;
}

// The moment at which the state is to expire; kNoExpiry: never. A time that is too late to be told is over at once, as
// in Redis.
int64_t ExpireAt(int64_t ttl_ms, bool absolute, int64_t now_ms) {
  if (ttl_ms == 0) return kNoExpiry;
  if (absolute) return ttl_ms;
  return static_cast<int64_t>(static_cast<uint64_t>(ttl_ms) + static_cast<uint64_t>(now_ms));
}

void SetAccessAsAsked(CommandContext& ctx, std::string_view key, const RestoreOptions& options) {
  if (ctx.keys.lfu() && options.frequency >= 0) {
    ctx.keys.SetAccess(ctx.db, key, ctx.keys.AccessOfFrequency(static_cast<uint32_t>(options.frequency)));
  } else if (!ctx.keys.lfu() && options.idle_s >= 0) {
    ctx.keys.SetAccess(ctx.db, key, ctx.keys.AccessOfIdle(options.idle_s));
  }
}

// With an absolute time, whatever it was given as.
void ReportRestored(CommandContext& ctx, Args args, const RestoreOptions& options, int64_t expire_at_ms) {
  std::vector<std::string_view> effect(args.begin(), args.end());
  const IntegerText at(expire_at_ms);
  effect[0] = "RESTORE";
  if (expire_at_ms != kNoExpiry) effect[2] = at;
  if (expire_at_ms != kNoExpiry && !options.absolute) effect.emplace_back("ABSTTL");
  ctx.Effect(effect);
}

// RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds | FREQ frequency] -> OK
Result<void> Restore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view key = args[1];
  const auto options = ParseRestoreOptions(args);
  if (!options) return options.error();
  const bool exists = StateToChange(ctx, key).has_value();
  if (exists && !options->replace) return Error{"BUSYKEY Target key name already exists."};
  const auto ttl_ms = IntegerArgument(args[2]);
  if (!ttl_ms) return ttl_ms.error();
  if (*ttl_ms < 0) return Error{"ERR Invalid TTL value, must be >= 0"};
  std::string_view object;
  if (!rdb::ParseDump(args[3], &object)) return Error{"ERR DUMP payload version or checksum are wrong"};
  auto value = DecodeState(ctx.keys, ctx.server.config(), object, rdb::Trust::kForeign);
  if (!value) return value.error();

  const int64_t expire_at_ms = ExpireAt(*ttl_ms, options->absolute, ctx.now_ms);
  if (expire_at_ms != kNoExpiry && expire_at_ms <= ctx.now_ms) {
    ctx.keys.Discard(*value);
    if (exists) {
      ctx.keys.Erase(ctx.db, key);
      ctx.Effect({"DEL", key});
    }
    reply.Ok();
    return {};
  }
  if (auto set = ctx.keys.SetState(ctx.db, key, *value, expire_at_ms); !set) {
    ctx.keys.Discard(*value);
    return set;
  }
  SetAccessAsAsked(ctx, key, *options);
  ReportRestored(ctx, args, *options, expire_at_ms);
  reply.Ok();
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kDumpArguments[] = {{.name = "key", .type = Type::kKey, .key_spec = 0}};
constexpr ArgumentSpec kRestoreArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "ttl", .type = Type::kInteger},
    {.name = "serialized-value"},
    {.name = "replace",
     .type = Type::kPureToken,
     .token = "REPLACE",
     .flags = ArgumentSpec::kOptional,
     .since = "3.0.0"},
    {.name = "absttl", .type = Type::kPureToken, .token = "ABSTTL", .flags = ArgumentSpec::kOptional, .since = "5.0.0"},
    {.name = "seconds",
     .type = Type::kInteger,
     .token = "IDLETIME",
     .flags = ArgumentSpec::kOptional,
     .since = "5.0.0"},
    {.name = "frequency", .type = Type::kInteger, .token = "FREQ", .flags = ArgumentSpec::kOptional, .since = "5.0.0"},
};

constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};

constexpr CommandSpec kCommands[] = {
    {.name = "dump",
     .run = Dump,
     .arity = 2,
     .flags = kReadOnly,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "generic",
     .since = "2.6.0",
     .complexity =
         "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects "
         "composing the value and M their average size. For small string values the time complexity is thus "
         "O(1)+O(1*M) where M is small, so simply O(1).",
     .summary = "Gives a state as a payload that RESTORE takes, here and in Redis.",
     .arguments = kDumpArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "restore",
     .run = Restore,
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .categories = kCatKeyspace | kCatDangerous,
     .keys = {{1, 1, 1, kKeyOW | kKeyUpdate}},
     .group = "generic",
     .since = "2.6.0",
     .complexity =
         "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number "
         "of Redis objects composing the value and M their average size. For small string values the time complexity "
         "is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is "
         "O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
     .summary = "Creates a state from a payload of DUMP.",
     .arguments = kRestoreArguments},
};

}  // namespace

std::span<const CommandSpec> DumpCommands() { return kCommands; }

}  // namespace chestbox
