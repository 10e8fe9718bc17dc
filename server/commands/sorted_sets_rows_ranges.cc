// The rows of the commands on ranges of sorted sets.
#include "server/commands/families.h"
#include "server/commands/sorted_sets.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kZCountArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "min", .type = Type::kDouble},
    {.name = "max", .type = Type::kDouble},
};
constexpr ArgumentSpec kZLexCountArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "min"},
    {.name = "max"},
};
constexpr ArgumentSpec kZRangeSortbyArguments[] = {
    {.name = "byscore", .type = Type::kPureToken, .token = "BYSCORE"},
    {.name = "bylex", .type = Type::kPureToken, .token = "BYLEX"},
};
constexpr ArgumentSpec kZRangeOffsetCountArguments[] = {
    {.name = "offset", .type = Type::kInteger},
    {.name = "count", .type = Type::kInteger},
};
constexpr ArgumentSpec kZRangeArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "start"},
    {.name = "stop"},
    {.name = "sortby",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "6.2.0",
     .arguments = kZRangeSortbyArguments},
    {.name = "rev", .type = Type::kPureToken, .token = "REV", .flags = ArgumentSpec::kOptional, .since = "6.2.0"},
    {.name = "offset_count",
     .type = Type::kBlock,
     .token = "LIMIT",
     .flags = ArgumentSpec::kOptional,
     .since = "6.2.0",
     .arguments = kZRangeOffsetCountArguments},
    {.name = "withscores", .type = Type::kPureToken, .token = "WITHSCORES", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kZRangeByLexArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "min"},
    {.name = "max"},
    {.name = "offset_count",
     .type = Type::kBlock,
     .token = "LIMIT",
     .flags = ArgumentSpec::kOptional,
     .arguments = kZRangeOffsetCountArguments},
};
constexpr ArgumentSpec kZRangeByScoreArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "min", .type = Type::kDouble},
    {.name = "max", .type = Type::kDouble},
    {.name = "withscores",
     .type = Type::kPureToken,
     .token = "WITHSCORES",
     .flags = ArgumentSpec::kOptional,
     .since = "2.0.0"},
    {.name = "offset_count",
     .type = Type::kBlock,
     .token = "LIMIT",
     .flags = ArgumentSpec::kOptional,
     .arguments = kZRangeOffsetCountArguments},
};
constexpr ArgumentSpec kZRangeStoreArguments[] = {
    {.name = "dst", .type = Type::kKey, .key_spec = 0},
    {.name = "src", .type = Type::kKey, .key_spec = 1},
    {.name = "min"},
    {.name = "max"},
    {.name = "sortby", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kZRangeSortbyArguments},
    {.name = "rev", .type = Type::kPureToken, .token = "REV", .flags = ArgumentSpec::kOptional},
    {.name = "offset_count",
     .type = Type::kBlock,
     .token = "LIMIT",
     .flags = ArgumentSpec::kOptional,
     .arguments = kZRangeOffsetCountArguments},
};
constexpr ArgumentSpec kZRemRangeByRankArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "start", .type = Type::kInteger},
    {.name = "stop", .type = Type::kInteger},
};
constexpr ArgumentSpec kZRevRangeArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "start", .type = Type::kInteger},
    {.name = "stop", .type = Type::kInteger},
    {.name = "withscores", .type = Type::kPureToken, .token = "WITHSCORES", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kZRevRangeByLexArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "max"},
    {.name = "min"},
    {.name = "offset_count",
     .type = Type::kBlock,
     .token = "LIMIT",
     .flags = ArgumentSpec::kOptional,
     .arguments = kZRangeOffsetCountArguments},
};
constexpr ArgumentSpec kZRevRangeByScoreArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "max", .type = Type::kDouble},
    {.name = "min", .type = Type::kDouble},
    {.name = "withscores", .type = Type::kPureToken, .token = "WITHSCORES", .flags = ArgumentSpec::kOptional},
    {.name = "offset_count",
     .type = Type::kBlock,
     .token = "LIMIT",
     .flags = ArgumentSpec::kOptional,
     .arguments = kZRangeOffsetCountArguments},
};

constexpr CommandSpec kCommands[] = {
    {.name = "zcount",
     .run = sorted_sets::ZCount,
     .arity = 4,
     .flags = kReadOnly | kFast,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "2.0.0",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
     .summary = "Counts the members in a range of scores.",
     .arguments = kZCountArguments},
    {.name = "zlexcount",
     .run = sorted_sets::ZLexCount,
     .arity = 4,
     .flags = kReadOnly | kFast,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "2.8.9",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
     .summary = "Counts the members in a range of texts.",
     .arguments = kZLexCountArguments},
    {.name = "zrange",
     .run = sorted_sets::ZRange,
     .arity = -4,
     .flags = kReadOnly,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity =
         "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
     .summary = "Returns members in a range of ranks, scores or texts.",
     .arguments = kZRangeArguments},
    {.name = "zrangebylex",
     .run = sorted_sets::ZRangeByLex,
     .arity = -4,
     .flags = kReadOnly,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "2.8.9",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you "
                   "can consider it O(log(N)).",
     .summary = "Returns the members in a range of texts.",
     .arguments = kZRangeByLexArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `BYLEX` argument"},
    {.name = "zrangebyscore",
     .run = sorted_sets::ZRangeByScore,
     .arity = -4,
     .flags = kReadOnly,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "1.0.5",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you "
                   "can consider it O(log(N)).",
     .summary = "Returns the members in a range of scores.",
     .arguments = kZRangeByScoreArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `BYSCORE` argument"},
    {.name = "zrangestore",
     .run = sorted_sets::ZRangeStore,
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyOW | kKeyUpdate}, {2, 2, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "stored into the destination key.",
     .summary = "Stores a range of a sorted set as another one.",
     .arguments = kZRangeStoreArguments},
    {.name = "zremrangebylex",
     .run = sorted_sets::ZRemRangeByLex,
     .arity = 4,
     .flags = kWrite,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRW | kKeyDelete}},
     .group = "sorted-set",
     .since = "2.8.9",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "removed by the operation.",
     .summary = "Removes the members in a range of texts.",
     .arguments = kZLexCountArguments},
    {.name = "zremrangebyrank",
     .run = sorted_sets::ZRemRangeByRank,
     .arity = 4,
     .flags = kWrite,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRW | kKeyDelete}},
     .group = "sorted-set",
     .since = "2.0.0",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "removed by the operation.",
     .summary = "Removes the members in a range of ranks.",
     .arguments = kZRemRangeByRankArguments},
    {.name = "zremrangebyscore",
     .run = sorted_sets::ZRemRangeByScore,
     .arity = 4,
     .flags = kWrite,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRW | kKeyDelete}},
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "removed by the operation.",
     .summary = "Removes the members in a range of scores.",
     .arguments = kZCountArguments},
    {.name = "zrevrange",
     .run = sorted_sets::ZRevRange,
     .arity = -4,
     .flags = kReadOnly,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity =
         "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
     .summary = "Returns the members in a range of ranks, highest first.",
     .arguments = kZRevRangeArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` argument"},
    {.name = "zrevrangebylex",
     .run = sorted_sets::ZRevRangeByLex,
     .arity = -4,
     .flags = kReadOnly,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "2.8.9",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you "
                   "can consider it O(log(N)).",
     .summary = "Returns the members in a range of texts, last first.",
     .arguments = kZRevRangeByLexArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` and `BYLEX` arguments"},
    {.name = "zrevrangebyscore",
     .run = sorted_sets::ZRevRangeByScore,
     .arity = -4,
     .flags = kReadOnly,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "sorted-set",
     .since = "2.2.0",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
                   "being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you "
                   "can consider it O(log(N)).",
     .summary = "Returns the members in a range of scores, highest first.",
     .arguments = kZRevRangeByScoreArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` and `BYSCORE` arguments"},
};

}  // namespace

std::span<const CommandSpec> SortedSetRangeCommands() { return kCommands; }

}  // namespace chestbox
