// Commands that take members from either end of a sorted set, and those that wait for one.
#include <algorithm>
#include <limits>

#include "server/blocked_clients.h"
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sorted_sets.h"

namespace chestbox::sorted_sets {

namespace {

enum class End { kMin, kMax };

// How a reply shows what was popped.
struct PopReply {
  bool with_key = false;
  bool nested = false;  // an array for each member and its score
};

void ReportPopped(CommandContext& ctx, std::string_view key, End end, uint64_t count, bool plain) {
  const std::string_view name = end == End::kMin ? "ZPOPMIN" : "ZPOPMAX";
  if (plain) {
    ctx.Effect({name, key});
  } else {
    ctx.Effect({name, key, IntegerText(static_cast<int64_t>(count))});
  }
}

void ReplyPopHeader(std::string_view key, uint64_t count, const PopReply& shape, ReplyWriter& reply) {
  if (!shape.with_key) {
    reply.Array(shape.nested ? count : count * 2);
    return;
  }
  reply.Array(shape.nested ? 2 : count * 2 + 1);
  reply.Bulk(key);
  if (shape.nested) reply.Array(count);
}

// Pops up to `count` members, at least one. `plain`: the command has no count.
void Pop(CommandContext& ctx, std::string_view key, SortedSet& set, End end, uint64_t count, bool plain,
         const PopReply& shape, ReplyWriter& reply) {
  const uint64_t size = set.size();
  count = std::min(count, size);
  ReplyPopHeader(key, count, shape, reply);
  set.ForEach(end == End::kMin ? 0 : size - 1, count, end == End::kMax, [&](const ScoredMember& each) {
    if (shape.nested) reply.Array(2);
    reply.Bulk(each.member);
    reply.Double(each.score);
    return true;
  });
  if (count == size) {
    set.Drop();
  } else if (end == End::kMin) {
    set.RemoveRanks({0, count});
  } else {
    set.RemoveRanks({size - count, size});
  }
  ReportPopped(ctx, key, end, count, plain);
}

// The first of the keys that lives and is a sorted set; nothing if none lives.
struct Candidate {
  std::string_view key;
  std::optional<SortedSet> set;
};

Result<Candidate> FirstSet(CommandContext& ctx, Args keys) {
  for (std::string_view key : keys) {
    auto set = SortedSet::Find(ctx, key, Look::kChange);
    if (!set) return set.error();
    if (set->has_value()) return Candidate{key, *set};
  }
  return Candidate{};
}

Result<void> PopPlain(CommandContext& ctx, Args args, End end, ReplyWriter& reply) {
  if (args.size() > 3) return SyntaxError();
  uint64_t count = 1;
  const bool counted = args.size() == 3;
  if (counted) {
    constexpr char kNotPositive[] = "ERR value is out of range, must be positive";
    auto given = IntegerArgument(args[2], kNotPositive);
    if (!given) return given.error();
    if (*given < 0) return Error{kNotPositive};
    count = static_cast<uint64_t>(*given);
  }
  auto set = SortedSet::Find(ctx, args[1], Look::kChange);
  if (!set) return set.error();
  if (!set->has_value() || count == 0) {
    reply.Array(0);
    return {};
  }
  Pop(ctx, args[1], **set, end, count, !counted, {.nested = counted && reply.protocol() > 2}, reply);
  return {};
}

Result<void> PopOrBlock(CommandContext& ctx, Args keys, std::string_view timeout, End end, uint64_t count, bool nested,
                        ReplyWriter& reply) {
  auto deadline_ms = ParseBlockTimeout(ctx, timeout);
  if (!deadline_ms) return deadline_ms.error();
  auto found = FirstSet(ctx, keys);
  if (!found) return found.error();
  if (found->set) {
    Pop(ctx, found->key, *found->set, end, count, !nested, {.with_key = true, .nested = nested}, reply);
    return {};
  }
  return ctx.Block({.keys = keys, .type = ValueType::kSortedSet, .deadline_ms = *deadline_ms});
}

struct MPop {
  Args keys;
  End end = End::kMin;
  uint64_t count = 1;
};

// numkeys key [key …] MIN | MAX [COUNT count], from args[at] on.
Result<MPop> ParseMPop(Args args, size_t at) {
  const auto positive = [](std::string_view text, const char* error) -> Result<uint64_t> {
    auto number = IntegerArgument(text, error);
    if (!number) return number.error();
    if (*number < 1) return Error{error};
    return static_cast<uint64_t>(*number);
  };
  auto keys = positive(args[at], "ERR numkeys should be greater than 0");
  if (!keys) return keys.error();
  if (*keys >= args.size() - at - 1) return SyntaxError();
  MPop options;
  options.keys = args.subspan(at + 1, *keys);
  CommandParser parser(args, at + 1 + *keys);
  if (parser.Eat("max")) {
    options.end = End::kMax;
  } else if (!parser.Eat("min")) {
    return SyntaxError();
  }
  std::string_view count;
  if (parser.EatWithValue("count", &count)) {
    auto given = positive(count, "ERR count should be greater than 0");
    if (!given) return given.error();
    options.count = *given;
  }
  if (!parser.done()) return SyntaxError();
  return options;
}

}  // namespace

// ZPOPMIN key [count] -> members and scores, lowest first
Result<void> ZPopMin(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return PopPlain(ctx, args, End::kMin, reply);
}

// ZPOPMAX key [count] -> members and scores, highest first
Result<void> ZPopMax(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return PopPlain(ctx, args, End::kMax, reply);
}

// ZMPOP numkeys key [key …] MIN | MAX [COUNT count] -> [the first key that is there, members and scores], or null
Result<void> ZMPop(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseMPop(args, 1);
  if (!options) return options.error();
  auto found = FirstSet(ctx, options->keys);
  if (!found) return found.error();
  if (!found->set) {
    reply.NullArray();
    return {};
  }
  Pop(ctx, found->key, *found->set, options->end, options->count, false, {.with_key = true, .nested = true}, reply);
  return {};
}

// BZPOPMIN key [key …] timeout -> [key, member, score], or null after `timeout` seconds
Result<void> BZPopMin(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return PopOrBlock(ctx, args.subspan(1, args.size() - 2), args.back(), End::kMin, 1, false, reply);
}

// BZPOPMAX key [key …] timeout -> [key, member, score], or null after `timeout` seconds
Result<void> BZPopMax(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return PopOrBlock(ctx, args.subspan(1, args.size() - 2), args.back(), End::kMax, 1, false, reply);
}

// BZMPOP timeout numkeys key [key …] MIN | MAX [COUNT count] -> as ZMPOP, or null after `timeout` seconds
Result<void> BZMPop(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseMPop(args, 2);
  if (!options) return options.error();
  return PopOrBlock(ctx, options->keys, args[1], options->end, options->count, true, reply);
}

}  // namespace chestbox::sorted_sets
