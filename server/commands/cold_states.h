// For commands that need no value (CommandSpec::heads_suffice): what they may know of a state and do to it, whether it
// is in memory or swapped out and only looked at (Swapper::Look).
//
// Executor thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox {

// For rows: whatever the arguments.
inline bool NeedNoValue(Args) { return true; }

struct StateHead {
  ValueType type = ValueType::kString;
  int64_t expire_at_ms = kNoExpiry;
};

// EXISTS, TTL, TYPE: counts a hit or a miss and does not touch.
std::optional<StateHead> LookAtHead(CommandContext& ctx, std::string_view key);
// SET NX: touches; hits and misses are of reads only.
std::optional<StateHead> HeadToChange(CommandContext& ctx, std::string_view key);
// DEL. False: no such key.
bool EraseState(CommandContext& ctx, std::string_view key);

}  // namespace chestbox
