// Parts that the stream commands share.
#include <fmt/format.h>

#include "server/commands/number_parsing.h"
#include "server/commands/streams.h"
#include "server/commands/subcommand_error.h"
#include "server/server.h"

namespace chestbox::streams {

Error InvalidId() { return Error{"ERR Invalid stream ID specified as stream command argument"}; }

Result<StreamId> IdArgument(std::string_view text, uint64_t missing_seq) {
  const auto id = ParseStreamId(text, missing_seq);
  if (!id) return InvalidId();
  return *id;
}

Result<std::vector<StreamId>> IdArguments(Args args) {
  std::vector<StreamId> ids;
  ids.reserve(args.size());
  for (std::string_view text : args) {
    const auto id = ParseStreamId(text, 0);
    if (!id) return InvalidId();
    ids.push_back(*id);
  }
  return ids;
}

Result<StreamId> IntervalStart(std::string_view text) {
  const bool open = text.size() > 1 && text[0] == '(';
  const auto id = open ? ParseStreamId(text.substr(1), 0) : ParseStreamBound(text, 0);
  if (!id) return InvalidId();
  if (!open) return *id;
  const auto next = After(*id);
  if (!next) return Error{"ERR invalid start ID for the interval"};
  return *next;
}

Result<StreamId> IntervalEnd(std::string_view text) {
  const bool open = text.size() > 1 && text[0] == '(';
  const auto id = open ? ParseStreamId(text.substr(1), kStreamIdMax.seq) : ParseStreamBound(text, kStreamIdMax.seq);
  if (!id) return InvalidId();
  if (!open) return *id;
  const auto previous = Before(*id);
  if (!previous) return Error{"ERR invalid end ID for the interval"};
  return *previous;
}

Result<int64_t> CountArgument(std::string_view text) {
  auto count = IntegerArgument(text);
  if (!count) return count.error();
  return *count < 0 ? 0 : *count;
}

void ReplyId(const StreamId& id, ReplyWriter& reply) { reply.Bulk(StreamIdText(id)); }

namespace {

void ReplyElement(const shm::PackedElement& element, ReplyWriter& reply) {
  if (element.kind == shm::PackedElement::Kind::kString) {
    reply.Bulk(element.text);
  } else {
    reply.BulkInteger(element.integer);
  }
}

}  // namespace

void ReplyEntry(const StreamType::Reader& reader, ReplyWriter& reply) {
  reply.Array(2);
  ReplyId(reader.entry().id, reply);
  reply.Array(static_cast<size_t>(reader.entry().fields) * 2);
  (void)reader.ForEachField([&](const shm::PackedElement& field, const shm::PackedElement& value) {
    ReplyElement(field, reply);
    ReplyElement(value, reply);
  });
}

bool ReplyEntryAt(const StreamType& stream, const StreamId& id, ReplyWriter& reply) {
  StreamType::Reader reader = stream.reader();
  if (!reader.Begin({id, id, false})) return false;
  ReplyEntry(reader, reply);
  return true;
}

Error NoGroup(std::string_view key, std::string_view group, std::string_view more) {
  return Error{fmt::format("NOGROUP No such key '{}' or consumer group '{}'{}", AsEchoed(key), AsEchoed(group), more)};
}

Error NoGroupForKey(std::string_view group, std::string_view key) {
  return Error{fmt::format("NOGROUP No such consumer group '{}' for key name '{}'", AsEchoed(group), AsEchoed(key))};
}

void ReportClaim(CommandContext& ctx, const ClaimEffect& claim) {
  ctx.Effect({"XCLAIM", claim.key, claim.group, claim.consumer, "0", StreamIdText(claim.id), "TIME",
              IntegerText(claim.entry.delivered_ms), "RETRYCOUNT",
              IntegerText(static_cast<int64_t>(claim.entry.deliveries)), "FORCE", "JUSTID", "LASTID",
              StreamIdText(claim.last_id)});
}

void ReportGroupId(CommandContext& ctx, std::string_view key, std::string_view name, const shm::StreamGroup& group,
                   bool with_claims) {
  const StreamIdText last_id(group.last_id);
  const IntegerText entries_read(group.entries_read);
  const std::string_view effect[] = {"XGROUP", "SETID", key, name, last_id, "ENTRIESREAD", entries_read};
  ctx.server.effects().Report(ctx.db, effect, with_claims);
}

}  // namespace chestbox::streams
