// The writer's side of one physical database's index: extendible hashing over 4 KiB segments (layout.h).
//
// Invariants
// - Executor thread only. Every change happens behind a version that `scope` closed: the home bucket's for an entry,
// the
//   index's epoch for a split, a merge or a change of the directory.
// - An insert splits at most one segment and a directory of more than kGrowStepSlots doubles over many inserts, so no
//   single insert is slow. Keys of one hash chain in overflow buckets.
// - A call that returns false (memory) has changed nothing.
// - A SlotRef is void after any Insert or Erase.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/key_block.h"
#include "protocol/shm/layout.h"
#include "protocol/shm/segment_table.h"
#include "protocol/shm/write_scope.h"

namespace chestbox::shm {

struct SlotRef {
  Bucket* home = nullptr;
  std::atomic<uint64_t>* slot = nullptr;  // null: no such entry
  uint64_t entry = 0;
  uint64_t hash = 0;  // what was looked for
  Link segment = 0;

  explicit operator bool() const { return slot != nullptr; }
};

// Told before anything in a bucket changes: its entries, or the values that they lead to. The index is whole then, and
// may be walked, not changed. A bucket that splits, merges or moves with all its entries has not changed.
class BucketObserver {
 public:
  virtual ~BucketObserver() = default;
  // `position` lies in the bucket. May be told again and again.
  virtual void BeforeChange(uint32_t physical_database, uint64_t position) = 0;
};

class IndexWriter {
 public:
  static constexpr uint32_t kSegmentCapacity = kBucketsPerSegment * kEntriesPerBucket;
  // At 80% about one bucket in five has an overflow bucket: chains stay short and a segment's cost per key low.
  static constexpr uint32_t kSplitAbove = kSegmentCapacity * 8 / 10;
  // Two buddies that together are a quarter full become one; far enough from kSplitAbove that no key count makes them
  // flap.
  static constexpr uint32_t kMergeBelow = kSegmentCapacity / 4;
  // Directory slots copied with one change while it doubles: 64 KiB, a few microseconds.
  static constexpr uint64_t kGrowStepSlots = 16384;

  // `hash_of` is replaced only by tests (keys of one hash).
  using HashFunction = uint64_t (*)(std::string_view key, uint64_t seed);

  IndexWriter(ArenaMemory& memory, WriteScope& scope, SegmentTable& segments, uint32_t database, HashFunction hash_of);

  // Creates the empty index. False: no memory.
  [[nodiscard]] bool Create();

  // The live entry of `key`; failing that, the first swapped-out entry with its 48 hash bits (another key may share
  // them); or none.
  SlotRef Find(std::string_view key, uint64_t hash) const;

  // Adds an entry; the key must not be there. `expire_at_ms` is the live block's expiry, or kNeverMs.
  [[nodiscard]] bool Insert(uint64_t hash, uint64_t entry, int64_t expire_at_ms);
  // Puts another entry for the same key into its slot.
  void Replace(SlotRef& ref, uint64_t entry, int64_t expire_at_ms);
  void Erase(const SlotRef& ref, uint64_t hash);

  // For a change in place of what an entry leads to: closes its bucket.
  void Close(const SlotRef& ref) { CloseBucket(ref.home, ref.hash); }
  // Null when nobody wants to know: one predictable branch a change.
  void set_observer(BucketObserver* observer) { observer_ = observer; }

  // FLUSH: detaches all entries, in time that depends on the number of segments only. The caller frees them, segment by
  // segment, with TakeDetached.
  struct Detached {
    std::vector<Link> segments;
    std::vector<uint64_t> entries;
  };
  void Clear(Detached* detached);
  // Appends the entries of one detached segment to `entries` and frees the segment with its overflow buckets.
  void TakeDetached(Link segment, std::vector<uint64_t>* entries);

  // Visits the entries of the bucket that holds `position` and returns the position where the next bucket begins, or 0
  // after the last one. visit(entry, hash): live entries' hashes come from their keys.
  template <class Visit>
  uint64_t VisitBucket(uint64_t position, Visit&& visit) const {
    const Link slot = DirectorySlot(ReverseBits(position));
    const uint32_t depth = SegmentDepth(slot);
    const Bucket* bucket = &SegmentAt(slot)->buckets[BucketIndex(ReverseBits(position), depth)];
    while (bucket != nullptr) bucket = VisitEntries(bucket, visit);
    const uint32_t bits = depth + kBucketBits;
    const uint64_t size = uint64_t{1} << (64 - bits);
    return (position & ~(size - 1)) + size;  // wraps to 0 after the last bucket
  }

  // Visits the live entries whose tag and bucket are those of `hash`, of which bits 0..47 count: its key's, and hardly
  // ever another's. For who has no key. Bounded, whatever the hash.
  template <class Visit>
  void VisitTagged(uint64_t hash, Visit&& visit) const {
    const Link slot = DirectorySlot(hash);
    const Bucket* bucket = &SegmentAt(slot)->buckets[BucketIndex(hash, SegmentDepth(slot))];
    for (uint32_t length = 0; bucket != nullptr && length < kReaderChainMax; ++length) {
      const Bucket* next = nullptr;
      for (const std::atomic<uint64_t>& candidate : bucket->entries) {
        const uint64_t entry = candidate.load(std::memory_order_relaxed);
        if (IsOverflow(entry)) {
          next = reinterpret_cast<const Bucket*>(memory_.At(EntryLink(entry)));
        } else if ((entry & kEntryLive) != 0 && EntryHasTagOf(entry, hash)) {
          visit(entry);
        }
      }
      bucket = next;
    }
  }

  // Segments in position order: the link of the one that holds `position`; `*next` is where the next begins (0: none).
  Link SegmentOf(uint64_t position, uint64_t* next) const;
  // Where the segment that holds `position` begins.
  uint64_t SegmentBegin(uint64_t position) const;

  uint64_t entries() const { return entries_; }
  uint64_t expiring() const { return expiring_; }
  uint64_t swapped_out() const { return swapped_out_; }
  uint64_t segments() const { return segment_count_; }
  uint32_t depth() const { return header().depth.load(std::memory_order_relaxed); }
  uint64_t HashOfLive(uint64_t entry) const;
  IndexHeader& header() const { return memory_.header().indexes[database_]; }

 private:
  struct Item {
    uint64_t entry;
    uint64_t hash;
  };

  static constexpr uint64_t kDirectoryPageBytes = 4096;  // committed by Create and kept
  static constexpr uint64_t kLastSlot = kEntriesPerBucket - 1;
  static bool IsOverflow(uint64_t entry) { return (entry & kEntryOverflow) != 0; }

  template <class Visit>
  const Bucket* VisitEntries(const Bucket* bucket, Visit&& visit) const {
    const Bucket* next = nullptr;
    for (const std::atomic<uint64_t>& slot : bucket->entries) {
      const uint64_t entry = slot.load(std::memory_order_relaxed);
      if (entry == 0) continue;
      if ((entry & kEntryOverflow) != 0) {
        next = reinterpret_cast<const Bucket*>(memory_.At(EntryLink(entry)));
      } else {
        visit(entry, (entry & kEntryLive) != 0 ? HashOfLive(entry) : SwappedHash(entry));
      }
    }
    return next;
  }

  Link* directory() const { return reinterpret_cast<Link*>(memory_.base() + DirectoryOffset(database_)); }
  Link DirectorySlot(uint64_t hash) const { return directory()[hash & ((uint64_t{1} << depth()) - 1)]; }
  Segment* SegmentAt(Link slot) const { return reinterpret_cast<Segment*>(memory_.At(SegmentLink(slot))); }

  bool HoldsKey(uint64_t entry, std::string_view key) const;
  void CloseBucket(Bucket* home, uint64_t hash) {
    // Also for a bucket that is closed: whoever observes may have begun in the middle of an EXEC.
    if (observer_ != nullptr) [[unlikely]]
      observer_->BeforeChange(database_, PositionOf(hash));
    scope_.Close(home->version);
  }
  void Count(Link segment, uint64_t entry, int64_t expire_at_ms, int sign);
  std::atomic<uint64_t>* FreeSlot(Bucket* home, uint64_t hash);
  void FreeEmptyOverflow(Bucket* home);

  Link NewSegment();
  void Collect(Link segment, std::vector<Item>* items, std::vector<Link>* overflow) const;
  void Fill(Link segment, uint32_t depth, const std::vector<Item>& items, std::vector<Link>* spare);
  static size_t OverflowBucketsFor(const std::vector<Item>& items, uint32_t depth);
  bool ReserveOverflow(size_t count, std::vector<Link>* spare);
  void Recount(Link segment, const std::vector<Item>& items);
  void PointDirectory(uint64_t pattern, uint32_t local_depth, Link segment);

  bool MaySplit(Link slot);
  void Split(uint64_t hash, Link slot);
  bool Merge(uint64_t hash);
  bool StartGrowing();
  void GrowStep();
  void Shrink();
  void ReleaseUpperHalf(uint32_t of_depth);

  ArenaMemory& memory_;
  WriteScope& scope_;
  SegmentTable& segments_;
  const uint32_t database_;
  const HashFunction hash_of_;
  uint64_t entries_ = 0;
  uint64_t expiring_ = 0;
  uint64_t swapped_out_ = 0;
  uint64_t segment_count_ = 0;
  std::array<uint64_t, kDirectoryDepthMax + 1> segments_of_depth_{};  // by local depth
  BucketObserver* observer_ = nullptr;
  bool growing_ = false;  // the directory's upper half is being filled
  uint64_t grown_slots_ = 0;
};

}  // namespace chestbox::shm
