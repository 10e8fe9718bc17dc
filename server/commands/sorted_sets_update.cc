// Commands that put members into a sorted set and take them out by name or by range.
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sorted_sets.h"

namespace chestbox::sorted_sets {

namespace {

struct ZAddOptions {
  AddOptions add;
  bool count_changes = false;  // CH
  size_t first_pair = 0;
};

Result<ZAddOptions> ParseZAdd(Args args) {
  ZAddOptions options;
  size_t at = 2;
  for (; at < args.size(); ++at) {
    const std::string_view option = args[at];
    if (EqualIgnoringCase(option, "nx")) {
      options.add.only_new = true;
    } else if (EqualIgnoringCase(option, "xx")) {
      options.add.only_existing = true;
    } else if (EqualIgnoringCase(option, "ch")) {
      options.count_changes = true;
    } else if (EqualIgnoringCase(option, "incr")) {
      options.add.increment = true;
    } else if (EqualIgnoringCase(option, "gt")) {
      options.add.only_greater = true;
    } else if (EqualIgnoringCase(option, "lt")) {
      options.add.only_less = true;
    } else {
      break;
    }
  }
  options.first_pair = at;
  const size_t rest = args.size() - at;
  if (rest == 0 || rest % 2 != 0) return SyntaxError();
  const AddOptions& add = options.add;
  if (add.only_new && add.only_existing) {
    return Error{"ERR XX and NX options at the same time are not compatible"};
  }
  if ((add.only_greater && add.only_new) || (add.only_less && add.only_new) || (add.only_greater && add.only_less)) {
    return Error{"ERR GT, LT, and/or NX options at the same time are not compatible"};
  }
  if (add.increment && rest > 2) return Error{"ERR INCR option supports a single increment-element pair"};
  return options;
}

Result<void> RemoveRange(CommandContext& ctx, std::string_view key, SortedSet& set, RankRange range,
                         ReplyWriter& reply) {
  const uint64_t count = range.count();
  reply.Integer(static_cast<int64_t>(count));
  if (count == 0) return {};
  if (count == set.size()) {
    set.Drop();
    ReportRemoved(ctx, key, {}, true);
    return {};
  }
  std::vector<std::string> removed;
  removed.reserve(count);
  set.ForEach(range.first, count, false, [&](const ScoredMember& each) {
    removed.emplace_back(each.member);
    return true;
  });
  set.RemoveRanks(range);
  ReportRemoved(ctx, key, removed, false);
  return {};
}

}  // namespace

// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member …] -> how many are new (CH: or changed), or the
// new score (INCR; null if an option refused it)
Result<void> ZAdd(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseZAdd(args);
  if (!options) return options.error();
  std::vector<ScoredMember> pairs;
  pairs.reserve((args.size() - options->first_pair) / 2);
  for (size_t i = options->first_pair; i < args.size(); i += 2) {
    auto score = ScoreArgument(args[i]);
    if (!score) return score.error();
    pairs.push_back({args[i + 1], *score});
  }
  auto outcome = AddMembers(ctx, args[1], pairs, options->add);
  if (!outcome) return outcome.error();
  if (!options->add.increment) {
    reply.Integer(outcome->added + (options->count_changes ? outcome->updated : 0));
  } else if (outcome->score) {
    reply.Double(*outcome->score);
  } else {
    reply.Null();
  }
  return {};
}

// ZINCRBY key increment member -> the new score
Result<void> ZIncrBy(CommandContext& ctx, Args args, ReplyWriter& reply) {
  // Redis reads it as ZADD, whose options leave no pair behind them here.
  for (std::string_view option : {"nx", "xx", "gt", "lt", "ch", "incr"}) {
    if (EqualIgnoringCase(args[2], option)) return SyntaxError();
  }
  auto increment = ScoreArgument(args[2]);
  if (!increment) return increment.error();
  const ScoredMember pair{args[3], *increment};
  auto outcome = AddMembers(ctx, args[1], {&pair, 1}, {.increment = true});
  if (!outcome) return outcome.error();
  reply.Double(outcome->score.value_or(0));
  return {};
}

// ZREM key member [member …] -> how many were there
Result<void> ZRem(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto found = SortedSet::Find(ctx, args[1], Look::kChange);
  if (!found) return found.error();
  std::vector<std::string> removed;
  bool dropped = false;
  if (found->has_value()) {
    SortedSet& set = **found;
    for (std::string_view member : args.subspan(2)) {
      const SortedSet::Place place = set.Locate(member);
      if (!place.score) continue;
      removed.emplace_back(member);
      dropped = set.size() == 1;
      if (dropped) {
        set.Drop();
        break;
      }
      set.Remove(place, member);
    }
    if (!removed.empty()) ReportRemoved(ctx, args[1], removed, dropped);
  }
  reply.Integer(static_cast<int64_t>(removed.size()));
  return {};
}

// ZREMRANGEBYRANK key start stop -> how many went
Result<void> ZRemRangeByRank(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto start = IntegerArgument(args[2]);
  if (!start) return start.error();
  auto stop = IntegerArgument(args[3]);
  if (!stop) return stop.error();
  auto set = SortedSet::Find(ctx, args[1], Look::kChange);
  if (!set) return set.error();
  if (set->has_value()) return RemoveRange(ctx, args[1], **set, RankRangeOf(*start, *stop, (*set)->size()), reply);
  reply.Integer(0);
  return {};
}

// ZREMRANGEBYSCORE key min max -> how many went
Result<void> ZRemRangeByScore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto range = ScoreRangeArguments(args[2], args[3]);
  if (!range) return range.error();
  auto set = SortedSet::Find(ctx, args[1], Look::kChange);
  if (!set) return set.error();
  if (set->has_value()) return RemoveRange(ctx, args[1], **set, (*set)->InScores(*range), reply);
  reply.Integer(0);
  return {};
}

// ZREMRANGEBYLEX key min max -> how many went
Result<void> ZRemRangeByLex(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto range = LexRangeArguments(args[2], args[3]);
  if (!range) return range.error();
  auto set = SortedSet::Find(ctx, args[1], Look::kChange);
  if (!set) return set.error();
  if (set->has_value()) return RemoveRange(ctx, args[1], **set, (*set)->InLex(*range, false), reply);
  reply.Integer(0);
  return {};
}

}  // namespace chestbox::sorted_sets
