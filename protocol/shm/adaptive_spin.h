// AdaptiveSpin: how long to look for bytes before going to sleep. Spinning pays only if what is waited for comes within
// about the time that a sleep and its wake-up cost, so the time follows what the last waits were like: one that was
// over soon allows the whole limit, each spin in vain halves it, down to nothing at all. So does sharing a processor
// with the other side, where spinning only keeps it from running. On a machine with one processor it is nothing at
// once.
//
// Pure; one thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace chestbox::shm {

// Between two looks: leaves the core's other hardware thread, and the bus, to the other side.
inline void RelaxProcessor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class AdaptiveSpin {
 public:
  // `processors` of this machine. (Those that this process may run on tell nothing of where the other side runs.)
  explicit AdaptiveSpin(long processors) : processors_(processors) {}

  // `limit_ns`: the setting, which may change at any time.
  int64_t NanosecondsToSpin(int64_t limit_ns) const {
    return IsWorthwhile(limit_ns) ? std::min(limit_ns, spin_ns_) : 0;
  }
  // How the wait ended: spinning found something; it took a sleep, so and so long after the wait's begin; or nothing
  // came that spinning would have found.
  void OnFound(int64_t limit_ns) { spin_ns_ = limit_ns; }
  void OnSlept(int64_t waited_ns, int64_t limit_ns) {
    spin_ns_ = !IsWorthwhile(limit_ns) && waited_ns <= limit_ns + kWakeUpNs ? limit_ns : spin_ns_ / 2;
  }
  void OnInterrupted() { spin_ns_ /= 2; }

 private:
  static constexpr int64_t kWorthwhileNs = 500;
  // What sleeps add to a wait that would have been over within the limit: two wake-ups when both sides sleep.
  static constexpr int64_t kWakeUpNs = 50'000;

  bool IsWorthwhile(int64_t limit_ns) const { return processors_ > 1 && std::min(limit_ns, spin_ns_) >= kWorthwhileNs; }

  const long processors_;
  int64_t spin_ns_ = 0;
};

}  // namespace chestbox::shm
