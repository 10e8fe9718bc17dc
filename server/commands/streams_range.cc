// XLEN, XRANGE, XREVRANGE, XDEL and XSETID.
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/streams.h"

namespace chestbox::streams {

// XLEN key -> the number of entries
Result<void> XLen(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto stream = StreamType::Find(ctx, args[1], Look::kRead);
  if (!stream) return stream.error();
  reply.Integer(static_cast<int64_t>(stream->head().length));
  return {};
}

namespace {

Result<void> Range(CommandContext& ctx, Args args, bool reverse, ReplyWriter& reply) {
  auto start = IntervalStart(args[reverse ? 3 : 2]);
  if (!start) return start.error();
  auto end = IntervalEnd(args[reverse ? 2 : 3]);
  if (!end) return end.error();
  int64_t count = -1;
  CommandParser parser(args, 4);
  while (!parser.done()) {
    std::string_view text;
    if (!parser.EatWithValue("count", &text)) return SyntaxError();
    auto given = CountArgument(text);
    if (!given) return given.error();
    count = *given;
  }
  auto stream = StreamType::Find(ctx, args[1], Look::kRead);
  if (!stream) return stream.error();
  if (!stream->exists()) {
    reply.Array(0);
    return {};
  }
  if (count == 0) {
    reply.NullArray();
    return {};
  }
  StreamType::Reader reader = stream->reader();
  const size_t mark = reply.BeginDeferredArray(count > 0 ? static_cast<size_t>(count) : 0);
  size_t replied = 0;
  for (bool more = reader.Begin({*start, *end, reverse}); more; more = reader.Next()) {
    ReplyEntry(reader, reply);
    if (++replied == static_cast<size_t>(count)) break;
  }
  reply.EndDeferredArray(mark, replied);
  return {};
}

}  // namespace

// XRANGE key start end [COUNT count] -> entries
Result<void> XRange(CommandContext& ctx, Args args, ReplyWriter& reply) { return Range(ctx, args, false, reply); }

// XREVRANGE key end start [COUNT count] -> entries, the last one first
Result<void> XRevRange(CommandContext& ctx, Args args, ReplyWriter& reply) { return Range(ctx, args, true, reply); }

// XDEL key id [id …] -> how many there were
Result<void> XDel(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto stream = StreamType::Find(ctx, args[1], Look::kChange);
  if (!stream) return stream.error();
  if (!stream->exists()) {
    reply.Integer(0);
    return {};
  }
  auto ids = IdArguments(args.subspan(2));
  if (!ids) return ids.error();
  std::vector<std::string_view> effect{"XDEL", args[1]};
  for (size_t i = 0; i < ids->size(); ++i) {
    if (!stream->Contains((*ids)[i])) continue;
    stream->Change();
    (void)stream->entries().Delete((*ids)[i]);
    effect.push_back(args[i + 2]);
  }
  if (effect.size() > 2) {
    if (auto saved = stream->Save(); !saved) return saved;
    ctx.Effect(effect);
  }
  reply.Integer(static_cast<int64_t>(effect.size()) - 2);
  return {};
}

namespace {

struct NewIds {
  StreamId last;
  std::optional<int64_t> added;
  StreamId max_deleted;
};

Result<NewIds> ParseSetId(Args args) {
  NewIds ids;
  auto last = IdArgument(args[2]);
  if (!last) return last.error();
  ids.last = *last;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    std::string_view text;
    if (parser.EatWithValue("entriesadded", &text)) {
      auto added = IntegerArgument(text);
      if (!added) return added.error();
      if (*added < 0) return Error{"ERR entries_added must be positive"};
      ids.added = *added;
    } else if (parser.EatWithValue("maxdeletedid", &text)) {
      auto id = IdArgument(text);
      if (!id) return id.error();
      if (ids.last < *id) {
        return Error{"ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"};
      }
      ids.max_deleted = *id;
    } else {
      return SyntaxError();
    }
  }
  return ids;
}

}  // namespace

// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id] -> OK
Result<void> XSetId(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto ids = ParseSetId(args);
  if (!ids) return ids.error();
  auto stream = StreamType::Find(ctx, args[1], Look::kChange);
  if (!stream) return stream.error();
  if (!stream->exists()) return Error{"ERR no such key"};
  if (stream->head().length > 0) {
    if (ids->last < stream->LastLive()) {
      return Error{"ERR The ID specified in XSETID is smaller than the target stream top item"};
    }
    if (ids->added && stream->head().length > static_cast<uint64_t>(*ids->added)) {
      return Error{"ERR The entries_added specified in XSETID is smaller than the target stream length"};
    }
  }
  stream->Change();
  stream->head().last_id = ids->last;
  if (ids->added) stream->head().entries_added = static_cast<uint64_t>(*ids->added);
  if (!ids->max_deleted.is_zero()) stream->head().max_deleted_id = ids->max_deleted;
  if (auto saved = stream->Save(); !saved) return saved;
  std::vector<std::string_view> effect(args.begin(), args.end());
  effect[0] = "XSETID";
  ctx.Effect(effect);
  reply.Ok();
  return {};
}

}  // namespace chestbox::streams
