// BITOP: a string computed from others, bit by bit.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "protocol/shm/racy_copy.h"
#include "server/commands/bits.h"
#include "server/commands/command_parser.h"
#include "server/commands/lookup.h"

namespace chestbox::bits {

namespace {

enum class Operation { kAnd, kOr, kXor, kNot };

// Larger results are written where they will lie; smaller ones are cheaper to copy once more.
constexpr size_t kCopiedBytesMax = 256 << 10;
// The result is made in pieces that stay in the nearest cache while all sources go by.
constexpr size_t kPieceBytes = 8 << 10;
// What the processor combines at once, and how much of it a turn of the loop.
using Vector [[gnu::vector_size(16)]] = uint64_t;
constexpr size_t kVectors = 4;

std::optional<Operation> OperationOf(std::string_view name) {
  if (EqualIgnoringCase(name, "and")) return Operation::kAnd;
  if (EqualIgnoringCase(name, "or")) return Operation::kOr;
  if (EqualIgnoringCase(name, "xor")) return Operation::kXor;
  if (EqualIgnoringCase(name, "not")) return Operation::kNot;
  return std::nullopt;
}

// out[i] = combine(a[i], b[i]); the three may be the same.
template <class Operator>
void CombineBytes(char* out, const char* a, const char* b, size_t bytes, Operator combine) {
  constexpr size_t kTurnBytes = kVectors * sizeof(Vector);
  size_t i = 0;
  for (; i + kTurnBytes <= bytes; i += kTurnBytes) {
    Vector left[kVectors];
    Vector right[kVectors];
    std::memcpy(left, a + i, kTurnBytes);
    std::memcpy(right, b + i, kTurnBytes);
    for (size_t k = 0; k < kVectors; ++k) left[k] = combine(left[k], right[k]);
    std::memcpy(out + i, left, kTurnBytes);
  }
  for (; i < bytes; ++i) {
    out[i] = static_cast<char>(combine(static_cast<unsigned char>(a[i]), static_cast<unsigned char>(b[i])));
  }
}

// out = a combined with b, where what is shorter goes on with zeros, as far as out.
void Combine(Operation operation, char* out, size_t bytes, std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  const std::string_view longer = a.size() > b.size() ? a : b;
  size_t done = longer.size();
  switch (operation) {
    case Operation::kAnd:
      CombineBytes(out, a.data(), b.data(), common, [](auto x, auto y) { return x & y; });
      done = common;
      break;
    case Operation::kOr:
      CombineBytes(out, a.data(), b.data(), common, [](auto x, auto y) { return x | y; });
      break;
    case Operation::kXor:
      CombineBytes(out, a.data(), b.data(), common, [](auto x, auto y) { return x ^ y; });
      break;
    case Operation::kNot:
      return;
  }
  const std::string_view rest = longer.substr(common, done - common);
  if (!rest.empty() && rest.data() != out + common) std::memcpy(out + common, rest.data(), rest.size());
  if (done < bytes) std::memset(out + done, 0, bytes - done);
}

// Bytes `offset` to `offset + bytes` of the result. A source that is shorter goes on with zeros.
void Compute(Operation operation, std::span<const std::string_view> sources, size_t offset, char* out, size_t bytes) {
  const auto part = [&](size_t source) {
    const std::string_view all = sources[source];
    return offset < all.size() ? all.substr(offset, bytes) : std::string_view{};
  };
  const std::string_view first = part(0);
  if (operation == Operation::kNot) {
    CombineBytes(out, first.data(), first.data(), bytes, [](auto x, auto) { return ~x; });
    return;
  }
  if (sources.size() == 1) {
    std::memcpy(out, first.data(), bytes);
    return;
  }
  Combine(operation, out, bytes, first, part(1));
  for (size_t i = 2; i < sources.size(); ++i) Combine(operation, out, bytes, {out, bytes}, part(i));
}

// A missing key is an empty string.
Result<std::vector<std::string_view>> Sources(CommandContext& ctx, Args keys, bool counted) {
  std::vector<std::string_view> sources;
  sources.reserve(keys.size());
  for (std::string_view key : keys) {
    auto state = OnlyString(counted ? ReadState(ctx, key) : ctx.keys.Peek(ctx.db, key));
    if (!state) return state.error();
    sources.push_back(*state ? (*state)->value : std::string_view{});
  }
  return sources;
}

// Writes the result into the block of `target`, which may be one of the sources: each piece of the result needs only
// the same piece of them.
Result<void> ComputeInPlace(CommandContext& ctx, Operation operation, std::string_view target,
                            const std::optional<StateView>& old, Args keys, size_t bytes) {
  if (!old) {
    if (auto set = ctx.keys.SetString(ctx.db, target, "", StringEncoding::kRaw, kNoExpiry); !set) return set;
  }
  auto result = ctx.keys.ResizeString(ctx.db, target, bytes, Room::kExact);
  if (!result) {
    if (!old) ctx.keys.Erase(ctx.db, target);
    return result.error();
  }
  auto sources = Sources(ctx, keys, false);  // again: what was a view of the target is void
  if (!sources) return sources.error();
  char piece[kPieceBytes];
  for (size_t offset = 0; offset < bytes; offset += kPieceBytes) {
    const size_t piece_bytes = std::min(kPieceBytes, bytes - offset);
    Compute(operation, *sources, offset, piece, piece_bytes);
    shm::RacyStore(result->data() + offset, piece, piece_bytes);
  }
  return {};
}

}  // namespace

// BITOP AND | OR | XOR | NOT target key [key …] -> the length of the result, which is that of the longest source
Result<void> BitOp(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const auto operation = OperationOf(args[1]);
  if (!operation) return SyntaxError();
  if (*operation == Operation::kNot && args.size() != 4) {
    return Error{"ERR BITOP NOT must be called with a single source key."};
  }
  const std::string_view target = args[2];
  const Args keys = args.subspan(3);
  auto sources = Sources(ctx, keys, true);
  if (!sources) return sources.error();
  size_t bytes = 0;
  for (std::string_view source : *sources) bytes = std::max(bytes, source.size());
  if (bytes == 0) {
    if (ctx.keys.Erase(ctx.db, target)) ctx.Effect({"DEL", target});
    reply.Integer(0);
    return {};
  }
  const std::optional<StateView> old = ctx.keys.Peek(ctx.db, target);
  // In place the target's expiry would stay, and a much larger block.
  const bool fits =
      !old || (old->type == ValueType::kString && old->expire_at_ms == kNoExpiry && old->value.size() <= 2 * bytes);
  if (bytes > kCopiedBytesMax && fits) {
    if (auto done = ComputeInPlace(ctx, *operation, target, old, keys, bytes); !done) return done;
  } else {
    const auto result = std::make_unique_for_overwrite<char[]>(bytes);
    Compute(*operation, *sources, 0, result.get(), bytes);
    const std::string_view value(result.get(), bytes);
    if (auto set = ctx.keys.SetString(ctx.db, target, value, StringEncoding::kRaw, kNoExpiry); !set) return set;
  }
  ctx.Effect({"SET", target, ctx.keys.Peek(ctx.db, target)->value});
  reply.Integer(static_cast<int64_t>(bytes));
  return {};
}

}  // namespace chestbox::bits
