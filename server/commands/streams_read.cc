// XREAD and XREADGROUP. A call that finds nothing waits, and is executed again from the start when one of its keys may
// have something (blocked_clients.h).
#include <fmt/format.h>

#include <algorithm>

#include "server/blocked_clients.h"
#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/commands/streams.h"

namespace chestbox::streams {

namespace {

// What a call without COUNT gets once it has waited: not a huge stream for an ID that was too low.
constexpr int64_t kWokenCount = 1000;

struct ReadCall {
  bool with_group = false;
  std::string_view group;
  std::string_view consumer;
  bool no_ack = false;
  int64_t count = 0;                   // 0: no limit
  std::optional<int64_t> deadline_ms;  // with BLOCK
  size_t keys_at = 0;
  size_t keys = 0;
};

// Where to read from in one stream.
struct ReadFrom {
  StreamId after;
  bool is_new = false;  // ">"
};

Error OnlyForGroups(std::string_view option) {
  return Error{fmt::format("ERR The {} option is only supported by XREADGROUP. You called XREAD instead.", option)};
}

Result<ReadCall> Parse(const CommandContext& ctx, Args args, bool with_group) {
  ReadCall call;
  size_t at = 1;
  for (; at < args.size(); ++at) {
    const size_t more = args.size() - at - 1;
    const std::string_view option = args[at];
    if (more >= 1 && EqualIgnoringCase(option, "block")) {
      if (ctx.client.is_script) {
        return Error{fmt::format("ERR {} command is not allowed with BLOCK option from scripts", args[0])};
      }
      auto deadline_ms = ParseBlockTimeoutMs(ctx, args[++at]);
      if (!deadline_ms) return deadline_ms.error();
      call.deadline_ms = *deadline_ms;
    } else if (more >= 1 && EqualIgnoringCase(option, "count")) {
      auto count = CountArgument(args[++at]);
      if (!count) return count.error();
      call.count = *count;
    } else if (more >= 1 && EqualIgnoringCase(option, "streams")) {
      call.keys_at = at + 1;
      if (more % 2 != 0) {
        return Error{"ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."};
      }
      call.keys = more / 2;
      break;
    } else if (more >= 2 && EqualIgnoringCase(option, "group")) {
      if (!with_group) return OnlyForGroups("GROUP");
      call.with_group = true;
      call.group = args[++at];
      call.consumer = args[++at];
    } else if (EqualIgnoringCase(option, "noack")) {
      if (!with_group) return OnlyForGroups("NOACK");
      call.no_ack = true;
    } else {
      return SyntaxError();
    }
  }
  if (call.keys_at == 0) return SyntaxError();
  if (with_group && !call.with_group) return Error{"ERR Missing GROUP option for XREADGROUP"};
  return call;
}

// The ID of one stream, whose key and group must be there for XREADGROUP.
Result<ReadFrom> ParseFrom(CommandContext& ctx, const ReadCall& call, std::string_view key, std::string_view text) {
  auto stream = StreamType::Find(ctx, key, Look::kRead);
  if (!stream) return stream.error();
  if (call.with_group && stream->groups().FindGroup(call.group) == 0) {
    if (ctx.woken && stream->exists()) {
      return Error{"NOGROUP the consumer group this client was blocked on no longer exists"};
    }
    return NoGroup(key, call.group, " in XREADGROUP with GROUP option");
  }
  if (IsIdWord(text, "$")) {
    if (call.with_group) {
      return Error{
          "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
          "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result "
          "set."};
    }
    return ReadFrom{stream->head().last_id, false};
  }
  if (IsIdWord(text, ">")) {
    if (!call.with_group) {
      return Error{
          "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."};
    }
    return ReadFrom{{}, true};
  }
  auto id = IdArgument(text);
  if (!id) return id.error();
  // To a group, the largest ID is ">", as it is to Redis.
  return ReadFrom{*id, call.with_group && *id == kStreamIdMax};
}

// ---- Reading as a consumer ----

class GroupRead {
 public:
  GroupRead(CommandContext& ctx, const ReadCall& call, std::string_view key, StreamType& stream)
      : ctx_(ctx), call_(call), key_(key), stream_(stream), groups_(stream.groups()) {
    group_ = groups_.FindGroup(call.group);
  }

  bool HasNew() const { return stream_.head().length != 0 && stream_.LastLive() > groups_.Group(group_).last_id; }
  // What follows closes the key and finds or creates the consumer. False: no memory.
  [[nodiscard]] bool Begin() {
    stream_.Change();
    consumer_ = groups_.FindConsumer(group_, call_.consumer);
    if (consumer_ != 0) {
      groups_.SetTimes(consumer_, ctx_.now_ms, groups_.Consumer(consumer_).active_ms);
      return true;
    }
    consumer_ = groups_.CreateConsumer(group_, call_.consumer, ctx_.now_ms, -1);
    is_new_ = consumer_ != 0;
    return is_new_;
  }
  // Takes Begin back.
  void Abandon() {
    if (is_new_) groups_.EraseConsumer(group_, consumer_);
  }
  // Entries that nobody in the group has had; they become pending. False: no memory for even one.
  [[nodiscard]] bool ReplyNew(int64_t count, ReplyWriter& reply);
  // What is pending for this consumer, from `after` on.
  void ReplyHistory(const StreamId& after, int64_t count, ReplyWriter& reply);

 private:
  void ReportNewConsumer() {
    if (is_new_) ctx_.Effect({"XGROUP", "CREATECONSUMER", key_, call_.group, call_.consumer});
    is_new_ = false;
  }
  void Report(const StreamId& id, const shm::PendingEntry& entry, const StreamId& last_id) {
    ReportClaim(ctx_, {key_, call_.group, call_.consumer, id, entry, last_id});
  }
  void Advance(const StreamId& id, shm::StreamGroup* group) const;

  CommandContext& ctx_;
  const ReadCall& call_;
  std::string_view key_;
  StreamType& stream_;
  shm::StreamGroups groups_;
  shm::Link group_ = 0;
  shm::Link consumer_ = 0;
  bool is_new_ = false;
};

// The group has read `id`.
void GroupRead::Advance(const StreamId& id, shm::StreamGroup* group) const {
  if (group->entries_read != shm::kEntriesReadUnknown && !stream_.HasDeletedBehind(id)) {
    ++group->entries_read;
  } else if (stream_.head().entries_added != 0) {
    group->entries_read = stream_.EntriesReadAt(id);
  }
  group->last_id = id;
}

bool GroupRead::ReplyNew(int64_t count, ReplyWriter& reply) {
  shm::StreamGroup group = groups_.Group(group_);
  StreamType::Reader reader = stream_.reader();
  const shm::PendingEntry entry{ctx_.now_ms, 1, consumer_, 0};
  const size_t mark = reply.BeginDeferredArray(count > 0 ? static_cast<size_t>(count) : 0);
  size_t replied = 0;
  const auto from = After(group.last_id);
  for (bool more = from && reader.Begin({*from, kStreamIdMax, false}); more; more = reader.Next()) {
    const StreamId id = reader.entry().id;
    // Without memory for more, these are all.
    if (!call_.no_ack && !groups_.SetPending(group_, id, entry)) break;
    if (call_.no_ack) ReportNewConsumer();  // else the claims make it
    is_new_ = false;
    Advance(id, &group);
    ReplyEntry(reader, reply);
    if (!call_.no_ack) Report(id, entry, id);
    if (++replied == static_cast<size_t>(count)) break;
  }
  reply.EndDeferredArray(mark, replied);
  if (replied == 0) return false;
  groups_.SetGroup(group_, group.last_id, group.entries_read);
  groups_.SetTimes(consumer_, ctx_.now_ms, ctx_.now_ms);
  ReportGroupId(ctx_, key_, call_.group, group, !call_.no_ack);
  return true;
}

void GroupRead::ReplyHistory(const StreamId& after, int64_t count, ReplyWriter& reply) {
  ReportNewConsumer();
  std::vector<std::pair<StreamId, shm::PendingEntry>> delivered_again;
  const size_t mark = reply.BeginDeferredArray();
  size_t replied = 0;
  groups_.ForEachPending(group_, consumer_, *After(after), [&](const StreamId& id, shm::PendingEntry entry) {
    if (ReplyEntryAt(stream_, id, reply)) {
      entry.delivered_ms = ctx_.now_ms;
      ++entry.deliveries;
      delivered_again.emplace_back(id, entry);
    } else {  // deleted since
      reply.Array(2);
      ReplyId(id, reply);
      reply.NullArray();
    }
    return ++replied != static_cast<size_t>(count);
  });
  reply.EndDeferredArray(mark, replied);
  const StreamId last_id = groups_.Group(group_).last_id;
  for (const auto& [id, entry] : delivered_again) {
    (void)groups_.SetPending(group_, id, entry);  // in place
    Report(id, entry, last_id);
  }
}

// ---- Replying ----

void BeginStream(std::string_view key, ReplyWriter& reply) {
  if (reply.protocol() == 2) reply.Array(2);
  reply.Bulk(key);
}

bool ReadPlain(const StreamType& stream, const ReadFrom& from, std::string_view key, int64_t count,
               ReplyWriter& reply) {
  const auto first = After(from.after);
  StreamType::Reader reader = stream.reader();
  if (!first || !reader.Begin({*first, kStreamIdMax, false})) return false;
  BeginStream(key, reply);
  const size_t mark = reply.BeginDeferredArray(count > 0 ? static_cast<size_t>(count) : 0);
  size_t replied = 0;
  for (bool more = true; more; more = reader.Next()) {
    ReplyEntry(reader, reply);
    if (++replied == static_cast<size_t>(count)) break;
  }
  reply.EndDeferredArray(mark, replied);
  return true;
}

// True: there was something, or its history was asked for.
Result<bool> ReadAsGroup(CommandContext& ctx, const ReadCall& call, const ReadFrom& from, std::string_view key,
                         int64_t count, ReplyWriter& reply) {
  auto stream = StreamType::Find(ctx, key, Look::kPeek);
  if (!stream) return stream.error();
  GroupRead read(ctx, call, key, *stream);
  if (from.is_new && !read.HasNew()) return false;
  if (!read.Begin()) return OutOfMemory();
  const size_t mark = reply.size();
  BeginStream(key, reply);
  if (!from.is_new) {
    read.ReplyHistory(from.after, count, reply);
  } else if (!read.ReplyNew(count, reply)) {
    reply.Truncate(mark);
    read.Abandon();
    return OutOfMemory();
  }
  if (auto saved = stream->Save(); !saved) return saved.error();
  return true;
}

// Nothing to reply: waits, or says so.
Result<void> Wait(CommandContext& ctx, Args args, const ReadCall& call, const std::vector<ReadFrom>& from,
                  ReplyWriter& reply) {
  if (!call.deadline_ms) {
    reply.NullArray();
    return {};
  }
  // `$` means what was last when the call came.
  std::vector<StreamIdText> ids;
  ids.reserve(from.size());
  std::vector<std::string_view> resolved(args.begin(), args.end());
  for (size_t i = 0; i < call.keys; ++i) {
    std::string_view& id = resolved[call.keys_at + call.keys + i];
    if (IsIdWord(id, "$")) id = ids.emplace_back(from[i].after);
  }
  return ctx.Block({.keys = args.subspan(call.keys_at, call.keys),
                    .type = ValueType::kStream,
                    .deadline_ms = *call.deadline_ms,
                    .gone_error = call.with_group ? "UNBLOCKED the stream key no longer exists" : std::string_view(),
                    .args = resolved});
}

Result<void> Read(CommandContext& ctx, Args args, bool with_group, ReplyWriter& reply) {
  auto call = Parse(ctx, args, with_group);
  if (!call) return call.error();
  std::vector<ReadFrom> from;
  from.reserve(call->keys);
  for (size_t i = 0; i < call->keys; ++i) {
    auto parsed = ParseFrom(ctx, *call, args[call->keys_at + i], args[call->keys_at + call->keys + i]);
    if (!parsed) return parsed.error();
    from.push_back(*parsed);
  }
  const int64_t count = call->count == 0 && ctx.woken ? kWokenCount : call->count;
  const bool is_map = reply.protocol() != 2;
  const size_t mark = is_map ? reply.BeginDeferredMap(1) : reply.BeginDeferredArray(1);
  size_t replied = 0;
  for (size_t i = 0; i < call->keys; ++i) {
    const std::string_view key = args[call->keys_at + i];
    if (call->with_group) {
      auto read = ReadAsGroup(ctx, *call, from[i], key, count, reply);
      if (!read && replied == 0) return read.error();
      if (!read) break;
      replied += *read ? 1 : 0;
    } else {
      auto stream = StreamType::Find(ctx, key, Look::kRead);
      if (!stream) return stream.error();
      replied += ReadPlain(*stream, from[i], key, count, reply) ? 1 : 0;
    }
  }
  if (replied != 0) {
    is_map ? reply.EndDeferredMap(mark, replied) : reply.EndDeferredArray(mark, replied);
    return {};
  }
  reply.Truncate(mark);
  return Wait(ctx, args, *call, from, reply);
}

}  // namespace

// XREAD [COUNT count] [BLOCK ms] STREAMS key [key …] id [id …] -> for each stream that has any, its entries behind the
// ID
Result<void> XRead(CommandContext& ctx, Args args, ReplyWriter& reply) { return Read(ctx, args, false, reply); }

// XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key [key …] id [id …] -> the same with ">"
// for entries that the group has not had, and with an ID for what is pending for the consumer
Result<void> XReadGroup(CommandContext& ctx, Args args, ReplyWriter& reply) { return Read(ctx, args, true, reply); }

}  // namespace chestbox::streams
