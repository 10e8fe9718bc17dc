#include "protocol/shm/index_writer.h"

#include <algorithm>

#include "protocol/check.h"

namespace chestbox::shm {

IndexWriter::IndexWriter(ArenaMemory& memory, WriteScope& scope, SegmentTable& segments, uint32_t database,
                         HashFunction hash_of)
    : memory_(memory), scope_(scope), segments_(segments), database_(database), hash_of_(hash_of) {}

bool IndexWriter::Create() {
  if (!memory_.Commit(DirectoryOffset(database_), kDirectoryPageBytes)) return false;
  const Link segment = NewSegment();
  if (segment == 0) return false;
  header().depth.store(0, std::memory_order_relaxed);
  RacyStore32(&directory()[0], segment);
  segment_count_ = 1;
  segments_of_depth_ = {1};
  return true;
}

uint64_t IndexWriter::HashOfLive(uint64_t entry) const {
  const char* block = memory_.At(EntryLink(entry));
  const uint64_t offset = KeyOffset((entry & kEntryExpires) != 0);
  return hash_of_({block + offset, LoadHeader(block).key_bytes}, memory_.header().hash_seed);
}

bool IndexWriter::HoldsKey(uint64_t entry, std::string_view key) const {
  const char* block = memory_.At(EntryLink(entry));
  return LoadHeader(block).key_bytes == key.size() && RacyEqual(block + KeyOffset((entry & kEntryExpires) != 0), key);
}

SlotRef IndexWriter::Find(std::string_view key, uint64_t hash) const {
  SlotRef ref;
  ref.hash = hash;
  const Link slot = DirectorySlot(hash);
  ref.segment = SegmentLink(slot);
  ref.home = &SegmentAt(slot)->buckets[BucketIndex(hash, SegmentDepth(slot))];
  for (Bucket* bucket = ref.home; bucket != nullptr;) {
    Bucket* next = nullptr;
    for (std::atomic<uint64_t>& candidate : bucket->entries) {
      const uint64_t entry = candidate.load(std::memory_order_relaxed);
      if (!EntryHasTagOf(entry, hash) && !IsOverflow(entry)) continue;
      if (IsOverflow(entry)) {
        next = reinterpret_cast<Bucket*>(memory_.At(EntryLink(entry)));
      } else if ((entry & kEntryLive) != 0) {
        if (!HoldsKey(entry, key)) continue;
        ref.slot = &candidate;
        ref.entry = entry;
        return ref;
      } else if ((entry & kEntrySwapped) != 0 && SwappedMatches(entry, hash) && ref.slot == nullptr) {
        ref.slot = &candidate;  // perhaps another key of the same hash: a live entry further on wins
        ref.entry = entry;
      }
    }
    bucket = next;
  }
  return ref;
}

void IndexWriter::Count(Link segment, uint64_t entry, int64_t expire_at_ms, int sign) {
  SegmentInfo& info = segments_[segment];
  info.entries += static_cast<uint32_t>(sign);
  entries_ += static_cast<uint64_t>(static_cast<int64_t>(sign));
  if ((entry & kEntrySwapped) != 0) swapped_out_ += static_cast<uint64_t>(static_cast<int64_t>(sign));
  if ((entry & kEntryExpires) == 0) return;
  expiring_ += static_cast<uint64_t>(static_cast<int64_t>(sign));
  if ((entry & kEntryLive) == 0) return;
  info.expiring += static_cast<uint32_t>(sign);
  if (sign > 0) info.earliest_expiry_ms = std::min(info.earliest_expiry_ms, expire_at_ms);
}

// An empty slot in the chain of `home`, which gets an overflow bucket if it has none left. Null: no memory.
std::atomic<uint64_t>* IndexWriter::FreeSlot(Bucket* home, uint64_t hash) {
  Bucket* bucket = home;
  while (true) {
    for (std::atomic<uint64_t>& slot : bucket->entries) {
      if (slot.load(std::memory_order_relaxed) == 0) return &slot;
    }
    const uint64_t last = bucket->entries[kLastSlot].load(std::memory_order_relaxed);
    if (!IsOverflow(last)) break;
    bucket = reinterpret_cast<Bucket*>(memory_.At(EntryLink(last)));
  }
  const Link link = memory_.Allocate(sizeof(Bucket));
  if (link == 0) return nullptr;
  auto* overflow = reinterpret_cast<Bucket*>(memory_.At(link));
  CHECK(uint64_t{link} * kGranuleBytes % alignof(Bucket) == 0);
  overflow->version.store(0, std::memory_order_relaxed);
  for (std::atomic<uint64_t>& slot : overflow->entries) slot.store(0, std::memory_order_relaxed);
  CloseBucket(home, hash);
  overflow->entries[0].store(bucket->entries[kLastSlot].load(std::memory_order_relaxed), std::memory_order_relaxed);
  bucket->entries[kLastSlot].store(kEntryOverflow | link, std::memory_order_relaxed);
  return &overflow->entries[1];
}

bool IndexWriter::Insert(uint64_t hash, uint64_t entry, int64_t expire_at_ms) {
  if (growing_) GrowStep();
  Link slot = DirectorySlot(hash);
  if (segments_[SegmentLink(slot)].entries >= kSplitAbove && MaySplit(slot)) {
    Split(hash, slot);
    slot = DirectorySlot(hash);
  }
  Bucket* home = &SegmentAt(slot)->buckets[BucketIndex(hash, SegmentDepth(slot))];
  std::atomic<uint64_t>* free_slot = FreeSlot(home, hash);
  if (free_slot == nullptr) return false;
  CloseBucket(home, hash);
  free_slot->store(entry, std::memory_order_relaxed);
  Count(SegmentLink(slot), entry, expire_at_ms, +1);
  return true;
}

void IndexWriter::Replace(SlotRef& ref, uint64_t entry, int64_t expire_at_ms) {
  Close(ref);
  Count(ref.segment, ref.entry, kNeverMs, -1);
  Count(ref.segment, entry, expire_at_ms, +1);
  ref.slot->store(entry, std::memory_order_relaxed);
  ref.entry = entry;
  scope_.Step(WriteStep::kUnlinked);
}

void IndexWriter::Erase(const SlotRef& ref, uint64_t hash) {
  CloseBucket(ref.home, hash);
  ref.slot->store(0, std::memory_order_relaxed);
  scope_.Step(WriteStep::kUnlinked);
  Count(ref.segment, ref.entry, kNeverMs, -1);
  FreeEmptyOverflow(ref.home);
  if (segments_[ref.segment].entries < kMergeBelow) {
    while (Merge(hash)) {
    }
  }
}

void IndexWriter::FreeEmptyOverflow(Bucket* home) {
  Bucket* before = home;
  while (true) {
    const uint64_t link_entry = before->entries[kLastSlot].load(std::memory_order_relaxed);
    if (!IsOverflow(link_entry)) return;
    auto* bucket = reinterpret_cast<Bucket*>(memory_.At(EntryLink(link_entry)));
    uint64_t used = 0;
    uint64_t only = 0;
    for (const std::atomic<uint64_t>& slot : bucket->entries) {
      const uint64_t entry = slot.load(std::memory_order_relaxed);
      if (entry == 0) continue;
      ++used;
      only = entry;
    }
    if (used <= 1) {  // empty, or one entry or onward link, which fits the slot that the link leaves
      before->entries[kLastSlot].store(only, std::memory_order_relaxed);
      memory_.Free(EntryLink(link_entry));
      continue;
    }
    before = bucket;
  }
}

uint64_t IndexWriter::SegmentBegin(uint64_t position) const {
  const uint32_t local_depth = SegmentDepth(DirectorySlot(ReverseBits(position)));
  return local_depth == 0 ? 0 : position & ~((uint64_t{1} << (64 - local_depth)) - 1);
}

// ---- FLUSH ----

void IndexWriter::Clear(Detached* detached) {
  const uint64_t slots = uint64_t{1} << depth();
  const Link root = SegmentLink(directory()[0]);
  for (uint64_t i = 1; i < slots; ++i) {
    const Link slot = directory()[i];
    if (i < (uint64_t{1} << SegmentDepth(slot))) detached->segments.push_back(SegmentLink(slot));
  }
  scope_.Close(header().epoch);
  // The first segment is emptied and kept, so that FLUSH needs no memory.
  std::vector<Item> items;
  std::vector<Link> overflow;
  Collect(root, &items, &overflow);
  for (const Item& item : items) detached->entries.push_back(item.entry);
  std::vector<Link> none;
  Fill(root, 0, {}, &none);
  for (Link link : overflow) memory_.Free(link);
  header().depth.store(0, std::memory_order_relaxed);
  RacyStore32(&directory()[0], root);
  const uint64_t directory_bytes = (growing_ ? 2 * slots : slots) * sizeof(Link);
  if (directory_bytes > kDirectoryPageBytes) {
    memory_.Release(DirectoryOffset(database_) + kDirectoryPageBytes, directory_bytes - kDirectoryPageBytes);
  }
  growing_ = false;
  entries_ = 0;
  expiring_ = 0;
  swapped_out_ = 0;
  segment_count_ = 1;
  segments_of_depth_ = {1};
}

void IndexWriter::TakeDetached(Link segment, std::vector<uint64_t>* entries) {
  std::vector<Item> items;
  std::vector<Link> overflow;
  Collect(segment, &items, &overflow);
  for (const Item& item : items) entries->push_back(item.entry);
  for (Link link : overflow) memory_.Free(link);
  scope_.FreeWhenOpen(segment);  // the flush may belong to a command that had closed a bucket of it
}

}  // namespace chestbox::shm
