// The arguments of the stream commands, as COMMAND DOCS lists them; for the rows in streams.cc only.
#pragma once

#include "server/command.h"

namespace chestbox::streams {

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kXinfoConsumersArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "groupname"},
};
constexpr ArgumentSpec kXgroupCreateIdArguments[] = {
    {.name = "id"},
    {.name = "new_id", .type = Type::kPureToken, .token = "$"},
};
constexpr ArgumentSpec kXgroupCreateArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "groupname"},
    {.name = "id", .type = Type::kOneOf, .arguments = kXgroupCreateIdArguments},
    {.name = "mkstream", .type = Type::kPureToken, .token = "MKSTREAM", .flags = ArgumentSpec::kOptional},
    {.name = "entries_read", .type = Type::kInteger, .token = "ENTRIESREAD", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXgroupCreateconsumerArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "groupname"},
    {.name = "consumername"},
};
constexpr ArgumentSpec kXinfoGroupsArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
};
constexpr ArgumentSpec kXgroupSetidArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "groupname"},
    {.name = "id", .type = Type::kOneOf, .arguments = kXgroupCreateIdArguments},
    {.name = "entries_read", .type = Type::kInteger, .token = "ENTRIESREAD", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXinfoStreamFullArguments[] = {
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXinfoStreamArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "full",
     .type = Type::kBlock,
     .token = "FULL",
     .flags = ArgumentSpec::kOptional,
     .arguments = kXinfoStreamFullArguments},
};
constexpr ArgumentSpec kXackArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "group"},
    {.name = "id", .flags = ArgumentSpec::kMultiple},
};
constexpr ArgumentSpec kXaddTrimStrategyArguments[] = {
    {.name = "maxlen", .type = Type::kPureToken, .token = "MAXLEN"},
    {.name = "minid", .type = Type::kPureToken, .token = "MINID", .since = "6.2.0"},
};
constexpr ArgumentSpec kXaddTrimOperatorArguments[] = {
    {.name = "equal", .type = Type::kPureToken, .token = "="},
    {.name = "approximately", .type = Type::kPureToken, .token = "~"},
};
constexpr ArgumentSpec kXaddTrimArguments[] = {
    {.name = "strategy", .type = Type::kOneOf, .arguments = kXaddTrimStrategyArguments},
    {.name = "operator",
     .type = Type::kOneOf,
     .flags = ArgumentSpec::kOptional,
     .arguments = kXaddTrimOperatorArguments},
    {.name = "threshold"},
    {.name = "count", .type = Type::kInteger, .token = "LIMIT", .flags = ArgumentSpec::kOptional, .since = "6.2.0"},
};
constexpr ArgumentSpec kXaddIdOrAutoArguments[] = {
    {.name = "auto_id", .type = Type::kPureToken, .token = "*"},
    {.name = "id"},
};
constexpr ArgumentSpec kXaddFieldValueArguments[] = {
    {.name = "field"},
    {.name = "value"},
};
constexpr ArgumentSpec kXaddArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "nomkstream",
     .type = Type::kPureToken,
     .token = "NOMKSTREAM",
     .flags = ArgumentSpec::kOptional,
     .since = "6.2.0"},
    {.name = "trim", .type = Type::kBlock, .flags = ArgumentSpec::kOptional, .arguments = kXaddTrimArguments},
    {.name = "id_or_auto", .type = Type::kOneOf, .arguments = kXaddIdOrAutoArguments},
    {.name = "field_value",
     .type = Type::kBlock,
     .flags = ArgumentSpec::kMultiple,
     .arguments = kXaddFieldValueArguments},
};
constexpr ArgumentSpec kXautoclaimArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "group"},
    {.name = "consumer"},
    {.name = "min-idle-time"},
    {.name = "start"},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
    {.name = "justid", .type = Type::kPureToken, .token = "JUSTID", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXclaimArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "group"},
    {.name = "consumer"},
    {.name = "min-idle-time"},
    {.name = "id", .flags = ArgumentSpec::kMultiple},
    {.name = "ms", .type = Type::kInteger, .token = "IDLE", .flags = ArgumentSpec::kOptional},
    {.name = "unix-time-milliseconds", .type = Type::kUnixTime, .token = "TIME", .flags = ArgumentSpec::kOptional},
    {.name = "count", .type = Type::kInteger, .token = "RETRYCOUNT", .flags = ArgumentSpec::kOptional},
    {.name = "force", .type = Type::kPureToken, .token = "FORCE", .flags = ArgumentSpec::kOptional},
    {.name = "justid", .type = Type::kPureToken, .token = "JUSTID", .flags = ArgumentSpec::kOptional},
    {.name = "id", .token = "LASTID", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXdelArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "id", .flags = ArgumentSpec::kMultiple},
};
constexpr ArgumentSpec kXpendingFiltersArguments[] = {
    {.name = "min-idle-time",
     .type = Type::kInteger,
     .token = "IDLE",
     .flags = ArgumentSpec::kOptional,
     .since = "6.2.0"},
    {.name = "start"},
    {.name = "end"},
    {.name = "count", .type = Type::kInteger},
    {.name = "consumer", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXpendingArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "group"},
    {.name = "filters", .type = Type::kBlock, .flags = ArgumentSpec::kOptional, .arguments = kXpendingFiltersArguments},
};
constexpr ArgumentSpec kXrangeArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "start"},
    {.name = "end"},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXreadStreamsArguments[] = {
    {.name = "key", .type = Type::kKey, .flags = ArgumentSpec::kMultiple, .key_spec = 0},
    {.name = "id", .flags = ArgumentSpec::kMultiple},
};
constexpr ArgumentSpec kXreadArguments[] = {
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
    {.name = "milliseconds", .type = Type::kInteger, .token = "BLOCK", .flags = ArgumentSpec::kOptional},
    {.name = "streams", .type = Type::kBlock, .token = "STREAMS", .arguments = kXreadStreamsArguments},
};
constexpr ArgumentSpec kXreadgroupGroupConsumerArguments[] = {
    {.name = "group"},
    {.name = "consumer"},
};
constexpr ArgumentSpec kXreadgroupArguments[] = {
    {.name = "group_consumer", .type = Type::kBlock, .token = "GROUP", .arguments = kXreadgroupGroupConsumerArguments},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
    {.name = "milliseconds", .type = Type::kInteger, .token = "BLOCK", .flags = ArgumentSpec::kOptional},
    {.name = "noack", .type = Type::kPureToken, .token = "NOACK", .flags = ArgumentSpec::kOptional},
    {.name = "streams", .type = Type::kBlock, .token = "STREAMS", .arguments = kXreadStreamsArguments},
};
constexpr ArgumentSpec kXrevrangeArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "end"},
    {.name = "start"},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
};
constexpr ArgumentSpec kXsetidArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "last-id"},
    {.name = "entries_added",
     .type = Type::kInteger,
     .token = "ENTRIESADDED",
     .flags = ArgumentSpec::kOptional,
     .since = "7.0.0"},
    {.name = "max_deleted_entry_id", .token = "MAXDELETEDID", .flags = ArgumentSpec::kOptional, .since = "7.0.0"},
};
constexpr ArgumentSpec kXtrimArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "trim", .type = Type::kBlock, .arguments = kXaddTrimArguments},
};

}  // namespace chestbox::streams
