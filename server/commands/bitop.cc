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
constexpr size_t kWords = 4;  // at once; the compiler makes vectors of them

std::optional<Operation> OperationOf(std::string_view name) {
  if (EqualIgnoringCase(name, "and")) return Operation::kAnd;
  if (EqualIgnoringCase(name, "or")) return Operation::kOr;
  if (EqualIgnoringCase(name, "xor")) return Operation::kXor;
  if (EqualIgnoringCase(name, "not")) return Operation::kNot;
  return std::nullopt;
}

// out[i] = combine(out[i], in[i])
template <class Combine>
void CombineBytes(char* out, const char* in, size_t bytes, Combine combine) {
  size_t i = 0;
  for (; i + sizeof(uint64_t[kWords]) <= bytes; i += sizeof(uint64_t[kWords])) {
    uint64_t left[kWords];
    uint64_t right[kWords];
    std::memcpy(left, out + i, sizeof left);
    std::memcpy(right, in + i, sizeof right);
    for (size_t word = 0; word < kWords; ++word) left[word] = combine(left[word], right[word]);
    std::memcpy(out + i, left, sizeof left);
  }
  for (; i < bytes; ++i) {
    out[i] = static_cast<char>(combine(static_cast<unsigned char>(out[i]), static_cast<unsigned char>(in[i])));
  }
}

// Bytes `offset` to `offset + bytes` of the result. A source that is shorter goes on with zeros.
void Compute(Operation operation, std::span<const std::string_view> sources, size_t offset, char* out, size_t bytes) {
  const auto part = [&](std::string_view source) {
    return offset < source.size() ? source.substr(offset, bytes) : std::string_view{};
  };
  const std::string_view first = part(sources[0]);
  if (!first.empty()) std::memcpy(out, first.data(), first.size());
  std::memset(out + first.size(), 0, bytes - first.size());
  if (operation == Operation::kNot) {
    CombineBytes(out, out, bytes, [](auto a, auto) { return ~a; });
  }
  for (std::string_view source : sources.subspan(1)) {
    const std::string_view in = part(source);
    switch (operation) {
      case Operation::kAnd:
        CombineBytes(out, in.data(), in.size(), [](auto a, auto b) { return a & b; });
        std::memset(out + in.size(), 0, bytes - in.size());
        break;
      case Operation::kOr:
        CombineBytes(out, in.data(), in.size(), [](auto a, auto b) { return a | b; });
        break;
      case Operation::kXor:
        CombineBytes(out, in.data(), in.size(), [](auto a, auto b) { return a ^ b; });
        break;
      case Operation::kNot:
        break;
    }
  }
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
