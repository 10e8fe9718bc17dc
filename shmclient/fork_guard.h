// Tells a child process that it is one: a number that every fork raises in the child. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace chestbox::shmclient {

extern std::atomic<uint32_t> fork_generation;

// To be called before the first client is made. Idempotent.
void WatchForks();

}  // namespace chestbox::shmclient
