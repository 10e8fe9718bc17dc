// The handlers of the string family, one function a command; their rows are in strings.cc. They are spread over
// strings_get_set.cc (whole values), strings_bytes.cc (parts of values), strings_numbers.cc and strings_lcs.cc.
//
// Every one follows the contract of command.h. Executor thread only.
#pragma once

#include <cstdint>

#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox::strings {

// Whole values.
Result<void> Get(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> Set(CommandContext& ctx, Args args, ReplyWriter& reply);
bool SetNeedsNoValue(Args args);
Result<void> SetNx(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SetEx(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> PSetEx(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GetSet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GetEx(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GetDel(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> MGet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> MSet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> MSetNx(CommandContext& ctx, Args args, ReplyWriter& reply);

// Parts of values.
Result<void> Append(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> StrLen(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SetRange(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GetRange(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> Lcs(CommandContext& ctx, Args args, ReplyWriter& reply);

// Numbers.
Result<void> Incr(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> Decr(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> IncrBy(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> DecrBy(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> IncrByFloat(CommandContext& ctx, Args args, ReplyWriter& reply);

// The most bytes a string may have: `proto-max-bulk-len`, but never more than a key block can count.
int64_t StringBytesMax(const CommandContext& ctx);
// What Redis does to a string that a command is about to change, even if it then does not: its encoding becomes raw.
Result<void> MakeRaw(CommandContext& ctx, std::string_view key, const StateView& state);
inline Error StringTooLong() { return Error{"ERR string exceeds maximum allowed size (proto-max-bulk-len)"}; }

}  // namespace chestbox::strings
