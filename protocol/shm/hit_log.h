// The hit log: how the server learns which states clients read in shared memory, for LRU, LFU, keyspace_hits and the
// choice of what is swapped out. A part of each client's page: the client writes, the server drains.
//
// A table of words without heads, tails or indices, each for one of the keys that share it. It is lossy on purpose: of
// two keys that meet in a word one is forgotten, and so is a hit that is logged while the server takes the word. Which
// of the two is drawn anew each time, so that no order of reading hides a key for ever: what is read often enough to
// matter is told at one of the next drains.
//
// Everything here is hostile input to the server. A client that writes nonsense makes states look warm that it might
// as well have read, and its own share of the counters wrong; nothing that the server does depends on more.
#pragma once

#include <atomic>
#include <cstdint>

namespace chestbox::shm {

// One memory page: as many different keys as are told apart between two drains of a client.
inline constexpr uint32_t kHitSlots = 512;

struct HitLog {
  // Since the client attached. Written by the client only.
  alignas(64) std::atomic<uint64_t> hits;
  std::atomic<uint64_t> misses;
  // bits 0..47 of the key's hash, 48..51 the logical database, 52..63 how often (it stays at its maximum); 0: empty.
  alignas(64) std::atomic<uint64_t> slots[kHitSlots];
};

namespace internal {
inline constexpr uint64_t kHitHashMask = 0x0000'ffff'ffff'ffff;
inline constexpr uint32_t kHitDatabaseShift = 48;
inline constexpr uint32_t kHitCountShift = 52;
inline constexpr uint64_t kHitCountMax = 0xfff;

// Only the client stores to it, so that no read-modify-write is needed. Relaxed: a statistic. Returns the new count.
inline uint64_t CountUp(std::atomic<uint64_t>& counter) {
  const uint64_t count = counter.load(std::memory_order_relaxed) + 1;
  counter.store(count, std::memory_order_relaxed);
  return count;
}

// A coin for every hit: the count, mixed as SplitMix64 does. Bits of the count itself, or of one product, would fall on
// the same side again and again for keys that are read in turn with some periods.
inline bool CoinOf(uint64_t hits) {
  hits *= 0x9e37'79b9'7f4a'7c15;
  hits ^= hits >> 32;
  return (hits * 0xbf58'476d'1ce4'e5b9) >> 63 != 0;
}
}  // namespace internal

// ---- The client's side. One thread (a client object belongs to one). ----

// A read that does not count as a use of the key (EXISTS, TTL), and one that found nothing.
inline void CountHit(HitLog& log) { internal::CountUp(log.hits); }
inline void CountMiss(HitLog& log) { internal::CountUp(log.misses); }

// All relaxed: every word says all there is to say, and pairs with nothing.
inline void LogHit(HitLog& log, uint32_t database, uint64_t hash) {
  const uint64_t hits = internal::CountUp(log.hits);
  // The hash's upper bits of those that the word keeps: the lower ones number the bucket.
  std::atomic<uint64_t>& slot = log.slots[(hash >> 39) % kHitSlots];
  const uint64_t key = (hash & internal::kHitHashMask) | uint64_t{database} << internal::kHitDatabaseShift;
  const uint64_t seen = slot.load(std::memory_order_relaxed);
  const bool same = ((seen ^ key) << (64 - internal::kHitCountShift)) == 0;
  if (!same && seen != 0 && internal::CoinOf(hits)) return;  // the other one stays
  const uint64_t count = same ? seen >> internal::kHitCountShift : 0;
  slot.store(key | (count + (count < internal::kHitCountMax ? 1 : 0)) << internal::kHitCountShift,
             std::memory_order_relaxed);
}

// ---- The server's side of one page. Executor thread. ----

struct HitCounts {
  uint64_t hits = 0;
  uint64_t misses = 0;
};

class HitLogReader {
 public:
  explicit HitLogReader(HitLog* log) : log_(log) {}

  // What was counted since the last call. A counter that went backwards or further than any client can count between
  // two drains (2^32: over a minute of reads of 15 ns each) counts nothing.
  HitCounts TakeCounts() {
    const HitCounts counts{Since(log_->hits, &seen_.hits), Since(log_->misses, &seen_.misses)};
    if (counts.hits != 0) left_ = kHitSlots;
    return counts;
  }

  // Empties up to `slots_max` words of those that may be filled: visit(database, hash, count), of the hash 48 bits.
  // Returns how many words it looked at, 0 when none is left: a client that read nothing costs the loads of
  // TakeCounts().
  template <class Visit>
  uint32_t Drain(uint32_t slots_max, Visit&& visit) {
    const uint32_t looks = left_ < slots_max ? left_ : slots_max;
    for (uint32_t i = 0; i < looks; ++i) {
      std::atomic<uint64_t>& slot = log_->slots[next_];
      next_ = (next_ + 1) % kHitSlots;
      const uint64_t word = slot.load(std::memory_order_relaxed);
      if (word == 0) continue;
      slot.store(0, std::memory_order_relaxed);  // a hit that is logged meanwhile is lost, or told twice
      visit(static_cast<uint32_t>(word >> internal::kHitDatabaseShift) & 0xf, word & internal::kHitHashMask,
            static_cast<uint32_t>(word >> internal::kHitCountShift));
    }
    left_ -= looks;
    return looks;
  }

 private:
  static constexpr uint64_t kCountedMax = uint64_t{1} << 32;

  static uint64_t Since(const std::atomic<uint64_t>& counter, uint64_t* seen) {
    const uint64_t now = counter.load(std::memory_order_relaxed);
    const uint64_t counted = now - *seen;
    *seen = now;
    return counted <= kCountedMax ? counted : 0;
  }

  HitLog* log_;
  HitCounts seen_;
  uint32_t next_ = 0;
  uint32_t left_ = 0;
};

}  // namespace chestbox::shm
