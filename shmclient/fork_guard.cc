#include "shmclient/fork_guard.h"

#include <pthread.h>

#include <mutex>

namespace chestbox::shmclient {

std::atomic<uint32_t> fork_generation{0};

void WatchForks() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Relaxed: a child begins with one thread.
    (void)pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1, std::memory_order_relaxed); });
  });
}

}  // namespace chestbox::shmclient
