// Unions, intersections and differences.
#include <algorithm>
#include <climits>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sets.h"
#include "server/types/set_type.h"

namespace chestbox::sets {

namespace {

// The members of a result in private memory: the target may be one of the sources.
using Members = std::vector<std::string>;
using Sources = std::vector<std::optional<SetType>>;

Result<Sources> FindSources(CommandContext& ctx, Args keys) {
  // A key that has expired is removed when it is met, which would make what was found before void: meet all of them
  // first.
  const Look look = ctx.client.no_touch ? Look::kPeek : Look::kRead;
  for (std::string_view key : keys) {
    if (auto found = SetType::Find(ctx, key, look); !found) return found.error();
  }
  Sources sources;
  for (std::string_view key : keys) {
    auto found = SetType::Find(ctx, key, Look::kPeek);
    if (!found) return found.error();
    sources.push_back(*found);
  }
  return sources;
}

// visit(member) -> bool: go on.
template <class Visit>
void ForEachCommon(Sources& sources, Visit&& visit) {
  if (std::any_of(sources.begin(), sources.end(), [](const auto& set) { return !set; })) return;
  std::sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) { return a->size() < b->size(); });
  sources.front()->ForEachWhile([&](std::string_view member) {
    const bool common =
        std::all_of(sources.begin() + 1, sources.end(), [&](const auto& set) { return set->Contains(member); });
    return !common || visit(member);
  });
}

Members Intersection(Sources& sources) {
  Members members;
  ForEachCommon(sources, [&](std::string_view member) {
    members.emplace_back(member);
    return true;
  });
  return members;
}

Members Union(Sources& sources) {
  std::unordered_set<std::string> members;
  for (const auto& set : sources) {
    if (set) set->ForEach([&](std::string_view member) { members.emplace(member); });
  }
  return {members.begin(), members.end()};
}

// Asks the other sets for each member of the first, or takes each of their members out of it: whichever is less work.
Members Difference(Sources& sources) {
  Members members;
  if (!sources.front()) return members;
  const SetType& first = *sources.front();
  uint64_t asked = 0;
  uint64_t taken_out = first.size();
  for (const auto& set : std::span(sources).subspan(1)) {
    asked += set ? first.size() : 0;
    taken_out += set ? set->size() : 0;
  }
  const auto others = std::span(sources).subspan(1);
  if (asked / 2 <= taken_out) {
    first.ForEach([&](std::string_view member) {
      const bool elsewhere =
          std::any_of(others.begin(), others.end(), [&](const auto& set) { return set && set->Contains(member); });
      if (!elsewhere) members.emplace_back(member);
    });
    return members;
  }
  std::unordered_set<std::string> left;
  first.ForEach([&](std::string_view member) { left.emplace(member); });
  for (const auto& set : others) {
    if (set) set->ForEach([&](std::string_view member) { left.erase(std::string(member)); });
  }
  return {left.begin(), left.end()};
}

using Operation = Members (*)(Sources&);

Result<void> Reply(CommandContext& ctx, Args keys, Operation operation, ReplyWriter& reply) {
  auto sources = FindSources(ctx, keys);
  if (!sources) return sources.error();
  const Members members = operation(*sources);
  reply.Set(members.size());
  for (const std::string& member : members) reply.Bulk(member);
  return {};
}

// Puts the result in the place of whatever is at `target`; an empty one removes it.
Result<void> Store(CommandContext& ctx, std::string_view target, Args keys, Operation operation, ReplyWriter& reply) {
  auto sources = FindSources(ctx, keys);
  if (!sources) return sources.error();
  const Members members = operation(*sources);
  const bool existed = ctx.keys.Exists(ctx.db, target);
  if (members.empty()) {
    if (existed) {
      ctx.keys.Erase(ctx.db, target);
      ctx.Effect({"DEL", target});
    }
  } else {
    const std::vector<std::string_view> views(members.begin(), members.end());
    if (auto stored = SetType::Store(ctx, target, views); !stored) return stored;
    if (existed) ctx.Effect({"DEL", target});
    ReportMembers(ctx, "SADD", target, views);
  }
  reply.Integer(static_cast<int64_t>(members.size()));
  return {};
}

}  // namespace

// SINTER key … -> the members that all have
Result<void> SInter(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Reply(ctx, args.subspan(1), Intersection, reply);
}

// SUNION key … -> the members that any has
Result<void> SUnion(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Reply(ctx, args.subspan(1), Union, reply);
}

// SDIFF key … -> the members that only the first has
Result<void> SDiff(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Reply(ctx, args.subspan(1), Difference, reply);
}

// SINTERSTORE, SUNIONSTORE, SDIFFSTORE destination key … -> size of the result, which is at destination now
Result<void> SInterStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Store(ctx, args[1], args.subspan(2), Intersection, reply);
}
Result<void> SUnionStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Store(ctx, args[1], args.subspan(2), Union, reply);
}
Result<void> SDiffStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Store(ctx, args[1], args.subspan(2), Difference, reply);
}

// SINTERCARD numkeys key … [LIMIT limit] -> size of the intersection, counted up to the limit
Result<void> SInterCard(CommandContext& ctx, Args args, ReplyWriter& reply) {
  constexpr char kNumkeys[] = "ERR numkeys should be greater than 0";
  auto count = IntegerArgument(args[1], kNumkeys);
  if (!count) return count.error();
  if (*count < 1) return Error{kNumkeys};
  if (*count > static_cast<int64_t>(args.size()) - 2) {
    return Error{"ERR Number of keys can't be greater than number of args"};
  }
  const auto keys = static_cast<size_t>(*count);
  int64_t limit = 0;
  CommandParser parser(args, 2 + keys);
  while (!parser.done()) {
    constexpr char kLimit[] = "ERR LIMIT can't be negative";
    std::string_view value;
    if (!parser.EatWithValue("limit", &value)) return SyntaxError();
    auto given = IntegerArgument(value, kLimit);
    if (!given) return given.error();
    if (*given < 0) return Error{kLimit};
    limit = *given;
  }
  auto sources = FindSources(ctx, args.subspan(2, keys));
  if (!sources) return sources.error();
  int64_t common = 0;
  ForEachCommon(*sources, [&](std::string_view) { return ++common != limit; });
  reply.Integer(common);
  return {};
}

}  // namespace chestbox::sets
