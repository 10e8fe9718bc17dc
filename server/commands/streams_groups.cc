// XGROUP and XACK.
#include "server/commands/command_parser.h"
#include "server/commands/help.h"
#include "server/commands/number_parsing.h"
#include "server/commands/streams.h"
#include "server/commands/subcommand_error.h"

namespace chestbox::streams {

namespace {

struct GroupOptions {
  bool make_stream = false;
  int64_t entries_read = shm::kEntriesReadUnknown;
};

Result<GroupOptions> ParseOptions(Args args, bool creates) {
  GroupOptions options;
  CommandParser parser(args, 5);
  while (!parser.done()) {
    std::string_view text;
    if (creates && parser.Eat("mkstream")) {
      options.make_stream = true;
    } else if (parser.EatWithValue("entriesread", &text)) {
      auto entries_read = IntegerArgument(text);
      if (!entries_read) return entries_read.error();
      if (*entries_read < 0 && *entries_read != shm::kEntriesReadUnknown) {
        return Error{"ERR value for ENTRIESREAD must be positive or -1"};
      }
      options.entries_read = *entries_read;
    } else {
      return SubcommandSyntaxError(args);
    }
  }
  return options;
}

// The stream of args[2], which must be there.
Result<StreamType> ExistingStream(CommandContext& ctx, Args args) {
  auto stream = StreamType::Find(ctx, args[2], Look::kChange);
  if (stream.ok() && !stream->exists()) {
    return Error{
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
        "option to create an empty stream automatically."};
  }
  return stream;
}

// … with a group args[3].
Result<StreamType> StreamWithGroup(CommandContext& ctx, Args args, shm::Link* group) {
  auto stream = ExistingStream(ctx, args);
  if (!stream) return stream;
  *group = stream->groups().FindGroup(args[3]);
  if (*group == 0) return NoGroupForKey(args[3], args[2]);
  return stream;
}

}  // namespace

// XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read] -> OK
Result<void> XGroupCreate(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseOptions(args, true);
  if (!options) return options.error();
  auto stream = options->make_stream ? StreamType::Find(ctx, args[2], Look::kChange) : ExistingStream(ctx, args);
  if (!stream) return stream.error();
  StreamId id = stream->head().last_id;
  if (!IsIdWord(args[4], "$")) {
    auto given = IdArgument(args[4]);
    if (!given) return given.error();
    id = *given;
  }
  if (stream->groups().FindGroup(args[3]) != 0) return Error{"BUSYGROUP Consumer Group name already exists"};
  const bool creates_stream = !stream->exists();
  stream->Change();
  if (stream->groups().CreateGroup(args[3], id, options->entries_read) == 0) return OutOfMemory();
  if (auto saved = stream->Save(); !saved) return saved;
  const StreamIdText id_text(id);
  const IntegerText entries_read(options->entries_read);
  std::vector<std::string_view> effect{"XGROUP", "CREATE", args[2], args[3], id_text, "ENTRIESREAD", entries_read};
  if (creates_stream) effect.emplace_back("MKSTREAM");
  ctx.Effect(effect);
  reply.Ok();
  return {};
}

// XGROUP SETID key group id | $ [ENTRIESREAD entries-read] -> OK
Result<void> XGroupSetId(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseOptions(args, false);
  if (!options) return options.error();
  shm::Link link = 0;
  auto stream = StreamWithGroup(ctx, args, &link);
  if (!stream) return stream.error();
  StreamId id = stream->head().last_id;
  if (!IsIdWord(args[4], "$")) {
    const auto given = ParseStreamBound(args[4], 0);
    if (!given) return InvalidId();
    id = *given;
  }
  stream->Change();
  stream->groups().SetGroup(link, id, options->entries_read);
  if (auto saved = stream->Save(); !saved) return saved;
  ReportGroupId(ctx, args[2], args[3], stream->groups().Group(link));
  reply.Ok();
  return {};
}

// XGROUP DESTROY key group -> 1, or 0 if there was none
Result<void> XGroupDestroy(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto stream = ExistingStream(ctx, args);
  if (!stream) return stream.error();
  const shm::Link group = stream->groups().FindGroup(args[3]);
  if (group != 0) {
    stream->Change();
    stream->groups().EraseGroup(group);
    if (auto saved = stream->Save(); !saved) return saved;
    ctx.Effect({"XGROUP", "DESTROY", args[2], args[3]});
  }
  reply.Integer(group != 0 ? 1 : 0);
  return {};
}

// XGROUP CREATECONSUMER key group consumer -> 1, or 0 if it was there
Result<void> XGroupCreateConsumer(CommandContext& ctx, Args args, ReplyWriter& reply) {
  shm::Link group = 0;
  auto stream = StreamWithGroup(ctx, args, &group);
  if (!stream) return stream.error();
  const bool creates = stream->groups().FindConsumer(group, args[4]) == 0;
  if (creates) {
    stream->Change();
    if (stream->groups().CreateConsumer(group, args[4], ctx.now_ms, -1) == 0) return OutOfMemory();
    if (auto saved = stream->Save(); !saved) return saved;
    ctx.Effect({"XGROUP", "CREATECONSUMER", args[2], args[3], args[4]});
  }
  reply.Integer(creates ? 1 : 0);
  return {};
}

// XGROUP DELCONSUMER key group consumer -> how many pending entries it had
Result<void> XGroupDelConsumer(CommandContext& ctx, Args args, ReplyWriter& reply) {
  shm::Link group = 0;
  auto stream = StreamWithGroup(ctx, args, &group);
  if (!stream) return stream.error();
  shm::StreamGroups groups = stream->groups();
  const shm::Link consumer = groups.FindConsumer(group, args[4]);
  int64_t pending = 0;
  if (consumer != 0) {
    stream->Change();
    pending = groups.Consumer(consumer).pending.count;
    groups.EraseConsumer(group, consumer);
    if (auto saved = stream->Save(); !saved) return saved;
    ctx.Effect({"XGROUP", "DELCONSUMER", args[2], args[3], args[4]});
  }
  reply.Integer(pending);
  return {};
}

// XGROUP HELP -> what the subcommands do
Result<void> XGroupHelp(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "CREATE <key> <groupname> <id|$> [option]",
      "    Create a new consumer group. Options are:",
      "    * MKSTREAM",
      "      Create the empty stream if it does not exist.",
      "    * ENTRIESREAD entries_read",
      "      Set the group's entries_read counter (internal use).",
      "CREATECONSUMER <key> <groupname> <consumer>",
      "    Create a new consumer in the specified group.",
      "DELCONSUMER <key> <groupname> <consumer>",
      "    Remove the specified consumer.",
      "DESTROY <key> <groupname>",
      "    Remove the specified group.",
      "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
      "    Set the current group ID and entries_read counter.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

// XACK key group id [id …] -> how many were pending
Result<void> XAck(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto stream = StreamType::Find(ctx, args[1], Look::kRead);
  if (!stream) return stream.error();
  shm::StreamGroups groups = stream->groups();
  const shm::Link group = groups.FindGroup(args[2]);
  if (group == 0) {
    reply.Integer(0);
    return {};
  }
  auto ids = IdArguments(args.subspan(3));
  if (!ids) return ids.error();
  std::vector<std::string_view> effect{"XACK", args[1], args[2]};
  for (size_t i = 0; i < ids->size(); ++i) {
    shm::PendingEntry entry;
    if (!groups.FindPending(group, (*ids)[i], &entry)) continue;
    stream->Change();
    (void)groups.ErasePending(group, (*ids)[i]);
    effect.push_back(args[i + 3]);
  }
  if (effect.size() > 3) ctx.Effect(effect);
  reply.Integer(static_cast<int64_t>(effect.size()) - 3);
  return {};
}

}  // namespace chestbox::streams
