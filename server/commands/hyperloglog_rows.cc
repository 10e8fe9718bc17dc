// The HyperLogLog family's rows.
#include "server/commands/families.h"
#include "server/commands/hyperloglog.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kAddArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "element", .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple},
};
constexpr ArgumentSpec kCountArguments[] = {
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
};
constexpr ArgumentSpec kMergeArguments[] = {
    {.name = "destkey", .type = Type::kKey, .key_spec = 0},
    {.name = "sourcekey", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 1},
};
constexpr ArgumentSpec kDebugArguments[] = {
    {.name = "subcommand"},
    {.name = "key", .type = Type::kKey, .key_spec = 0},
};

constexpr CommandSpec kCommands[] = {
    {.name = "pfadd",
     .run = hll::PfAdd,
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHyperloglog,
     .keys = {{1, 1, 1, kKeyRW | kKeyInsert}},
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "O(1) to add every element.",
     .summary = "Adds elements to a HyperLogLog, which counts distinct ones.",
     .arguments = kAddArguments},
    // RW: the count is kept in the value.
    {.name = "pfcount",
     .run = hll::PfCount,
     .arity = -2,
     .flags = kReadOnly | kMayReplicate,
     .categories = kCatHyperloglog,
     .keys = {{1, -1, 1, kKeyRW | kKeyAccess}},
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity =
         "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of "
         "keys, and much bigger constant times, when called with multiple keys.",
     .summary = "Estimates how many distinct elements were added to one or more HyperLogLogs.",
     .arguments = kCountArguments},
    {.name = "pfdebug",
     .run = hll::PfDebug,
     .arity = 3,
     .flags = kWrite | kDenyOom | kAdmin,
     .categories = kCatHyperloglog,
     .keys = {{2, 2, 1, kKeyRW | kKeyAccess}},
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "N/A",
     .summary = "Shows how a HyperLogLog is kept.",
     .arguments = kDebugArguments,
     .is_system = true},
    {.name = "pfmerge",
     .run = hll::PfMerge,
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kCatHyperloglog,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyInsert}, {2, -1, 1, kKeyRO | kKeyAccess}},
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "O(N) to merge N HyperLogLogs, but with high constant times.",
     .summary = "Merges HyperLogLogs into one.",
     .arguments = kMergeArguments},
    {.name = "pfselftest",
     .run = hll::PfSelfTest,
     .arity = 1,
     .flags = kAdmin,
     .categories = kCatHyperloglog,
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "N/A",
     .summary = "Tests the HyperLogLog of this server.",
     .is_system = true},
};

}  // namespace

std::span<const CommandSpec> PfCommands() { return kCommands; }

}  // namespace chestbox
