// ArenaFile: the sparse memory file behind the arena, and the server's writable mapping of it.
//
// Protection 2 of the design ("other uid"): a memfd, mode 0600, sealed against shrinking; clients get a descriptor that
// was opened read-only. A client of another uid cannot re-open it writable; one of the same uid, or root, could.
//
// The mapping spans all that 32-bit links reach; memory is used only where committed. Thread-safe but for Grow.
#pragma once

#include <cstdint>
#include <memory>

#include "protocol/result.h"
#include "protocol/shm/layout.h"

namespace chestbox {

class ArenaFile {
 public:
  static Result<std::unique_ptr<ArenaFile>> Create(uint64_t reach_bytes);
  ~ArenaFile();
  ArenaFile(const ArenaFile&) = delete;
  ArenaFile& operator=(const ArenaFile&) = delete;

  char* base() const { return base_; }
  uint64_t reach_bytes() const { return reach_bytes_; }
  int read_only_descriptor() const { return read_only_; }  // owned by this; to be duplicated by SCM_RIGHTS

  // Makes pages exist (fallocate), so that a full memory is an error here and no SIGBUS later. Grows the file if need
  // be.
  bool Commit(uint64_t offset, uint64_t bytes);
  // Gives pages back to the kernel; they read as zeros. Any thread.
  void Punch(uint64_t offset, uint64_t bytes);
  // Bytes in memory, from st_blocks: what the kernel charges.
  uint64_t resident_bytes() const;

  // Locks the header's robust mutex for the calling thread, which must be the executor and hold it for life.
  void HoldExecutorMutex();
  // A clean stop: readers see at once that nobody serves this arena any more.
  void ReleaseExecutorMutex();

 private:
  ArenaFile() = default;
  bool Grow(uint64_t end);

  int descriptor_ = -1;
  int read_only_ = -1;
  char* base_ = nullptr;
  uint64_t reach_bytes_ = 0;
  uint64_t file_bytes_ = 0;
  bool mutex_held_ = false;
};

}  // namespace chestbox
