// ZRANGE and its older forms: a range by rank, score or text, to be answered or to be stored.
#include <algorithm>
#include <limits>

#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sorted_sets.h"
#include "server/server.h"

namespace chestbox::sorted_sets {

namespace {

enum class By { kRank, kScore, kLex };

// What a form of ZRANGE has fixed already; the rest is options.
struct Form {
  std::optional<By> by;
  std::optional<bool> reverse;
  bool stores = false;
};

struct RangeOptions {
  By by = By::kRank;
  bool reverse = false;
  bool with_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;
  int64_t start = 0;
  int64_t stop = 0;
  ScoreRange scores;
  LexRange lex;
};

Result<RangeOptions> ParseOptions(Args args, size_t key_at, const Form& form) {
  RangeOptions options;
  options.by = form.by.value_or(By::kRank);
  options.reverse = form.reverse.value_or(false);
  bool by_given = form.by.has_value();
  for (size_t i = key_at + 3; i < args.size(); ++i) {
    const std::string_view word = args[i];
    if (!form.stores && EqualIgnoringCase(word, "withscores")) {
      options.with_scores = true;
    } else if (EqualIgnoringCase(word, "limit") && i + 2 < args.size()) {
      auto offset = IntegerArgument(args[i + 1]);
      if (!offset) return offset.error();
      auto limit = IntegerArgument(args[i + 2]);
      if (!limit) return limit.error();
      options.offset = *offset;
      options.limit = *limit;
      i += 2;
    } else if (!form.reverse && !options.reverse && EqualIgnoringCase(word, "rev")) {
      options.reverse = true;
    } else if (!by_given && EqualIgnoringCase(word, "bylex")) {
      options.by = By::kLex;
      by_given = true;
    } else if (!by_given && EqualIgnoringCase(word, "byscore")) {
      options.by = By::kScore;
      by_given = true;
    } else {
      return SyntaxError();
    }
  }
  if (options.limit != -1 && options.by == By::kRank) {
    return Error{"ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"};
  }
  if (options.with_scores && options.by == By::kLex) {
    return Error{"ERR syntax error, WITHSCORES not supported in combination with BYLEX"};
  }
  return options;
}

Result<void> ParseEnds(std::string_view first, std::string_view second, RangeOptions* options) {
  if (options->by == By::kRank) {
    auto start = IntegerArgument(first);
    if (!start) return start.error();
    auto stop = IntegerArgument(second);
    if (!stop) return stop.error();
    options->start = *start;
    options->stop = *stop;
    return {};
  }
  if (options->reverse) std::swap(first, second);
  if (options->by == By::kScore) {
    auto scores = ScoreRangeArguments(first, second);
    if (!scores) return scores.error();
    options->scores = *scores;
  } else {
    auto lex = LexRangeArguments(first, second);
    if (!lex) return lex.error();
    options->lex = *lex;
  }
  return {};
}

// What is to be visited: `count` members from `rank` on, up or down.
struct Walk {
  uint64_t rank = 0;
  uint64_t count = 0;
};

Walk PlanWalk(const SortedSet& set, const RangeOptions& options) {
  const uint64_t size = set.size();
  RankRange range;
  if (options.by == By::kRank) {
    range = RankRangeOf(options.start, options.stop, size);
    if (range.count() == 0) return {};
    return {options.reverse ? size - 1 - range.first : range.first, range.count()};
  }
  range = options.by == By::kScore ? set.InScores(options.scores) : set.InLex(options.lex, options.reverse);
  const uint64_t count = range.count();
  const auto offset = static_cast<uint64_t>(options.offset);
  if (options.offset < 0 || offset >= count) return {};
  const uint64_t limit =
      options.limit < 0 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(options.limit);
  return {options.reverse ? range.last - 1 - offset : range.first + offset, std::min(count - offset, limit)};
}

Result<void> Range(CommandContext& ctx, Args args, const Form& form, ReplyWriter& reply) {
  auto options = ParseOptions(args, 1, form);
  if (!options) return options.error();
  if (auto parsed = ParseEnds(args[2], args[3], &*options); !parsed) return parsed;
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  const Walk walk = set->has_value() ? PlanWalk(**set, *options) : Walk{};
  ReplyMemberCount(walk.count, options->with_scores, reply);
  if (walk.count == 0) return {};
  const auto answer = [&](const ScoredMember& each) {
    ReplyMember(each, options->with_scores, reply);
    return true;
  };
  (*set)->ForEach(walk.rank, walk.count, options->reverse, answer, options->with_scores);
  return {};
}

// Redis puts what it stores into a listpack first, which keeps -0 as the integer 0, and goes on in a skip list from the
// first member that doesn't fit. Where it knows how many come, and they are too many, it begins with the skip list.
void DropSignsOfZero(const Config& config, By by, std::vector<OwnedMember>* members) {
  const auto entries_max = static_cast<size_t>(config.zset_max_listpack_entries);
  const auto bytes_max = static_cast<size_t>(config.zset_max_listpack_value_bytes);
  if (by == By::kRank && members->size() > entries_max) return;
  for (size_t i = 0; i < std::min(members->size(), entries_max); ++i) {
    OwnedMember& each = (*members)[i];
    if (each.member.size() > bytes_max) return;
    if (each.score == 0) each.score = 0;  // of either sign
  }
}

}  // namespace

// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] -> members in order
Result<void> ZRange(CommandContext& ctx, Args args, ReplyWriter& reply) { return Range(ctx, args, {}, reply); }

// ZREVRANGE key start stop [WITHSCORES] -> members, highest first
Result<void> ZRevRange(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Range(ctx, args, {By::kRank, true}, reply);
}

// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count] -> members in order
Result<void> ZRangeByScore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Range(ctx, args, {By::kScore, false}, reply);
}

// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count] -> members, highest first
Result<void> ZRevRangeByScore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Range(ctx, args, {By::kScore, true}, reply);
}

// ZRANGEBYLEX key min max [LIMIT offset count] -> members in order
Result<void> ZRangeByLex(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Range(ctx, args, {By::kLex, false}, reply);
}

// ZREVRANGEBYLEX key max min [LIMIT offset count] -> members, last first
Result<void> ZRevRangeByLex(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Range(ctx, args, {By::kLex, true}, reply);
}

// ZRANGESTORE destination source min max [BYSCORE | BYLEX] [REV] [LIMIT offset count] -> how many were stored
Result<void> ZRangeStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseOptions(args, 2, {std::nullopt, std::nullopt, true});
  if (!options) return options.error();
  if (auto parsed = ParseEnds(args[3], args[4], &*options); !parsed) return parsed;
  auto set = SortedSet::Find(ctx, args[2], Look::kRead);
  if (!set) return set.error();
  std::vector<OwnedMember> members;
  if (set->has_value()) {
    const Walk walk = PlanWalk(**set, *options);
    members.reserve(walk.count);
    (*set)->ForEach(walk.rank, walk.count, options->reverse, [&](const ScoredMember& each) {
      members.push_back({std::string(each.member), each.score});
      return true;
    });
  }
  DropSignsOfZero(ctx.server.config(), options->by, &members);
  if (auto stored = StoreMembers(ctx, args[1], members); !stored) return stored;
  reply.Integer(static_cast<int64_t>(members.size()));
  return {};
}

}  // namespace chestbox::sorted_sets
