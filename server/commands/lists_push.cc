// Commands that change lists but do not pop.
#include <algorithm>

#include "server/commands/command_parser.h"
#include "server/commands/lists.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"

namespace chestbox::lists {

void EffectAs(CommandContext& ctx, std::string_view name, Args args) {
  static thread_local std::vector<std::string_view> effect;
  effect.assign(args.begin(), args.end());
  effect[0] = name;
  ctx.Effect(effect);
}

namespace {

Result<void> Push(CommandContext& ctx, Args args, ReplyWriter& reply, ListEnd end, bool must_exist) {
  auto size = ListType::Push(ctx, args[1], args.subspan(2), end, must_exist);
  if (!size) return size.error();
  if (*size > 0) EffectAs(ctx, end == ListEnd::kFront ? "LPUSH" : "RPUSH", args);
  reply.Integer(static_cast<int64_t>(*size));
  return {};
}

// Ranks of the elements that match, at most `count` (0: all), in the order of the search.
std::vector<uint64_t> FindMatches(const ListType& list, std::string_view text, uint64_t count, bool backwards) {
  std::vector<uint64_t> found;
  const ElementMatch match(text, list);
  uint64_t index = backwards ? list.size() - 1 : 0;
  list.ForEach(index, list.size(), backwards, [&](const PackedElement& element) {
    if (match(element)) found.push_back(index);
    index += backwards ? uint64_t{0} - 1 : 1;
    return count == 0 || found.size() < count;
  });
  return found;
}

}  // namespace

// LPUSH key element [element …] -> the new length
Result<void> LPush(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Push(ctx, args, reply, ListEnd::kFront, false);
}

// RPUSH key element [element …] -> the new length
Result<void> RPush(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Push(ctx, args, reply, ListEnd::kBack, false);
}

// LPUSHX key element [element …] -> the new length; 0 without the key
Result<void> LPushX(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Push(ctx, args, reply, ListEnd::kFront, true);
}

// RPUSHX key element [element …] -> the new length; 0 without the key
Result<void> RPushX(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Push(ctx, args, reply, ListEnd::kBack, true);
}

// LINSERT key BEFORE|AFTER pivot element -> the new length; -1 without the pivot, 0 without the key
Result<void> LInsert(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const bool after = EqualIgnoringCase(args[2], "after");
  if (!after && !EqualIgnoringCase(args[2], "before")) return SyntaxError();
  auto list = ListType::Find(ctx, args[1], Look::kChange);
  if (!list) return list.error();
  if (!*list) {
    reply.Integer(0);
    return {};
  }
  const std::vector<uint64_t> pivot = FindMatches(**list, args[3], 1, false);
  if (pivot.empty()) {
    reply.Integer(-1);
    return {};
  }
  if (auto done = (*list)->Insert(ctx, pivot[0] + (after ? 1 : 0), args[4]); !done) return done;
  EffectAs(ctx, "LINSERT", args);
  reply.Integer(static_cast<int64_t>((*list)->size()));
  return {};
}

// LSET key index element -> OK
Result<void> LSet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto list = ListType::Find(ctx, args[1], Look::kChange);
  if (!list) return list.error();
  if (!*list) return Error{"ERR no such key"};
  auto index = IntegerArgument(args[2]);
  if (!index) return index.error();
  const auto size = static_cast<int64_t>((*list)->size());
  const int64_t at = *index < 0 ? *index + size : *index;
  if (at < 0 || at >= size) return Error{"ERR index out of range"};
  if (auto done = (*list)->Set(ctx, static_cast<uint64_t>(at), args[3]); !done) return done;
  EffectAs(ctx, "LSET", args);
  reply.Ok();
  return {};
}

// LREM key count element -> how many were removed; from the end if count is negative, all if it is 0
Result<void> LRem(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto count = IntegerArgument(args[2]);
  if (!count) return count.error();
  auto list = ListType::Find(ctx, args[1], Look::kChange);
  if (!list) return list.error();
  if (!*list) {
    reply.Integer(0);
    return {};
  }
  const bool backwards = *count < 0;
  const uint64_t most = backwards ? uint64_t{0} - static_cast<uint64_t>(*count) : static_cast<uint64_t>(*count);
  std::vector<uint64_t> found = FindMatches(**list, args[3], most, backwards);
  if (!backwards) std::reverse(found.begin(), found.end());
  // From the last one on, and neighbours at once.
  for (size_t i = 0; i < found.size();) {
    size_t run = 1;
    while (i + run < found.size() && found[i + run] == found[i] - run) ++run;
    (*list)->Erase(found[i + run - 1], run);
    i += run;
  }
  if (!found.empty()) {
    (*list)->EraseKeyIfEmpty();
    EffectAs(ctx, "LREM", args);
  }
  reply.Integer(static_cast<int64_t>(found.size()));
  return {};
}

// LTRIM key start stop -> OK
Result<void> LTrim(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto start = IntegerArgument(args[2]);
  if (!start) return start.error();
  auto stop = IntegerArgument(args[3]);
  if (!stop) return stop.error();
  auto list = ListType::Find(ctx, args[1], Look::kChange);
  if (!list) return list.error();
  if (!*list) {
    reply.Ok();
    return {};
  }
  const auto size = static_cast<int64_t>((*list)->size());
  const int64_t first = std::max<int64_t>(0, *start < 0 ? *start + size : *start);
  const int64_t last = std::min(*stop < 0 ? *stop + size : *stop, size - 1);
  if (first > last) {
    (*list)->EraseKey();
  } else {
    (*list)->Erase(static_cast<uint64_t>(last + 1), static_cast<uint64_t>(size - 1 - last));
    (*list)->Erase(0, static_cast<uint64_t>(first));
  }
  const bool changed = first > 0 || last < size - 1;
  if (changed) EffectAs(ctx, "LTRIM", args);
  reply.Ok();
  return {};
}

}  // namespace chestbox::lists
