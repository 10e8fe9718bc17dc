// CLUSTER, READONLY, READWRITE and ASKING, as a server answers that is no cluster: libraries ask, and go on without.
#include "server/commands/families.h"

namespace chestbox {

namespace {

// CLUSTER … -> always an error, whatever the arguments
Result<void> RefuseCluster(CommandContext&, Args, ReplyWriter&) {
  return Error{"ERR This instance has cluster support disabled"};
}

using Arguments = std::span<const ArgumentSpec>;
using Tips = std::span<const std::string_view>;

constexpr CommandSpec Row(std::string_view name, int arity, uint64_t flags, std::string_view since,
                          std::string_view complexity, Arguments arguments = {}, Tips tips = {},
                          std::string_view deprecated_since = {}, std::string_view replaced_by = {}) {
  CommandSpec row;
  row.name = name;
  row.run = RefuseCluster;
  row.arity = arity;
  row.flags = flags;
  row.group = "cluster";
  row.since = since;
  row.complexity = complexity;
  row.summary = "Refused: this is no cluster.";
  row.arguments = arguments;
  row.tips = tips;
  row.deprecated_since = deprecated_since;
  row.replaced_by = replaced_by;
  return row;
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kSlotsArguments[] = {{.name = "slot", .type = Type::kInteger, .flags = ArgumentSpec::kMultiple}};
constexpr ArgumentSpec kSlotRange[] = {{.name = "start-slot", .type = Type::kInteger},
                                       {.name = "end-slot", .type = Type::kInteger}};
constexpr ArgumentSpec kSlotRangesArguments[] = {
    {.name = "start-slot_end-slot", .type = Type::kBlock, .flags = ArgumentSpec::kMultiple, .arguments = kSlotRange}};
constexpr ArgumentSpec kNodeArguments[] = {{.name = "node-id"}};
constexpr ArgumentSpec kSlotArguments[] = {{.name = "slot", .type = Type::kInteger}};
constexpr ArgumentSpec kFailoverOptions[] = {{.name = "force", .type = Type::kPureToken, .token = "FORCE"},
                                             {.name = "takeover", .type = Type::kPureToken, .token = "TAKEOVER"}};
constexpr ArgumentSpec kFailoverArguments[] = {
    {.name = "options", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kFailoverOptions}};
constexpr ArgumentSpec kGetkeysinslotArguments[] = {{.name = "slot", .type = Type::kInteger},
                                                    {.name = "count", .type = Type::kInteger}};
constexpr ArgumentSpec kKeyslotArguments[] = {{.name = "key"}};
constexpr ArgumentSpec kMeetArguments[] = {
    {.name = "ip"},
    {.name = "port", .type = Type::kInteger},
    {.name = "cluster_bus_port", .type = Type::kInteger, .flags = ArgumentSpec::kOptional, .since = "4.0.0"}};
constexpr ArgumentSpec kResetModes[] = {{.name = "hard", .type = Type::kPureToken, .token = "HARD"},
                                        {.name = "soft", .type = Type::kPureToken, .token = "SOFT"}};
constexpr ArgumentSpec kResetArguments[] = {
    {.name = "hard_soft", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kResetModes}};
constexpr ArgumentSpec kSetConfigEpochArguments[] = {{.name = "config-epoch", .type = Type::kInteger}};
constexpr ArgumentSpec kSetslotSubcommands[] = {{.name = "node-id", .token = "IMPORTING"},
                                                {.name = "node-id", .token = "MIGRATING"},
                                                {.name = "node-id", .token = "NODE"},
                                                {.name = "stable", .type = Type::kPureToken, .token = "STABLE"}};
constexpr ArgumentSpec kSetslotArguments[] = {
    {.name = "slot", .type = Type::kInteger},
    {.name = "subcommand", .type = Type::kOneOf, .arguments = kSetslotSubcommands}};

constexpr std::string_view kVaries[] = {"nondeterministic_output"};
constexpr uint64_t kChanges = kAdmin | kStale | kNoAsyncLoading;
constexpr uint64_t kConnects = kLoading | kStale | kFast;

constexpr CommandSpec kSubcommands[] = {
    Row("addslots", -3, kChanges, "3.0.0", "O(N) where N is the total number of hash slot arguments", kSlotsArguments),
    Row("addslotsrange", -4, kChanges, "7.0.0",
        "O(N) where N is the total number of the slots between the start slot and end slot arguments.",
        kSlotRangesArguments),
    Row("bumpepoch", 2, kChanges, "3.0.0", "O(1)", {}, kVaries),
    Row("count-failure-reports", 3, kAdmin | kStale, "3.0.0", "O(N) where N is the number of failure reports",
        kNodeArguments, kVaries),
    Row("countkeysinslot", 3, kStale, "3.0.0", "O(1)", kSlotArguments),
    Row("delslots", -3, kChanges, "3.0.0", "O(N) where N is the total number of hash slot arguments", kSlotsArguments),
    Row("delslotsrange", -4, kChanges, "7.0.0",
        "O(N) where N is the total number of the slots between the start slot and end slot arguments.",
        kSlotRangesArguments),
    Row("failover", -2, kChanges, "3.0.0", "O(1)", kFailoverArguments),
    Row("flushslots", 2, kChanges, "3.0.0", "O(1)"),
    Row("forget", 3, kChanges, "3.0.0", "O(1)", kNodeArguments),
    Row("getkeysinslot", 4, kStale, "3.0.0", "O(log(N)) where N is the number of requested keys",
        kGetkeysinslotArguments, kVaries),
    Row("help", 2, kLoading | kStale, "5.0.0", "O(1)"),
    Row("info", 2, kStale, "3.0.0", "O(1)", {}, kVaries),
    Row("keyslot", 3, kStale, "3.0.0", "O(N) where N is the number of bytes in the key", kKeyslotArguments),
    Row("links", 2, kStale, "7.0.0", "O(N) where N is the total number of Cluster nodes", {}, kVaries),
    Row("meet", -4, kChanges, "3.0.0", "O(1)", kMeetArguments),
    Row("myid", 2, kStale, "3.0.0", "O(1)"),
    Row("myshardid", 2, kStale, "7.2.0", "O(1)"),
    Row("nodes", 2, kStale, "3.0.0", "O(N) where N is the total number of Cluster nodes", {}, kVaries),
    Row("replicas", 3, kAdmin | kStale, "5.0.0", "O(1)", kNodeArguments, kVaries),
    Row("replicate", 3, kChanges, "3.0.0", "O(1)", kNodeArguments),
    Row("reset", -2, kAdmin | kNoScript | kStale, "3.0.0",
        "O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.",
        kResetArguments),
    Row("saveconfig", 2, kChanges, "3.0.0", "O(1)"),
    Row("set-config-epoch", 3, kChanges, "3.0.0", "O(1)", kSetConfigEpochArguments),
    Row("setslot", -4, kChanges, "3.0.0", "O(1)", kSetslotArguments),
    Row("shards", 2, kStale, "7.0.0", "O(N) where N is the total number of cluster nodes", {}, kVaries),
    Row("slaves", 3, kAdmin | kStale, "3.0.0", "O(1)", kNodeArguments, kVaries, "5.0.0", "`CLUSTER REPLICAS`"),
    Row("slots", 2, kStale, "3.0.0", "O(N) where N is the total number of Cluster nodes", {}, kVaries, "7.0.0",
        "`CLUSTER SHARDS`"),
};

constexpr CommandSpec OfConnection(std::string_view name, uint64_t flags) {
  CommandSpec row = Row(name, 1, flags, "3.0.0", "O(1)");
  row.categories = kCatConnection;
  return row;
}

constexpr CommandSpec kCommands[] = {
    {.name = "cluster",
     .arity = -2,
     .group = "cluster",
     .since = "3.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands of a cluster, which this is not.",
     .subcommands = kSubcommands},
    OfConnection("asking", kFast),
    OfConnection("readonly", kConnects),
    OfConnection("readwrite", kConnects),
};

}  // namespace

std::span<const CommandSpec> ClusterCommands() { return kCommands; }

}  // namespace chestbox
