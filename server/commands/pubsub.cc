// SUBSCRIBE and its kin, PUBLISH, SPUBLISH and PUBSUB (server/pubsub.h).
#include "server/pubsub.h"

#include <optional>
#include <string>
#include <vector>

#include "server/client.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/subcommand_error.h"
#include "server/server.h"

namespace chestbox {

namespace {

// What (UN)SUBSCRIBE tells for each name: a message, not a reply, which CLIENT REPLY OFF does not swallow.
void Confirm(Client& client, ReplyWriter& reply, std::string_view kind, ChannelSpace space,
             std::optional<std::string_view> name) {
  resp::ReplyBuffer buffer;
  resp::ReplyWriter pushed(buffer, client.protocol());
  const bool is_swallowed = client.reply_mode != ReplyMode::kOn;
  ReplyWriter& writer = is_swallowed ? pushed : reply;
  writer.Push(3);
  writer.Bulk(kind);
  if (name) {
    writer.Bulk(*name);
  } else {
    writer.Null();
  }
  writer.Integer(static_cast<int64_t>(SubscriptionCount(client, space)));
  if (is_swallowed) client.Push({buffer.data(), buffer.size()});
}

Result<void> SubscribeTo(CommandContext& ctx, Args args, ReplyWriter& reply, std::string_view kind,
                         ChannelSpace space) {
  for (std::string_view name : args.subspan(1)) {
    ctx.server.pubsub().Subscribe(ctx.client, space, name);
    Confirm(ctx.client, reply, kind, space, name);
  }
  return {};
}

Result<void> UnsubscribeFrom(CommandContext& ctx, Args args, ReplyWriter& reply, std::string_view kind,
                             ChannelSpace space) {
  Client& client = ctx.client;
  const auto leave = [&](std::string_view name) {
    ctx.server.pubsub().Unsubscribe(client, space, name);
    Confirm(client, reply, kind, space, name);
  };
  for (std::string_view name : args.subspan(1)) leave(name);
  if (args.size() > 1) return {};
  std::vector<std::string> all;
  if (client.subscriptions != nullptr) {
    for (const auto& [name, place] : client.subscriptions->names[static_cast<size_t>(space)]) all.push_back(name);
  }
  for (const std::string& name : all) leave(name);
  if (all.empty()) Confirm(client, reply, kind, space, std::nullopt);
  return {};
}

// SUBSCRIBE channel [channel …] -> a message for each: its name, and how many channels and patterns that makes
Result<void> Subscribe(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SubscribeTo(ctx, args, reply, "subscribe", ChannelSpace::kChannels);
}

// UNSUBSCRIBE [channel …] -> the same; all channels if none is named
Result<void> Unsubscribe(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return UnsubscribeFrom(ctx, args, reply, "unsubscribe", ChannelSpace::kChannels);
}

// PSUBSCRIBE pattern [pattern …] -> the same
Result<void> PSubscribe(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SubscribeTo(ctx, args, reply, "psubscribe", ChannelSpace::kPatterns);
}

// PUNSUBSCRIBE [pattern …] -> the same
Result<void> PUnsubscribe(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return UnsubscribeFrom(ctx, args, reply, "punsubscribe", ChannelSpace::kPatterns);
}

// SSUBSCRIBE shardchannel [shardchannel …] -> the same, counted by themselves
Result<void> SSubscribe(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SubscribeTo(ctx, args, reply, "ssubscribe", ChannelSpace::kShardChannels);
}

// SUNSUBSCRIBE [shardchannel …] -> the same
Result<void> SUnsubscribe(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return UnsubscribeFrom(ctx, args, reply, "sunsubscribe", ChannelSpace::kShardChannels);
}

// PUBLISH channel message -> how many received it
Result<void> Publish(CommandContext& ctx, Args args, ReplyWriter& reply) {
  reply.Integer(static_cast<int64_t>(ctx.server.pubsub().Publish(args[1], args[2])));
  ctx.server.effects().Announce(ctx.db, {"PUBLISH", args[1], args[2]});
  return {};
}

// SPUBLISH shardchannel message -> how many received it
Result<void> SPublish(CommandContext& ctx, Args args, ReplyWriter& reply) {
  reply.Integer(static_cast<int64_t>(ctx.server.pubsub().PublishToShard(args[1], args[2])));
  ctx.server.effects().Announce(ctx.db, {"SPUBLISH", args[1], args[2]});
  return {};
}

Result<void> ListNames(CommandContext& ctx, Args args, ReplyWriter& reply, ChannelSpace space) {
  if (args.size() > 3) return SubcommandSyntaxError(args);
  const auto names = ctx.server.pubsub().Matching(space, args.size() == 3 ? std::optional(args[2]) : std::nullopt);
  reply.Array(names.size());
  for (std::string_view name : names) reply.Bulk(name);
  return {};
}

Result<void> CountReceivers(CommandContext& ctx, Args args, ReplyWriter& reply, ChannelSpace space) {
  const Args names = args.subspan(2);
  reply.Array(names.size() * 2);
  for (std::string_view name : names) {
    reply.Bulk(name);
    reply.Integer(static_cast<int64_t>(ctx.server.pubsub().receivers(space, name)));
  }
  return {};
}

// PUBSUB CHANNELS [pattern] -> the channels that somebody listens to
Result<void> Channels(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ListNames(ctx, args, reply, ChannelSpace::kChannels);
}

// PUBSUB SHARDCHANNELS [pattern] -> the shard channels that somebody listens to
Result<void> ShardChannels(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ListNames(ctx, args, reply, ChannelSpace::kShardChannels);
}

// PUBSUB NUMSUB [channel …] -> each channel, and how many listen to it
Result<void> NumSub(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return CountReceivers(ctx, args, reply, ChannelSpace::kChannels);
}

// PUBSUB SHARDNUMSUB [shardchannel …] -> the same
Result<void> ShardNumSub(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return CountReceivers(ctx, args, reply, ChannelSpace::kShardChannels);
}

// PUBSUB NUMPAT -> how many patterns somebody listens to
Result<void> NumPat(CommandContext& ctx, Args, ReplyWriter& reply) {
  reply.Integer(static_cast<int64_t>(ctx.server.pubsub().names(ChannelSpace::kPatterns)));
  return {};
}

// PUBSUB HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "CHANNELS [<pattern>]",
      "    Return the currently active channels matching a <pattern> (default: '*').",
      "NUMPAT",
      "    Return number of subscriptions to patterns.",
      "NUMSUB [<channel> ...]",
      "    Return the number of subscribers for the specified channels, excluding",
      "    pattern subscriptions(default: no channels).",
      "SHARDCHANNELS [<pattern>]",
      "    Return the currently active shard level channels matching a <pattern> (default: '*').",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    Return the number of subscribers for the specified shard level channel(s)",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr uint8_t kSome = ArgumentSpec::kMultiple;
constexpr uint8_t kAnyNumber = ArgumentSpec::kOptional | ArgumentSpec::kMultiple;

constexpr ArgumentSpec kChannelsToHear[] = {{.name = "channel", .flags = kSome}};
constexpr ArgumentSpec kChannelsToLeave[] = {{.name = "channel", .flags = kAnyNumber}};
constexpr ArgumentSpec kShardChannelsToHear[] = {{.name = "shardchannel", .flags = kSome}};
constexpr ArgumentSpec kShardChannelsToLeave[] = {{.name = "shardchannel", .flags = kAnyNumber}};
constexpr ArgumentSpec kPatternOfOne[] = {{.name = "pattern", .type = Type::kPattern}};
constexpr ArgumentSpec kPsubscribeArguments[] = {
    {.name = "pattern", .type = Type::kBlock, .flags = kSome, .arguments = kPatternOfOne}};
constexpr ArgumentSpec kPatternsToLeave[] = {{.name = "pattern", .type = Type::kPattern, .flags = kAnyNumber}};
constexpr ArgumentSpec kPatternArgument[] = {
    {.name = "pattern", .type = Type::kPattern, .flags = ArgumentSpec::kOptional}};
constexpr ArgumentSpec kPublishArguments[] = {{.name = "channel"}, {.name = "message"}};
constexpr ArgumentSpec kSpublishArguments[] = {{.name = "shardchannel"}, {.name = "message"}};

constexpr uint64_t kAnyTime = kPubsub | kLoading | kStale;

constexpr CommandSpec kPubsubSubcommands[] = {
    {.name = "channels",
     .run = Channels,
     .arity = -2,
     .flags = kAnyTime,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "O(N) where N is the number of active channels, and assuming constant time pattern matching "
                   "(relatively short channels and patterns)",
     .summary = "Lists the channels that somebody listens to.",
     .arguments = kPatternArgument},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "pubsub",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "numpat",
     .run = NumPat,
     .arity = 2,
     .flags = kAnyTime,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Counts the patterns that somebody listens to."},
    {.name = "numsub",
     .run = NumSub,
     .arity = -2,
     .flags = kAnyTime,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
     .summary = "Counts who listens to channels.",
     .arguments = kChannelsToLeave},
    {.name = "shardchannels",
     .run = ShardChannels,
     .arity = -2,
     .flags = kAnyTime,
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of active shard channels, and assuming constant time pattern matching "
                   "(relatively short shard channels).",
     .summary = "Lists the shard channels that somebody listens to.",
     .arguments = kPatternArgument},
    {.name = "shardnumsub",
     .run = ShardNumSub,
     .arity = -2,
     .flags = kAnyTime,
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
     .summary = "Counts who listens to shard channels.",
     .arguments = kShardChannelsToLeave},
};

constexpr CommandSpec kCommands[] = {
    {.name = "psubscribe",
     .run = PSubscribe,
     .arity = -2,
     .flags = kAnyTime | kNoScript,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of patterns the client is already subscribed to.",
     .summary = "Listens to the channels that match patterns.",
     .arguments = kPsubscribeArguments},
    {.name = "publish",
     .run = Publish,
     .arity = 3,
     .flags = kAnyTime | kFast | kMayReplicate,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total "
                   "number of subscribed patterns (by any client).",
     .summary = "Sends a message to a channel.",
     .arguments = kPublishArguments},
    {.name = "pubsub",
     .arity = -2,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "Depends on subcommand.",
     .summary = "Tells who listens to what.",
     .subcommands = kPubsubSubcommands},
    {.name = "punsubscribe",
     .run = PUnsubscribe,
     .arity = -1,
     .flags = kAnyTime | kNoScript,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N+M) where N is the number of patterns the client is already subscribed and M is the number of "
                   "total patterns subscribed in the system (by any client).",
     .summary = "Stops listening to patterns.",
     .arguments = kPatternsToLeave},
    {.name = "spublish",
     .run = SPublish,
     .arity = 3,
     .flags = kAnyTime | kFast | kMayReplicate,
     .keys = {{1, 1, 1, kKeyNotKey}},
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel.",
     .summary = "Sends a message to a shard channel.",
     .arguments = kSpublishArguments},
    {.name = "ssubscribe",
     .run = SSubscribe,
     .arity = -2,
     .flags = kAnyTime | kNoScript,
     .keys = {{1, -1, 1, kKeyNotKey}},
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of shard channels to subscribe to.",
     .summary = "Listens to shard channels.",
     .arguments = kShardChannelsToHear},
    {.name = "subscribe",
     .run = Subscribe,
     .arity = -2,
     .flags = kAnyTime | kNoScript,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of channels to subscribe to.",
     .summary = "Listens to channels.",
     .arguments = kChannelsToHear},
    {.name = "sunsubscribe",
     .run = SUnsubscribe,
     .arity = -1,
     .flags = kAnyTime | kNoScript,
     .keys = {{1, -1, 1, kKeyNotKey}},
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of clients already subscribed to a shard channel.",
     .summary = "Stops listening to shard channels.",
     .arguments = kShardChannelsToLeave},
    {.name = "unsubscribe",
     .run = Unsubscribe,
     .arity = -1,
     .flags = kAnyTime | kNoScript,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of clients already subscribed to a channel.",
     .summary = "Stops listening to channels.",
     .arguments = kChannelsToLeave},
};

}  // namespace

std::span<const CommandSpec> PubSubCommands() { return kCommands; }

}  // namespace chestbox
