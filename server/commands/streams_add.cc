// XADD and XTRIM.
#include <algorithm>
#include <vector>

#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/streams.h"
#include "server/config/config.h"
#include "server/server.h"

namespace chestbox::streams {

namespace {

struct AddOrTrim {
  std::optional<StreamId> id;  // none: "*"
  bool seq_given = true;
  bool no_create = false;
  bool trims = false;
  shm::StreamTrim trim;
  size_t id_at = 0;  // XADD: where the ID stands
};

Error OneStrategy() { return Error{"ERR syntax error, MAXLEN and MINID options at the same time are not compatible"}; }

// MAXLEN or MINID, from args[*at] on; leaves *at at the last argument of it.
Result<void> ParseStrategy(Args args, size_t* at, AddOrTrim* parsed) {
  if (parsed->trims) return OneStrategy();
  parsed->trims = true;
  shm::StreamTrim& trim = parsed->trim;
  trim.by_id = EqualIgnoringCase(args[*at], "minid");
  ++*at;
  if (*at + 1 < args.size() && (args[*at] == "~" || args[*at] == "=")) {
    trim.whole_nodes_only = args[*at] == "~";
    ++*at;
  }
  if (trim.by_id) {
    auto id = IdArgument(args[*at]);
    if (!id) return id.error();
    trim.first_id = *id;
    return {};
  }
  auto length = IntegerArgument(args[*at]);
  if (!length) return length.error();
  if (*length < 0) return Error{"ERR The MAXLEN argument must be >= 0."};
  trim.length = static_cast<uint64_t>(*length);
  return {};
}

// What `~` removes at most, if the call does not say.
int64_t DefaultLimit(int64_t node_entries_max) {
  constexpr int64_t kNodes = 100;
  constexpr int64_t kWithoutSetting = 10000;
  constexpr int64_t kMost = 1000000;
  if (node_entries_max <= 0) return kWithoutSetting;
  return std::min(kMost, kNodes * std::min(node_entries_max, kMost));
}

Result<AddOrTrim> Parse(CommandContext& ctx, Args args, bool adds) {
  AddOrTrim parsed;
  std::optional<int64_t> limit;
  size_t at = 2;
  for (; at < args.size(); ++at) {
    const std::string_view option = args[at];
    const bool more = at + 1 < args.size();
    if (adds && IsIdWord(option, "*")) break;
    if (more && (EqualIgnoringCase(option, "maxlen") || EqualIgnoringCase(option, "minid"))) {
      if (auto strategy = ParseStrategy(args, &at, &parsed); !strategy) return strategy.error();
    } else if (more && EqualIgnoringCase(option, "limit")) {
      auto number = IntegerArgument(args[++at]);
      if (!number) return number.error();
      if (*number < 0) return Error{"ERR The LIMIT argument must be >= 0."};
      limit = *number;
    } else if (adds && EqualIgnoringCase(option, "nomkstream")) {
      parsed.no_create = true;
    } else if (adds) {
      parsed.id = ParseNewStreamId(option, &parsed.seq_given);
      if (!parsed.id) return InvalidId();
      break;
    } else {
      return SyntaxError();
    }
  }
  parsed.id_at = at;
  if (limit.value_or(0) != 0 && !parsed.trims) {
    return Error{"ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"};
  }
  if (!adds && !parsed.trims) {
    return Error{"ERR syntax error, XTRIM must be called with a trimming strategy"};
  }
  if (limit && !parsed.trim.whole_nodes_only) {
    return Error{"ERR syntax error, LIMIT cannot be used without the special ~ option"};
  }
  if (parsed.trim.whole_nodes_only) {
    parsed.trim.limit = limit.value_or(DefaultLimit(ctx.server.config().stream_node_max_entries));
  }
  return parsed;
}

Error TooSmallId() { return Error{"ERR The ID specified in XADD is equal or smaller than the target stream top item"}; }

// The ID of a new entry behind `last`, which is not the largest of all.
Result<StreamId> NewId(const AddOrTrim& parsed, const StreamId& last, int64_t now_ms) {
  if (!parsed.id) {
    const auto ms = static_cast<uint64_t>(now_ms);
    return ms > last.ms ? StreamId{ms, 0} : *After(last);
  }
  StreamId id = *parsed.id;
  if (!parsed.seq_given && id.ms == last.ms) {
    if (last.seq == kStreamIdMax.seq) return TooSmallId();
    id.seq = last.seq + 1;
  }
  if (id <= last) return TooSmallId();
  return id;
}

void ReportAdded(CommandContext& ctx, Args args, const AddOrTrim& parsed, const StreamId& id,
                 std::optional<int64_t> length) {
  const StreamIdText id_text(id);
  const IntegerText length_text(length.value_or(0));
  static thread_local std::vector<std::string_view> effect;
  effect.assign({"XADD", args[1]});
  if (length) effect.insert(effect.end(), {"MAXLEN", "=", length_text});
  effect.push_back(id_text);
  effect.insert(effect.end(), args.begin() + static_cast<std::ptrdiff_t>(parsed.id_at) + 1, args.end());
  ctx.Effect(effect);
}

}  // namespace

// XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value …] -> the ID;
// null with NOMKSTREAM and no key
Result<void> XAdd(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto parsed = Parse(ctx, args, true);
  if (!parsed) return parsed.error();
  const Args pairs = args.subspan(std::min(args.size(), parsed->id_at + 1));
  if (pairs.size() < 2 || pairs.size() % 2 == 1) return Error{"ERR wrong number of arguments for 'xadd' command"};
  if (parsed->id && parsed->seq_given && parsed->id->is_zero()) {
    return Error{"ERR The ID specified in XADD must be greater than 0-0"};
  }
  auto stream = StreamType::Find(ctx, args[1], Look::kChange);
  if (!stream) return stream.error();
  if (!stream->exists() && parsed->no_create) {
    reply.Null();
    return {};
  }
  const StreamId last = stream->head().last_id;
  if (last == kStreamIdMax) {
    return Error{"ERR The stream has exhausted the last possible ID, unable to add more items"};
  }
  auto id = NewId(*parsed, last, ctx.now_ms);
  if (!id) return id.error();
  uint64_t bytes = 0;
  for (std::string_view text : pairs) bytes += text.size();
  if (bytes > shm::kStreamNodeBytesMax) return Error{"ERR Elements are too large to be stored"};

  const Config& config = ctx.server.config();
  const shm::StreamNodeLimits limits{static_cast<uint64_t>(config.stream_node_max_bytes),
                                     config.stream_node_max_entries};
  stream->Change();
  if (!stream->entries().Append(*id, pairs, limits)) return OutOfMemory();
  std::optional<int64_t> length;
  if (parsed->trims && stream->entries().Trim(parsed->trim) != 0) {
    length = static_cast<int64_t>(stream->head().length);
  }
  if (auto saved = stream->Save(); !saved) return saved;
  ReportAdded(ctx, args, *parsed, *id, length);
  ReplyId(*id, reply);
  return {};
}

// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count] -> how many entries were removed
Result<void> XTrim(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto parsed = Parse(ctx, args, false);
  if (!parsed) return parsed.error();
  auto stream = StreamType::Find(ctx, args[1], Look::kChange);
  if (!stream) return stream.error();
  uint64_t removed = 0;
  if (stream->exists()) {
    stream->Change();
    removed = stream->entries().Trim(parsed->trim);
    if (auto saved = stream->Save(); !saved) return saved;
  }
  if (removed != 0) {
    ctx.Effect({"XTRIM", args[1], "MAXLEN", "=", IntegerText(static_cast<int64_t>(stream->head().length))});
  }
  reply.Integer(static_cast<int64_t>(removed));
  return {};
}

}  // namespace chestbox::streams
