// The rows of the commands that combine sorted sets.
#include "server/commands/families.h"
#include "server/commands/sorted_sets.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kZDiffArguments[] = {
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "withscores", .type = Type::kPureToken, .token = "WITHSCORES", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kZDiffStoreArguments[] = {
    {.name = "destination", .type = Type::kKey, .key_spec = 0},
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 1},
};
constexpr ArgumentSpec kZInterAggregateArguments[] = {
    {.name = "sum", .type = Type::kPureToken, .token = "SUM"},
    {.name = "min", .type = Type::kPureToken, .token = "MIN"},
    {.name = "max", .type = Type::kPureToken, .token = "MAX"},
};
constexpr ArgumentSpec kZInterArguments[] = {
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "weight",
     .type = Type::kInteger,
     .token = "WEIGHTS",
     .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple},
    {.name = "aggregate",
     .type = Type::kOneOf,
     .token = "AGGREGATE",
     .flags = ArgumentSpec::kOptional,
     .arguments = kZInterAggregateArguments},
    {.name = "withscores", .type = Type::kPureToken, .token = "WITHSCORES", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kZInterCardArguments[] = {
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "limit", .type = Type::kInteger, .token = "LIMIT", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kZInterStoreArguments[] = {
    {.name = "destination", .type = Type::kKey, .key_spec = 0},
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 1},
    {.name = "weight",
     .type = Type::kInteger,
     .token = "WEIGHTS",
     .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple},
    {.name = "aggregate",
     .type = Type::kOneOf,
     .token = "AGGREGATE",
     .flags = ArgumentSpec::kOptional,
     .arguments = kZInterAggregateArguments},
};

constexpr CommandSpec kCommands[] = {
    {.name = "zdiff",
     .run = sorted_sets::ZDiff,
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .categories = kCatSortedSet,
     .keys = {CountedKeys(1, kKeyRO | kKeyAccess)},
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the "
                   "size of the first set, and K is the size of the result set.",
     .summary = "Returns the members of the first sorted set that no other has.",
     .arguments = kZDiffArguments},
    {.name = "zdiffstore",
     .run = sorted_sets::ZDiffStore,
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyOW | kKeyUpdate}, CountedKeys(2, kKeyRO | kKeyAccess)},
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the "
                   "size of the first set, and K is the size of the result set.",
     .summary = "Stores the members of the first sorted set that no other has.",
     .arguments = kZDiffStoreArguments},
    {.name = "zinter",
     .run = sorted_sets::ZInter,
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .categories = kCatSortedSet,
     .keys = {CountedKeys(1, kKeyRO | kKeyAccess)},
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of "
                   "input sorted sets and M being the number of elements in the resulting sorted set.",
     .summary = "Returns the members that all sorted sets have.",
     .arguments = kZInterArguments},
    {.name = "zintercard",
     .run = sorted_sets::ZInterCard,
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .categories = kCatSortedSet,
     .keys = {CountedKeys(1, kKeyRO | kKeyAccess)},
     .group = "sorted-set",
     .since = "7.0.0",
     .complexity =
         "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
     .summary = "Counts the members that all sorted sets have.",
     .arguments = kZInterCardArguments},
    {.name = "zinterstore",
     .run = sorted_sets::ZInterStore,
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyOW | kKeyUpdate}, CountedKeys(2, kKeyRO | kKeyAccess)},
     .group = "sorted-set",
     .since = "2.0.0",
     .complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of "
                   "input sorted sets and M being the number of elements in the resulting sorted set.",
     .summary = "Stores the members that all sorted sets have.",
     .arguments = kZInterStoreArguments},
    {.name = "zunion",
     .run = sorted_sets::ZUnion,
     .arity = -3,
     .flags = kReadOnly | kMovableKeys,
     .categories = kCatSortedSet,
     .keys = {CountedKeys(1, kKeyRO | kKeyAccess)},
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the "
                   "number of elements in the resulting sorted set.",
     .summary = "Returns the members that any of the sorted sets has.",
     .arguments = kZInterArguments},
    {.name = "zunionstore",
     .run = sorted_sets::ZUnionStore,
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kCatSortedSet,
     .keys = {{1, 1, 1, kKeyOW | kKeyUpdate}, CountedKeys(2, kKeyRO | kKeyAccess)},
     .group = "sorted-set",
     .since = "2.0.0",
     .complexity = "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the "
                   "number of elements in the resulting sorted set.",
     .summary = "Stores the members that any of the sorted sets has.",
     .arguments = kZInterStoreArguments},
};

}  // namespace

std::span<const CommandSpec> SortedSetCombiningCommands() { return kCommands; }

}  // namespace chestbox
