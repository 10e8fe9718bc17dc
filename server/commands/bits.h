// The handlers of the bitmap family: strings as rows of bits (protocol/bits.h answers the questions). Their rows are in
// bits_rows.cc; BITOP is in bitop.cc, BITFIELD in bitfield.cc.
//
// Every one follows the contract of command.h. Executor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox::bits {

Result<void> SetBit(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> GetBit(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BitCount(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BitPos(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BitOp(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BitField(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BitFieldRo(CommandContext& ctx, Args args, ReplyWriter& reply);

// What a BITFIELD does to its key, as COMMAND GETKEYSANDFLAGS tells it: writes, unless all of it is GET.
uint32_t BitFieldKeyFlags(Args call);

// "ERR bit offset is not an integer or out of range"
Error BadBitOffset();

// The bytes of the string `key` to write to, at least `bytes_min` of them; what is added is zero. `old` is what was
// found there: nothing creates the key.
Result<std::span<char>> StringToWrite(CommandContext& ctx, std::string_view key, const std::optional<StateView>& old,
                                      size_t bytes_min);

}  // namespace chestbox::bits
