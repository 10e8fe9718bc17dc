// Rows of the commands on fields that expire, from Redis 7.4 and 8. The handlers are in hashes_expiry.cc.
#include "server/commands/families.h"
#include "server/commands/hashes.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kHExpireConditionArguments[] = {
    {.name = "nx", .type = Type::kPureToken, .token = "NX"},
    {.name = "xx", .type = Type::kPureToken, .token = "XX"},
    {.name = "gt", .type = Type::kPureToken, .token = "GT"},
    {.name = "lt", .type = Type::kPureToken, .token = "LT"},
};

constexpr ArgumentSpec kHExpireFieldsArguments[] = {
    {.name = "numfields", .type = Type::kInteger},
    {.name = "field", .flags = ArgumentSpec::kMultiple},
};

constexpr ArgumentSpec kHExpireArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "seconds", .type = Type::kInteger},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHExpireConditionArguments},
    {.name = "fields", .type = Type::kBlock, .token = "FIELDS", .arguments = kHExpireFieldsArguments},
};

constexpr ArgumentSpec kHExpireAtArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "unix-time-seconds", .type = Type::kUnixTime},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHExpireConditionArguments},
    {.name = "fields", .type = Type::kBlock, .token = "FIELDS", .arguments = kHExpireFieldsArguments},
};

constexpr ArgumentSpec kHExpireTimeArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "fields", .type = Type::kBlock, .token = "FIELDS", .arguments = kHExpireFieldsArguments},
};

constexpr ArgumentSpec kHGetExExpirationArguments[] = {
    {.name = "seconds", .type = Type::kInteger, .token = "EX"},
    {.name = "milliseconds", .type = Type::kInteger, .token = "PX"},
    {.name = "unix-time-seconds", .type = Type::kUnixTime, .token = "EXAT"},
    {.name = "unix-time-milliseconds", .type = Type::kUnixTime, .token = "PXAT"},
    {.name = "persist", .type = Type::kPureToken, .token = "PERSIST"},
};

constexpr ArgumentSpec kHGetExArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "expiration",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHGetExExpirationArguments},
    {.name = "fields", .type = Type::kBlock, .token = "FIELDS", .arguments = kHExpireFieldsArguments},
};

constexpr ArgumentSpec kHPExpireArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "milliseconds", .type = Type::kInteger},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHExpireConditionArguments},
    {.name = "fields", .type = Type::kBlock, .token = "FIELDS", .arguments = kHExpireFieldsArguments},
};

constexpr ArgumentSpec kHPExpireAtArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "unix-time-milliseconds", .type = Type::kUnixTime},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHExpireConditionArguments},
    {.name = "fields", .type = Type::kBlock, .token = "FIELDS", .arguments = kHExpireFieldsArguments},
};

constexpr ArgumentSpec kHSetExConditionArguments[] = {
    {.name = "fnx", .type = Type::kPureToken, .token = "FNX"},
    {.name = "fxx", .type = Type::kPureToken, .token = "FXX"},
};

constexpr ArgumentSpec kHSetExExpirationArguments[] = {
    {.name = "seconds", .type = Type::kInteger, .token = "EX"},
    {.name = "milliseconds", .type = Type::kInteger, .token = "PX"},
    {.name = "unix-time-seconds", .type = Type::kUnixTime, .token = "EXAT"},
    {.name = "unix-time-milliseconds", .type = Type::kUnixTime, .token = "PXAT"},
    {.name = "keepttl", .type = Type::kPureToken, .token = "KEEPTTL"},
};

constexpr ArgumentSpec kHSetExFieldsDataArguments[] = {
    {.name = "field"},
    {.name = "value"},
};

constexpr ArgumentSpec kHSetExFieldsArguments[] = {
    {.name = "numfields", .type = Type::kInteger},
    {.name = "data", .type = Type::kBlock, .flags = ArgumentSpec::kMultiple, .arguments = kHSetExFieldsDataArguments},
};

constexpr ArgumentSpec kHSetExArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "condition",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHSetExConditionArguments},
    {.name = "expiration",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kHSetExExpirationArguments},
    {.name = "fields", .type = Type::kBlock, .token = "FIELDS", .arguments = kHSetExFieldsArguments},
};

constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};

constexpr CommandSpec kCommands[] = {
    {.name = "hexpire",
     .run = hashes::HExpire,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Lets fields of a hash expire after some seconds.",
     .arguments = kHExpireArguments},
    {.name = "hexpireat",
     .run = hashes::HExpireAt,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Lets fields of a hash expire at a Unix time in seconds.",
     .arguments = kHExpireAtArguments},
    {.name = "hexpiretime",
     .run = hashes::HExpireTime,
     .arity = -5,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Tells the Unix time in seconds at which fields expire.",
     .arguments = kHExpireTimeArguments},
    {.name = "hgetdel",
     .run = hashes::HGetDel,
     .arity = -5,
     .flags = kWrite | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}},
     .group = "hash",
     .since = "8.0.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Reads fields of a hash and deletes them.",
     .arguments = kHExpireTimeArguments},
    {.name = "hgetex",
     .run = hashes::HGetEx,
     .arity = -5,
     .flags = kWrite | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate}},
     .group = "hash",
     .since = "8.0.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Reads fields of a hash and changes when they expire.",
     .arguments = kHGetExArguments},
    {.name = "hpersist",
     .run = hashes::HPersist,
     .arity = -5,
     .flags = kWrite | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Lets fields of a hash live for ever.",
     .arguments = kHExpireTimeArguments},
    {.name = "hpexpire",
     .run = hashes::HPExpire,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Lets fields of a hash expire after some milliseconds.",
     .arguments = kHPExpireArguments},
    {.name = "hpexpireat",
     .run = hashes::HPExpireAt,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Lets fields of a hash expire at a Unix time in milliseconds.",
     .arguments = kHPExpireAtArguments},
    {.name = "hpexpiretime",
     .run = hashes::HPExpireTime,
     .arity = -5,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Tells the Unix time in milliseconds at which fields expire.",
     .arguments = kHExpireTimeArguments},
    {.name = "hpttl",
     .run = hashes::HPTtl,
     .arity = -5,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Tells how many milliseconds fields of a hash still live.",
     .arguments = kHExpireTimeArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "hsetex",
     .run = hashes::HSetEx,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "hash",
     .since = "8.0.0",
     .complexity = "O(N) where N is the number of fields being set.",
     .summary = "Sets fields of a hash and when they expire.",
     .arguments = kHSetExArguments},
    {.name = "httl",
     .run = hashes::HTtl,
     .arity = -5,
     .flags = kReadOnly | kFast,
     .categories = kCatHash,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "hash",
     .since = "7.4.0",
     .complexity = "O(N) where N is the number of specified fields",
     .summary = "Tells how many seconds fields of a hash still live.",
     .arguments = kHExpireTimeArguments,
     .tips = kNondeterministicOutputTips},
};

}  // namespace

std::span<const CommandSpec> HashExpiryCommands() { return kCommands; }

}  // namespace chestbox
