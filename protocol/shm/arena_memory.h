// What the writers of protocol/shm need from whoever owns the arena's memory (the server's jemalloc arena; a vector in
// tests).
#pragma once

#include <cstdint>

#include "protocol/shm/layout.h"

namespace chestbox::shm {

class ArenaMemory {
 public:
  virtual ~ArenaMemory() = default;

  // A block of at least `bytes`, 16-byte aligned (4096 from 16 KiB up, and for exactly 4096), or 0 when the arena or
  // the machine is full. Its content is undefined. Never SIGBUS: the pages exist.
  virtual Link Allocate(uint64_t bytes) = 0;
  // Gives a block back; it may be handed out again at once. The caller has unlinked it behind a closed version.
  virtual void Free(Link link) = 0;
  virtual uint64_t UsableBytes(Link link) const = 0;

  // Makes a part of a directory's reserved range usable (false: full), or gives it back.
  virtual bool Commit(uint64_t offset, uint64_t bytes) = 0;
  virtual void Release(uint64_t offset, uint64_t bytes) = 0;

  // Bytes of live blocks by their usable sizes, and bytes of the arena that are in memory.
  virtual uint64_t allocated_bytes() const { return 0; }
  virtual uint64_t resident_bytes() const { return 0; }

  char* base() const { return base_; }
  char* At(Link link) const { return base_ + uint64_t{link} * kGranuleBytes; }
  ArenaHeader& header() const { return *reinterpret_cast<ArenaHeader*>(base_); }

 protected:
  char* base_ = nullptr;
};

}  // namespace chestbox::shm
