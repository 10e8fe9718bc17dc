// The bitmap family's rows.
#include "server/commands/bits.h"
#include "server/commands/families.h"

namespace chestbox {

namespace {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kUnits[] = {
    {.name = "byte", .type = Type::kPureToken, .token = "BYTE"},
    {.name = "bit", .type = Type::kPureToken, .token = "BIT"},
};
constexpr ArgumentSpec kCountRange[] = {
    {.name = "start", .type = Type::kInteger},
    {.name = "end", .type = Type::kInteger},
    {.name = "index_unit",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "7.0.0",
     .arguments = kUnits},
};
constexpr ArgumentSpec kBitCountArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "index", .type = Type::kBlock, .flags = ArgumentSpec::kOptional, .arguments = kCountRange},
};
constexpr ArgumentSpec kPositionEnd[] = {
    {.name = "end", .type = Type::kInteger},
    {.name = "index_unit",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .since = "7.0.0",
     .arguments = kUnits},
};
constexpr ArgumentSpec kPositionRange[] = {
    {.name = "start", .type = Type::kInteger},
    {.name = "end_index", .type = Type::kBlock, .flags = ArgumentSpec::kOptional, .arguments = kPositionEnd},
};
constexpr ArgumentSpec kBitPosArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "bit", .type = Type::kInteger},
    {.name = "index", .type = Type::kBlock, .flags = ArgumentSpec::kOptional, .arguments = kPositionRange},
};
constexpr ArgumentSpec kBitOpArguments[] = {
    {.name = "operation"},
    {.name = "destkey", .type = Type::kKey, .key_spec = 0},
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 1},
};
constexpr ArgumentSpec kGetBitArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "offset", .type = Type::kInteger},
};
constexpr ArgumentSpec kSetBitArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "offset", .type = Type::kInteger},
    {.name = "value", .type = Type::kInteger},
};

constexpr ArgumentSpec kFieldArguments[] = {
    {.name = "encoding"},
    {.name = "offset", .type = Type::kInteger},
};
constexpr ArgumentSpec kFieldSetArguments[] = {
    {.name = "encoding"},
    {.name = "offset", .type = Type::kInteger},
    {.name = "value", .type = Type::kInteger},
};
constexpr ArgumentSpec kFieldIncrementArguments[] = {
    {.name = "encoding"},
    {.name = "offset", .type = Type::kInteger},
    {.name = "increment", .type = Type::kInteger},
};
constexpr ArgumentSpec kOverflows[] = {
    {.name = "wrap", .type = Type::kPureToken, .token = "WRAP"},
    {.name = "sat", .type = Type::kPureToken, .token = "SAT"},
    {.name = "fail", .type = Type::kPureToken, .token = "FAIL"},
};
constexpr ArgumentSpec kFieldWrites[] = {
    {.name = "encoding_offset_value", .type = Type::kBlock, .token = "SET", .arguments = kFieldSetArguments},
    {.name = "encoding_offset_increment",
     .type = Type::kBlock,
     .token = "INCRBY",
     .arguments = kFieldIncrementArguments},
};
constexpr ArgumentSpec kFieldWriteArguments[] = {
    {.name = "wrap_sat_fail",
     .type = Type::kOneOf,
     .token = "OVERFLOW",
     .flags = ArgumentSpec::kOptional,
     .arguments = kOverflows},
    {.name = "write_operation", .type = Type::kOneOf, .arguments = kFieldWrites},
};
constexpr ArgumentSpec kFieldSteps[] = {
    {.name = "encoding_offset", .type = Type::kBlock, .token = "GET", .arguments = kFieldArguments},
    {.name = "write", .type = Type::kBlock, .arguments = kFieldWriteArguments},
};
constexpr ArgumentSpec kBitFieldArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "operation",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple,
     .arguments = kFieldSteps},
};
constexpr ArgumentSpec kBitFieldRoArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "encoding_offset",
     .type = Type::kBlock,
     .token = "GET",
     .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple | ArgumentSpec::kMultipleToken,
     .arguments = kFieldArguments},
};

constexpr CommandSpec kCommands[] = {
    {.name = "bitcount",
     .run = bits::BitCount,
     .arity = -2,
     .flags = kReadOnly,
     .categories = kCatBitmap,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "bitmap",
     .since = "2.6.0",
     .complexity = "O(N)",
     .summary = "Counts the bits of a string that are set.",
     .arguments = kBitCountArguments},
    {.name = "bitfield",
     .run = bits::BitField,
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kCatBitmap,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariableFlags}},
     .group = "bitmap",
     .since = "3.2.0",
     .complexity = "O(1) for each subcommand specified",
     .summary = "Reads and writes integers of any width at any bit of a string.",
     .arguments = kBitFieldArguments},
    {.name = "bitfield_ro",
     .run = bits::BitFieldRo,
     .arity = -2,
     .flags = kReadOnly | kFast,
     .categories = kCatBitmap,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "bitmap",
     .since = "6.0.0",
     .complexity = "O(1) for each subcommand specified",
     .summary = "Reads integers of any width at any bit of a string.",
     .arguments = kBitFieldRoArguments},
    {.name = "bitop",
     .run = bits::BitOp,
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .categories = kCatBitmap,
     .keys = {{2, 2, 1, kKeyOW | kKeyUpdate}, {3, -1, 1, kKeyRO | kKeyAccess}},
     .group = "bitmap",
     .since = "2.6.0",
     .complexity = "O(N)",
     .summary = "Combines strings bit by bit and stores the result.",
     .arguments = kBitOpArguments},
    {.name = "bitpos",
     .run = bits::BitPos,
     .arity = -3,
     .flags = kReadOnly,
     .categories = kCatBitmap,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "bitmap",
     .since = "2.8.7",
     .complexity = "O(N)",
     .summary = "Finds the first bit of a string that is set, or clear.",
     .arguments = kBitPosArguments},
    {.name = "getbit",
     .run = bits::GetBit,
     .arity = 3,
     .flags = kReadOnly | kFast,
     .categories = kCatBitmap,
     .keys = {{1, 1, 1, kKeyRO | kKeyAccess}},
     .group = "bitmap",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Reads one bit of a string.",
     .arguments = kGetBitArguments},
    {.name = "setbit",
     .run = bits::SetBit,
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kCatBitmap,
     .keys = {{1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate}},
     .group = "bitmap",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Sets or clears one bit of a string, which grows as needed.",
     .arguments = kSetBitArguments},
};

}  // namespace

std::span<const CommandSpec> BitCommands() { return kCommands; }

}  // namespace chestbox
