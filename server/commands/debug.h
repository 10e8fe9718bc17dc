// DEBUG: what tests need, behind enable-debug-command. Executor thread only.
#pragma once

#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox {

// Whether this client may run DEBUG; the Error is Redis'.
Result<void> CheckDebugAllowed(const Server& server, const Client& client);

namespace debug {

// debug_digest.cc: a hash over keys, values and whether they expire, the same as Redis computes.
Result<void> Digest(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> DigestValue(CommandContext& ctx, Args args, ReplyWriter& reply);

// debug_states.cc
Result<void> Object(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> Listpack(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> TableStats(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> PackedThreshold(CommandContext& ctx, Args args, ReplyWriter& reply);
// The state at `key` with its value; an Error if there is none, or if it is not in memory.
Result<StateView> StateInMemory(CommandContext& ctx, std::string_view key);

}  // namespace debug
}  // namespace chestbox
