// Commands over the bits of one string.
#include "server/commands/bits.h"

#include <algorithm>

#include "protocol/bits.h"
#include "protocol/shm/racy_copy.h"
#include "server/commands/command_parser.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/commands/strings.h"

namespace chestbox::bits {

namespace {

Result<uint64_t> OffsetArgument(const CommandContext& ctx, std::string_view text) {
  const auto offset = ParseOffset(text, strings::StringBytesMax(ctx));
  if (!offset) return BadBitOffset();
  return *offset;
}

Result<bool> BitArgument(std::string_view text) {
  const auto bit = ParseInteger(text);
  if (!bit || (*bit & ~int64_t{1}) != 0) return Error{"ERR bit is not an integer or out of range"};
  return *bit == 1;
}

// BYTE or BIT.
Result<Unit> UnitArgument(std::string_view text) {
  if (EqualIgnoringCase(text, "bit")) return Unit::kBit;
  if (EqualIgnoringCase(text, "byte")) return Unit::kByte;
  return SyntaxError();
}

}  // namespace

Error BadBitOffset() { return Error{"ERR bit offset is not an integer or out of range"}; }

Result<std::span<char>> StringToWrite(CommandContext& ctx, std::string_view key, const std::optional<StateView>& old,
                                      size_t bytes_min) {
  if (old) return ctx.keys.ResizeString(ctx.db, key, std::max(old->value.size(), bytes_min));
  if (auto set = ctx.keys.SetString(ctx.db, key, "", StringEncoding::kRaw, kNoExpiry); !set) return set.error();
  auto bytes = ctx.keys.ResizeString(ctx.db, key, bytes_min, Room::kExact);
  if (!bytes) ctx.keys.Erase(ctx.db, key);
  return bytes;
}

// SETBIT key offset value -> the bit that was there
Result<void> SetBit(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view key = args[1];
  auto offset = OffsetArgument(ctx, args[2]);
  if (!offset) return offset.error();
  auto bit = BitArgument(args[3]);
  if (!bit) return bit.error();
  auto state = OnlyString(StateToChange(ctx, key));
  if (!state) return state.error();
  const size_t byte = *offset >> 3;
  const bool grows = !*state || (*state)->value.size() <= byte;
  const bool old_bit = *state && Get((*state)->value, *offset);
  if (grows || old_bit != *bit) {
    auto bytes = StringToWrite(ctx, key, *state, byte + 1);
    if (!bytes) return bytes.error();
    const auto mask = static_cast<unsigned char>(0x80U >> (*offset & 7));
    const auto others = static_cast<unsigned char>((*bytes)[byte]) & ~mask;
    const auto changed = static_cast<char>(*bit ? others | mask : others);
    shm::RacyStore(bytes->data() + byte, &changed, 1);
    ctx.Effect({"SETBIT", key, args[2], args[3]});
  } else if (auto raw = strings::MakeRaw(ctx, key, **state); !raw) {
    return raw;
  }
  reply.Integer(old_bit ? 1 : 0);
  return {};
}

// GETBIT key offset -> the bit; 0 beyond the end or without the key
Result<void> GetBit(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto offset = OffsetArgument(ctx, args[2]);
  if (!offset) return offset.error();
  auto state = OnlyString(ReadState(ctx, args[1]));
  if (!state) return state.error();
  reply.Integer(*state && Get((*state)->value, *offset) ? 1 : 0);
  return {};
}

// BITCOUNT key [start end [BYTE | BIT]] -> how many bits are set. Without the key nothing else is looked at.
Result<void> BitCount(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto state = OnlyString(ReadState(ctx, args[1]));
  if (!state) return state.error();
  uint64_t count = 0;
  if (*state && args.size() == 2) {
    count = Count((*state)->value);
  } else if (*state) {
    if (args.size() != 4 && args.size() != 5) return SyntaxError();
    auto start = IntegerArgument(args[2]);
    if (!start) return start.error();
    auto end = IntegerArgument(args[3]);
    if (!end) return end.error();
    // Redis answers a range that is plainly empty before it looks at the unit.
    const bool empty = *start < 0 && *end < 0 && *start > *end;
    Result<Unit> unit = args.size() == 5 && !empty ? UnitArgument(args[4]) : Unit::kByte;
    if (!unit) return unit.error();
    count = CountRange((*state)->value, *start, *end, *unit);
  }
  reply.Integer(static_cast<int64_t>(count));
  return {};
}

// BITPOS key bit [start [end [BYTE | BIT]]] -> the position of the first such bit, or -1
Result<void> BitPos(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto bit = IntegerArgument(args[2]);
  if (!bit) return bit.error();
  if (*bit != 0 && *bit != 1) return Error{"ERR The bit argument must be 1 or 0."};
  auto state = OnlyString(ReadState(ctx, args[1]));
  if (!state) return state.error();
  if (!*state) {  // zeros without end
    reply.Integer(*bit == 1 ? -1 : 0);
    return {};
  }
  if (args.size() > 6) return SyntaxError();
  int64_t start = 0;
  std::optional<int64_t> end;
  Unit unit = Unit::kByte;
  if (args.size() > 3) {
    auto given = IntegerArgument(args[3]);
    if (!given) return given.error();
    start = *given;
  }
  if (args.size() > 5) {
    auto given = UnitArgument(args[5]);
    if (!given) return given.error();
    unit = *given;
  }
  if (args.size() > 4) {
    auto given = IntegerArgument(args[4]);
    if (!given) return given.error();
    end = *given;
  }
  reply.Integer(Find((*state)->value, *bit == 1, start, end, unit));
  return {};
}

}  // namespace chestbox::bits
