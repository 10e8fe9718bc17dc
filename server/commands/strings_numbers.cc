// Commands that take a string for a number.
#include <cmath>
#include <cstdint>
#include <limits>

#include "protocol/resp/number_format.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/commands/strings.h"

namespace chestbox::strings {

namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

// Stores the result of a sum; an existing key keeps its expiry.
Result<void> StoreSum(CommandContext& ctx, std::string_view key, bool exists, std::string_view text,
                      StringEncoding encoding) {
  return exists ? ctx.keys.ReplaceString(ctx.db, key, text, encoding)
                : ctx.keys.SetString(ctx.db, key, text, encoding, kNoExpiry);
}

// `name` is the command's, whose arguments, as they are, are its effect.
Result<void> Add(CommandContext& ctx, std::string_view name, Args args, int64_t increment, ReplyWriter& reply) {
  const std::string_view key = args[1];
  auto state = OnlyString(StateToChange(ctx, key));
  if (!state) return state.error();
  const bool exists = state->has_value();
  int64_t value = 0;
  if (exists) {
    auto old = IntegerArgument((*state)->value);
    if (!old) return old.error();
    value = *old;
  }
  if ((increment < 0 && value < kMin - increment) || (increment > 0 && value > kMax - increment)) {
    return Error{"ERR increment or decrement would overflow"};
  }
  value += increment;
  if (auto stored = StoreSum(ctx, key, exists, IntegerText(value), StringEncoding::kInt); !stored) return stored;
  if (args.size() == 2) {
    ctx.Effect({name, key});
  } else {
    ctx.Effect({name, key, args[2]});
  }
  reply.Integer(value);
  return {};
}

}  // namespace

// INCR key -> the new value; a missing key counts as 0
Result<void> Incr(CommandContext& ctx, Args args, ReplyWriter& reply) { return Add(ctx, "INCR", args, 1, reply); }

// DECR key -> the new value
Result<void> Decr(CommandContext& ctx, Args args, ReplyWriter& reply) { return Add(ctx, "DECR", args, -1, reply); }

// INCRBY key increment -> the new value
Result<void> IncrBy(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto increment = IntegerArgument(args[2]);
  if (!increment) return increment.error();
  return Add(ctx, "INCRBY", args, *increment, reply);
}

// DECRBY key decrement -> the new value
Result<void> DecrBy(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto decrement = IntegerArgument(args[2]);
  if (!decrement) return decrement.error();
  if (*decrement == kMin) return Error{"ERR decrement would overflow"};
  return Add(ctx, "DECRBY", args, -*decrement, reply);
}

// INCRBYFLOAT key increment -> the new value as text
Result<void> IncrByFloat(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view key = args[1];
  auto state = OnlyString(StateToChange(ctx, key));
  if (!state) return state.error();
  const bool exists = state->has_value();
  long double value = 0;
  if (exists) {
    auto old = FloatArgument((*state)->value);
    if (!old) return old.error();
    value = *old;
  }
  auto increment = FloatArgument(args[2]);
  if (!increment) return increment.error();
  value += *increment;
  if (!std::isfinite(value)) return Error{"ERR increment would produce NaN or Infinity"};
  char bytes[resp::kHumanDoubleBytesMax];
  const std::string_view text = resp::FormatHumanDouble(value, bytes);
  // Never an integer's encoding, even for whole numbers: so does Redis.
  const StringEncoding encoding =
      EncodingFor(text) == StringEncoding::kInt ? StringEncoding::kEmbedded : EncodingFor(text);
  if (auto stored = StoreSum(ctx, key, exists, text, encoding); !stored) return stored;
  ctx.Effect({"SET", key, text, "KEEPTTL"});  // the sum, which another machine might round in another way
  reply.Bulk(text);
  return {};
}

}  // namespace chestbox::strings
