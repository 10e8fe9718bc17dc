#include "protocol/shm/index_writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/check.h"

namespace chestbox::shm {

namespace {

constexpr uint32_t kSegmentCapacity = kBucketsPerSegment * kEntriesPerBucket;
// At 80% about one bucket in five has an overflow bucket: chains stay short and a segment's cost per key low.
constexpr uint32_t kSplitAbove = kSegmentCapacity * 8 / 10;
// Two buddies that together are a quarter full become one; far enough from kSplitAbove that no key count makes them flap.
constexpr uint32_t kMergeBelow = kSegmentCapacity / 4;
// Directory slots copied with one insert while it doubles: 64 KiB, a few microseconds.
constexpr uint64_t kGrowStepSlots = 16384;

constexpr uint64_t kLastSlot = kEntriesPerBucket - 1;

bool IsOverflow(uint64_t entry) { return (entry & kEntryOverflow) != 0; }

}  // namespace

IndexWriter::IndexWriter(ArenaMemory& memory, WriteScope& scope, SegmentTable& segments, uint32_t database,
                         HashFunction hash_of)
    : memory_(memory), scope_(scope), segments_(segments), database_(database), hash_of_(hash_of) {}

bool IndexWriter::Create() {
  if (!memory_.Commit(DirectoryOffset(database_), 4096)) return false;
  const Link segment = NewSegment();
  if (segment == 0) return false;
  header().depth.store(0, std::memory_order_relaxed);
  RacyStore32(&directory()[0], segment);
  segment_count_ = 1;
  deepest_segments_ = 1;
  return true;
}

uint64_t IndexWriter::HashOfLive(uint64_t entry) const {
  const char* block = memory_.At(EntryLink(entry));
  const uint64_t offset = KeyOffset((entry & kEntryExpires) != 0);
  return hash_of_({block + offset, LoadHeader(block).key_bytes}, memory_.header().hash_seed);
}

SlotRef IndexWriter::Find(std::string_view key, uint64_t hash) const {
  SlotRef ref;
  const Link slot = DirectorySlot(hash);
  ref.segment = SegmentLink(slot);
  ref.home = &SegmentAt(slot)->buckets[BucketIndex(hash, SegmentDepth(slot))];
  for (Bucket* bucket = ref.home; bucket != nullptr;) {
    Bucket* next = nullptr;
    for (std::atomic<uint64_t>& candidate : bucket->entries) {
      const uint64_t entry = candidate.load(std::memory_order_relaxed);
      if (!EntryHasTagOf(entry, hash) && !IsOverflow(entry)) continue;
      bool match = false;
      if ((entry & kEntryLive) != 0) {
        const char* block = memory_.At(EntryLink(entry));
        match = LoadHeader(block).key_bytes == key.size() &&
                RacyEqual(block + KeyOffset((entry & kEntryExpires) != 0), key);
      } else if (IsOverflow(entry)) {
        next = reinterpret_cast<Bucket*>(memory_.At(EntryLink(entry)));
      } else {
        match = (entry & kEntrySwapped) != 0 && SwappedMatches(entry, hash);
      }
      if (match) {
        ref.slot = &candidate;
        ref.entry = entry;
        return ref;
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
  if ((entry & kEntryExpires) == 0) return;
  expiring_ += static_cast<uint64_t>(static_cast<int64_t>(sign));
  if ((entry & kEntryLive) == 0) return;
  info.expiring += static_cast<uint32_t>(sign);
  if (sign > 0) info.earliest_expiry_ms = std::min(info.earliest_expiry_ms, expire_at_ms);
}

// An empty slot in the chain of `home`, which gets an overflow bucket if it has none left. Null: no memory.
std::atomic<uint64_t>* IndexWriter::FreeSlot(Bucket* home) {
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
  scope_.Close(home->version);
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
  std::atomic<uint64_t>* free_slot = FreeSlot(home);
  if (free_slot == nullptr) return false;
  scope_.Close(home->version);
  free_slot->store(entry, std::memory_order_relaxed);
  Count(SegmentLink(slot), entry, expire_at_ms, +1);
  return true;
}

void IndexWriter::Replace(SlotRef& ref, uint64_t entry, int64_t expire_at_ms) {
  scope_.Close(ref.home->version);
  Count(ref.segment, ref.entry, kNeverMs, -1);
  Count(ref.segment, entry, expire_at_ms, +1);
  ref.slot->store(entry, std::memory_order_relaxed);
  ref.entry = entry;
  scope_.Step(WriteStep::kUnlinked);
}

void IndexWriter::Erase(const SlotRef& ref, uint64_t hash) {
  scope_.Close(ref.home->version);
  ref.slot->store(0, std::memory_order_relaxed);
  scope_.Step(WriteStep::kUnlinked);
  Count(ref.segment, ref.entry, kNeverMs, -1);
  FreeEmptyOverflow(ref.home);
  if (segments_[ref.segment].entries < kMergeBelow) MaybeMerge(hash);
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

// ---- Segments ----

Link IndexWriter::NewSegment() {
  const Link link = memory_.Allocate(sizeof(Segment));
  if (link == 0) return 0;
  CHECK(uint64_t{link} * kGranuleBytes % sizeof(Segment) == 0);
  for (Bucket& bucket : reinterpret_cast<Segment*>(memory_.At(link))->buckets) {
    bucket.version.store(0, std::memory_order_relaxed);
    for (std::atomic<uint64_t>& slot : bucket.entries) slot.store(0, std::memory_order_relaxed);
  }
  segments_[link] = {};
  return link;
}

void IndexWriter::Collect(Link segment, std::vector<Item>* items, std::vector<Link>* overflow) const {
  for (const Bucket& home : SegmentAt(segment)->buckets) {
    const Bucket* bucket = &home;
    while (bucket != nullptr) {
      const uint64_t last = bucket->entries[kLastSlot].load(std::memory_order_relaxed);
      if (IsOverflow(last)) overflow->push_back(EntryLink(last));
      bucket = VisitEntries(bucket, [&](uint64_t entry, uint64_t hash) { items->push_back({entry, hash}); });
    }
  }
}

size_t IndexWriter::OverflowBucketsFor(const std::vector<Item>& items, uint32_t depth) {
  std::array<uint32_t, kBucketsPerSegment> counts{};
  for (const Item& item : items) ++counts[BucketIndex(item.hash, depth)];
  size_t overflow = 0;
  for (uint32_t count : counts) {
    while (count > kEntriesPerBucket) {  // all but the last bucket of a chain hold one entry less
      ++overflow;
      count -= kEntriesPerBucket - 1;
    }
  }
  return overflow;
}

bool IndexWriter::ReserveOverflow(size_t count, std::vector<Link>* spare) {
  while (spare->size() < count) {
    const Link link = memory_.Allocate(sizeof(Bucket));
    if (link == 0) {
      for (Link reserved : *spare) memory_.Free(reserved);
      spare->clear();
      return false;
    }
    spare->push_back(link);
  }
  return true;
}

// Writes `items` into an emptied segment that no reader can see (its epoch is closed). Overflow buckets come from `spare`.
void IndexWriter::Fill(Link segment, uint32_t depth, const std::vector<Item>& items, std::vector<Link>* spare) {
  Segment* target = SegmentAt(segment);
  for (Bucket& bucket : target->buckets) {
    for (std::atomic<uint64_t>& slot : bucket.entries) slot.store(0, std::memory_order_relaxed);
  }
  for (const Item& item : items) {
    Bucket* bucket = &target->buckets[BucketIndex(item.hash, depth)];
    while (true) {
      auto free_slot = std::find_if(std::begin(bucket->entries), std::end(bucket->entries),
                                    [](const auto& slot) { return slot.load(std::memory_order_relaxed) == 0; });
      if (free_slot != std::end(bucket->entries)) {
        free_slot->store(item.entry, std::memory_order_relaxed);
        break;
      }
      const uint64_t last = bucket->entries[kLastSlot].load(std::memory_order_relaxed);
      if (IsOverflow(last)) {
        bucket = reinterpret_cast<Bucket*>(memory_.At(EntryLink(last)));
        continue;
      }
      CHECK(!spare->empty());
      const Link link = spare->back();
      spare->pop_back();
      auto* overflow = reinterpret_cast<Bucket*>(memory_.At(link));
      overflow->version.store(0, std::memory_order_relaxed);
      for (std::atomic<uint64_t>& slot : overflow->entries) slot.store(0, std::memory_order_relaxed);
      overflow->entries[0].store(last, std::memory_order_relaxed);
      bucket->entries[kLastSlot].store(kEntryOverflow | link, std::memory_order_relaxed);
      bucket = overflow;
    }
  }
  Recount(segment, items);
}

void IndexWriter::Recount(Link segment, const std::vector<Item>& items) {
  SegmentInfo info;
  info.entries = static_cast<uint32_t>(items.size());
  for (const Item& item : items) {
    if ((item.entry & kEntryExpires) == 0 || (item.entry & kEntryLive) == 0) continue;
    ++info.expiring;
    info.earliest_expiry_ms = std::min(info.earliest_expiry_ms, LoadExpiry(memory_.At(EntryLink(item.entry))));
  }
  segments_[segment] = info;
}

// Every directory slot that ends in the `local_depth` low bits of `pattern` now names `segment`.
void IndexWriter::PointDirectory(uint64_t pattern, uint32_t local_depth, Link segment) {
  const uint64_t slots = uint64_t{1} << depth();
  const uint64_t step = uint64_t{1} << local_depth;
  for (uint64_t i = pattern & (step - 1); i < slots; i += step) {
    RacyStore32(&directory()[i], segment | local_depth);
    if (growing_ && i < grown_slots_) RacyStore32(&directory()[slots + i], segment | local_depth);
  }
}

bool IndexWriter::MaySplit(Link slot) {
  const uint32_t local_depth = SegmentDepth(slot);
  if (local_depth < depth()) return true;
  if (local_depth >= kDirectoryDepthMax) return false;
  // A small directory is doubled at once; a large one is under way now, and the split waits for it.
  return (growing_ || StartGrowing()) && local_depth < depth();
}

void IndexWriter::Split(uint64_t hash, Link slot) {
  const Link low = SegmentLink(slot);
  const uint32_t new_depth = SegmentDepth(slot) + 1;
  std::vector<Item> items;
  std::vector<Link> old_overflow;
  Collect(low, &items, &old_overflow);
  std::array<std::vector<Item>, 2> halves;
  for (const Item& item : items) halves[(item.hash >> (new_depth - 1)) & 1].push_back(item);

  std::vector<Link> spare;
  if (!ReserveOverflow(OverflowBucketsFor(halves[0], new_depth) + OverflowBucketsFor(halves[1], new_depth), &spare)) {
    return;  // no memory: the segment stays as it is, its chains grow
  }
  const Link high = NewSegment();
  if (high == 0) {
    for (Link link : spare) memory_.Free(link);
    return;
  }
  scope_.Close(header().epoch);
  Fill(low, new_depth, halves[0], &spare);
  scope_.Step(WriteStep::kSplitHalf);
  Fill(high, new_depth, halves[1], &spare);
  const uint64_t pattern = hash & ((uint64_t{1} << (new_depth - 1)) - 1);
  PointDirectory(pattern, new_depth, low);
  PointDirectory(pattern | (uint64_t{1} << (new_depth - 1)), new_depth, high);
  for (Link link : old_overflow) memory_.Free(link);
  ++segment_count_;
  if (new_depth == depth()) deepest_segments_ += 2;
}

// Joins the segment of `hash` with its buddy when both are nearly empty.
void IndexWriter::MaybeMerge(uint64_t hash) {
  const Link slot = DirectorySlot(hash);
  const uint32_t local_depth = SegmentDepth(slot);
  if (local_depth == 0 || growing_) return;
  const uint64_t bit = uint64_t{1} << (local_depth - 1);
  const Link buddy_slot = directory()[(hash ^ bit) & ((uint64_t{1} << depth()) - 1)];
  if (SegmentDepth(buddy_slot) != local_depth) return;
  const Link kept = SegmentLink(slot);
  const Link gone = SegmentLink(buddy_slot);
  if (segments_[kept].entries + segments_[gone].entries >= kMergeBelow) return;

  std::vector<Item> items;
  std::vector<Link> old_overflow;
  Collect(kept, &items, &old_overflow);
  Collect(gone, &items, &old_overflow);
  std::vector<Link> spare;
  if (!ReserveOverflow(OverflowBucketsFor(items, local_depth - 1), &spare)) return;
  scope_.Close(header().epoch);
  Fill(kept, local_depth - 1, items, &spare);
  PointDirectory(hash & (bit - 1), local_depth - 1, kept);
  for (Link link : old_overflow) memory_.Free(link);
  scope_.FreeWhenOpen(gone);  // a bucket of it may be closed by this very command
  --segment_count_;
  if (local_depth == depth()) {
    deepest_segments_ -= 2;
    if (deepest_segments_ == 0) Shrink();
  }
}

// ---- Directory ----

bool IndexWriter::StartGrowing() {
  const uint64_t slots = uint64_t{1} << depth();
  if (!memory_.Commit(DirectoryOffset(database_) + slots * sizeof(Link), std::max<uint64_t>(4096, slots * sizeof(Link)))) {
    return false;
  }
  growing_ = true;
  grown_slots_ = 0;
  GrowStep();
  return true;
}

// Slots above the published depth are read by nobody, so only the last step closes the epoch.
void IndexWriter::GrowStep() {
  const uint64_t slots = uint64_t{1} << depth();
  const uint64_t until = std::min(slots, grown_slots_ + kGrowStepSlots);
  for (uint64_t i = grown_slots_; i < until; ++i) RacyStore32(&directory()[slots + i], directory()[i]);
  grown_slots_ = until;
  if (until < slots) return;
  scope_.Close(header().epoch);
  header().depth.store(depth() + 1, std::memory_order_relaxed);
  growing_ = false;
  deepest_segments_ = 0;
}

// No segment uses the last bit any more: halve the directory as often as that holds.
void IndexWriter::Shrink() {
  scope_.Close(header().epoch);
  while (deepest_segments_ == 0 && depth() > 0) {
    const uint32_t shallower = depth() - 1;
    const uint64_t slots = uint64_t{1} << shallower;
    header().depth.store(shallower, std::memory_order_relaxed);
    if (slots * sizeof(Link) >= 4096) {
      memory_.Release(DirectoryOffset(database_) + slots * sizeof(Link), slots * sizeof(Link));
    }
    for (uint64_t i = 0; i < slots; ++i) deepest_segments_ += SegmentDepth(directory()[i]) == shallower ? 1 : 0;
  }
}

Link IndexWriter::SegmentOf(uint64_t position, uint64_t* next) const {
  const Link slot = DirectorySlot(ReverseBits(position));
  const uint32_t local_depth = SegmentDepth(slot);
  const uint64_t size = local_depth == 0 ? 0 : uint64_t{1} << (64 - local_depth);
  *next = size == 0 ? 0 : (position & ~(size - 1)) + size;
  return SegmentLink(slot);
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
  if (directory_bytes > 4096) memory_.Release(DirectoryOffset(database_) + 4096, directory_bytes - 4096);
  growing_ = false;
  entries_ = 0;
  expiring_ = 0;
  segment_count_ = 1;
  deepest_segments_ = 1;
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
