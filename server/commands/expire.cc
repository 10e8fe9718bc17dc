// When keys end: EXPIRE and its kin.
#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>

#include "server/commands/cold_states.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/echoed.h"

namespace chestbox {

namespace {

enum class Unit { kSeconds, kMilliseconds };
enum class Base { kNow, kUnixEpoch };

// Conditions on the expiry that the key has.
struct Conditions {
  bool nx = false;  // none
  bool xx = false;  // any
  bool gt = false;  // an earlier one; none counts as infinite
  bool lt = false;  // a later one, or none

  bool Allow(int64_t current_ms, int64_t new_ms) const {
    const bool expires = current_ms != kNoExpiry;
    if (nx && expires) return false;
    if (xx && !expires) return false;
    if (gt && (!expires || new_ms <= current_ms)) return false;
    return !lt || !expires || new_ms < current_ms;
  }
};

Result<Conditions> ParseConditions(Args args) {
  Conditions conditions;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    if (parser.Eat("nx")) {
      conditions.nx = true;
    } else if (parser.Eat("xx")) {
      conditions.xx = true;
    } else if (parser.Eat("gt")) {
      conditions.gt = true;
    } else if (parser.Eat("lt")) {
      conditions.lt = true;
    } else {
      return Error{fmt::format("ERR Unsupported option {}", AsEchoed(parser.Peek()))};
    }
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) {
    return Error{"ERR NX and XX, GT or LT options at the same time are not compatible"};
  }
  if (conditions.gt && conditions.lt) {
    return Error{"ERR GT and LT options at the same time are not compatible"};
  }
  return conditions;
}

// The moment that an argument means; it may lie in the past, even before 1970.
Result<int64_t> MomentArgument(const CommandContext& ctx, std::string_view text, Unit unit, Base base,
                               std::string_view command) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  auto given = IntegerArgument(text);
  if (!given) return given;
  const Error invalid{fmt::format("ERR invalid expire time in '{}' command", command)};
  int64_t ms = *given;
  if (unit == Unit::kSeconds) {
    if (ms > kMax / 1000 || ms < kMin / 1000) return invalid;
    ms *= 1000;
  }
  if (base == Base::kUnixEpoch) return ms;
  if (ms > kMax - ctx.now_ms) return invalid;
  return ms + ctx.now_ms;
}

// EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT key time [NX | XX | GT | LT] -> 1 if the expiry was set, 0 without the key or
// when a condition forbids. A moment that has come deletes the key.
Result<void> SetExpiry(CommandContext& ctx, Args args, Unit unit, Base base, std::string_view command,
                       ReplyWriter& reply) {
  auto conditions = ParseConditions(args);
  if (!conditions) return conditions.error();
  auto moment = MomentArgument(ctx, args[2], unit, base, command);
  if (!moment) return moment.error();
  const std::string_view key = args[1];
  const std::optional<StateView> state = StateToChange(ctx, key);
  if (!state || !conditions->Allow(state->expire_at_ms, *moment)) {
    reply.Integer(0);
    return {};
  }
  if (*moment <= ctx.now_ms) {
    ctx.keys.Erase(ctx.db, key);
    ctx.Effect({"DEL", key});
  } else {
    if (auto set = ctx.keys.SetExpiry(ctx.db, key, *moment); !set) return set;
    ctx.Effect({"PEXPIREAT", key, IntegerText(*moment)});
  }
  reply.Integer(1);
  return {};
}

// TTL, PTTL, EXPIRETIME, PEXPIRETIME key -> the time; -1 if the key has no expiry, -2 if it does not exist. Seconds are
// rounded to the nearest.
Result<void> ReplyExpiry(CommandContext& ctx, Args args, Unit unit, Base base, ReplyWriter& reply) {
  const std::optional<StateHead> state = LookAtHead(ctx, args[1]);
  if (!state) {
    reply.Integer(-2);
    return {};
  }
  if (state->expire_at_ms == kNoExpiry) {
    reply.Integer(-1);
    return {};
  }
  const int64_t ms = base == Base::kNow ? state->expire_at_ms - ctx.now_ms : state->expire_at_ms;
  const int64_t seconds = ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
  reply.Integer(unit == Unit::kMilliseconds ? ms : seconds);
  return {};
}

Result<void> Expire(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kSeconds, Base::kNow, "expire", reply);
}
Result<void> PExpire(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kMilliseconds, Base::kNow, "pexpire", reply);
}
Result<void> ExpireAt(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kSeconds, Base::kUnixEpoch, "expireat", reply);
}
Result<void> PExpireAt(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kMilliseconds, Base::kUnixEpoch, "pexpireat", reply);
}
Result<void> Ttl(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kSeconds, Base::kNow, reply);
}
Result<void> PTtl(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kMilliseconds, Base::kNow, reply);
}
Result<void> ExpireTime(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kSeconds, Base::kUnixEpoch, reply);
}
Result<void> PExpireTime(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kMilliseconds, Base::kUnixEpoch, reply);
}

// PERSIST key -> 1 if the key had an expiry, which it has no more
Result<void> Persist(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = StateToChange(ctx, args[1]);
  if (!state || state->expire_at_ms == kNoExpiry) {
    reply.Integer(0);
    return {};
  }
  if (auto set = ctx.keys.SetExpiry(ctx.db, args[1], kNoExpiry); !set) return set;
  ctx.Effect({"PERSIST", args[1]});
  reply.Integer(1);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kExpireConditionArguments[] = {
    {.name = "nx", .type = Type::kPureToken, .token = "NX"},
    {.name = "xx", .type = Type::kPureToken, .token = "XX"},
    {.name = "gt", .type = Type::kPureToken, .token = "GT"},
    {.name = "lt", .type = Type::kPureToken, .token = "LT"},
};
constexpr ArgumentSpec kExpireArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "seconds", .type = Type::kInteger},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "7.0.0",
     .arguments = kExpireConditionArguments},
};
constexpr ArgumentSpec kExpireAtArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "unix-time-seconds", .type = Type::kUnixTime},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "7.0.0",
     .arguments = kExpireConditionArguments},
};
constexpr ArgumentSpec kKeyArguments[] = {{.name = "key", .type = Type::kKey, .key_spec = 0}};
constexpr ArgumentSpec kPExpireArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "milliseconds", .type = Type::kInteger},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "7.0.0",
     .arguments = kExpireConditionArguments},
};
constexpr ArgumentSpec kPExpireAtArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "unix-time-milliseconds", .type = Type::kUnixTime},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "7.0.0",
     .arguments = kExpireConditionArguments},
};

constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};

constexpr CommandSpec kCommands[] = {
    {.name = "expire",
     .run = Expire,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Lets a key expire after some seconds.",
     .arguments = kExpireArguments},
    {.name = "expireat",
     .run = ExpireAt,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "generic",
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Lets a key expire at a Unix time in seconds.",
     .arguments = kExpireAtArguments},
    {.name = "expiretime",
     .run = ExpireTime,
     .arity = 2,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells the Unix time in seconds at which a key expires.",
     .arguments = kKeyArguments},
    {.name = "persist",
     .run = Persist,
     .arity = 2,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "generic",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Lets a key live for ever.",
     .arguments = kKeyArguments},
    {.name = "pexpire",
     .run = PExpire,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Lets a key expire after some milliseconds.",
     .arguments = kPExpireArguments},
    {.name = "pexpireat",
     .run = PExpireAt,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Lets a key expire at a Unix time in milliseconds.",
     .arguments = kPExpireAtArguments},
    {.name = "pexpiretime",
     .run = PExpireTime,
     .arity = 2,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells the Unix time in milliseconds at which a key expires.",
     .arguments = kKeyArguments},
    {.name = "pttl",
     .run = PTtl,
     .arity = 2,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Tells how many milliseconds a key still lives.",
     .arguments = kKeyArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "ttl",
     .run = Ttl,
     .arity = 2,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .heads_suffice = NeedNoValue,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many seconds a key still lives.",
     .arguments = kKeyArguments,
     .tips = kNondeterministicOutputTips},
};

}  // namespace

std::span<const CommandSpec> ExpireCommands() { return kCommands; }

}  // namespace chestbox
