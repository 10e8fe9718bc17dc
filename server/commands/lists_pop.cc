// Commands that pop from lists, and wait for something to pop.
#include <algorithm>

#include "server/blocked_clients.h"
#include "server/commands/command_parser.h"
#include "server/commands/lists.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"

namespace chestbox::lists {

Result<ListEnd> EndArgument(std::string_view text) {
  if (EqualIgnoringCase(text, "left")) return ListEnd::kFront;
  if (EqualIgnoringCase(text, "right")) return ListEnd::kBack;
  return SyntaxError();
}

void PopAndReport(CommandContext& ctx, std::string_view key, ListType& list, ListEnd end, uint64_t count, bool plain) {
  if (count == list.size()) {
    list.EraseKey();
  } else {
    list.Erase(end == ListEnd::kFront ? 0 : list.size() - count, count);
  }
  const std::string_view name = end == ListEnd::kFront ? "LPOP" : "RPOP";
  if (plain) {
    ctx.Effect({name, key});
  } else {
    ctx.Effect({name, key, IntegerText(static_cast<int64_t>(count))});
  }
}

namespace {

// `count` elements from that end on, in the order in which they are popped.
void ReplyElements(const ListType& list, ListEnd end, uint64_t count, ReplyWriter& reply) {
  reply.Array(count);
  const bool backwards = end == ListEnd::kBack;
  list.ForEach(backwards ? list.size() - 1 : 0, count, backwards, [&](const PackedElement& element) {
    ReplyElement(list, element, reply);
    return true;
  });
}

void ReplyOne(const ListType& list, ListEnd end, ReplyWriter& reply) {
  ReplyElement(list, list.At(end == ListEnd::kFront ? 0 : list.size() - 1), reply);
}

Result<void> Pop(CommandContext& ctx, Args args, ReplyWriter& reply, ListEnd end) {
  const std::string_view key = args[1];
  const bool has_count = args.size() > 2;
  if (args.size() > 3) {
    return Error{std::string("ERR wrong number of arguments for '") + (end == ListEnd::kFront ? "lpop" : "rpop") +
                 "' command"};
  }
  int64_t count = 1;
  if (has_count) {
    auto parsed = IntegerArgument(args[2], "ERR value is out of range, must be positive");
    if (!parsed) return parsed.error();
    if (*parsed < 0) return Error{"ERR value is out of range, must be positive"};
    count = *parsed;
  }
  auto list = ListType::Find(ctx, key, Look::kChange);
  if (!list) return list.error();
  if (!*list) {
    has_count ? reply.NullArray() : reply.Null();
    return {};
  }
  if (count == 0) {
    reply.Array(0);
    return {};
  }
  const uint64_t popped = std::min(static_cast<uint64_t>(count), (*list)->size());
  if (has_count) {
    ReplyElements(**list, end, popped, reply);
  } else {
    ReplyOne(**list, end, reply);
  }
  PopAndReport(ctx, key, **list, end, popped, !has_count);
  return {};
}

// The first of the keys that has a list; nothing: none. When a waiting client is served, keys that have got another
// type meanwhile are passed over.
Result<std::optional<ListType>> FindFirst(CommandContext& ctx, std::span<const std::string_view> keys,
                                          std::string_view* key) {
  for (std::string_view each : keys) {
    auto list = ListType::Find(ctx, each, Look::kChange);
    if (!list && ctx.woken) continue;
    if (!list || *list) {
      *key = each;
      return list;
    }
  }
  return std::optional<ListType>();
}

struct MultiPop {
  std::span<const std::string_view> keys;
  ListEnd end = ListEnd::kFront;
  uint64_t count = 1;
};

Result<int64_t> Positive(std::string_view text, std::string_view error) {
  auto value = IntegerArgument(text, error);
  if (value && *value < 1) return Error{std::string(error)};
  return value;
}

// numkeys key [key …] LEFT|RIGHT [COUNT count], from args[first] on
Result<MultiPop> ParseMultiPop(Args args, size_t first) {
  auto keys = Positive(args[first], "ERR numkeys should be greater than 0");
  if (!keys) return keys.error();
  const size_t available = args.size() - first - 1;
  if (static_cast<uint64_t>(*keys) >= available) return SyntaxError();
  MultiPop request;
  request.keys = args.subspan(first + 1, static_cast<size_t>(*keys));
  auto end = EndArgument(args[first + 1 + request.keys.size()]);
  if (!end) return end.error();
  request.end = *end;
  CommandParser parser(args, first + 2 + request.keys.size());
  std::string_view text;
  if (parser.EatWithValue("count", &text)) {
    auto count = Positive(text, "ERR count should be greater than 0");
    if (!count) return count.error();
    request.count = static_cast<uint64_t>(*count);
  }
  if (!parser.done()) return SyntaxError();
  return request;
}

// False: there is nothing to pop.
Result<bool> PopFirst(CommandContext& ctx, const MultiPop& request, ReplyWriter& reply) {
  std::string_view key;
  auto list = FindFirst(ctx, request.keys, &key);
  if (!list) return list.error();
  if (!*list) return false;
  const uint64_t count = std::min(request.count, (*list)->size());
  reply.Array(2);
  reply.Bulk(key);
  ReplyElements(**list, request.end, count, reply);
  PopAndReport(ctx, key, **list, request.end, count, false);
  return true;
}

Result<void> BlockingPop(CommandContext& ctx, Args args, ReplyWriter& reply, ListEnd end) {
  auto deadline_ms = ParseBlockTimeout(ctx, args.back());
  if (!deadline_ms) return deadline_ms.error();
  const std::span<const std::string_view> keys = args.subspan(1, args.size() - 2);
  std::string_view key;
  auto list = FindFirst(ctx, keys, &key);
  if (!list) return list.error();
  if (!*list) return ctx.Block({.keys = keys, .type = ValueType::kList, .deadline_ms = *deadline_ms});
  reply.Array(2);
  reply.Bulk(key);
  ReplyOne(**list, end, reply);
  PopAndReport(ctx, key, **list, end, 1, true);
  return {};
}

}  // namespace

// LPOP key [count] -> the element or null; with a count an array
Result<void> LPop(CommandContext& ctx, Args args, ReplyWriter& reply) { return Pop(ctx, args, reply, ListEnd::kFront); }

// RPOP key [count] -> the element or null; with a count an array
Result<void> RPop(CommandContext& ctx, Args args, ReplyWriter& reply) { return Pop(ctx, args, reply, ListEnd::kBack); }

// LMPOP numkeys key [key …] LEFT|RIGHT [COUNT count] -> key and elements, or null
Result<void> LMPop(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto request = ParseMultiPop(args, 1);
  if (!request) return request.error();
  auto popped = PopFirst(ctx, *request, reply);
  if (!popped) return popped.error();
  if (!*popped) reply.NullArray();
  return {};
}

// BLPOP key [key …] timeout -> key and element, or null
Result<void> BLPop(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return BlockingPop(ctx, args, reply, ListEnd::kFront);
}

// BRPOP key [key …] timeout -> key and element, or null
Result<void> BRPop(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return BlockingPop(ctx, args, reply, ListEnd::kBack);
}

// BLMPOP timeout numkeys key [key …] LEFT|RIGHT [COUNT count] -> key and elements, or null
Result<void> BLMPop(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto request = ParseMultiPop(args, 2);
  if (!request) return request.error();
  auto deadline_ms = ParseBlockTimeout(ctx, args[1]);
  if (!deadline_ms) return deadline_ms.error();
  auto popped = PopFirst(ctx, *request, reply);
  if (!popped) return popped.error();
  if (*popped) return {};
  return ctx.Block({.keys = request->keys, .type = ValueType::kList, .deadline_ms = *deadline_ms});
}

}  // namespace chestbox::lists
