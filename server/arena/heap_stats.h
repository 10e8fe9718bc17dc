// HeapStats: what the allocator of the process says about itself, the arena's blocks included. Takes microseconds; any
// thread.
#pragma once

#include <cstdint>
#include <string>

namespace chestbox {

struct HeapStats {
  uint64_t allocated_bytes = 0;
  uint64_t active_bytes = 0;
  uint64_t resident_bytes = 0;
};

HeapStats ReadHeapStats();
std::string AllocatorName();  // "jemalloc-5.3.0"

}  // namespace chestbox
