// Commands that look at members of a sorted set, one by one or at random.
#include <algorithm>
#include <limits>
#include <random>
#include <unordered_set>

#include "server/commands/collection_scan.h"
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sorted_sets.h"

namespace chestbox::sorted_sets {

namespace {

// Beyond this share of the set, distinct random members are those that a draw of all others leaves.
constexpr uint64_t kDrawShare = 3;

std::mt19937_64& RandomGenerator() {
  static std::mt19937_64 generator{std::random_device{}()};  // executor thread only
  return generator;
}

uint64_t RandomBelow(uint64_t bound) {
  return std::uniform_int_distribution<uint64_t>(0, bound - 1)(RandomGenerator());
}

Result<void> ReplyRank(CommandContext& ctx, Args args, bool from_end, ReplyWriter& reply) {
  const bool with_score = args.size() == 4;
  if (args.size() > 4) {
    return Error{from_end ? "ERR wrong number of arguments for 'zrevrank' command"
                          : "ERR wrong number of arguments for 'zrank' command"};
  }
  if (with_score && !EqualIgnoringCase(args[3], "withscore")) return SyntaxError();
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  double score = 0;
  const std::optional<uint64_t> rank = set->has_value() ? (*set)->Rank(args[2], &score) : std::nullopt;
  if (!rank) {
    with_score ? reply.NullArray() : reply.Null();
    return {};
  }
  const uint64_t from_its_side = from_end ? (*set)->size() - 1 - *rank : *rank;
  if (with_score) reply.Array(2);
  reply.Integer(static_cast<int64_t>(from_its_side));
  if (with_score) reply.Double(score);
  return {};
}

// Every member as likely as another, as often as it comes.
void ReplyDraws(const SortedSet& set, uint64_t count, bool with_scores, ReplyWriter& reply) {
  const uint64_t size = set.size();
  ReplyMemberCount(count, with_scores, reply);
  for (; count > 0; --count) {
    set.ForEach(RandomBelow(size), 1, false, [&](const ScoredMember& each) {
      ReplyMember(each, with_scores, reply);
      return true;
    });
  }
}

// Distinct members, every choice as likely as another.
void ReplyDistinct(const SortedSet& set, uint64_t count, bool with_scores, ReplyWriter& reply) {
  const uint64_t size = set.size();
  count = std::min(count, size);
  ReplyMemberCount(count, with_scores, reply);
  const auto answer = [&](const ScoredMember& each) {
    ReplyMember(each, with_scores, reply);
    return true;
  };
  if (count == size) {
    set.ForEach(size - 1, size, true, answer);
    return;
  }
  if (size / kDrawShare < count) {
    // One walk: a member is taken with the chance that is left for it.
    uint64_t wanted = count;
    uint64_t left = size;
    set.ForEach(0, size, false, [&](const ScoredMember& each) {
      if (RandomBelow(left--) < wanted) {
        --wanted;
        answer(each);
      }
      return wanted > 0;
    });
    return;
  }
  std::unordered_set<uint64_t> taken;
  while (taken.size() < count) {
    const uint64_t rank = RandomBelow(size);
    if (taken.insert(rank).second) set.ForEach(rank, 1, false, answer);
  }
}

}  // namespace

// ZCARD key -> how many members
Result<void> ZCard(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  reply.Integer(set->has_value() ? static_cast<int64_t>((*set)->size()) : 0);
  return {};
}

// ZCOUNT key min max -> how many members have such scores
Result<void> ZCount(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto range = ScoreRangeArguments(args[2], args[3]);
  if (!range) return range.error();
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  reply.Integer(set->has_value() ? static_cast<int64_t>((*set)->InScores(*range).count()) : 0);
  return {};
}

// ZLEXCOUNT key min max -> how many members are in a range of texts
Result<void> ZLexCount(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto range = LexRangeArguments(args[2], args[3]);
  if (!range) return range.error();
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  reply.Integer(set->has_value() ? static_cast<int64_t>((*set)->InLex(*range, false).count()) : 0);
  return {};
}

// ZSCORE key member -> its score, or null
Result<void> ZScore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  const std::optional<double> score = set->has_value() ? (*set)->Score(args[2]) : std::nullopt;
  score ? reply.Double(*score) : reply.Null();
  return {};
}

// ZMSCORE key member [member …] -> their scores, null for who is not there
Result<void> ZMScore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  reply.Array(args.size() - 2);
  for (std::string_view member : args.subspan(2)) {
    const std::optional<double> score = set->has_value() ? (*set)->Score(member) : std::nullopt;
    score ? reply.Double(*score) : reply.Null();
  }
  return {};
}

// ZRANK key member [WITHSCORE] -> how many come before it, and its score
Result<void> ZRank(CommandContext& ctx, Args args, ReplyWriter& reply) { return ReplyRank(ctx, args, false, reply); }

// ZREVRANK key member [WITHSCORE] -> how many come after it, and its score
Result<void> ZRevRank(CommandContext& ctx, Args args, ReplyWriter& reply) { return ReplyRank(ctx, args, true, reply); }

// ZRANDMEMBER key [count [WITHSCORES]] -> a member; or `count` distinct ones, or -count that may repeat
Result<void> ZRandMember(CommandContext& ctx, Args args, ReplyWriter& reply) {
  constexpr int64_t kCountMax = std::numeric_limits<int64_t>::max();
  const bool counted = args.size() > 2;
  bool with_scores = false;
  int64_t count = 1;
  if (counted) {
    auto given = IntegerArgument(args[2]);
    if (!given) return given.error();
    if (*given < -kCountMax)
      return Error{"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"};
    count = *given;
    with_scores = args.size() == 4 && EqualIgnoringCase(args[3], "withscores");
    if (args.size() > 4 || (args.size() == 4 && !with_scores)) return SyntaxError();
    if (with_scores && (count < -kCountMax / 2 || count > kCountMax / 2)) return Error{"ERR value is out of range"};
  }
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  if (!counted) {
    if (!set->has_value()) {
      reply.Null();
      return {};
    }
    (*set)->ForEach(RandomBelow((*set)->size()), 1, false, [&](const ScoredMember& each) {
      reply.Bulk(each.member);
      return true;
    });
  } else if (!set->has_value() || count == 0) {
    reply.Array(0);
  } else if (count < 0) {
    ReplyDraws(**set, static_cast<uint64_t>(-count), with_scores, reply);
  } else {
    ReplyDistinct(**set, static_cast<uint64_t>(count), with_scores, reply);
  }
  return {};
}

// ZSCAN key cursor [MATCH pattern] [COUNT count] -> [the next cursor, members and scores]
Result<void> ZScan(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto cursor = ScanCursorArgument(args[2]);
  if (!cursor) return cursor.error();
  auto set = SortedSet::Find(ctx, args[1], Look::kRead);
  if (!set) return set.error();
  if (!set->has_value()) {
    reply.Array(2);
    reply.Bulk("0");
    reply.Array(0);
    return {};
  }
  auto options = ParseCollectionScan(args);
  if (!options) return options.error();
  std::vector<OwnedMember> found;
  const uint64_t next = (*set)->Scan(*cursor, options->count, [&](const ScoredMember& each) {
    if (options->Wants(each.member)) found.push_back({std::string(each.member), each.score});
  });
  reply.Array(2);
  reply.Bulk(std::to_string(next));
  reply.Array(found.size() * 2);
  for (const OwnedMember& each : found) {
    reply.Bulk(each.member);
    char text[shm::kScoreTextBytes];
    reply.Bulk((*set)->ScanText(each.score, text));
  }
  return {};
}

}  // namespace chestbox::sorted_sets
