// A SwapStore in memory: the reference of the contract suite, and the double for the server's tests. It can be told to
// fail writes, and keeps "clean closes" in a MemoryDisk so that a test can close and open it like a real one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "swap/swap_store.h"

namespace chestbox::swap {

// What outlives a store: the state at its last clean close. A test keeps it and opens stores on it one after another.
class MemoryDisk;
std::shared_ptr<MemoryDisk> NewMemoryDisk();

// Failures to inject; may be changed at any time from any thread.
struct MemoryFaults {
  std::atomic<bool> disk_full{false};   // write calls and CloseClean return an Error
  std::atomic<bool> reads_fail{false};  // Load, ReadChunks, Scan and DueExpiries return an Error
  std::atomic<bool> on_disk{false};     // LoadFromMemory and AttributesFromMemory find nothing
};

// A store on `disk` (its last clean state, whose metadata goes to *metadata unless null). `faults` may be null and must
// otherwise outlive the store.
std::unique_ptr<SwapStore> NewMemorySwapStore(std::shared_ptr<MemoryDisk> disk = nullptr, Metadata* metadata = nullptr,
                                              MemoryFaults* faults = nullptr);

}  // namespace chestbox::swap
