// The handlers of the sorted set family, one function a command; their rows are in sorted_sets_rows.cc and its
// neighbours. And what they, and the geo family, share.
//
// Every one follows the contract of command.h. Executor thread only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/command.h"
#include "server/types/sorted_set_type.h"

namespace chestbox::sorted_sets {

// sorted_sets_update.cc
Result<void> ZAdd(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZIncrBy(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRem(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRemRangeByRank(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRemRangeByScore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRemRangeByLex(CommandContext& ctx, Args args, ReplyWriter& reply);

// sorted_sets_read.cc
Result<void> ZCard(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZCount(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZLexCount(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZScore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZMScore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRank(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRevRank(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRandMember(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZScan(CommandContext& ctx, Args args, ReplyWriter& reply);

// sorted_sets_range.cc
Result<void> ZRange(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRangeStore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRevRange(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRangeByScore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRevRangeByScore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRangeByLex(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZRevRangeByLex(CommandContext& ctx, Args args, ReplyWriter& reply);

// sorted_sets_pop.cc
Result<void> ZPopMin(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZPopMax(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZMPop(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BZPopMin(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BZPopMax(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BZMPop(CommandContext& ctx, Args args, ReplyWriter& reply);

// sorted_sets_combine.cc
Result<void> ZUnion(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZInter(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZDiff(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZInterCard(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZUnionStore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZInterStore(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> ZDiffStore(CommandContext& ctx, Args args, ReplyWriter& reply);

// ---- Shared: sorted_sets_shared.cc ----

// A score as an argument: any float but NaN.
Result<double> ScoreArgument(std::string_view text, std::string_view error = {});
// The ends of a range by score ("(1.5", "+inf") and by member ("[a", "-"). The texts outlive the range.
Result<ScoreRange> ScoreRangeArguments(std::string_view min, std::string_view max);
Result<LexRange> LexRangeArguments(std::string_view min, std::string_view max);
using shm::RankRangeOf;

// What ZADD does with each pair.
struct AddOptions {
  bool only_new = false;       // NX
  bool only_existing = false;  // XX
  bool only_greater = false;   // GT
  bool only_less = false;      // LT
  bool increment = false;      // INCR
};
struct AddOutcome {
  int64_t added = 0;
  int64_t updated = 0;
  std::optional<double> score;  // of the last pair that an option did not refuse
};
// Adds to the set at `key`, which is created at need, and reports the effect. An Error has changed nothing.
Result<AddOutcome> AddMembers(CommandContext& ctx, std::string_view key, std::span<const ScoredMember> pairs,
                              const AddOptions& options);

// A sorted set in the making, outside of the arena.
struct OwnedMember {
  std::string member;
  double score = 0;
};
// Brings the members, each there once, into order and puts them into the place of whatever is at `key`, or deletes it
// if there are none. Reports the effects.
Result<void> StoreMembers(CommandContext& ctx, std::string_view key, std::span<const OwnedMember> members);

// Reports that members went, or that the whole set did. Members are many at most; effects are of bounded length.
void ReportRemoved(CommandContext& ctx, std::string_view key, std::span<const std::string> members, bool dropped);

// A member and its score in a flat array, or in an array of pairs.
void ReplyMember(const ScoredMember& member, bool with_score, ReplyWriter& reply);
// The header for `count` of them.
void ReplyMemberCount(uint64_t count, bool with_scores, ReplyWriter& reply);

}  // namespace chestbox::sorted_sets
