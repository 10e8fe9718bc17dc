// Pins: how a client tells the server which value blocks it is looking at. Each attached client has a page of its own,
// whose pins it alone writes and the server reads; a block that is pinned is neither freed nor changed in place.
//
// Everything in the page is hostile input to the server: a client that writes nonsense pins arbitrary numbers, which
// keeps at most kPinSlots blocks from being freed, and nothing else.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "protocol/shm/hit_log.h"
#include "protocol/shm/layout.h"

namespace chestbox::shm {

// Slots a client: the quota of views that it can hold at one time. One bit of the summary word stands for 16 slots.
inline constexpr uint32_t kPinSlots = 1024;
inline constexpr uint32_t kSlotsPerSummaryBit = kPinSlots / 64;
inline constexpr uint32_t kNoPinSlot = ~uint32_t{0};

struct ClientPage {
  // Bit i is set before any of the slots 16 i … 16 i + 15 is, so that scanning an idle client costs one load.
  alignas(64) std::atomic<uint64_t> summary;
  alignas(64) std::atomic<Link> slots[kPinSlots];
  // Set by the server, once: it does not look at this page any more (the connection ended), so that pins in it hold
  // nothing. The client, which makes no system call to read, learns from it that it has to connect again.
  alignas(64) std::atomic<uint32_t> detached;
  HitLog hit_log;
};
inline constexpr uint64_t kClientPageBytes = (sizeof(ClientPage) + 4095) & ~uint64_t{4095};

// The client's side of its page. One thread (a client object belongs to one thread).
class PinTable {
 public:
  explicit PinTable(ClientPage* page = nullptr) : page_(page) {}

  // A free slot with its summary bit set, or kNoPinSlot. The caller stores the link (release) and a fence(seq_cst)
  // follows.
  uint32_t TakeSlot() {
    for (uint32_t step = 0; step < 64; ++step) {
      const uint32_t group = (next_group_ + step) % 64;
      if (used_[group] == kGroupFull) continue;
      const auto bit = static_cast<uint32_t>(__builtin_ctz(static_cast<uint32_t>(~used_[group])));
      used_[group] = static_cast<uint16_t>(used_[group] | (1U << bit));
      next_group_ = group;
      const uint64_t mine = uint64_t{1} << group;
      if ((summary_ & mine) == 0) {
        summary_ |= mine;
        // Ordered before the writer's scan by the pin's fence. Release, because it may replace the store of an earlier
        // Release of another group, which the scan must then see too.
        page_->summary.store(summary_, std::memory_order_release);
      }
      return group * kSlotsPerSummaryBit + bit;
    }
    return kNoPinSlot;
  }
  std::atomic<Link>& slot(uint32_t index) { return page_->slots[index]; }

  // Release: what was read through the view happened before; the writer loads slots with acquire before it reuses a
  // block.
  void Release(uint32_t index) {
    page_->slots[index].store(0, std::memory_order_release);
    const uint32_t group = index / kSlotsPerSummaryBit;
    used_[group] = static_cast<uint16_t>(used_[group] & ~(1U << (index % kSlotsPerSummaryBit)));
    if (used_[group] != 0) return;
    summary_ &= ~(uint64_t{1} << group);
    page_->summary.store(summary_, std::memory_order_release);  // as above: the scan may stop at the summary word
  }
  bool Holds(uint32_t index) const {
    return index < kPinSlots && ((used_[index / kSlotsPerSummaryBit] >> (index % kSlotsPerSummaryBit)) & 1) != 0;
  }

 private:
  static constexpr uint16_t kGroupFull = 0xffff;
  ClientPage* page_;
  uint64_t summary_ = 0;
  uint32_t next_group_ = 0;
  std::array<uint16_t, 64> used_{};
};

// The server's side of one page: calls visit(link) for every pin in it. Acquire loads pair with Release above. The
// caller has passed a fence(seq_cst) since it unlinked or closed what it is asking about.
template <class Visit>
void ScanPins(const ClientPage& page, Visit&& visit) {
  uint64_t groups = page.summary.load(std::memory_order_acquire);
  while (groups != 0) {
    const auto group = static_cast<uint32_t>(__builtin_ctzll(groups));
    groups &= groups - 1;
    for (uint32_t i = 0; i < kSlotsPerSummaryBit; ++i) {
      const Link link = page.slots[group * kSlotsPerSummaryBit + i].load(std::memory_order_acquire);
      if (link != 0) visit(link);
    }
  }
}

}  // namespace chestbox::shm
