// XINFO.
#include <algorithm>

#include "server/commands/command_parser.h"
#include "server/commands/help.h"
#include "server/commands/number_parsing.h"
#include "server/commands/streams.h"
#include "server/commands/subcommand_error.h"

namespace chestbox::streams {

namespace {

// The stream of args[2].
Result<StreamType> ExistingStream(CommandContext& ctx, Args args) {
  auto stream = StreamType::Find(ctx, args[2], Look::kRead);
  if (stream.ok() && !stream->exists()) return Error{"ERR no such key"};
  return stream;
}

void ReplyNumber(std::string_view name, int64_t number, ReplyWriter& reply) {
  reply.Bulk(name);
  reply.Integer(number);
}

void ReplyNamedId(std::string_view name, const StreamId& id, ReplyWriter& reply) {
  reply.Bulk(name);
  ReplyId(id, reply);
}

void ReplyName(std::string_view name, ReplyWriter& reply) {
  reply.Bulk("name");
  reply.Bulk(name);
}

void ReplyEntriesReadAndLag(const StreamType& stream, const shm::StreamGroup& group, ReplyWriter& reply) {
  reply.Bulk("entries-read");
  if (group.entries_read != shm::kEntriesReadUnknown) {
    reply.Integer(group.entries_read);
  } else {
    reply.Null();
  }
  reply.Bulk("lag");
  const auto lag = stream.LagOf(group);
  if (lag) {
    reply.Integer(*lag);
  } else {
    reply.Null();
  }
}

// ---- XINFO STREAM ----

void ReplyNumbers(const StreamType& stream, ReplyWriter& reply) {
  const shm::StreamHead& head = stream.head();
  ReplyNumber("length", static_cast<int64_t>(head.length), reply);
  ReplyNumber("radix-tree-keys", head.nodes.count, reply);
  // There is no radix tree here; so many nodes Redis has for a few keys.
  ReplyNumber("radix-tree-nodes", int64_t{head.nodes.count} + 1, reply);
  ReplyNamedId("last-generated-id", head.last_id, reply);
  ReplyNamedId("max-deleted-entry-id", head.max_deleted_id, reply);
  ReplyNumber("entries-added", static_cast<int64_t>(head.entries_added), reply);
  ReplyNamedId("recorded-first-entry-id", head.first_id, reply);
}

void ReplyEdge(std::string_view name, const StreamType& stream, bool last, ReplyWriter& reply) {
  reply.Bulk(name);
  StreamType::Reader reader = stream.reader();
  if (reader.Begin({{}, kStreamIdMax, last})) {
    ReplyEntry(reader, reply);
  } else {
    reply.Null();
  }
}

void ReplyEntries(const StreamType& stream, int64_t count, ReplyWriter& reply) {
  reply.Bulk("entries");
  const size_t mark = reply.BeginDeferredArray();
  size_t replied = 0;
  StreamType::Reader reader = stream.reader();
  for (bool more = reader.Begin({}); more; more = reader.Next()) {
    ReplyEntry(reader, reply);
    if (++replied == static_cast<size_t>(count)) break;
  }
  reply.EndDeferredArray(mark, replied);
}

// The first `count` (0: all) pending entries, with the consumers' names where they are of a whole group.
void ReplyPendingEntries(const shm::StreamGroups& groups, shm::Link group, shm::Link consumer, int64_t count,
                         ReplyWriter& reply) {
  reply.Bulk("pending");
  const size_t mark = reply.BeginDeferredArray();
  size_t replied = 0;
  groups.ForEachPending(group, consumer, {}, [&](const StreamId& id, const shm::PendingEntry& entry) {
    reply.Array(consumer == 0 ? 4 : 3);
    ReplyId(id, reply);
    if (consumer == 0) reply.Bulk(groups.ConsumerName(entry.consumer));
    reply.Integer(entry.delivered_ms);
    reply.Integer(static_cast<int64_t>(entry.deliveries));
    return ++replied != static_cast<size_t>(count);
  });
  reply.EndDeferredArray(mark, replied);
}

void ReplyFullGroup(const StreamType& stream, const shm::StreamGroups& groups, shm::Link link, int64_t count,
                    ReplyWriter& reply) {
  const shm::StreamGroup group = groups.Group(link);
  reply.Map(7);
  ReplyName(groups.GroupName(link), reply);
  ReplyNamedId("last-delivered-id", group.last_id, reply);
  ReplyEntriesReadAndLag(stream, group, reply);
  ReplyNumber("pel-count", group.pending.count, reply);
  ReplyPendingEntries(groups, link, 0, count, reply);
  reply.Bulk("consumers");
  reply.Array(group.consumers.count);
  groups.ForEachConsumer(link, [&](shm::Link consumer_link) {
    const shm::StreamConsumer consumer = groups.Consumer(consumer_link);
    reply.Map(4);
    ReplyName(groups.ConsumerName(consumer_link), reply);
    ReplyNumber("seen-time", consumer.seen_ms, reply);
    ReplyNumber("pel-count", consumer.pending.count, reply);
    ReplyPendingEntries(groups, link, consumer_link, count, reply);
  });
}

// Nothing after the key, or FULL [COUNT count]: how many of each, 0 for all.
Result<std::optional<int64_t>> ParseFull(Args args) {
  constexpr int64_t kDefaultCount = 10;
  if (args.size() == 3) return std::optional<int64_t>();
  if ((args.size() != 4 && args.size() != 6) || !EqualIgnoringCase(args[3], "full")) return SubcommandSyntaxError(args);
  if (args.size() == 4) return std::optional(kDefaultCount);
  if (!EqualIgnoringCase(args[4], "count")) return SubcommandSyntaxError(args);
  auto count = IntegerArgument(args[5]);
  if (!count) return count.error();
  return std::optional(*count < 0 ? kDefaultCount : *count);
}

}  // namespace

// XINFO STREAM key [FULL [COUNT count]] -> a map
Result<void> XInfoStream(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto stream = ExistingStream(ctx, args);
  if (!stream) return stream.error();
  auto full = ParseFull(args);
  if (!full) return full.error();
  const shm::StreamGroups groups = stream->groups();
  if (!*full) {
    reply.Map(10);
    ReplyNumbers(*stream, reply);
    ReplyNumber("groups", stream->head().groups.count, reply);
    ReplyEdge("first-entry", *stream, false, reply);
    ReplyEdge("last-entry", *stream, true, reply);
    return {};
  }
  reply.Map(9);
  ReplyNumbers(*stream, reply);
  ReplyEntries(*stream, **full, reply);
  reply.Bulk("groups");
  reply.Array(stream->head().groups.count);
  groups.ForEachGroup([&](shm::Link group) { ReplyFullGroup(*stream, groups, group, **full, reply); });
  return {};
}

// XINFO GROUPS key -> a map for each group
Result<void> XInfoGroups(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto stream = ExistingStream(ctx, args);
  if (!stream) return stream.error();
  const shm::StreamGroups groups = stream->groups();
  reply.Array(stream->head().groups.count);
  groups.ForEachGroup([&](shm::Link link) {
    const shm::StreamGroup group = groups.Group(link);
    reply.Map(6);
    ReplyName(groups.GroupName(link), reply);
    ReplyNumber("consumers", group.consumers.count, reply);
    ReplyNumber("pending", group.pending.count, reply);
    ReplyNamedId("last-delivered-id", group.last_id, reply);
    ReplyEntriesReadAndLag(*stream, group, reply);
  });
  return {};
}

// XINFO CONSUMERS key group -> a map for each consumer
Result<void> XInfoConsumers(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto stream = ExistingStream(ctx, args);
  if (!stream) return stream.error();
  const shm::StreamGroups groups = stream->groups();
  const shm::Link group = groups.FindGroup(args[3]);
  if (group == 0) return NoGroupForKey(args[3], args[2]);
  reply.Array(groups.Group(group).consumers.count);
  groups.ForEachConsumer(group, [&](shm::Link link) {
    const shm::StreamConsumer consumer = groups.Consumer(link);
    reply.Map(3);
    ReplyName(groups.ConsumerName(link), reply);
    ReplyNumber("pending", consumer.pending.count, reply);
    ReplyNumber("idle", std::max<int64_t>(0, ctx.now_ms - consumer.seen_ms), reply);
  });
  return {};
}

// XINFO HELP -> what the subcommands do
Result<void> XInfoHelp(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "CONSUMERS <key> <groupname>",
      "    Show consumers of <groupname>.",
      "GROUPS <key>",
      "    Show the stream consumer groups.",
      "STREAM <key> [FULL [COUNT <count>]",
      "    Show information about the stream.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

}  // namespace chestbox::streams
