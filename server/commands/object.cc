// OBJECT: looks at how a state is kept, which leave no trace in its access word.
#include "server/commands/object.h"

#include "server/commands/help.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"

namespace chestbox {

namespace {

std::string_view StringEncodingName(StringEncoding encoding) {
  switch (encoding) {
    case StringEncoding::kInt:
      return "int";
    case StringEncoding::kEmbedded:
      return "embstr";
    case StringEncoding::kRaw:
      break;
  }
  return "raw";
}

}  // namespace

std::string_view EncodingName(const StateView& state) {
  if (state.type == ValueType::kString) return StringEncodingName(state.encoding);
  if (state.type == ValueType::kList) return "quicklist";
  switch (state.collection_encoding()) {
    case CollectionEncoding::kPacked:
      // Redis 7.0 packs small sets of integers only.
      return state.type == ValueType::kSet ? "hashtable" : "listpack";
    case CollectionEncoding::kIntegerSet:
      return "intset";
    case CollectionEncoding::kTable:
      return "hashtable";
    case CollectionEncoding::kTree:
      return "quicklist";
    case CollectionEncoding::kTableTree:
      return "skiplist";
    case CollectionEncoding::kStream:
      break;
  }
  return "stream";
}

namespace {

// Redis shares one object among all uses of a small integer and reports this as its count.
constexpr int64_t kSharedReferences = 2147483647;
constexpr int64_t kSharedIntegers = 10000;

bool IsLru(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileLru || policy == EvictionPolicy::kAllKeysLru;
}
bool IsLfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileLfu || policy == EvictionPolicy::kAllKeysLfu;
}

// OBJECT ENCODING key -> how the value is kept; null without the key
Result<void> Encoding(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = LookAtState(ctx, args[2]);
  if (state) {
    reply.Bulk(EncodingName(*state));
  } else {
    reply.Null();
  }
  return {};
}

// OBJECT FREQ key -> the access counter of the LFU policies
Result<void> Freq(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = LookAtState(ctx, args[2]);
  if (!state) {
    reply.Null();
    return {};
  }
  if (!IsLfu(ctx.server.config().maxmemory_policy)) {
    return Error{
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
        "between "
        "policies at runtime LRU and LFU data will take some time to adjust."};
  }
  reply.Integer(ctx.keys.LfuCounter(state->access));
  return {};
}

// OBJECT IDLETIME key -> seconds since the last access
Result<void> IdleTime(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = LookAtState(ctx, args[2]);
  if (!state) {
    reply.Null();
    return {};
  }
  if (IsLfu(ctx.server.config().maxmemory_policy)) {
    return Error{
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between "
        "policies at "
        "runtime LRU and LFU data will take some time to adjust."};
  }
  reply.Integer(ctx.keys.IdleSeconds(state->access));
  return {};
}

// OBJECT REFCOUNT key -> 1, but for the small integers that Redis would share
Result<void> RefCount(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::optional<StateView> state = LookAtState(ctx, args[2]);
  if (!state) {
    reply.Null();
    return {};
  }
  const Config& config = ctx.server.config();
  const bool shares =
      config.maxmemory_bytes == 0 || !(IsLru(config.maxmemory_policy) || IsLfu(config.maxmemory_policy));
  const std::optional<int64_t> number =
      state->encoding == StringEncoding::kInt ? ParseInteger(state->value) : std::nullopt;
  reply.Integer(shares && number && *number >= 0 && *number < kSharedIntegers ? kSharedReferences : 1);
  return {};
}

// OBJECT HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "ENCODING <key>",
      "    Return the kind of internal representation used in order to store the value",
      "    associated with a <key>.",
      "FREQ <key>",
      "    Return the access frequency index of the <key>. The returned integer is",
      "    proportional to the logarithm of the recent access frequency of the key.",
      "IDLETIME <key>",
      "    Return the idle time of the <key>, that is the approximated number of",
      "    seconds elapsed since the last access to the key.",
      "REFCOUNT <key>",
      "    Return the number of references of the value associated with the specified",
      "    <key>.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kKeyArguments[] = {{.name = "key", .type = Type::kKey, .key_spec = 0}};

constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};
}  // namespace

constinit const CommandSpec kObjectSubcommands[kObjectSubcommandCount] = {
    {.name = "encoding",
     .run = Encoding,
     .arity = 3,
     .flags = kReadOnly,
     .categories = kCatKeyspace,
     .keys = {{2, 2, 1, kKeyRO}},
     .group = "generic",
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells how a state is kept in memory.",
     .arguments = kKeyArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "freq",
     .run = Freq,
     .arity = 3,
     .flags = kReadOnly,
     .categories = kCatKeyspace,
     .keys = {{2, 2, 1, kKeyRO}},
     .group = "generic",
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Tells how often a state is used, on a logarithmic scale.",
     .arguments = kKeyArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kCatKeyspace,
     .group = "generic",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "idletime",
     .run = IdleTime,
     .arity = 3,
     .flags = kReadOnly,
     .categories = kCatKeyspace,
     .keys = {{2, 2, 1, kKeyRO}},
     .group = "generic",
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells for how many seconds a state has not been used.",
     .arguments = kKeyArguments,
     .tips = kNondeterministicOutputTips},
    {.name = "refcount",
     .run = RefCount,
     .arity = 3,
     .flags = kReadOnly,
     .categories = kCatKeyspace,
     .keys = {{2, 2, 1, kKeyRO}},
     .group = "generic",
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells how many references a value has.",
     .arguments = kKeyArguments,
     .tips = kNondeterministicOutputTips},
};

}  // namespace chestbox
