// Whether the server that owns a mapped arena still runs. Its executor thread holds a robust, process-shared mutex for
// life, whose first word is a futex: the owner's thread id, 0 after a clean stop, and with FUTEX_OWNER_DIED set by the
// kernel after any other death. Every local read looks at it, so that no client reads an orphan arena.
#pragma once

#include <cstdint>

#include "protocol/shm/layout.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

inline constexpr uint32_t kFutexOwnerDied = 0x4000'0000;  // linux/futex.h
inline constexpr uint32_t kFutexTidMask = 0x3fff'ffff;

inline bool ServerIsDead(const ArenaHeader& header) {
  const uint32_t word = RacyLoad32(header.executor_mutex);
  return (word & kFutexOwnerDied) != 0 || (word & kFutexTidMask) == 0;
}

}  // namespace chestbox::shm
