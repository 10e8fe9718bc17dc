#include "server/commands/scan.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/glob.h"
#include "protocol/shm/layout.h"
#include "protocol/shm/type_name.h"
#include "server/client.h"
#include "server/commands/collection_scan.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox {

namespace {

// As in Redis, a call that meets few keys in many buckets stops here, so that it stays short.
constexpr uint64_t kBucketsPerKeyMax = 10;
constexpr uint64_t kDefaultCount = 10;
// RANDOMKEY chooses among about so many neighbours when states are not in memory.
constexpr uint64_t kRandomSample = 16;
constexpr uint64_t kLastPosition = std::numeric_limits<uint64_t>::max();

// Where a walk that began at `from` and met `count` keys of `total` in the whole hash space has probably come to.
uint64_t ExpectedEnd(uint64_t from, uint64_t count, uint64_t total) {
  if (count >= total) return kLastPosition;
  const uint64_t width = kLastPosition / total * count;
  return width > kLastPosition - from ? kLastPosition : from + width;
}

// A walk over `range`, whether its states are in memory or not: visit(key, type). Names of expired states that it met
// are added to `*expired` if that is not null, as of SCAN and RANDOMKEY, which delete them in Redis as well.
template <class Visit>
void VisitKeys(CommandContext& ctx, const KeyWalk& range, std::vector<std::string>* expired, Visit&& visit) {
  uint64_t position = range.from_position;
  uint64_t swapped_out = 0;
  do {
    position = ctx.keys.VisitBucket(
        ctx.db, position,
        [&](const Keyspace::KeyInfo& info) {
          // A bucket may have grown over the range's ends since the range was planned.
          if (info.position < range.from_position || info.position > range.to_position) return;
          visit(info.key, info.state.type);
        },
        &swapped_out, expired);
  } while (position != 0 && position <= range.to_position);
  if (ctx.client.walked_names == nullptr) return;
  for (const WalkedName& name : *ctx.client.walked_names) {
    const uint64_t at = shm::PositionOf(ctx.keys.HashOf(name.key));
    if (at < range.from_position || at > range.to_position) continue;
    // Whatever came to memory since the names were listed has been visited, and what was deleted is not to be.
    if (!ctx.server.swapper()->InMemory(ctx.db, name.key)) visit(std::string_view(name.key), name.type);
  }
}

// ---- SCAN ----

struct ScanOptions {
  uint64_t position = 0;
  uint64_t count = kDefaultCount;
  std::optional<std::string_view> pattern;
  std::optional<std::string_view> type;

  bool Wants(std::string_view key, ValueType of_type) const {
    if (type && !EqualIgnoringCase(*type, TypeName(of_type))) return false;
    return !pattern || GlobMatch(*pattern, key, false);
  }
};

Result<ScanOptions> ParseScan(Args args) {
  ScanOptions options;
  auto cursor = ScanCursorArgument(args[1]);
  if (!cursor) return cursor.error();
  options.position = shm::ReverseBits(*cursor);
  CommandParser parser(args, 2);
  while (!parser.done()) {
    std::string_view value;
    if (parser.EatWithValue("count", &value)) {
      auto count = IntegerArgument(value);
      if (!count) return count.error();
      if (*count < 1) return SyntaxError();
      options.count = static_cast<uint64_t>(*count);
    } else if (parser.EatWithValue("match", &value)) {
      options.pattern = value;
    } else if (parser.EatWithValue("type", &value)) {
      options.type = value;
    } else {
      return SyntaxError();
    }
  }
  if (options.pattern == "*") options.pattern.reset();  // matches the empty key too
  return options;
}

bool PlanScanWalk(CommandContext& ctx, Args args, KeyWalk* walk) {
  auto options = ParseScan(args);
  if (!options) return false;
  *walk = PlanScan(ctx.keys, ctx.db, options->position, options->count);
  return true;
}

// The range that the names were listed for, or the one that `otherwise` plans.
template <class Plan>
KeyWalk PlannedRange(const CommandContext& ctx, Plan&& otherwise) {
  return ctx.client.walked_names != nullptr ? ctx.client.walked_range : otherwise();
}

// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] -> [the next cursor, keys]
Result<void> Scan(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseScan(args);
  if (!options) return options.error();
  const KeyWalk range =
      PlannedRange(ctx, [&] { return PlanScan(ctx.keys, ctx.db, options->position, options->count); });
  std::vector<std::string_view> found;
  std::vector<std::string> expired;
  VisitKeys(ctx, range, &expired, [&](std::string_view key, ValueType type) {
    if (options->Wants(key, type)) found.push_back(key);
  });
  reply.Array(2);
  reply.Bulk(std::to_string(shm::ReverseBits(range.to_position + 1)));  // wraps to 0 after the last one
  reply.Array(found.size());
  for (std::string_view key : found) reply.Bulk(key);
  ctx.keys.EraseExpired(ctx.db, expired);
  return {};
}

// ---- KEYS and RANDOMKEY ----

bool PlanWholeWalk(CommandContext&, Args, KeyWalk*) { return true; }

// KEYS pattern -> the keys that match
Result<void> Keys(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view pattern = args[1];
  const bool all = pattern == "*";
  const size_t mark = reply.BeginDeferredArray();
  size_t count = 0;
  VisitKeys(ctx, KeyWalk{}, nullptr, [&](std::string_view key, ValueType) {
    if (!all && !GlobMatch(pattern, key, false)) return;
    ++count;
    reply.Bulk(key);
  });
  reply.EndDeferredArray(mark, count);
  return {};
}

std::mt19937_64& RandomGenerator() {
  static std::mt19937_64 generator{std::random_device{}()};  // executor thread only
  return generator;
}

// Some buckets in a row from anywhere, with a few keys in them.
bool PlanRandomWalk(CommandContext& ctx, Args, KeyWalk* walk) {
  if (ctx.keys.Size(ctx.db) == 0) return false;
  *walk = PlanScan(ctx.keys, ctx.db, RandomGenerator()(), kRandomSample);
  // Near the end there may be nothing left.
  if (walk->to_position == kLastPosition) walk->from_position = 0;
  return true;
}

// RANDOMKEY -> a key, or null when there is none
Result<void> RandomKey(CommandContext& ctx, Args, ReplyWriter& reply) {
  std::optional<std::string> chosen;
  if (ctx.client.walked_names != nullptr) {
    uint64_t seen = 0;
    VisitKeys(ctx, ctx.client.walked_range, nullptr, [&](std::string_view key, ValueType) {
      if (RandomGenerator()() % ++seen == 0) chosen.emplace(key);
    });
  }
  if (!chosen) chosen = ctx.keys.RandomKey(ctx.db);
  if (chosen) {
    reply.Bulk(*chosen);
  } else {
    reply.Null();
  }
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kKeysArguments[] = {{.name = "pattern", .type = Type::kPattern}};
constexpr ArgumentSpec kScanArguments[] = {
    {.name = "cursor", .type = Type::kInteger},
    {.name = "pattern", .type = Type::kPattern, .token = "MATCH", .flags = ArgumentSpec::kOptional},
    {.name = "count", .type = Type::kInteger, .token = "COUNT", .flags = ArgumentSpec::kOptional},
    {.name = "type", .token = "TYPE", .flags = ArgumentSpec::kOptional, .since = "6.0.0"},
};

constexpr std::string_view kAllShardsNondeterministicOutputOrderTips[] = {"request_policy:all_shards",
                                                                          "nondeterministic_output_order"};
constexpr std::string_view kAllShardsNondeterministicOutputTips[] = {"request_policy:all_shards",
                                                                     "nondeterministic_output"};
constexpr std::string_view kNondeterministicOutputSpecialTips[] = {"nondeterministic_output", "request_policy:special"};

constexpr CommandSpec kCommands[] = {
    {.name = "keys",
     .run = Keys,
     .arity = 2,
     .flags = kReadOnly,
     .categories = kCatKeyspace | kCatDangerous,
     .walk = PlanWholeWalk,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(N) with N being the number of keys in the database, under the assumption that the key names in "
                   "the database and the given pattern have limited length.",
     .summary = "Lists the keys that match a pattern.",
     .arguments = kKeysArguments,
     .tips = kAllShardsNondeterministicOutputOrderTips},
    {.name = "randomkey",
     .run = RandomKey,
     .arity = 1,
     .flags = kReadOnly | kTouchesArbitraryKeys,
     .categories = kCatKeyspace,
     .walk = PlanRandomWalk,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns a random key.",
     .tips = kAllShardsNondeterministicOutputTips},
    {.name = "scan",
     .run = Scan,
     .arity = -2,
     .flags = kReadOnly | kTouchesArbitraryKeys,
     .categories = kCatKeyspace,
     .walk = PlanScanWalk,
     .group = "generic",
     .since = "2.8.0",
     .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor "
                   "to return back to 0. N is the number of elements inside the collection.",
     .summary = "Walks over the keys in steps.",
     .arguments = kScanArguments,
     .tips = kNondeterministicOutputSpecialTips},
};

}  // namespace

KeyWalk PlanScan(Keyspace& keys, uint32_t database, uint64_t from_position, uint64_t count) {
  const uint64_t buckets_max = count > kLastPosition / kBucketsPerKeyMax ? kLastPosition : count * kBucketsPerKeyMax;
  uint64_t met = 0;
  uint64_t position = from_position;
  for (uint64_t buckets = 0; buckets <= buckets_max && met < count; ++buckets) {
    uint64_t in_memory = 0;
    uint64_t swapped_out = 0;
    position = keys.VisitBucket(
        database, position, [&](const Keyspace::KeyInfo&) { ++in_memory; }, &swapped_out);
    met += in_memory + swapped_out;
    if (position == 0) break;
  }
  KeyWalk walk{from_position, position - 1};  // wraps to the last position
  // While the index fills after a start, most states are in no bucket yet.
  const uint64_t indexed = keys.index(keys.Physical(database)).entries();
  const uint64_t total = keys.Size(database);
  if (total > indexed) walk.to_position = std::min(walk.to_position, ExpectedEnd(from_position, count, total));
  return walk;
}

std::span<const CommandSpec> ScanCommands() { return kCommands; }

}  // namespace chestbox
