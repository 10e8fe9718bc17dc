// The hash family's rows of Redis 7. The handlers are in the other hashes_*.cc files.
#include "server/commands/hashes.h"

#include "server/commands/families.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kHDelArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "field", .flags = ArgumentSpec::kMultiple},
};

constexpr ArgumentSpec kHExistsArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "field"},
};

constexpr ArgumentSpec kHGetAllArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
};

constexpr ArgumentSpec kHIncrByArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "field"},
    {.name = "increment", .type = Type::kInteger},
};

constexpr ArgumentSpec kHIncrByFloatArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "field"},
    {.name = "increment", .type = Type::kDouble},
};

constexpr ArgumentSpec kHMSetFieldValueArguments[] = {
    {.name = "field"},
    {.name = "value"},
};

constexpr ArgumentSpec kHMSetArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "field_value",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kMultiple,
     .arguments = kHMSetFieldValueArguments},
};

constexpr ArgumentSpec kHRandFieldOptionsArguments[] = {
    {.name = "count", .type = Type::kInteger},
    {.name = "withvalues", .type = Type::kPureToken, .token = "WITHVALUES", .flags = ArgumentSpec::kOptional},
};

constexpr ArgumentSpec kHRandFieldArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "options",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHRandFieldOptionsArguments},
};

constexpr ArgumentSpec kHScanArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "cursor", .type = Type::kInteger},
    {.name = "pattern", .type = Type::kPattern, .token = "MATCH", .flags = ArgumentSpec::kOptional},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
};

constexpr ArgumentSpec kHSetNxArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "field"},
    {.name = "value"},
};

constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};
constexpr std::string_view kNondeterministicOutputOrderTips[] = {"nondeterministic_output_order"};

constexpr CommandSpec kCommands[] = {
    {.name = "hdel",
     .run = hashes::HDel,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyDelete}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of fields to be removed.",
     .summary = "Deletes fields of a hash.",
     .arguments = kHDelArguments},
    {.name = "hexists",
     .run = hashes::HExists,
     .arity = 3,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether a hash has a field.",
     .arguments = kHExistsArguments},
    {.name = "hget",
     .run = hashes::HGet,
     .arity = 3,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Reads a field of a hash.",
     .arguments = kHExistsArguments},
    {.name = "hgetall",
     .run = hashes::HGetAll,
     .arity = 2,
     .flags = kReadOnly,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) where N is the size of the hash.",
     .summary = "Reads all fields and values of a hash.",
     .arguments = kHGetAllArguments,
     .tips = kNondeterministicOutputOrderTips},
    {.name = "hincrby",
     .run = hashes::HIncrBy,
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Adds an integer to a field of a hash.",
     .arguments = kHIncrByArguments},
    {.name = "hincrbyfloat",
     .run = hashes::HIncrByFloat,
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate}},
     .group = "hash",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds a float to a field of a hash.",
     .arguments = kHIncrByFloatArguments},
    {.name = "hkeys",
     .run = hashes::HKeys,
     .arity = 2,
     .flags = kReadOnly,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) where N is the size of the hash.",
     .summary = "Lists the fields of a hash.",
     .arguments = kHGetAllArguments,
     .tips = kNondeterministicOutputOrderTips},
    {.name = "hlen",
     .run = hashes::HLen,
     .arity = 2,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Counts the fields of a hash.",
     .arguments = kHGetAllArguments},
    {.name = "hmget",
     .run = hashes::HMGet,
     .arity = -3,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of fields being requested.",
     .summary = "Reads several fields of a hash.",
     .arguments = kHDelArguments},
    {.name = "hmset",
     .run = hashes::HMSet,
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of fields being set.",
     .summary = "Sets fields of a hash.",
     .arguments = kHMSetArguments,
     .deprecated_since = "4.0.0",
     .replaced_by = "`HSET` with multiple field-value pairs"},
    {.name = "hrandfield",
     .run = hashes::HRandField,
     .arity = -2,
     .flags = kReadOnly,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "6.2.0",
     .complexity = "O(N) where N is the number of fields returned",
     .summary = "Returns random fields of a hash.",
     .arguments = kHRandFieldArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "hscan",
     .run = hashes::HScan,
     .arity = -3,
     .flags = kReadOnly,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "2.8.0",
     .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor "
                   "to return back to 0. N is the number of elements inside the collection..",
     .summary = "Walks over the fields of a hash in steps.",
     .arguments = kHScanArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "hset",
     .run = hashes::HSet,
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is "
                   "called with multiple field/value pairs.",
     .summary = "Sets fields of a hash.",
     .arguments = kHMSetArguments},
    {.name = "hsetnx",
     .run = hashes::HSetNx,
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyInsert}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets a field of a hash that does not exist.",
     .arguments = kHSetNxArguments},
    {.name = "hstrlen",
     .run = hashes::HStrLen,
     .arity = 3,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO}},
     .group = "hash",
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Tells how many bytes the value of a field has.",
     .arguments = kHExistsArguments},
    {.name = "hvals",
     .run = hashes::HVals,
     .arity = 2,
     .flags = kReadOnly,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) where N is the size of the hash.",
     .summary = "Lists the values of a hash.",
     .arguments = kHGetAllArguments,
     .tips = kNondeterministicOutputOrderTips},
};

}  // namespace

std::span<const CommandSpec> HashCommands() { return kCommands; }

}  // namespace chestbox
