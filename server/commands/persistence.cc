// Commands that write files: SAVE, BGSAVE, BGREWRITEAOF.
#include "server/persistence.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/server.h"

namespace chestbox {

namespace {

// SAVE -> OK, after all states are in the RDB file
Result<void> Save(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (auto saved = ctx.server.persistence().SaveNow(); !saved) return saved;
  reply.Ok();
  return {};
}

// BGSAVE [SCHEDULE] -> what was begun, or will be
Result<void> BgSave(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const bool schedule = args.size() == 2 && EqualIgnoringCase(args[1], "schedule");
  if (args.size() > 1 && !schedule) return SyntaxError();
  auto started = ctx.server.persistence().StartSave(schedule, !ctx.may_block);
  if (!started) return started.error();
  reply.SimpleString(*started);
  return {};
}

// BGREWRITEAOF -> what was begun, or will be
Result<void> BgRewriteAof(CommandContext& ctx, Args, ReplyWriter& reply) {
  auto started = ctx.server.persistence().StartRewrite(!ctx.may_block);
  if (!started) return started.error();
  reply.SimpleString(*started);
  return {};
}

constexpr ArgumentSpec kBgSaveArguments[] = {{.name = "schedule",
                                              .type = ArgumentSpec::Type::kPureToken,
                                              .token = "SCHEDULE",
                                              .flags = ArgumentSpec::kOptional,
                                              .since = "3.2.2"}};

constexpr CommandSpec kCommands[] = {
    {.name = "bgrewriteaof",
     .run = BgRewriteAof,
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Writes the base of an append-only file in the background."},
    {.name = "bgsave",
     .run = BgSave,
     .arity = -1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Writes all states to the RDB file in the background.",
     .arguments = kBgSaveArguments},
    {.name = "save",
     .run = Save,
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(N) where N is the total number of keys in all databases",
     .summary = "Writes all states to the RDB file while everybody waits."},
};

}  // namespace

std::span<const CommandSpec> PersistenceCommands() { return kCommands; }

}  // namespace chestbox
