// DEBUG: what tests need, behind enable-debug-command. Executor thread only.
#pragma once

#include "server/command.h"

namespace chestbox {

// Whether this client may run DEBUG; the Error is Redis'.
Result<void> CheckDebugAllowed(const Server& server, const Client& client);

namespace debug {

// debug_digest.cc: a hash over keys, values and whether they expire, the same as Redis computes.
Result<void> Digest(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> DigestValue(CommandContext& ctx, Args args, ReplyWriter& reply);

}  // namespace debug
}  // namespace chestbox
