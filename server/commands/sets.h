// The handlers of the set family, one function a command; their rows are in sets_rows.cc. They are spread over sets.cc
// (members), sets_random.cc (SPOP, SRANDMEMBER) and sets_algebra.cc (unions, intersections, differences).
//
// Every one follows the contract of command.h. Executor thread only.
#pragma once

#include <span>
#include <string_view>

#include "server/command.h"

namespace chestbox::sets {

Result<void> SAdd(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SRem(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SMove(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SCard(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SIsMember(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SMIsMember(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SMembers(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SScan(CommandContext& ctx, Args args, ReplyWriter& reply);

Result<void> SPop(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SRandMember(CommandContext& ctx, Args args, ReplyWriter& reply);

Result<void> SInter(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SInterStore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SInterCard(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SUnion(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SUnionStore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SDiff(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> SDiffStore(CommandContext& ctx, Args args, ReplyWriter& reply);

// Reports `name key members…`, in several effects where there are many.
void ReportMembers(CommandContext& ctx, std::string_view name, std::string_view key,
                   std::span<const std::string_view> members);

}  // namespace chestbox::sets
