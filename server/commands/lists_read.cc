// Commands that read lists, and how an element is replied.
#include <algorithm>

#include "server/commands/command_parser.h"
#include "server/commands/lists.h"
#include "server/commands/number_parsing.h"
#include "server/server.h"

namespace chestbox::lists {

void ReplyElement(const ListType& list, const PackedElement& element, ReplyWriter& reply) {
  if (element.kind == PackedElement::Kind::kString) {
    reply.Bulk(element.text);
    return;
  }
  char digits[shm::kIntegerTextBytesMax];
  reply.Bulk(list.Text(element, digits));
}

// LLEN key -> number of elements; 0 without the key
Result<void> LLen(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto list = ListType::Find(ctx, args[1], Look::kRead);
  if (!list) return list.error();
  reply.Integer(*list ? static_cast<int64_t>((*list)->size()) : 0);
  return {};
}

// LINDEX key index -> the element, or null
Result<void> LIndex(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto list = ListType::Find(ctx, args[1], Look::kRead);
  if (!list) return list.error();
  if (!*list) {
    reply.Null();
    return {};
  }
  auto index = IntegerArgument(args[2]);
  if (!index) return index.error();
  const auto size = static_cast<int64_t>((*list)->size());
  const int64_t at = *index < 0 ? *index + size : *index;
  if (at < 0 || at >= size) {
    reply.Null();
    return {};
  }
  ReplyElement(**list, (*list)->At(static_cast<uint64_t>(at)), reply);
  return {};
}

// LRANGE key start stop -> the elements
Result<void> LRange(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto start = IntegerArgument(args[2]);
  if (!start) return start.error();
  auto stop = IntegerArgument(args[3]);
  if (!stop) return stop.error();
  auto list = ListType::Find(ctx, args[1], Look::kRead);
  if (!list) return list.error();
  const int64_t size = *list ? static_cast<int64_t>((*list)->size()) : 0;
  const int64_t first = std::max<int64_t>(0, *start < 0 ? *start + size : *start);
  const int64_t last = std::min(*stop < 0 ? *stop + size : *stop, size - 1);
  if (first > last || first >= size) {
    reply.Array(0);
    return {};
  }
  const auto count = static_cast<uint64_t>(last - first + 1);
  reply.Array(count);
  (*list)->ForEach(static_cast<uint64_t>(first), count, false, [&](const PackedElement& element) {
    ReplyElement(**list, element, reply);
    return true;
  });
  return {};
}

namespace {

struct PositionRequest {
  uint64_t rank = 1;
  bool backwards = false;
  bool has_count = false;
  uint64_t count = 1;         // 0: all
  uint64_t look_at_most = 0;  // 0: all
};

Result<uint64_t> NotNegative(std::string_view text, std::string_view error) {
  auto value = IntegerArgument(text, error);
  if (!value) return value.error();
  if (*value < 0) return Error{std::string(error)};
  return static_cast<uint64_t>(*value);
}

Result<PositionRequest> ParsePosition(Args args) {
  PositionRequest request;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    std::string_view text;
    if (parser.EatWithValue("rank", &text)) {
      auto rank = IntegerArgument(text);
      if (!rank) return rank.error();
      if (*rank == 0) {
        return Error{
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
            "start from the end of the list"};
      }
      if (*rank == INT64_MIN) {
        return Error{"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"};
      }
      request.backwards = *rank < 0;
      request.rank = static_cast<uint64_t>(*rank < 0 ? -*rank : *rank);
    } else if (parser.EatWithValue("count", &text)) {
      auto count = NotNegative(text, "ERR COUNT can't be negative");
      if (!count) return count.error();
      request.has_count = true;
      request.count = *count;
    } else if (parser.EatWithValue("maxlen", &text)) {
      auto most = NotNegative(text, "ERR MAXLEN can't be negative");
      if (!most) return most.error();
      request.look_at_most = *most;
    } else {
      return SyntaxError();
    }
  }
  return request;
}

}  // namespace

// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len] -> index or null; with COUNT an array of indices
Result<void> LPos(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto request = ParsePosition(args);
  if (!request) return request.error();
  auto list = ListType::Find(ctx, args[1], Look::kRead);
  if (!list) return list.error();
  const uint64_t size = *list ? (*list)->size() : 0;
  std::vector<uint64_t> found;
  uint64_t matches = 0;
  if (size > 0) {
    const ElementMatch match(args[2], **list);
    uint64_t index = request->backwards ? size - 1 : 0;
    const uint64_t most = request->look_at_most == 0 ? size : request->look_at_most;
    (*list)->ForEach(index, most, request->backwards, [&](const PackedElement& element) {
      if (match(element) && ++matches >= request->rank) found.push_back(index);
      index += request->backwards ? uint64_t{0} - 1 : 1;
      return request->count == 0 || found.size() < request->count;
    });
  }
  if (request->has_count) {
    reply.Array(found.size());
    for (const uint64_t index : found) reply.Integer(static_cast<int64_t>(index));
  } else if (found.empty()) {
    reply.Null();
  } else {
    reply.Integer(static_cast<int64_t>(found.front()));
  }
  return {};
}

}  // namespace chestbox::lists
