#include "server/types/sorted_set_type.h"

#include <string>

#include "server/client.h"
#include "server/server.h"

namespace chestbox {

using shm::PackedSortedSet;

namespace {

bool FitsPackedBlock(std::span<const ScoredMember> members, const Config& config) {
  if (members.size() > static_cast<uint64_t>(config.zset_max_listpack_entries)) return false;
  uint64_t bytes = 0;
  for (const ScoredMember& each : members) {
    if (each.member.size() > static_cast<uint64_t>(config.zset_max_listpack_value_bytes)) return false;
    bytes += each.member.size();
  }
  return bytes <= shm::kPackedBytesMax / 2;
}

std::string PackedBlockOf(std::span<const ScoredMember> members) {
  std::string pairs;
  for (const ScoredMember& each : members) {
    shm::AppendElement(each.member, &pairs);
    shm::AppendPackedScore(each.score, &pairs);
  }
  const std::string empty = shm::EmptyPacked();
  std::string block(empty.size() + pairs.size(), '\0');
  shm::CopySpliced(empty.data(),
                   {shm::kPackedHeaderBytes, shm::kPackedHeaderBytes, pairs, static_cast<int>(members.size() * 2)},
                   block.data());
  return block;
}

}  // namespace

Result<std::optional<SortedSet>> SortedSet::Find(CommandContext& ctx, std::string_view key, Look look) {
  const Look quiet = ctx.client.no_touch ? Look::kPeek : look;
  const std::optional<StateRef> state = ctx.keys.FindState(ctx.db, key, quiet);
  if (quiet != look && look == Look::kRead) ++(state ? ctx.keys.stats().hits : ctx.keys.stats().misses);
  if (!state) return std::optional<SortedSet>();
  if (state->type() != ValueType::kSortedSet) return WrongType();
  return std::optional<SortedSet>(SortedSet(ctx, *state));
}

Result<SortedSet> SortedSet::Create(CommandContext& ctx, std::string_view key, size_t member_bytes) {
  const Config& config = ctx.server.config();
  auto state = ctx.keys.CreateState(ctx.db, key, ValueType::kSortedSet, CollectionEncoding::kPacked, shm::EmptyPacked(),
                                    kNoExpiry);
  if (!state) return state.error();
  SortedSet set(ctx, *state);
  if (config.zset_max_listpack_entries == 0 ||
      member_bytes > static_cast<uint64_t>(config.zset_max_listpack_value_bytes)) {
    if (auto large = set.MakeLarge(); !large) {
      set.Drop();
      return large.error();
    }
  }
  return set;
}

Result<void> SortedSet::Store(CommandContext& ctx, std::string_view key, std::span<const ScoredMember> members) {
  const auto create = [&](CollectionEncoding encoding, std::string_view bytes) -> Result<void> {
    auto state = ctx.keys.CreateState(ctx.db, key, ValueType::kSortedSet, encoding, bytes, kNoExpiry);
    if (!state) return state.error();
    return {};
  };
  if (FitsPackedBlock(members, ctx.server.config())) {
    return create(CollectionEncoding::kPacked, PackedBlockOf(members));
  }
  shm::ScoreIndex index(ctx.keys.memory());
  if (!index.Create()) return OutOfMemory();
  for (const ScoredMember& each : members) {
    if (!index.PushBack(each.member, each.score)) {
      index.Free();
      return OutOfMemory();
    }
  }
  auto created = create(CollectionEncoding::kTableTree, BytesOf(index.head()));
  if (!created) index.Free();
  return created;
}

SortedSet::Place SortedSet::Locate(std::string_view member) const {
  Place place;
  if (is_packed()) {
    double score = 0;
    place.position = Packed().Find(member, &score);
    if (place.position != 0) place.score = score;
    return place;
  }
  shm::ScoreIndex index(memory(), Head());
  place.row = index.Find(member);
  if (place.row.found) place.score = shm::ScoreOf(place.row.row.value);
  return place;
}

Result<void> SortedSet::Add(const Place& place, std::string_view member, double score) {
  if (!is_packed()) {
    return Change([&](shm::ScoreIndex& index) { return index.Insert(place.row, member, score); });
  }
  if (FitsPacked(member.size())) return AddPacked(member, score);
  if (auto large = MakeLarge(); !large) return large;
  return Change([&](shm::ScoreIndex& index) { return index.Insert(index.Find(member), member, score); });
}

Result<void> SortedSet::Move(const Place& place, std::string_view member, double score) {
  if (is_packed()) return MovePacked(place.position, member, score);
  return Change([&](shm::ScoreIndex& index) { return index.Move(place.row, member, score); });
}

void SortedSet::Remove(const Place& place, std::string_view member) {
  if (is_packed()) {
    CutPacked(place.position, Packed().Behind(place.position), 2);
    return;
  }
  CHECK(Change([&](shm::ScoreIndex& index) {
    index.Erase(place.row, member);
    return true;
  }));
}

void SortedSet::RemoveRanks(RankRange range) {
  if (range.count() == 0) return;
  if (is_packed()) {
    const PackedSortedSet set = Packed();
    const uint32_t to = set.AtRank(range.last);
    CutPacked(set.AtRank(range.first), to == 0 ? set.block().end() : to, static_cast<int>(range.count() * 2));
    return;
  }
  CHECK(Change([&](shm::ScoreIndex& index) {
    Reader().ForEach(range.first, range.count(), false, [&](const ScoredMember& each) {
      index.EraseFromTable(each.member);
      return true;
    });
    index.EraseFromTree(range);
    return true;
  }));
}

// ---- Large ----

shm::TableTreeHead SortedSet::Head() const {
  shm::TableTreeHead head;
  CHECK(shm::LoadTableTreeHead(state_.bytes(), &head));
  return head;
}

Result<void> SortedSet::MakeLarge() {
  shm::ScoreIndex index(memory());
  if (!index.Create()) return OutOfMemory();
  bool stored = true;
  Packed().ForEach(0, UINT64_MAX, false,
                   [&](const ScoredMember& each) { return stored = index.PushBack(each.member, each.score); });
  if (stored && state_.Replace(CollectionEncoding::kTableTree, BytesOf(index.head()))) return {};
  index.Free();
  return OutOfMemory();
}

}  // namespace chestbox
