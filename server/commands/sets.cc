#include "server/commands/sets.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/client.h"
#include "server/commands/collection_scan.h"
#include "server/server.h"
#include "server/types/set_type.h"

namespace chestbox::sets {

namespace {

// Members that one effect names at most, so that no effect is as large as a set.
constexpr size_t kEffectMembersMax = 1024;

Look ReadLook(const CommandContext& ctx) { return ctx.client.no_touch ? Look::kPeek : Look::kRead; }
Look ChangeLook(const CommandContext& ctx) { return ctx.client.no_touch ? Look::kPeek : Look::kChange; }

}  // namespace

void ReportMembers(CommandContext& ctx, std::string_view name, std::string_view key,
                   std::span<const std::string_view> members) {
  std::vector<std::string_view> effect;
  while (!members.empty()) {
    const auto part = members.first(std::min(members.size(), kEffectMembersMax));
    members = members.subspan(part.size());
    effect.assign({name, key});
    effect.insert(effect.end(), part.begin(), part.end());
    ctx.Effect(effect);
  }
}

// SADD key member … -> how many of them are new
Result<void> SAdd(CommandContext& ctx, Args args, ReplyWriter& reply) {
  std::vector<std::string_view> added;
  const Result<void> outcome = SetType::Add(ctx, args[1], args.subspan(2), &added);
  ReportMembers(ctx, "SADD", args[1], added);
  if (!outcome) return outcome;  // out of memory half way: what was added is there, and was reported
  reply.Integer(static_cast<int64_t>(added.size()));
  return {};
}

// SREM key member … -> how many of them were there
Result<void> SRem(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SetType::Find(ctx, args[1], ChangeLook(ctx));
  if (!set) return set.error();
  std::vector<std::string_view> removed;
  if (*set) {
    for (std::string_view member : args.subspan(2)) {
      if (!(*set)->Erase(member)) continue;
      removed.push_back(member);
      if ((*set)->size() != 0) continue;
      ctx.keys.Erase(ctx.db, args[1]);
      break;
    }
  }
  ReportMembers(ctx, "SREM", args[1], removed);
  reply.Integer(static_cast<int64_t>(removed.size()));
  return {};
}

// SMOVE source destination member -> 1 if it was moved, 0 if source does not have it
Result<void> SMove(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view member = args[3];
  auto source = SetType::Find(ctx, args[1], ChangeLook(ctx));
  // The type of the target counts only when there is a source.
  if (source.ok() && !*source) {
    reply.Integer(0);
    return {};
  }
  if (!source) return source.error();
  auto target = SetType::Find(ctx, args[2], ChangeLook(ctx));
  if (!target) return target.error();
  // Finding the target may have removed an expired key.
  source = SetType::Find(ctx, args[1], Look::kPeek);
  if (!source) return source.error();
  if (!(*source)->Contains(member) || args[1] == args[2]) {
    reply.Integer((*source)->Contains(member) ? 1 : 0);
    return {};
  }
  // First the part that can fail.
  std::vector<std::string_view> added;
  if (auto outcome = SetType::Add(ctx, args[2], args.subspan(3), &added); !outcome) return outcome;
  source = SetType::Find(ctx, args[1], Look::kPeek);
  if (!source) return source.error();
  (void)(*source)->Erase(member);
  if ((*source)->size() == 0) ctx.keys.Erase(ctx.db, args[1]);
  ctx.Effect({"SREM", args[1], member});
  ReportMembers(ctx, "SADD", args[2], added);
  reply.Integer(1);
  return {};
}

// SCARD key -> number of members
Result<void> SCard(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SetType::Find(ctx, args[1], ReadLook(ctx));
  if (!set) return set.error();
  reply.Integer(*set ? static_cast<int64_t>((*set)->size()) : 0);
  return {};
}

// SISMEMBER key member -> 1 if it is there
Result<void> SIsMember(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SetType::Find(ctx, args[1], ReadLook(ctx));
  if (!set) return set.error();
  reply.Integer(*set && (*set)->Contains(args[2]) ? 1 : 0);
  return {};
}

// SMISMEMBER key member … -> 1 or 0 for each
Result<void> SMIsMember(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SetType::Find(ctx, args[1], ReadLook(ctx));
  if (!set) return set.error();
  reply.Array(args.size() - 2);
  for (std::string_view member : args.subspan(2)) reply.Integer(*set && (*set)->Contains(member) ? 1 : 0);
  return {};
}

// SMEMBERS key -> all members
Result<void> SMembers(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto set = SetType::Find(ctx, args[1], ReadLook(ctx));
  if (!set) return set.error();
  reply.Set(*set ? (*set)->size() : 0);
  if (*set) (*set)->ForEach([&](std::string_view member) { reply.Bulk(member); });
  return {};
}

// SSCAN key cursor [MATCH pattern] [COUNT count] -> [the next cursor, members]. Small sets come whole.
Result<void> SScan(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto cursor = ScanCursorArgument(args[2]);
  if (!cursor) return cursor.error();
  auto set = SetType::Find(ctx, args[1], ReadLook(ctx));
  if (!set) return set.error();
  if (!*set) {
    reply.Array(2);
    reply.Bulk("0");
    reply.Array(0);
    return {};
  }
  auto scan = ParseCollectionScan(args);
  if (!scan) return scan.error();
  std::vector<std::string> found;
  const uint64_t next = (*set)->Scan(*cursor, scan->count, [&](std::string_view member) {
    if (scan->Wants(member)) found.emplace_back(member);
  });
  reply.Array(2);
  reply.Bulk(std::to_string(next));
  reply.Array(found.size());
  for (const std::string& member : found) reply.Bulk(member);
  return {};
}

}  // namespace chestbox::sets
