// The handlers of the HyperLogLog family; their rows are in hyperloglog_rows.cc, the format of the strings in
// hyperloglog_value.h. PFDEBUG and PFSELFTEST are in hyperloglog_debug.cc.
//
// Every one follows the contract of command.h. Executor thread only.
#pragma once

#include <optional>
#include <string_view>

#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox::hll {

Result<void> PfAdd(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> PfCount(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> PfMerge(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> PfDebug(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> PfSelfTest(CommandContext& ctx, Args args, ReplyWriter& reply);

// "INVALIDOBJ Corrupted HLL object detected"
Error Corrupted();
// What was found, if it is a HyperLogLog or nothing.
Result<std::optional<StateView>> OnlyHyperloglog(std::optional<StateView> state);
// Puts `value` in the place of the string `key`, whose size was `old_bytes`; the expiry stays.
Result<void> StoreValue(CommandContext& ctx, std::string_view key, size_t old_bytes, std::string_view value);

}  // namespace chestbox::hll
