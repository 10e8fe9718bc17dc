// ArenaAllocator: blocks of the arena, from a jemalloc arena of its own whose extents come from the arena's file.
//
// Invariants
// - jemalloc's metadata lives in private memory; no byte of an extent is written but by whoever owns the block.
// - Private and arena memory never mix: every call names this arena and its own explicit tcache.
// - Pages are committed before a block lies in them. Freed extents go back to the pool at once (decay 0) and are
//   punched by a helper thread in steps of 1 MiB, so that no free stalls the executor. The same goes for the pages that
//   jemalloc got with an extent that had been used before, and does not commit.
// Executor thread only, but for the helper thread inside.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "protocol/result.h"
#include "protocol/shm/arena_memory.h"
#include "server/arena/arena_file.h"
#include "server/arena/extent_pool.h"

namespace chestbox {

class ArenaAllocator final : public shm::ArenaMemory {
 public:
  // The header is initialised but for the executor mutex (HoldExecutorMutex of file()).
  static Result<std::unique_ptr<ArenaAllocator>> Create(uint64_t reach_bytes, uint64_t arena_id, uint64_t hash_seed);
  ~ArenaAllocator() override;

  shm::Link Allocate(uint64_t bytes) override;
  void Free(shm::Link link) override;
  uint64_t UsableBytes(shm::Link link) const override;
  bool Commit(uint64_t offset, uint64_t bytes) override { return file_->Commit(offset, bytes); }
  void Release(uint64_t offset, uint64_t bytes) override { file_->Punch(offset, bytes); }

  ArenaFile& file() { return *file_; }
  uint64_t resident_bytes() const override { return file_->resident_bytes(); }
  uint64_t allocated_bytes() const override { return allocated_bytes_; }
  uint64_t allocations() const { return allocations_; }

  // Hands blocks that the thread cache keeps back to their slabs, so that emptied pages can leave memory.
  void FlushCache();

  // For the extent hooks.
  void* TakeExtent(size_t bytes, size_t alignment, bool* commit);
  bool CommitExtent(void* address, size_t bytes);
  void GiveExtent(void* address, size_t bytes, bool committed);

 private:
  struct Hooks;
  ArenaAllocator() = default;
  Result<void> CreateJemallocArena();
  void PunchLoop();
  bool PunchSome(std::unique_lock<std::mutex>& lock, uint64_t keep);
  uint64_t IdleBytes() const { return pool_->dirty_bytes() + pool_->unclaimed_bytes(); }
  void AwaitPunch(std::unique_lock<std::mutex>& lock, uint64_t offset, uint64_t bytes);

  std::unique_ptr<ArenaFile> file_;
  std::unique_ptr<Hooks> hooks_;
  unsigned arena_ = 0;
  unsigned tcache_ = 0;
  int flags_ = 0;
  uint64_t allocated_bytes_ = 0;
  uint64_t allocations_ = 0;

  std::mutex mutex_;  // guards what follows; shared by the executor (in hooks) and the helper thread
  std::condition_variable wake_;
  std::unique_ptr<ExtentPool> pool_;
  // What the helper thread is punching of a range that jemalloc has and may commit at any moment; 0 bytes: nothing.
  std::pair<uint64_t, uint64_t> punching_{0, 0};
  std::condition_variable punched_;
  bool stopping_ = false;
  std::thread punch_thread_;
};

}  // namespace chestbox
