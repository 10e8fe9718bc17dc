// GET, SET and everything else that reads or writes a whole value.
#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>

#include "server/commands/cold_states.h"
#include "server/commands/command_parser.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/commands/strings.h"

namespace chestbox::strings {

namespace {

// EX 10, PX 10, EXAT t, PXAT t.
struct ExpiryOption {
  std::string_view text;
  bool in_seconds = false;
  bool relative = false;
  bool operator==(const ExpiryOption&) const = default;
};

struct SetOptions {
  bool nx = false;
  bool xx = false;
  bool get = false;
  bool keep_ttl = false;
  std::optional<ExpiryOption> expiry;
};

struct ExpiryToken {
  std::string_view token;
  bool in_seconds;
  bool relative;
};
constexpr ExpiryToken kExpiryTokens[] = {
    {"ex", true, true}, {"px", false, true}, {"exat", true, false}, {"pxat", false, false}};

// Reads one of the four expiry options. The same one may come again, and the last one counts; another one is an error.
bool EatExpiry(CommandParser& parser, std::optional<ExpiryOption>* expiry) {
  for (const ExpiryToken& kind : kExpiryTokens) {
    std::string_view text;
    if (!parser.EatWithValue(kind.token, &text)) continue;
    if (*expiry && ((*expiry)->in_seconds != kind.in_seconds || (*expiry)->relative != kind.relative)) return false;
    *expiry = {text, kind.in_seconds, kind.relative};
    return true;
  }
  return false;
}

Result<SetOptions> ParseSetOptions(Args args) {
  SetOptions options;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    bool fits = true;
    if (parser.Eat("nx")) {
      fits = !options.xx;
      options.nx = true;
    } else if (parser.Eat("xx")) {
      fits = !options.nx;
      options.xx = true;
    } else if (parser.Eat("get")) {
      options.get = true;
    } else if (parser.Eat("keepttl")) {
      fits = !options.expiry;
      options.keep_ttl = true;
    } else {
      fits = !options.keep_ttl && EatExpiry(parser, &options.expiry);
    }
    if (!fits) return SyntaxError();
  }
  return options;
}

// The moment that an option means. It may lie in the past, but not before 1970.
Result<int64_t> ExpiryMoment(const CommandContext& ctx, const ExpiryOption& expiry, std::string_view command) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  auto given = IntegerArgument(expiry.text);
  if (!given) return given;
  const Error invalid{fmt::format("ERR invalid expire time in '{}' command", command)};
  if (*given <= 0 || (expiry.in_seconds && *given > kMax / 1000)) return invalid;
  const int64_t ms = expiry.in_seconds ? *given * 1000 : *given;
  if (!expiry.relative) return ms;
  if (ms > kMax - ctx.now_ms) return invalid;
  return ms + ctx.now_ms;
}

void ReportSet(CommandContext& ctx, std::string_view key, std::string_view value, int64_t expire_at_ms) {
  if (expire_at_ms == kNoExpiry) {
    ctx.Effect({"SET", key, value});
  } else {
    ctx.Effect({"SET", key, value, "PXAT", IntegerText(expire_at_ms)});
  }
}

// What SET, SETNX, SETEX, PSETEX and GETSET have in common. True if the value was stored; with `options.get` the reply
// (the old value) is written.
Result<bool> Store(CommandContext& ctx, std::string_view key, std::string_view value, const SetOptions& options,
                   std::string_view command, ReplyWriter& reply) {
  if (value.size() > static_cast<size_t>(StringBytesMax(ctx))) return StringTooLong();
  int64_t expire_at_ms = kNoExpiry;
  if (options.expiry) {
    auto moment = ExpiryMoment(ctx, *options.expiry, command);
    if (!moment) return moment.error();
    expire_at_ms = *moment;
  }
  if (options.get || options.nx || options.xx || options.keep_ttl) {
    std::optional<StateHead> old;
    if (options.get) {
      const std::optional<StateView> state = ReadState(ctx, key);
      if (state && state->type != ValueType::kString) return WrongType();
      if (state) {
        old = StateHead{state->type, state->expire_at_ms};
        reply.Bulk(state->value);
      } else {
        reply.Null();
      }
    } else {
      old = HeadToChange(ctx, key);
    }
    if ((options.nx && old) || (options.xx && !old)) return false;
    if (options.keep_ttl && old) expire_at_ms = old->expire_at_ms;
  }
  if (auto set = ctx.keys.SetString(ctx.db, key, value, EncodingFor(value), expire_at_ms); !set) return set.error();
  if (options.keep_ttl) {
    ctx.Effect({"SET", key, value, "KEEPTTL"});
  } else {
    ReportSet(ctx, key, value, expire_at_ms);
  }
  return true;
}

Result<void> StoreWithTtl(CommandContext& ctx, Args args, bool in_seconds, std::string_view command,
                          ReplyWriter& reply) {
  SetOptions options;
  options.expiry = {args[2], in_seconds, true};
  auto stored = Store(ctx, args[1], args[3], options, command, reply);
  if (!stored) return stored.error();
  reply.Ok();
  return {};
}

Result<void> StoreSeveral(CommandContext& ctx, Args args) {
  const Args keys_and_values = args.subspan(1);
  for (size_t i = 1; i < keys_and_values.size(); i += 2) {
    if (keys_and_values[i].size() > static_cast<size_t>(StringBytesMax(ctx))) return StringTooLong();
  }
  if (auto set = ctx.keys.SetStrings(ctx.db, keys_and_values); !set) return set;
  std::vector<std::string_view> effect(args.begin(), args.end());
  effect[0] = "MSET";
  ctx.Effect(effect);
  return {};
}

}  // namespace

// GET key -> bulk string, or null when the key does not exist.
Result<void> Get(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = ReadState(ctx, args[1]);
  if (!state) {
    reply.Null();
    return {};
  }
  if (state->type != ValueType::kString) return WrongType();
  reply.Bulk(state->value);
  return {};
}

// SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] -> OK; null when NX or XX forbids; with GET
// the old value or null in any case.
Result<void> Set(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseSetOptions(args);
  if (!options) return options.error();
  auto stored = Store(ctx, args[1], args[2], *options, "set", reply);
  if (!stored) return stored.error();
  if (options->get) return {};
  if (*stored) {
    reply.Ok();
  } else {
    reply.Null();
  }
  return {};
}

bool SetNeedsNoValue(Args args) {
  const auto options = ParseSetOptions(args);
  return !options || !options->get;
}

// SETNX key value -> 1 if the key was set, 0 if it exists.
Result<void> SetNx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  SetOptions options;
  options.nx = true;
  auto stored = Store(ctx, args[1], args[2], options, "setnx", reply);
  if (!stored) return stored.error();
  reply.Integer(*stored ? 1 : 0);
  return {};
}

// SETEX key seconds value -> OK
Result<void> SetEx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return StoreWithTtl(ctx, args, true, "setex", reply);
}

// PSETEX key milliseconds value -> OK
Result<void> PSetEx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return StoreWithTtl(ctx, args, false, "psetex", reply);
}

// GETSET key value -> the old value, or null
Result<void> GetSet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  SetOptions options;
  options.get = true;
  auto stored = Store(ctx, args[1], args[2], options, "getset", reply);
  if (!stored) return stored.error();
  return {};
}

// GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] -> the value, or null
Result<void> GetEx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  bool persist = false;
  std::optional<ExpiryOption> expiry;
  CommandParser parser(args, 2);
  while (!parser.done()) {
    if (parser.Eat("persist")) {
      persist = true;
    } else if (!EatExpiry(parser, &expiry)) {
      return SyntaxError();
    }
    if (persist && expiry) return SyntaxError();
  }
  const std::string_view key = args[1];
  const std::optional<StateView> state = ReadState(ctx, key);
  if (!state) {
    reply.Null();
    return {};
  }
  if (state->type != ValueType::kString) return WrongType();
  int64_t expire_at_ms = kNoExpiry;
  if (expiry) {
    auto moment = ExpiryMoment(ctx, *expiry, "getex");
    if (!moment) return moment.error();
    expire_at_ms = *moment;
  }
  reply.Bulk(state->value);
  if (expiry && expire_at_ms <= ctx.now_ms) {
    ctx.keys.Erase(ctx.db, key);
    ctx.Effect({"DEL", key});
  } else if (expiry) {
    if (auto set = ctx.keys.SetExpiry(ctx.db, key, expire_at_ms); !set) return set;
    ctx.Effect({"PEXPIREAT", key, IntegerText(expire_at_ms)});
  } else if (persist && state->expire_at_ms != kNoExpiry) {
    if (auto set = ctx.keys.SetExpiry(ctx.db, key, kNoExpiry); !set) return set;
    ctx.Effect({"PERSIST", key});
  }
  return {};
}

// GETDEL key -> the value, or null; the key is gone
Result<void> GetDel(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = ReadState(ctx, args[1]);
  if (!state) {
    reply.Null();
    return {};
  }
  if (state->type != ValueType::kString) return WrongType();
  reply.Bulk(state->value);
  ctx.keys.Erase(ctx.db, args[1]);
  ctx.Effect({"DEL", args[1]});
  return {};
}

// MGET key [key …] -> array of values; null for a key that is missing or no string
Result<void> MGet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  reply.Array(args.size() - 1);
  for (std::string_view key : args.subspan(1)) {
    const std::optional<StateView> state = ReadState(ctx, key);
    if (state && state->type == ValueType::kString) {
      reply.Bulk(state->value);
    } else {
      reply.Null();
    }
  }
  return {};
}

// MSET key value [key value …] -> OK
Result<void> MSet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() % 2 == 0) return Error{"ERR wrong number of arguments for 'mset' command"};
  if (auto stored = StoreSeveral(ctx, args); !stored) return stored;
  reply.Ok();
  return {};
}

// MSETNX key value [key value …] -> 1 if all were set, 0 if one of them exists
Result<void> MSetNx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() % 2 == 0) return Error{"ERR wrong number of arguments for 'msetnx' command"};
  for (size_t i = 1; i < args.size(); i += 2) {
    if (StateToChange(ctx, args[i])) {
      reply.Integer(0);
      return {};
    }
  }
  if (auto stored = StoreSeveral(ctx, args); !stored) return stored;
  reply.Integer(1);
  return {};
}

}  // namespace chestbox::strings
