// The structural half of IndexWriter: segments that split and merge, and the directory that doubles and halves.
#include <algorithm>
#include <array>
#include <iterator>

#include "protocol/check.h"
#include "protocol/shm/index_writer.h"

namespace chestbox::shm {

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

// Writes `items` into an emptied segment that no reader can see (its epoch is closed). Overflow buckets come from
// `spare`.
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
  // Hundreds of random hashes never fall to one side: these keys share their hash, and no split will part them.
  if (halves[0].empty() || halves[1].empty()) return;

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
  --segments_of_depth_[new_depth - 1];
  segments_of_depth_[new_depth] += 2;
}

// Joins the segment of `hash` with its buddy when both are nearly empty. True: it did, and the joined one may have a
// buddy.
bool IndexWriter::Merge(uint64_t hash) {
  const Link slot = DirectorySlot(hash);
  const uint32_t local_depth = SegmentDepth(slot);
  if (local_depth == 0) return false;
  const uint64_t bit = uint64_t{1} << (local_depth - 1);
  const Link buddy_slot = directory()[(hash ^ bit) & ((uint64_t{1} << depth()) - 1)];
  if (SegmentDepth(buddy_slot) != local_depth) return false;
  const Link kept = SegmentLink(slot);
  const Link gone = SegmentLink(buddy_slot);
  if (segments_[kept].entries + segments_[gone].entries >= kMergeBelow) return false;

  std::vector<Item> items;
  std::vector<Link> old_overflow;
  Collect(kept, &items, &old_overflow);
  Collect(gone, &items, &old_overflow);
  std::vector<Link> spare;
  if (!ReserveOverflow(OverflowBucketsFor(items, local_depth - 1), &spare)) return false;
  scope_.Close(header().epoch);
  Fill(kept, local_depth - 1, items, &spare);
  PointDirectory(hash & (bit - 1), local_depth - 1, kept);
  for (Link link : old_overflow) memory_.Free(link);
  scope_.FreeWhenOpen(gone);  // a bucket of it may be closed by this very command
  --segment_count_;
  segments_of_depth_[local_depth] -= 2;
  ++segments_of_depth_[local_depth - 1];
  if (segments_of_depth_[depth()] == 0) Shrink();
  return true;
}

// ---- Directory ----

bool IndexWriter::StartGrowing() {
  // The first page is committed by Create.
  const uint64_t bytes = sizeof(Link) << depth();
  if (bytes >= kDirectoryPageBytes && !memory_.Commit(DirectoryOffset(database_) + bytes, bytes)) return false;
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
}

// No segment uses the last bit any more: halve the directory as often as that holds. A doubling under way is given up
// (the segment that it was for is gone).
void IndexWriter::Shrink() {
  scope_.Close(header().epoch);
  if (growing_) ReleaseUpperHalf(depth() + 1);
  growing_ = false;
  while (depth() > 0 && segments_of_depth_[depth()] == 0) {
    header().depth.store(depth() - 1, std::memory_order_relaxed);
    ReleaseUpperHalf(depth() + 1);
  }
}

void IndexWriter::ReleaseUpperHalf(uint32_t of_depth) {
  const uint64_t half_bytes = (sizeof(Link) << of_depth) / 2;
  if (half_bytes >= kDirectoryPageBytes) memory_.Release(DirectoryOffset(database_) + half_bytes, half_bytes);
}

Link IndexWriter::SegmentOf(uint64_t position, uint64_t* next) const {
  const Link slot = DirectorySlot(ReverseBits(position));
  const uint32_t local_depth = SegmentDepth(slot);
  const uint64_t size = local_depth == 0 ? 0 : uint64_t{1} << (64 - local_depth);
  *next = size == 0 ? 0 : (position & ~(size - 1)) + size;
  return SegmentLink(slot);
}

}  // namespace chestbox::shm
