// LIST: rows of the commands that pop, move and wait.
#include "server/commands/families.h"
#include "server/commands/lists.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kLeftOrRight[] = {
    {.name = "left", .type = Type::kPureToken, .token = "LEFT"},
    {.name = "right", .type = Type::kPureToken, .token = "RIGHT"},
};
constexpr ArgumentSpec kBLMoveArguments[] = {
    {.name = "source", .type = Type::kKey, .key_spec = 0},
    {.name = "destination", .type = Type::kKey, .key_spec = 1},
    {.name = "wherefrom", .type = Type::kOneOf, .arguments = kLeftOrRight},
    {.name = "whereto", .type = Type::kOneOf, .arguments = kLeftOrRight},
    {.name = "timeout", .type = Type::kDouble},
};
constexpr ArgumentSpec kBLMPopArguments[] = {
    {.name = "timeout", .type = Type::kDouble},
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "where", .type = Type::kOneOf, .arguments = kLeftOrRight},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kBLPopArguments[] = {
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "timeout", .type = Type::kDouble},
};
constexpr ArgumentSpec kBRPopLPushArguments[] = {
    {.name = "source", .type = Type::kKey, .key_spec = 0},
    {.name = "destination", .type = Type::kKey, .key_spec = 1},
    {.name = "timeout", .type = Type::kDouble},
};
constexpr ArgumentSpec kLMoveArguments[] = {
    {.name = "source", .type = Type::kKey, .key_spec = 0},
    {.name = "destination", .type = Type::kKey, .key_spec = 1},
    {.name = "wherefrom", .type = Type::kOneOf, .arguments = kLeftOrRight},
    {.name = "whereto", .type = Type::kOneOf, .arguments = kLeftOrRight},
};
constexpr ArgumentSpec kLMPopArguments[] = {
    {.name = "numkeys", .type = Type::kInteger},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "where", .type = Type::kOneOf, .arguments = kLeftOrRight},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kLPopArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "count", .type = Type::kInteger, .flags = ArgumentSpec::kOptional, .since = "6.2.0"},
};
constexpr ArgumentSpec kRPopLPushArguments[] = {
    {.name = "source", .type = Type::kKey, .key_spec = 0},
    {.name = "destination", .type = Type::kKey, .key_spec = 1},
};

constexpr CommandSpec kCommands[] = {
    {.name = "blmove",
     .run = lists::BLMove,
     .arity = 6,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}, {2, 2, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Takes an element from one list and adds it to another one, or waits for it.",
     .arguments = kBLMoveArguments},
    {.name = "blmpop",
     .run = lists::BLMPop,
     .arity = -5,
     .flags = kWrite | kBlocking,
     .categories = kCatList,
     .keys = {CountedKeys(2, kKeyRW | kKeyAccess | kKeyDelete)},
     .group = "list",
     .since = "7.0.0",
     .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
     .summary = "Takes elements from the first of several lists that has some, or waits for them.",
     .arguments = kBLMPopArguments},
    {.name = "blpop",
     .run = lists::BLPop,
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .categories = kCatList,
     .keys = {{1, -2, 1, kKeyRW | kKeyAccess | kKeyDelete}},
     .group = "list",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of provided keys.",
     .summary = "Takes an element from the front of the first of several lists that has one, or waits for it.",
     .arguments = kBLPopArguments},
    {.name = "brpop",
     .run = lists::BRPop,
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .categories = kCatList,
     .keys = {{1, -2, 1, kKeyRW | kKeyAccess | kKeyDelete}},
     .group = "list",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of provided keys.",
     .summary = "Takes an element from the back of the first of several lists that has one, or waits for it.",
     .arguments = kBLPopArguments},
    {.name = "brpoplpush",
     .run = lists::BRPopLPush,
     .arity = 4,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}, {2, 2, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Takes the last element of one list and adds it at the front of another one, or waits for it.",
     .arguments = kBRPopLPushArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments"},
    {.name = "lmove",
     .run = lists::LMove,
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}, {2, 2, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Takes an element from one list and adds it to another one.",
     .arguments = kLMoveArguments},
    {.name = "lmpop",
     .run = lists::LMPop,
     .arity = -4,
     .flags = kWrite,
     .categories = kCatList,
     .keys = {CountedKeys(1, kKeyRW | kKeyAccess | kKeyDelete)},
     .group = "list",
     .since = "7.0.0",
     .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
     .summary = "Takes elements from the first of several lists that has some.",
     .arguments = kLMPopArguments},
    {.name = "lpop",
     .run = lists::LPop,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}},
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of elements returned",
     .summary = "Takes elements from the front of a list.",
     .arguments = kLPopArguments},
    {.name = "rpop",
     .run = lists::RPop,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}},
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of elements returned",
     .summary = "Takes elements from the back of a list.",
     .arguments = kLPopArguments},
    {.name = "rpoplpush",
     .run = lists::RPopLPush,
     .arity = 3,
     .flags = kWrite | kDenyOom,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyDelete}, {2, 2, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Takes the last element of one list and adds it at the front of another one.",
     .arguments = kRPopLPushArguments,
     .deprecated_since = "6.2.0",
     .replaced_by = "`LMOVE` with the `RIGHT` and `LEFT` arguments"},
};

}  // namespace

std::span<const CommandSpec> ListPopCommands() { return kCommands; }

}  // namespace chestbox
