// WriteScope: the closed (odd) versions of one command. Everything that a command changes stays closed to readers until
// the command is over, so that a command of several keys is seen whole or not at all.
//
// Executor thread only. Finish() runs after every command, EXEC and script; a scope is then empty and is used again.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "protocol/shm/arena_memory.h"

namespace chestbox::shm {

// Tests stop the writer here. Null in production: one predictable branch a step.
enum class WriteStep { kClosed, kUnlinked, kChanged, kBeforeFinish, kSplitHalf, kPinsScanned };
class WriteObserver {
 public:
  virtual ~WriteObserver() = default;
  virtual void At(WriteStep step) = 0;
};

class WriteScope {
 public:
  explicit WriteScope(ArenaMemory& memory) : memory_(memory) {}
  WriteScope(const WriteScope&) = delete;
  WriteScope& operator=(const WriteScope&) = delete;

  // Closes a bucket's version or an index's epoch, if it is not closed yet.
  void Close(std::atomic<uint64_t>& version) {
    const uint64_t even = version.load(std::memory_order_relaxed);  // only this thread writes it
    if ((even & 1) != 0) return;
    version.store(even + 1, std::memory_order_relaxed);
    // Pairs with the reader's fence(acquire) in Validate: whoever reads a byte written after this fence sees the odd
    // version. seq_cst, because it also orders this store before the scan of the pins (pairs with PinFence).
    std::atomic_thread_fence(std::memory_order_seq_cst);
    closed_.push_back(&version);
    Step(WriteStep::kClosed);
  }

  // Frees a segment, which may hold a version that this scope has closed and must open again: then only after Finish.
  void FreeWhenOpen(Link link) {
    if (closed_.empty()) {
      memory_.Free(link);
    } else {
      to_free_.push_back(link);
    }
  }

  void Finish() {
    if (closed_.empty()) return;
    Step(WriteStep::kBeforeFinish);
    // Release: pairs with the readers' acquire loads; what was changed is visible to whoever sees the even version.
    for (std::atomic<uint64_t>* version : closed_) {
      version->store(version->load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    closed_.clear();
    for (Link link : to_free_) memory_.Free(link);
    to_free_.clear();
  }

  void set_observer(WriteObserver* observer) { observer_ = observer; }
  void Step(WriteStep step) {
    if (observer_ != nullptr) [[unlikely]]
      observer_->At(step);
  }

 private:
  ArenaMemory& memory_;
  std::vector<std::atomic<uint64_t>*> closed_;
  std::vector<Link> to_free_;
  WriteObserver* observer_ = nullptr;
};

}  // namespace chestbox::shm
