// SortedSet's writes to a packed block.
#include <string>

#include "server/server.h"
#include "server/types/sorted_set_type.h"

namespace chestbox {

using shm::PackedSortedSet;

namespace {

// Beyond a member's bytes: encodings, sizes and the score.
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

bool SortedSet::FitsPacked(size_t member_bytes) const {
  const Config& config = server_->config();
  const PackedSortedSet set = Packed();
  return IsAtMost(set.size() + 1, config.zset_max_listpack_entries) &&
         IsAtMost(member_bytes, config.zset_max_listpack_value_bytes) &&
         set.block().bytes() + member_bytes + kPairOverheadBytes <= shm::kPackedBytesMax;
}

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
Result<void> SortedSet::MovePacked(uint32_t from, std::string_view member, double score) {
  const std::string pair = PackedPair(member, score);
  const PackedSortedSet set = Packed();
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
