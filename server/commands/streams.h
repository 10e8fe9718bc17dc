// Parts that the stream commands share: IDs in arguments, entries in replies, and the handlers themselves, whose rows
// stand in streams.cc.
//
// Executor thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/stream_id.h"
#include "server/command.h"
#include "server/types/stream_type.h"

namespace chestbox::streams {

// "ERR Invalid stream ID specified as stream command argument"
Error InvalidId();
Result<StreamId> IdArgument(std::string_view text, uint64_t missing_seq = 0);
Result<std::vector<StreamId>> IdArguments(Args args);
// The ends of an interval: also "-" and "+", and "(id" for one that is not included.
Result<StreamId> IntervalStart(std::string_view text);
Result<StreamId> IntervalEnd(std::string_view text);
// A COUNT, of which negative ones are 0.
Result<int64_t> CountArgument(std::string_view text);

void ReplyId(const StreamId& id, ReplyWriter& reply);
// [id, [field, value, …]]
void ReplyEntry(const StreamType::Reader& reader, ReplyWriter& reply);
// The same for this entry alone; false: it does not live, and nothing was replied.
bool ReplyEntryAt(const StreamType& stream, const StreamId& id, ReplyWriter& reply);

// "NOGROUP No such key 'k' or consumer group 'g'", and what the command adds to it.
Error NoGroup(std::string_view key, std::string_view group, std::string_view more = {});
// "NOGROUP No such consumer group 'g' for key name 'k'"
Error NoGroupForKey(std::string_view group, std::string_view key);

// What happened to a pending entry, as an effect that needs to know nothing.
struct ClaimEffect {
  std::string_view key;
  std::string_view group;
  std::string_view consumer;
  StreamId id;
  shm::PendingEntry entry;
  StreamId last_id;
};
void ReportClaim(CommandContext& ctx, const ClaimEffect& claim);
// `with_claims`: behind claims that say all of it but how many entries were read.
void ReportGroupId(CommandContext& ctx, std::string_view key, std::string_view name, const shm::StreamGroup& group,
                   bool with_claims = false);

// ---- Handlers ----
Result<void> XAdd(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XTrim(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XLen(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XRange(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XRevRange(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XDel(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XSetId(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XRead(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XReadGroup(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XAck(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XPending(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XClaim(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XAutoClaim(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XGroupCreate(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XGroupSetId(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XGroupDestroy(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XGroupCreateConsumer(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XGroupDelConsumer(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XGroupHelp(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XInfoStream(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XInfoGroups(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XInfoConsumers(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> XInfoHelp(CommandContext& ctx, Args args, ReplyWriter& reply);

}  // namespace chestbox::streams
