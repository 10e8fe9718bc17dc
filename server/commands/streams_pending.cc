// XPENDING, XCLAIM and XAUTOCLAIM.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/streams.h"
#include "server/commands/subcommand_error.h"

namespace chestbox::streams {

namespace {

// The stream at args[1] with its group args[2].
Result<StreamType> StreamWithGroup(CommandContext& ctx, Args args, shm::Link* group) {
  auto stream = StreamType::Find(ctx, args[1], Look::kRead);
  if (!stream) return stream;
  *group = stream->groups().FindGroup(args[2]);
  if (*group == 0) return NoGroup(args[1], args[2]);
  return stream;
}

void ReplySummary(const shm::StreamGroups& groups, shm::Link link, ReplyWriter& reply) {
  const shm::StreamGroup group = groups.Group(link);
  reply.Array(4);
  reply.Integer(group.pending.count);
  if (group.pending.count == 0) {
    reply.Null();
    reply.Null();
    reply.NullArray();
    return;
  }
  ReplyId(groups.FirstPending(link), reply);
  ReplyId(groups.LastPending(link), reply);
  const size_t mark = reply.BeginDeferredArray();
  size_t consumers = 0;
  groups.ForEachConsumer(link, [&](shm::Link consumer) {
    const uint32_t pending = groups.Consumer(consumer).pending.count;
    if (pending == 0) return;
    reply.Array(2);
    reply.Bulk(groups.ConsumerName(consumer));
    reply.BulkInteger(pending);
    ++consumers;
  });
  reply.EndDeferredArray(mark, consumers);
}

struct PendingRange {
  int64_t idle_ms_min = 0;
  StreamId start;
  StreamId end;
  int64_t count = 0;
  std::optional<std::string_view> consumer;
};

Result<PendingRange> ParsePendingRange(Args args) {
  PendingRange range;
  size_t at = 3;
  if (EqualIgnoringCase(args[3], "idle")) {
    auto idle_ms = IntegerArgument(args[4]);
    if (!idle_ms) return idle_ms.error();
    if (args.size() < 8) return SyntaxError();
    range.idle_ms_min = *idle_ms;
    at = 5;
  }
  auto count = CountArgument(args[at + 2]);
  if (!count) return count.error();
  range.count = *count;
  auto start = IntervalStart(args[at]);
  if (!start) return start.error();
  range.start = *start;
  auto end = IntervalEnd(args[at + 1]);
  if (!end) return end.error();
  range.end = *end;
  if (at + 3 < args.size()) range.consumer = args[at + 3];
  return range;
}

void ReplyPending(const shm::StreamGroups& groups, shm::Link group, const PendingRange& range, int64_t now_ms,
                  ReplyWriter& reply) {
  shm::Link consumer = 0;
  if (range.consumer) {
    consumer = groups.FindConsumer(group, *range.consumer);
    if (consumer == 0) {
      reply.Array(0);
      return;
    }
  }
  const size_t mark = reply.BeginDeferredArray();
  int64_t replied = 0;
  groups.ForEachPending(group, consumer, range.start, [&](const StreamId& id, const shm::PendingEntry& entry) {
    if (replied == range.count || id > range.end) return false;
    const int64_t idle_ms = now_ms - entry.delivered_ms;
    if (range.idle_ms_min != 0 && idle_ms < range.idle_ms_min) return true;
    reply.Array(4);
    ReplyId(id, reply);
    reply.Bulk(groups.ConsumerName(entry.consumer));
    reply.Integer(std::max<int64_t>(0, idle_ms));
    reply.Integer(static_cast<int64_t>(entry.deliveries));
    ++replied;
    return true;
  });
  reply.EndDeferredArray(mark, static_cast<size_t>(replied));
}

}  // namespace

// XPENDING key group -> [count, first, last, [[consumer, count] …]]
// XPENDING key group [IDLE min-idle-time] start end count [consumer] -> [[id, consumer, idle ms, deliveries] …]
Result<void> XPending(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() != 3 && (args.size() < 6 || args.size() > 9)) return SyntaxError();
  PendingRange range;
  if (args.size() > 3) {
    auto parsed = ParsePendingRange(args);
    if (!parsed) return parsed.error();
    range = *parsed;
  }
  shm::Link group = 0;
  auto stream = StreamWithGroup(ctx, args, &group);
  if (!stream) return stream.error();
  if (args.size() == 3) {
    ReplySummary(stream->groups(), group, reply);
  } else {
    ReplyPending(stream->groups(), group, range, ctx.now_ms, reply);
  }
  return {};
}

namespace {

// How claimed entries change.
struct ClaimOptions {
  std::optional<int64_t> retry_count;
  int64_t delivered_ms = 0;
  bool force = false;
  bool just_id = false;
  StreamId last_id;
};

// Gives pending entries of a group to a consumer, which is created for the first one.
class Claims {
 public:
  Claims(CommandContext& ctx, Args args, StreamType& stream, shm::Link group, const ClaimOptions& options)
      : ctx_(ctx),
        key_(args[1]),
        group_name_(args[2]),
        consumer_name_(args[3]),
        stream_(stream),
        groups_(stream.groups()),
        group_(group),
        options_(options) {}

  // False: no memory, and nothing has changed.
  [[nodiscard]] bool Claim(const StreamId& id, shm::PendingEntry entry) {
    stream_.Change();
    bool is_new = false;
    if (consumer_ == 0) {
      consumer_ = groups_.FindConsumer(group_, consumer_name_);
      is_new = consumer_ == 0;
      if (is_new) consumer_ = groups_.CreateConsumer(group_, consumer_name_, ctx_.now_ms, ctx_.now_ms);
      if (consumer_ == 0) return false;
    }
    entry.delivered_ms = options_.delivered_ms;
    if (options_.retry_count) {
      entry.deliveries = static_cast<uint64_t>(*options_.retry_count);
    } else if (!options_.just_id) {
      ++entry.deliveries;
    }
    entry.consumer = consumer_;
    if (!groups_.SetPending(group_, id, entry)) {
      if (is_new) groups_.EraseConsumer(group_, std::exchange(consumer_, 0));
      return false;
    }
    groups_.SetTimes(consumer_, ctx_.now_ms, ctx_.now_ms);
    ReportClaim(ctx_, {key_, group_name_, consumer_name_, id, entry, groups_.Group(group_).last_id});
    return true;
  }
  // For an entry that the stream does not have any more.
  void Drop(const StreamId& id) {
    stream_.Change();
    (void)groups_.ErasePending(group_, id);
    ctx_.Effect({"XACK", key_, group_name_, StreamIdText(id)});
  }
  void Reply(const StreamId& id, ReplyWriter& reply) const {
    if (options_.just_id) {
      ReplyId(id, reply);
    } else {
      (void)ReplyEntryAt(stream_, id, reply);
    }
  }

 private:
  CommandContext& ctx_;
  std::string_view key_;
  std::string_view group_name_;
  std::string_view consumer_name_;
  StreamType& stream_;
  shm::StreamGroups groups_;
  shm::Link group_;
  ClaimOptions options_;
  shm::Link consumer_ = 0;
};

Result<int64_t> NumberOption(std::string_view text, std::string_view name) {
  return IntegerArgument(text, fmt::format("ERR Invalid {} option argument for XCLAIM", name));
}

Result<ClaimOptions> ParseClaimOptions(Args args, size_t first, int64_t now_ms) {
  ClaimOptions options;
  int64_t delivered_ms = -1;
  CommandParser parser(args, first);
  while (!parser.done()) {
    std::string_view text;
    if (parser.Eat("force")) {
      options.force = true;
    } else if (parser.Eat("justid")) {
      options.just_id = true;
    } else if (parser.EatWithValue("idle", &text)) {
      auto idle_ms = NumberOption(text, "IDLE");
      if (!idle_ms) return idle_ms.error();
      delivered_ms = static_cast<int64_t>(static_cast<uint64_t>(now_ms) - static_cast<uint64_t>(*idle_ms));
    } else if (parser.EatWithValue("time", &text)) {
      auto time_ms = NumberOption(text, "TIME");
      if (!time_ms) return time_ms.error();
      delivered_ms = *time_ms;
    } else if (parser.EatWithValue("retrycount", &text)) {
      auto count = NumberOption(text, "RETRYCOUNT");
      if (!count) return count.error();
      options.retry_count = *count >= 0 ? std::optional(*count) : std::nullopt;
    } else if (parser.EatWithValue("lastid", &text)) {
      auto id = IdArgument(text);
      if (!id) return id.error();
      options.last_id = *id;
    } else {
      return Error{fmt::format("ERR Unrecognized XCLAIM option '{}'", AsEchoed(parser.Peek()))};
    }
  }
  // Not an error: clients compute times by clocks of their own.
  options.delivered_ms = delivered_ms < 0 || delivered_ms > now_ms ? now_ms : delivered_ms;
  return options;
}

Result<int64_t> IdleArgument(std::string_view text, std::string_view command) {
  auto idle_ms = IntegerArgument(text, fmt::format("ERR Invalid min-idle-time argument for {}", command));
  if (!idle_ms) return idle_ms;
  return std::max<int64_t>(0, *idle_ms);
}

// Raises the group's last ID; true if it did.
bool RaiseLastId(StreamType& stream, shm::Link link, const StreamId& last_id) {
  const shm::StreamGroup group = stream.groups().Group(link);
  if (last_id <= group.last_id) return false;
  stream.Change();
  stream.groups().SetGroup(link, last_id, group.entries_read);
  return true;
}

}  // namespace

// XCLAIM key group consumer min-idle-time id [id …] [IDLE ms] [TIME unix-ms] [RETRYCOUNT count] [FORCE] [JUSTID]
// [LASTID id] -> the entries that the consumer has now, or their IDs
Result<void> XClaim(CommandContext& ctx, Args args, ReplyWriter& reply) {
  shm::Link group = 0;
  auto stream = StreamWithGroup(ctx, args, &group);
  if (!stream) return stream.error();
  auto idle_ms_min = IdleArgument(args[4], "XCLAIM");
  if (!idle_ms_min) return idle_ms_min.error();
  std::vector<StreamId> ids;
  size_t at = 5;
  for (; at < args.size(); ++at) {
    const auto id = ParseStreamId(args[at], 0);
    if (!id) break;
    ids.push_back(*id);
  }
  auto options = ParseClaimOptions(args, at, ctx.now_ms);
  if (!options) return options.error();
  const bool raised = RaiseLastId(*stream, group, options->last_id);

  Claims claims(ctx, args, *stream, group, *options);
  const shm::StreamGroups groups = stream->groups();
  const size_t mark = reply.BeginDeferredArray();
  size_t claimed = 0;
  bool changed = raised;
  bool reported = false;
  for (const StreamId& id : ids) {
    shm::PendingEntry entry;
    const bool pending = groups.FindPending(group, id, &entry);
    if (!stream->Contains(id)) {
      if (pending) claims.Drop(id);
      changed = changed || pending;
      continue;
    }
    if (!pending && !options->force) continue;
    if (!pending) entry.deliveries = 1;
    if (pending && *idle_ms_min != 0 && ctx.now_ms - entry.delivered_ms < *idle_ms_min) continue;
    if (!claims.Claim(id, entry)) {
      if (!changed) return OutOfMemory();
      break;  // these are all, then
    }
    changed = reported = true;
    claims.Reply(id, reply);
    ++claimed;
  }
  reply.EndDeferredArray(mark, claimed);
  if (raised && !reported) ReportGroupId(ctx, args[1], args[2], groups.Group(group));
  return {};
}

namespace {

struct AutoClaimCall {
  int64_t idle_ms_min = 0;
  StreamId start;
  int64_t count = 100;
  bool just_id = false;
};

// How many entries are looked at for each one that may be claimed.
constexpr int64_t kAttemptsPerClaim = 10;

Result<AutoClaimCall> ParseAutoClaim(Args args) {
  AutoClaimCall call;
  auto idle_ms = IdleArgument(args[4], "XAUTOCLAIM");
  if (!idle_ms) return idle_ms.error();
  call.idle_ms_min = *idle_ms;
  auto start = IntervalStart(args[5]);
  if (!start) return start.error();
  call.start = *start;
  CommandParser parser(args, 6);
  while (!parser.done()) {
    std::string_view text;
    if (parser.EatWithValue("count", &text)) {
      constexpr int64_t kCountMax = INT64_MAX / static_cast<int64_t>(sizeof(StreamId));
      auto count = IntegerArgument(text, "ERR COUNT must be > 0");
      if (!count) return count.error();
      if (*count < 1 || *count > kCountMax) return Error{"ERR COUNT must be > 0"};
      call.count = *count;
    } else if (parser.Eat("justid")) {
      call.just_id = true;
    } else {
      return SyntaxError();
    }
  }
  return call;
}

// What one call looks at: which entries it claims and which are not in the stream any more, and where the next call
// goes on (0-0: at the end).
struct AutoClaimPlan {
  struct Step {
    StreamId id;
    shm::PendingEntry entry;
    bool exists;
  };
  std::vector<Step> steps;
  StreamId next;
};

AutoClaimPlan Plan(const StreamType& stream, const shm::StreamGroups& groups, shm::Link group,
                   const AutoClaimCall& call, int64_t now_ms) {
  AutoClaimPlan plan;
  int64_t attempts = call.count > INT64_MAX / kAttemptsPerClaim ? INT64_MAX : call.count * kAttemptsPerClaim;
  groups.ForEachPending(group, 0, call.start, [&](const StreamId& id, const shm::PendingEntry& entry) {
    if (attempts-- == 0 || static_cast<int64_t>(plan.steps.size()) == call.count) {
      plan.next = id;
      return false;
    }
    const bool exists = stream.Contains(id);
    if (!exists || call.idle_ms_min == 0 || now_ms - entry.delivered_ms >= call.idle_ms_min) {
      plan.steps.push_back({id, entry, exists});
    }
    return true;
  });
  return plan;
}

}  // namespace

// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID] -> [where to go on, entries or IDs, IDs that
// the stream has not any more]
Result<void> XAutoClaim(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto call = ParseAutoClaim(args);
  if (!call) return call.error();
  shm::Link group = 0;
  auto stream = StreamWithGroup(ctx, args, &group);
  if (!stream) return stream.error();
  AutoClaimPlan plan = Plan(*stream, stream->groups(), group, *call, ctx.now_ms);
  ClaimOptions options;
  options.delivered_ms = ctx.now_ms;
  options.just_id = call->just_id;
  Claims claims(ctx, args, *stream, group, options);
  size_t done = 0;
  for (const AutoClaimPlan::Step& step : plan.steps) {
    if (!step.exists) {
      claims.Drop(step.id);
    } else if (!claims.Claim(step.id, step.entry)) {
      if (done == 0) return OutOfMemory();
      plan.next = step.id;  // these are all, then
      break;
    }
    ++done;
  }
  plan.steps.resize(done);
  const auto dropped = static_cast<size_t>(
      std::count_if(plan.steps.begin(), plan.steps.end(), [](const auto& step) { return !step.exists; }));
  reply.Array(3);
  ReplyId(plan.next, reply);
  reply.Array(done - dropped);
  for (const AutoClaimPlan::Step& step : plan.steps) {
    if (step.exists) claims.Reply(step.id, reply);
  }
  reply.Array(dropped);
  for (const AutoClaimPlan::Step& step : plan.steps) {
    if (!step.exists) ReplyId(step.id, reply);
  }
  return {};
}

}  // namespace chestbox::streams
