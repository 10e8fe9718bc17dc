// SPOP and SRANDMEMBER.
#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <random>
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

// Up to this part of a set, random picks that are thrown away when they come twice are cheaper than a walk over it.
constexpr uint64_t kPickedPart = 3;

std::mt19937_64& Generator() {
  static std::mt19937_64 generator{std::random_device{}()};  // executor thread only
  return generator;
}

// `count` members, fewer than the set has, each subset as likely as another.
std::vector<std::string> Sample(const SetType& set, uint64_t count) {
  std::vector<std::string> chosen;
  if (count * kPickedPart < set.size()) {
    std::unordered_set<std::string> known;
    while (chosen.size() < count) {
      std::string member = set.RandomMember(Generator());
      if (known.insert(member).second) chosen.push_back(std::move(member));
    }
    return chosen;
  }
  uint64_t left = set.size();
  set.ForEach([&](std::string_view member) {
    // As many of the rest as are still to be chosen.
    if (Generator()() % left-- < count - chosen.size()) chosen.emplace_back(member);
  });
  std::shuffle(chosen.begin(), chosen.end(), Generator());
  return chosen;
}

std::vector<std::string_view> Views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

// Removes `members`, which are there.
void Remove(CommandContext& ctx, std::string_view key, SetType& set, std::span<const std::string_view> members) {
  for (std::string_view member : members) (void)set.Erase(member);
  if (set.size() == 0) ctx.keys.Erase(ctx.db, key);
  ReportMembers(ctx, "SREM", key, members);
}

Result<void> PopOne(CommandContext& ctx, std::string_view key, std::optional<SetType>& set, ReplyWriter& reply) {
  if (!set) {
    reply.Null();
    return {};
  }
  const std::string member = set->RandomMember(Generator());
  const std::string_view members[] = {member};
  Remove(ctx, key, *set, members);
  reply.Bulk(member);
  return {};
}

}  // namespace

// SPOP key [count] -> a member, or as many; they are removed
Result<void> SPop(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 3) return SyntaxError();
  int64_t count = -1;
  if (args.size() == 3) {
    auto given = IntegerArgument(args[2], "ERR value is out of range, must be positive");
    if (!given) return given.error();
    if (*given < 0) return Error{"ERR value is out of range, must be positive"};
    count = *given;
  }
  auto set = SetType::Find(ctx, args[1], ctx.client.no_touch ? Look::kPeek : Look::kChange);
  if (!set) return set.error();
  if (count < 0) return PopOne(ctx, args[1], *set, reply);
  if (!*set || count == 0) {
    reply.Set(0);
    return {};
  }
  SetType& members = **set;
  if (static_cast<uint64_t>(count) >= members.size()) {
    reply.Set(members.size());
    members.ForEach([&](std::string_view member) { reply.Bulk(member); });
    ctx.keys.Erase(ctx.db, args[1]);
    ctx.Effect({"DEL", args[1]});
    return {};
  }
  const std::vector<std::string> chosen = Sample(members, static_cast<uint64_t>(count));
  Remove(ctx, args[1], members, Views(chosen));
  reply.Set(chosen.size());
  for (const std::string& member : chosen) reply.Bulk(member);
  return {};
}

// SRANDMEMBER key [count] -> a member; or count different ones; or, below 0, -count that may be the same
Result<void> SRandMember(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 3) return SyntaxError();
  int64_t count = 0;
  if (args.size() == 3) {
    auto given = IntegerArgument(args[2]);
    if (!given) return given.error();
    if (*given < -LONG_MAX)
      return Error{fmt::format("ERR value is out of range, value must between {} and {}", -LONG_MAX, LONG_MAX)};
    count = *given;
  }
  auto found = SetType::Find(ctx, args[1], ctx.client.no_touch ? Look::kPeek : Look::kRead);
  if (!found) return found.error();
  if (args.size() == 2) {
    if (*found) {
      reply.Bulk((*found)->RandomMember(Generator()));
    } else {
      reply.Null();
    }
    return {};
  }
  if (!*found || count == 0) {
    reply.Array(0);
    return {};
  }
  const SetType& set = **found;
  if (count < 0) {
    const auto picks = static_cast<uint64_t>(-count);
    reply.Array(picks);
    for (uint64_t i = 0; i < picks; ++i) reply.Bulk(set.RandomMember(Generator()));
    return {};
  }
  // Redis answers with a set in some of these cases and an array in others; RESP2 has only one word for both.
  if (static_cast<uint64_t>(count) >= set.size()) {
    reply.Array(set.size());
    set.ForEach([&](std::string_view member) { reply.Bulk(member); });
    return {};
  }
  const std::vector<std::string> chosen = Sample(set, static_cast<uint64_t>(count));
  reply.Array(chosen.size());
  for (const std::string& member : chosen) reply.Bulk(member);
  return {};
}

}  // namespace chestbox::sets
