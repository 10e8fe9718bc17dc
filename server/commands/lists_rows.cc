// LIST: rows of the commands that read lists, push, and change what is in the middle.
#include "server/commands/families.h"
#include "server/commands/lists.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kLIndexArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "index", .type = Type::kInteger},
};
constexpr ArgumentSpec kBeforeOrAfter[] = {
    {.name = "before", .type = Type::kPureToken, .token = "BEFORE"},
    {.name = "after", .type = Type::kPureToken, .token = "AFTER"},
};
constexpr ArgumentSpec kLInsertArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "where", .type = Type::kOneOf, .arguments = kBeforeOrAfter},
    {.name = "pivot"},
    {.name = "element"},
};
constexpr ArgumentSpec kLLenArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
};
constexpr ArgumentSpec kLPosArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "element"},
    {.name = "rank", .type = Type::kInteger, .token = "RANK", .flags = ArgumentSpec::kOptional},
    {.name = "num-matches", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
    {.name = "len", .type = Type::kInteger, .token = "MAXLEN", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kLPushArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "element", .flags = ArgumentSpec::kMultiple},
};
constexpr ArgumentSpec kLRangeArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "start", .type = Type::kInteger},
    {.name = "stop", .type = Type::kInteger},
};
constexpr ArgumentSpec kLRemArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "count", .type = Type::kInteger},
    {.name = "element"},
};
constexpr ArgumentSpec kLSetArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "index", .type = Type::kInteger},
    {.name = "element"},
};

constexpr CommandSpec kCommands[] = {
    {.name = "lindex",
     .run = lists::LIndex,
     .arity = 3,
     .flags = kReadOnly,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of elements to traverse to get to the element at index. This makes "
                   "asking for the first or the last element of the list O(1).",
     .summary = "Reads the element at an index.",
     .arguments = kLIndexArguments},
    {.name = "linsert",
     .run = lists::LInsert,
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "2.2.0",
     .complexity = "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that "
                   "inserting somewhere on the left end on the list (head) can be considered O(1) and inserting "
                   "somewhere on the right end (tail) is O(N).",
     .summary = "Inserts an element before or after another one.",
     .arguments = kLInsertArguments},
    {.name = "llen",
     .run = lists::LLen,
     .arity = 2,
     .flags = kReadOnly | kFast,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRO}},
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many elements a list has.",
     .arguments = kLLenArguments},
    {.name = "lpos",
     .run = lists::LPos,
     .arity = -3,
     .flags = kReadOnly,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "list",
     .since = "6.0.6",
     .complexity = "O(N) where N is the number of elements in the list, for the average case. When searching for "
                   "elements near the head or the tail of the list, or when the MAXLEN option is provided, the command "
                   "may run in constant time.",
     .summary = "Finds where elements that equal a value stand.",
     .arguments = kLPosArguments},
    {.name = "lpush",
     .run = lists::LPush,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "1.0.0",
     .complexity =
         "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
     .summary = "Adds elements at the front of a list, which is created if need be.",
     .arguments = kLPushArguments},
    {.name = "lpushx",
     .run = lists::LPushX,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "2.2.0",
     .complexity =
         "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
     .summary = "Adds elements at the front of a list that exists.",
     .arguments = kLPushArguments},
    {.name = "lrange",
     .run = lists::LRange,
     .arity = 4,
     .flags = kReadOnly,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD "
                   "or TAIL) for large lists; and N is the number of elements in the specified range.",
     .summary = "Reads a range of elements.",
     .arguments = kLRangeArguments},
    {.name = "lrem",
     .run = lists::LRem,
     .arity = 4,
     .flags = kWrite,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyDelete}},
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N+M) where N is the length of the list and M is the number of elements removed.",
     .summary = "Removes elements that equal a value.",
     .arguments = kLRemArguments},
    {.name = "lset",
     .run = lists::LSet,
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyUpdate}},
     .group = "list",
     .since = "1.0.0",
     .complexity =
         "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
     .summary = "Replaces the element at an index.",
     .arguments = kLSetArguments},
    {.name = "ltrim",
     .run = lists::LTrim,
     .arity = 4,
     .flags = kWrite,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyDelete}},
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of elements to be removed by the operation.",
     .summary = "Keeps only a range of elements.",
     .arguments = kLRangeArguments},
    {.name = "rpush",
     .run = lists::RPush,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "1.0.0",
     .complexity =
         "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
     .summary = "Adds elements at the back of a list, which is created if need be.",
     .arguments = kLPushArguments},
    {.name = "rpushx",
     .run = lists::RPushX,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kCatList,
     .keys = {{1, 1, 1, kKeyRW | kKeyInsert}},
     .group = "list",
     .since = "2.2.0",
     .complexity =
         "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
     .summary = "Adds elements at the back of a list that exists.",
     .arguments = kLPushArguments},
};

}  // namespace

std::span<const CommandSpec> ListCommands() { return kCommands; }

}  // namespace chestbox
