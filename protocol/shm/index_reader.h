// Reads from a mapped arena that one writer in another process keeps changing. Pure functions over the mapping; the
// server and every client use the same ones.
//
// Invariants (DESIGN: "validate everything", "bounded reads")
// - No outcome, not even "missing", is returned before the bucket's version and the index's epoch were checked again
// behind
//   an acquire fence, and the map of databases with them.
// - Every link and length is checked against the arena's bounds before it is followed; chains have a maximal length. A
// torn
//   or recycled read costs an attempt, never a crash and never an endless loop.
// - After kReadAttempts the outcome is kAskServer: a hot key must not starve its reader.
//
// Any thread. `Policy` lets tests stop at each step, buffer the pin's store as a processor may, and take one check out
// to prove that its test notices; ReadPolicy is what everybody else uses, and costs nothing.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/shm/key_block.h"
#include "protocol/shm/layout.h"
#include "protocol/shm/pins.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

inline constexpr int kReadAttempts = 32;

struct ArenaView {
  const char* base = nullptr;
  uint64_t mapped_bytes = 0;

  const ArenaHeader& header() const { return *reinterpret_cast<const ArenaHeader*>(base); }
  // What links may reach now: never beyond the mapping, even if the header lied.
  // Acquire: pairs with the writer's release after it has grown the file, so that what it bounds is there to be read.
  uint64_t bound_bytes() const {
    uint64_t file_bytes = header().file_bytes.load(std::memory_order_acquire);
    return file_bytes < mapped_bytes ? file_bytes : mapped_bytes;
  }
};

enum class ReadStatus {
  kFound,
  kMissing,    // no such key, or it has expired
  kWrongType,  // it holds another type than the one asked for
  kTooSmall,   // the caller's buffer; the size is reported
  kNoPin,      // every pin slot of this client is in use
  kMutable,    // a view needs the server to freeze the value first
  kRetry,      // only from a visit: what it saw cannot be
  kAskServer,  // swapped out, contended, or not decidable here
};

// What one read rests on.
struct ReadStamp {
  const IndexHeader* index = nullptr;
  const Bucket* bucket = nullptr;
  uint64_t map = 0;
  uint64_t epoch = 0;
  uint64_t version = 0;
};

struct FoundKey {
  uint64_t entry = 0;
  KeyBlockHeader header{};
  int64_t expire_at_ms = -1;    // -1: never
  const char* value = nullptr;  // header.value_bytes bytes within bounds, racy until validated
  Link value_link = 0;          // of its own block, or 0 when it lies beside the key
};

enum class ReadCheck { kMap, kEpoch, kVersion, kOddEpoch, kOddVersion, kBounds, kMutable, kPinRecheck, kSetRecheck };
enum class ReadStep {
  kMapRead,
  kEpochRead,
  kDirectoryRead,
  kVersionRead,
  kEntryRead,
  kBlockRead,
  kValueCopied,
  kPinned,
  kSetMemberRead
};

struct ReadPolicy {
  static constexpr bool Checks(ReadCheck) { return true; }
  static void At(ReadStep) {}
  // Release: a scan that finds this pin must not miss the end of the view that had the slot before (PinTable::Release).
  static void StorePin(std::atomic<Link>& slot, Link link) { slot.store(link, std::memory_order_release); }
  static void PinFence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
};

enum class Attempt { kFound, kMissing, kSwapped, kRetry };

namespace internal {

template <class Policy>
bool InBounds(uint64_t bound, uint64_t offset, uint64_t bytes) {
  if (!Policy::Checks(ReadCheck::kBounds)) return true;
  return offset >= kHeapOffset && offset <= bound && bytes <= bound - offset;
}

// Reads what the entry's block says if it is the key asked for.
template <class Policy>
Attempt ReadBlock(const ArenaView& arena, uint64_t bound, uint64_t entry, std::string_view key, FoundKey* out) {
  const uint64_t offset = uint64_t{EntryLink(entry)} * kGranuleBytes;
  const bool expires = (entry & kEntryExpires) != 0;
  const bool external = (entry & kEntryExternal) != 0;
  if (!InBounds<Policy>(bound, offset, KeyOffset(expires))) return Attempt::kRetry;
  const char* block = arena.base + offset;
  const KeyBlockHeader header = LoadHeader(block);
  Policy::At(ReadStep::kBlockRead);
  if (header.key_bytes != key.size()) return Attempt::kMissing;
  if (!InBounds<Policy>(bound, offset, KeyOffset(expires) + key.size())) return Attempt::kRetry;
  if (!RacyEqual(block + KeyOffset(expires), key)) return Attempt::kMissing;
  out->entry = entry;
  out->header = header;
  out->expire_at_ms = expires ? LoadExpiry(block) : -1;
  uint64_t value_offset = offset + ValueOffset(expires, key.size());
  out->value_link = 0;
  if (external) {
    const uint64_t link_offset = offset + ValueLinkOffset(expires, key.size());
    if (!InBounds<Policy>(bound, link_offset, sizeof(Link))) return Attempt::kRetry;
    out->value_link = RacyLoad32(arena.base + link_offset);
    value_offset = uint64_t{out->value_link} * kGranuleBytes;
  }
  if (!InBounds<Policy>(bound, value_offset, header.value_bytes)) return Attempt::kRetry;
  out->value = arena.base + value_offset;
  return Attempt::kFound;
}

}  // namespace internal

// Whether nothing that a read rests on has changed since. The caller has passed a fence(acquire) after its last racy
// load.
template <class Policy = ReadPolicy>
bool StampHolds(const ArenaView& arena, const ReadStamp& stamp) {
  if (Policy::Checks(ReadCheck::kVersion) && stamp.bucket->version.load(std::memory_order_relaxed) != stamp.version) {
    return false;
  }
  if (Policy::Checks(ReadCheck::kEpoch) && stamp.index->epoch.load(std::memory_order_relaxed) != stamp.epoch)
    return false;
  return !Policy::Checks(ReadCheck::kMap) || arena.header().database_map.load(std::memory_order_relaxed) == stamp.map;
}

// The last act of every read.
template <class Policy = ReadPolicy>
bool Validate(const ArenaView& arena, const ReadStamp& stamp) {
  // Pairs with the writer's fence(seq_cst) after it makes a version odd: if any byte read so far came from after that
  // fence, the loads below see the odd (or a later) version.
  std::atomic_thread_fence(std::memory_order_acquire);
  return StampHolds<Policy>(arena, stamp);
}

// One unvalidated look for `key`. Fills `stamp` unless the outcome is kRetry.
template <class Policy = ReadPolicy>
Attempt FindOnce(const ArenaView& arena, uint32_t database, std::string_view key, uint64_t hash, ReadStamp* stamp,
                 FoundKey* out) {
  const ArenaHeader& header = arena.header();
  // Acquire: pairs with the release store that ends SWAPDB.
  stamp->map = header.database_map.load(std::memory_order_acquire);
  Policy::At(ReadStep::kMapRead);
  const uint32_t physical = PhysicalDatabase(stamp->map, database);
  stamp->index = &header.indexes[physical];
  // Acquire: pairs with the release store that ends a split, FLUSH or swap; the directory and segments it wrote are
  // visible.
  stamp->epoch = stamp->index->epoch.load(std::memory_order_acquire);
  if (Policy::Checks(ReadCheck::kOddEpoch) && (stamp->epoch & 1) != 0) return Attempt::kRetry;
  Policy::At(ReadStep::kEpochRead);
  const uint32_t depth = stamp->index->depth.load(std::memory_order_relaxed);
  const uint64_t bound = arena.bound_bytes();
  if (depth > kDirectoryDepthMax) return Attempt::kRetry;
  const uint64_t slot_index = hash & ((uint64_t{1} << depth) - 1);
  const Link slot = RacyLoad32(arena.base + DirectoryOffset(physical) + slot_index * sizeof(Link));
  Policy::At(ReadStep::kDirectoryRead);
  const uint64_t segment_offset = uint64_t{SegmentLink(slot)} * kGranuleBytes;
  if (SegmentDepth(slot) > kDirectoryDepthMax || !internal::InBounds<Policy>(bound, segment_offset, sizeof(Segment))) {
    return Attempt::kRetry;
  }
  const auto* segment = reinterpret_cast<const Segment*>(arena.base + segment_offset);
  const Bucket* bucket = &segment->buckets[BucketIndex(hash, SegmentDepth(slot))];
  stamp->bucket = bucket;
  // Acquire: pairs with the writer's release store of the even version; entries and blocks written before are visible.
  stamp->version = bucket->version.load(std::memory_order_acquire);
  if (Policy::Checks(ReadCheck::kOddVersion) && (stamp->version & 1) != 0) return Attempt::kRetry;
  Policy::At(ReadStep::kVersionRead);

  for (uint32_t length = 0; length < kReaderChainMax; ++length) {
    uint64_t next = 0;
    for (const std::atomic<uint64_t>& slot_entry : bucket->entries) {
      // Relaxed, one 8-byte load: what it leads to is validated by the version.
      const uint64_t entry = slot_entry.load(std::memory_order_relaxed);
      if (entry == 0) continue;
      if ((entry & kEntryOverflow) != 0) {
        next = entry;
      } else if ((entry & kEntryLive) != 0) {
        if (!EntryHasTagOf(entry, hash)) continue;
        Policy::At(ReadStep::kEntryRead);
        const Attempt attempt = internal::ReadBlock<Policy>(arena, bound, entry, key, out);
        if (attempt != Attempt::kMissing) return attempt;
      } else if ((entry & kEntrySwapped) != 0 && SwappedMatches(entry, hash)) {
        return Attempt::kSwapped;
      }
    }
    if (next == 0) return Attempt::kMissing;
    const uint64_t next_offset = uint64_t{EntryLink(next)} * kGranuleBytes;
    if (!internal::InBounds<Policy>(bound, next_offset, sizeof(Bucket)) || next_offset % alignof(Bucket) != 0) {
      return Attempt::kRetry;
    }
    bucket = reinterpret_cast<const Bucket*>(arena.base + next_offset);
  }
  return Attempt::kRetry;
}

// Whether a state with this expiry is alive, dead, or for the server to say. `own_now_ms` is the reader's own clock.
// Acquire: a reader that finds a key dead by the server's clock also sees every write from before that tick.
inline ReadStatus JudgeExpiry(const ArenaView& arena, int64_t expire_at_ms, int64_t own_now_ms) {
  if (expire_at_ms < 0) return ReadStatus::kFound;
  if (arena.header().clock_ms.load(std::memory_order_acquire) >= expire_at_ms) return ReadStatus::kMissing;
  return own_now_ms < expire_at_ms ? ReadStatus::kFound : ReadStatus::kAskServer;
}

// Before the attempt after `attempt`: most changes are over soon, the longest of them take microseconds, and asking the
// server costs more than all of these waits together.
inline void WaitForWriter(int attempt) {
  constexpr int kDoublingsMax = 5;
  for (int wait = 1 << std::min(attempt, kDoublingsMax); wait > 0; --wait) CpuRelax();
}

// Runs attempts of `visit(const FoundKey&) -> ReadStatus` until one validates. `visit` may look at the value's bytes
// (they are racy) and must not act on them; its status counts only once validated, and kRetry (what it saw
// cannot be) costs an attempt. Wall-clock time is asked for only when needed.
template <class Policy = ReadPolicy, class Clock, class Visit>
ReadStatus ReadKey(const ArenaView& arena, uint32_t database, std::string_view key, uint64_t hash, Clock&& now_ms,
                   Visit&& visit, ReadStamp* stamp) {
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    FoundKey found;
    const Attempt outcome = FindOnce<Policy>(arena, database, key, hash, stamp, &found);
    if (outcome == Attempt::kRetry) {
      WaitForWriter(attempt);
      continue;
    }
    ReadStatus status = ReadStatus::kMissing;
    if (outcome == Attempt::kMissing) {
      if (stamp->index->complete.load(std::memory_order_relaxed) == 0) status = ReadStatus::kAskServer;
    } else if (outcome == Attempt::kSwapped) {
      status = ReadStatus::kAskServer;
    } else {
      status = found.expire_at_ms < 0 ? ReadStatus::kFound : JudgeExpiry(arena, found.expire_at_ms, now_ms());
      if (status == ReadStatus::kFound) status = visit(found);
    }
    if (status != ReadStatus::kRetry && Validate<Policy>(arena, *stamp)) return status;
  }
  return ReadStatus::kAskServer;
}

// Copies the string at `key` into `buffer` if it fits. `*size` is its size (kFound, kTooSmall).
template <class Policy = ReadPolicy, class Clock>
ReadStatus ReadString(const ArenaView& arena, uint32_t database, std::string_view key, uint64_t hash, Clock&& now_ms,
                      std::span<char> buffer, size_t* size, ReadStamp* stamp) {
  return ReadKey<Policy>(
      arena, database, key, hash, now_ms,
      [&](const FoundKey& found) {
        if (found.header.type() != ValueType::kString) return ReadStatus::kWrongType;
        *size = found.header.value_bytes;
        if (found.header.value_bytes > buffer.size()) return ReadStatus::kTooSmall;
        RacyLoad(buffer.data(), found.value, found.header.value_bytes);
        Policy::At(ReadStep::kValueCopied);
        return ReadStatus::kFound;
      },
      stamp);
}

// A string where it lies. `pin` is what to hand to PinTable::Release, or kNoPinSlot when the value was copied into
// `small`.
struct PinnedString {
  const char* data = nullptr;
  size_t size = 0;
  uint32_t pin = kNoPinSlot;
};

// Pins the string at `key`, or copies it into `small` (kInlineValueBytesMax bytes) when it is no larger than that.
template <class Policy = ReadPolicy, class Clock>
ReadStatus PinString(const ArenaView& arena, uint32_t database, std::string_view key, uint64_t hash, Clock&& now_ms,
                     PinTable& pins, char* small, PinnedString* out) {
  ReadStamp stamp;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    Link link = 0;
    const ReadStatus status = ReadKey<Policy>(
        arena, database, key, hash, now_ms,
        [&](const FoundKey& found) {
          if (found.header.type() != ValueType::kString) return ReadStatus::kWrongType;
          if (Policy::Checks(ReadCheck::kMutable) && (found.entry & kEntryMutable) != 0) return ReadStatus::kMutable;
          out->size = found.header.value_bytes;
          link = found.value_link;
          out->data = found.value;
          if (link != 0) return ReadStatus::kFound;
          if (found.header.value_bytes > kInlineValueBytesMax) return ReadStatus::kAskServer;  // torn: not validated
          RacyLoad(small, found.value, found.header.value_bytes);
          Policy::At(ReadStep::kValueCopied);
          return ReadStatus::kFound;
        },
        &stamp);
    if (status != ReadStatus::kFound) return status;
    if (link == 0) {
      out->data = small;
      out->pin = kNoPinSlot;
      return ReadStatus::kFound;
    }
    const uint32_t slot = pins.TakeSlot();
    if (slot == kNoPinSlot) return ReadStatus::kNoPin;
    Policy::StorePin(pins.slot(slot), link);
    // Pairs with the writer's fence(seq_cst) between closing the bucket and scanning the pins: either it sees this
    // slot, or the check below sees its odd (or a later) version.
    Policy::PinFence();
    Policy::At(ReadStep::kPinned);
    if (!Policy::Checks(ReadCheck::kPinRecheck) || Validate<Policy>(arena, stamp)) {
      out->pin = slot;
      return ReadStatus::kFound;
    }
    pins.Release(slot);
  }
  return ReadStatus::kAskServer;
}

}  // namespace chestbox::shm
