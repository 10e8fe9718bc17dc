#include "server/types/sorted_set_type.h"

#include <string>

#include "server/client.h"
#include "server/server.h"

namespace chestbox {

using shm::PackedSortedSet;
using shm::PackedSplice;

namespace {

// Beyond the two elements: their sizes and encodings.
constexpr size_t kPairOverheadBytes = 64;

std::string PackedPair(std::string_view member, double score) {
  std::string pair;
  pair.reserve(member.size() + kPairOverheadBytes);
  shm::AppendElement(member, &pair);
  shm::AppendPackedScore(score, &pair);
  return pair;
}

bool IsAtMost(uint64_t value, int64_t limit) { return value <= static_cast<uint64_t>(limit); }

}  // namespace

Result<std::optional<SortedSet>> SortedSet::Find(CommandContext& ctx, std::string_view key, Look look) {
  const Look quiet = ctx.client.no_touch ? Look::kPeek : look;
  const std::optional<StateRef> state = ctx.keys.FindState(ctx.db, key, quiet);
  if (quiet != look && look == Look::kRead) ++(state ? ctx.keys.stats().hits : ctx.keys.stats().misses);
  if (!state) return std::optional<SortedSet>();
  if (state->type() != ValueType::kSortedSet) return WrongType();
  return std::optional<SortedSet>(SortedSet(ctx, *state));
}

Result<SortedSet> SortedSet::Create(CommandContext& ctx, std::string_view key, size_t) {
  auto state = ctx.keys.CreateState(ctx.db, key, ValueType::kSortedSet, CollectionEncoding::kPacked, shm::EmptyPacked(),
                                    kNoExpiry);
  if (!state) return state.error();
  return SortedSet(ctx, *state);
}

Result<void> SortedSet::Store(CommandContext& ctx, std::string_view key, std::span<const ScoredMember> members) {
  std::string block = shm::EmptyPacked();
  std::string pairs;
  for (const ScoredMember& each : members) {
    shm::AppendElement(each.member, &pairs);
    shm::AppendPackedScore(each.score, &pairs);
  }
  std::string whole(block.size() + pairs.size(), '\0');
  const PackedSplice splice{shm::kPackedHeaderBytes, shm::kPackedHeaderBytes, pairs,
                            static_cast<int>(members.size() * 2)};
  shm::CopySpliced(block.data(), splice, whole.data());
  auto state = ctx.keys.CreateState(ctx.db, key, ValueType::kSortedSet, CollectionEncoding::kPacked, whole, kNoExpiry);
  if (!state) return state.error();
  return {};
}

bool SortedSet::FitsPacked(size_t member_bytes) const {
  const Config& config = server_->config();
  const PackedSortedSet set = Packed();
  return IsAtMost(set.size() + 1, config.zset_max_listpack_entries) &&
         IsAtMost(member_bytes, config.zset_max_listpack_value_bytes) &&
         set.block().bytes() + member_bytes + kPairOverheadBytes <= shm::kPackedBytesMax;
}

Result<void> SortedSet::Add(std::string_view member, double score) { return AddPacked(member, score); }

Result<void> SortedSet::Move(std::string_view member, double, double score) { return MovePacked(member, score); }

void SortedSet::Remove(std::string_view member, double) {
  const PackedSortedSet set = Packed();
  double score = 0;
  const uint32_t position = set.Find(member, &score);
  CutPacked(position, set.Behind(position), 2);
}

void SortedSet::RemoveRanks(RankRange range) {
  if (range.count() == 0) return;
  const PackedSortedSet set = Packed();
  const uint32_t from = set.AtRank(range.first);
  uint32_t to = set.AtRank(range.last);
  if (to == 0) to = set.block().end();
  CutPacked(from, to, static_cast<int>(range.count() * 2));
}

// ---- Packed ----

Result<void> SortedSet::AddPacked(std::string_view member, double score) {
  const std::string pair = PackedPair(member, score);
  const uint32_t bytes = Packed().block().bytes();
  const uint32_t position = Packed().PositionFor(score, member);
  auto room = state_.Resize(bytes + pair.size());
  if (!room) return room.error();
  shm::ApplySplice(*room, {position, position, pair, 2});
  return {};
}

// Cuts the pair out and puts it in again, in room that is there for both.
Result<void> SortedSet::MovePacked(std::string_view member, double score) {
  const std::string pair = PackedPair(member, score);
  const PackedSortedSet set = Packed();
  double old_score = 0;
  const uint32_t from = set.Find(member, &old_score);
  const uint32_t to = set.Behind(from);
  uint32_t position = set.PositionFor(score, member);
  if (position > from) position = position >= to ? position - (to - from) : from;
  const uint64_t bytes = set.block().bytes();
  const uint64_t new_bytes = bytes + pair.size() - (to - from);
  char* block = nullptr;
  if (new_bytes > bytes) {
    auto room = state_.Resize(new_bytes);
    if (!room) return room.error();
    block = *room;
  } else {
    block = state_.Change();
  }
  shm::ApplySplice(block, {from, to, {}, -2});
  shm::ApplySplice(block, {position, position, pair, 2});
  if (new_bytes < bytes) (void)state_.Resize(new_bytes);
  return {};
}

void SortedSet::CutPacked(uint32_t from, uint32_t to, int elements) {
  char* block = state_.Change();
  shm::ApplySplice(block, {from, to, {}, -elements});
  // A block that cannot be had is no harm: the old one has room to spare then.
  (void)state_.Resize(Packed().block().bytes());
}

}  // namespace chestbox
