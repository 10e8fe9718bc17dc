// Sorted sets, read locally.
#include <algorithm>
#include <limits>
#include <optional>

#include "protocol/canonical_integer.h"
#include "protocol/shm/sorted_set_reader.h"
#include "shmclient/local_commands.h"

namespace chestbox::shmclient {

namespace {

using shm::RankRange;
using shm::ScoredMember;
using shm::StateLook;
using shm::ValueType;

using Reader = shm::SortedSetReader<shm::CopiedNodes>;

// answer(Reader*) -> bool, null for a missing key.
template <class Answer>
bool SortedSet(LocalRead& read, std::string_view key, Answer&& answer) {
  return read.State(key, [&](const StateLook* look) {
    if (look == nullptr) return answer(static_cast<Reader*>(nullptr));
    if (look->type() != ValueType::kSortedSet) return ReplyWrongType(read);
    const auto bytes = look->Collection();
    if (!bytes) return false;
    Reader reader(read.nodes(), look->collection_encoding(), *bytes, read.hash_seed());
    return reader.ok() && answer(&reader) && reader.ok();
  });
}

// ZCARD key
bool ZCard(LocalRead& read, Args args) {
  return SortedSet(read, args[1], [&](Reader* reader) {
    read.reply().Integer(reader == nullptr ? 0 : static_cast<int64_t>(reader->size()));
    return true;
  });
}

bool ReplyScore(LocalRead& read, Reader* reader, std::string_view member) {
  const std::optional<double> score = reader == nullptr ? std::nullopt : reader->Score(member);
  if (score) {
    read.reply().Double(*score);
  } else {
    read.reply().Null();
  }
  return true;
}

// ZSCORE key member
bool ZScore(LocalRead& read, Args args) {
  return SortedSet(read, args[1], [&](Reader* reader) { return ReplyScore(read, reader, args[2]); });
}

// ZMSCORE key member …
bool ZMScore(LocalRead& read, Args args) {
  return SortedSet(read, args[1], [&](Reader* reader) {
    read.reply().Array(args.size() - 2);
    for (std::string_view member : args.subspan(2)) ReplyScore(read, reader, member);
    return true;
  });
}

// ZRANK, ZREVRANK key member
bool Rank(LocalRead& read, Args args, bool reverse) {
  return SortedSet(read, args[1], [&](Reader* reader) {
    double score = 0;
    const std::optional<uint64_t> rank = reader == nullptr ? std::nullopt : reader->Rank(args[2], &score);
    if (rank) {
      read.reply().Integer(static_cast<int64_t>(reverse ? reader->size() - 1 - *rank : *rank));
    } else {
      read.reply().Null();
    }
    return true;
  });
}
bool ZRank(LocalRead& read, Args args) { return Rank(read, args, false); }
bool ZRevRank(LocalRead& read, Args args) { return Rank(read, args, true); }

// ZCOUNT key min max
bool ZCount(LocalRead& read, Args args) {
  const auto range = shm::ParseScoreRange(args[2], args[3]);
  if (!range) return false;
  return SortedSet(read, args[1], [&](Reader* reader) {
    read.reply().Integer(reader == nullptr ? 0 : static_cast<int64_t>(reader->InScores(*range).count()));
    return true;
  });
}

// ZLEXCOUNT key min max
bool ZLexCount(LocalRead& read, Args args) {
  const auto range = shm::ParseLexRange(args[2], args[3]);
  if (!range) return false;
  return SortedSet(read, args[1], [&](Reader* reader) {
    read.reply().Integer(reader == nullptr ? 0 : static_cast<int64_t>(reader->InLex(*range, false).count()));
    return true;
  });
}

// ---- Ranges ----

enum class By { kRank, kScore, kLex };

struct RangeQuery {
  By by = By::kRank;
  bool reverse = false;
  bool with_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;
  std::string_view first;
  std::string_view second;
};

// The options behind the two ends; those that a form does not have are the server's to refuse. False: the same.
bool ParseOptions(Args args, bool any_form, RangeQuery* query) {
  const auto is = [&](size_t i, std::string_view word) { return EqualsWord(args[i], word); };
  for (size_t i = 4; i < args.size(); ++i) {
    if (is(i, "withscores") && query->by != By::kLex) {
      query->with_scores = true;
    } else if (is(i, "limit") && i + 2 < args.size()) {
      const auto offset = ParseInteger(args[i + 1]);
      const auto limit = ParseInteger(args[i + 2]);
      if (!offset || !limit) return false;
      query->offset = *offset;
      query->limit = *limit;
      i += 2;
    } else if (any_form && is(i, "rev")) {
      query->reverse = true;
    } else if (any_form && query->by == By::kRank && is(i, "byscore")) {
      query->by = By::kScore;
    } else if (any_form && query->by == By::kRank && !query->with_scores && is(i, "bylex")) {
      query->by = By::kLex;
    } else {
      return false;
    }
  }
  return query->by != By::kRank || (query->offset == 0 && query->limit == -1);
}

// The ranks that the query names. Nothing: its ends are no ends.
std::optional<RankRange> RanksOf(const RangeQuery& query, Reader& reader) {
  if (query.by == By::kRank) {
    const auto start = ParseInteger(query.first);
    const auto stop = ParseInteger(query.second);
    if (!start || !stop) return std::nullopt;
    const RankRange range = shm::RankRangeOf(*start, *stop, reader.size());
    if (!query.reverse || range.count() == 0) return range;
    return RankRange{reader.size() - range.last, reader.size() - range.first};
  }
  const std::string_view min = query.reverse ? query.second : query.first;
  const std::string_view max = query.reverse ? query.first : query.second;
  RankRange range;
  if (query.by == By::kScore) {
    const auto scores = shm::ParseScoreRange(min, max);
    if (!scores) return std::nullopt;
    range = reader.InScores(*scores);
  } else {
    const auto lex = shm::ParseLexRange(min, max);
    if (!lex) return std::nullopt;
    range = reader.InLex(*lex, query.reverse);
  }
  const uint64_t offset =
      query.offset < 0 ? range.count() : std::min(range.count(), static_cast<uint64_t>(query.offset));
  const uint64_t limit = query.limit < 0 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(query.limit);
  const uint64_t count = std::min(range.count() - offset, limit);
  if (query.reverse) return RankRange{range.last - offset - count, range.last - offset};
  return RankRange{range.first + offset, range.first + offset + count};
}

bool Range(LocalRead& read, Args args, bool any_form, By by, bool reverse) {
  RangeQuery query;
  query.by = by;
  query.reverse = reverse;
  query.first = args[2];
  query.second = args[3];
  if (!ParseOptions(args, any_form, &query)) return false;
  return SortedSet(read, args[1], [&](Reader* reader) {
    if (reader == nullptr) return false;  // wrong ends are an error even then
    const std::optional<RankRange> range = RanksOf(query, *reader);
    if (!range || range->count() > kLocalElementsMax) return false;
    const uint64_t count = range->count();
    read.reply().Array(query.with_scores ? count * 2 : count);
    if (count == 0) return true;
    uint64_t seen = 0;
    reader->ForEach(query.reverse ? range->last - 1 : range->first, count, query.reverse,
                    [&](const ScoredMember& each) {
                      ++seen;
                      read.reply().Bulk(each.member);
                      if (query.with_scores) read.reply().Double(each.score);
                      return true;
                    });
    return seen == count;
  });
}

bool ZRange(LocalRead& read, Args args) { return Range(read, args, true, By::kRank, false); }
bool ZRevRange(LocalRead& read, Args args) { return Range(read, args, false, By::kRank, true); }
bool ZRangeByScore(LocalRead& read, Args args) { return Range(read, args, false, By::kScore, false); }
bool ZRevRangeByScore(LocalRead& read, Args args) { return Range(read, args, false, By::kScore, true); }
bool ZRangeByLex(LocalRead& read, Args args) { return Range(read, args, false, By::kLex, false); }
bool ZRevRangeByLex(LocalRead& read, Args args) { return Range(read, args, false, By::kLex, true); }

constexpr LocalCommand kCommands[] = {
    {"zcard", 2, 2, ZCard},
    {"zscore", 3, 3, ZScore},
    {"zmscore", 3, 0, ZMScore},
    {"zrank", 3, 3, ZRank},
    {"zrevrank", 3, 3, ZRevRank},
    {"zcount", 4, 4, ZCount},
    {"zlexcount", 4, 4, ZLexCount},
    {"zrange", 4, 0, ZRange},
    {"zrevrange", 4, 5, ZRevRange},
    {"zrangebyscore", 4, 0, ZRangeByScore},
    {"zrevrangebyscore", 4, 0, ZRevRangeByScore},
    {"zrangebylex", 4, 0, ZRangeByLex},
    {"zrevrangebylex", 4, 0, ZRevRangeByLex},
};

}  // namespace

std::span<const LocalCommand> LocalSortedSetCommands() { return kCommands; }

}  // namespace chestbox::shmclient
