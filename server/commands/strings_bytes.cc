// Commands over parts of a string.
#include <algorithm>
#include <cstdint>

#include "protocol/shm/racy_copy.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/commands/strings.h"
#include "server/server.h"

namespace chestbox::strings {

namespace {

// Writes `bytes` at `offset` of the live string `key`, which is made `total` bytes long. Its bucket is closed by then,
// so that co-located readers throw away what they see of it.
Result<void> WriteAt(CommandContext& ctx, std::string_view key, size_t total, size_t offset, std::string_view bytes) {
  auto resized = ctx.keys.ResizeString(ctx.db, key, total);
  if (!resized) return resized.error();
  shm::RacyStore(resized->data() + offset, bytes.data(), bytes.size());
  return {};
}

}  // namespace

int64_t StringBytesMax(const CommandContext& ctx) {
  return std::min<int64_t>(ctx.server.config().proto_max_bulk_bytes, UINT32_MAX);
}

Result<void> MakeRaw(CommandContext& ctx, std::string_view key, const StateView& state) {
  if (state.encoding == StringEncoding::kRaw) return {};
  auto resized = ctx.keys.ResizeString(ctx.db, key, state.value.size());
  if (!resized) return resized.error();
  return {};
}

// APPEND key value -> the new length
Result<void> Append(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view key = args[1];
  const std::string_view tail = args[2];
  auto state = OnlyString(StateToChange(ctx, key));
  if (!state) return state.error();
  const size_t old_bytes = *state ? (*state)->value.size() : 0;
  const size_t total = old_bytes + tail.size();
  if (total > static_cast<size_t>(StringBytesMax(ctx))) return StringTooLong();
  const Result<void> written = *state ? WriteAt(ctx, key, total, old_bytes, tail)
                                      : ctx.keys.SetString(ctx.db, key, tail, EncodingFor(tail), kNoExpiry);
  if (!written) return written;
  ctx.Effect({"APPEND", key, tail});
  reply.Integer(static_cast<int64_t>(total));
  return {};
}

// STRLEN key -> the value's length; 0 without the key
Result<void> StrLen(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto state = OnlyString(ReadState(ctx, args[1]));
  if (!state) return state.error();
  reply.Integer(*state ? static_cast<int64_t>((*state)->value.size()) : 0);
  return {};
}

// SETRANGE key offset value -> the new length. A gap is filled with zeros.
Result<void> SetRange(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view key = args[1];
  const std::string_view bytes = args[3];
  auto offset = IntegerArgument(args[2]);
  if (!offset) return offset.error();
  if (*offset < 0) return Error{"ERR offset is out of range"};
  auto state = OnlyString(StateToChange(ctx, key));
  if (!state) return state.error();
  const size_t old_bytes = *state ? (*state)->value.size() : 0;
  if (bytes.empty()) {
    reply.Integer(static_cast<int64_t>(old_bytes));
    return {};
  }
  const int64_t bytes_max = StringBytesMax(ctx);
  if (*offset > bytes_max || static_cast<int64_t>(bytes.size()) > bytes_max - *offset) return StringTooLong();
  const auto at = static_cast<size_t>(*offset);
  const size_t total = std::max(old_bytes, at + bytes.size());
  const bool created = !*state;
  if (created) {
    if (auto set = ctx.keys.SetString(ctx.db, key, "", StringEncoding::kRaw, kNoExpiry); !set) return set;
  }
  if (auto written = WriteAt(ctx, key, total, at, bytes); !written) {
    if (created) ctx.keys.Erase(ctx.db, key);
    return written;
  }
  ctx.Effect({"SETRANGE", key, args[2], bytes});
  reply.Integer(static_cast<int64_t>(total));
  return {};
}

// GETRANGE key start end -> the bytes from start to end, both included; negative numbers count from the end
Result<void> GetRange(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto first = IntegerArgument(args[2]);
  if (!first) return first.error();
  auto last = IntegerArgument(args[3]);
  if (!last) return last.error();
  auto state = OnlyString(ReadState(ctx, args[1]));
  if (!state) return state.error();
  const std::string_view value = *state ? (*state)->value : std::string_view{};
  const auto bytes = static_cast<int64_t>(value.size());
  int64_t start = *first;
  int64_t end = *last;
  // Before the clamping below, which would make "the first byte" of a range like -1 to -100.
  const bool backwards = start < 0 && end < 0 && start > end;
  if (start < 0) start = std::max<int64_t>(start + bytes, 0);
  if (end < 0) end = std::max<int64_t>(end + bytes, 0);
  end = std::min(end, bytes - 1);
  if (backwards || start > end) {
    reply.Bulk("");
    return {};
  }
  reply.Bulk(value.substr(static_cast<size_t>(start), static_cast<size_t>(end - start + 1)));
  return {};
}

}  // namespace chestbox::strings
