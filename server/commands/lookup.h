// The three ways in which a command looks a key up, by what the look leaves behind: INFO's hits and misses, and the
// access word that LRU, LFU and swapping go by. CLIENT NO-TOUCH spares the access word in all of them.
//
// Executor thread only.
#pragma once

#include <optional>
#include <string_view>

#include "server/client.h"
#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox {

// EXISTS, TTL, TYPE, OBJECT: counts a hit or a miss and does not touch.
inline std::optional<StateView> LookAtState(CommandContext& ctx, std::string_view key) {
  std::optional<StateView> state = ctx.keys.Peek(ctx.db, key);
  ++(state ? ctx.keys.stats().hits : ctx.keys.stats().misses);
  return state;
}

// GET: counts and touches.
inline std::optional<StateView> ReadState(CommandContext& ctx, std::string_view key) {
  return ctx.client.no_touch ? LookAtState(ctx, key) : ctx.keys.Read(ctx.db, key);
}

// INCR: touches; hits and misses are of reads only.
inline std::optional<StateView> StateToChange(CommandContext& ctx, std::string_view key) {
  return ctx.client.no_touch ? ctx.keys.Peek(ctx.db, key) : ctx.keys.PeekToChange(ctx.db, key);
}

// What `look` found, if it is a string or nothing; else WRONGTYPE.
inline Result<std::optional<StateView>> OnlyString(std::optional<StateView> state) {
  if (state && state->type != ValueType::kString) return WrongType();
  return state;
}

}  // namespace chestbox
