// Retired value blocks: unlinked, perhaps still pinned by a view. They are freed in batches, with one fence and one
// scan of the pins a batch; what is pinned waits for the next one. (Blocks that are never pinned, such as key blocks,
// are freed at once: whoever still reads one fails its validation.)
//
// Executor thread only.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/pins.h"

namespace chestbox::shm {

class RetireList {
 public:
  void Retire(Link link, uint64_t bytes) {
    blocks_.push_back({link, bytes});
    bytes_ += bytes;
  }
  bool empty() const { return blocks_.empty(); }
  size_t blocks() const { return blocks_.size(); }
  uint64_t bytes() const { return bytes_; }

  // Frees what no page pins. `pages` is a range of ClientPage pointers.
  template <class Pages>
  void Drain(ArenaMemory& memory, const Pages& pages) {
    if (blocks_.empty()) return;
    // Pairs with PinFence: a reader that pinned one of these either is seen by the scan, or sees the version that
    // changed when the block was unlinked.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    pinned_.clear();
    for (const ClientPage* page : pages) ScanPins(*page, [&](Link link) { pinned_.push_back(link); });
    std::sort(pinned_.begin(), pinned_.end());
    size_t kept = 0;
    for (const Block& block : blocks_) {
      if (std::binary_search(pinned_.begin(), pinned_.end(), block.link)) {
        blocks_[kept++] = block;
      } else {
        bytes_ -= block.bytes;
        memory.Free(block.link);
      }
    }
    blocks_.resize(kept);
  }

 private:
  struct Block {
    Link link;
    uint64_t bytes;
  };
  std::vector<Block> blocks_;
  std::vector<Link> pinned_;
  uint64_t bytes_ = 0;
};

}  // namespace chestbox::shm
