// An ArenaMemory for tests: size-class free lists over one anonymous mapping.
//
// - Reuses the block that was freed last, at once, so that a missing check shows.
// - Fills freed blocks with kPoison; FreedBlocksIntact() tells whether somebody wrote to one.
// - Can fail the n-th request for memory. Counts what is out.
// - Header before, PROT_NONE guard pages around: a read out of bounds dies.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/index_reader.h"

namespace chestbox::shm {

class TestArena : public ArenaMemory {
 public:
  // Even as a version, no link within bounds as an entry: what is left unchecked does not fail by luck.
  static constexpr unsigned char kPoison = 0xdc;

  // `shared`: the mapping is inherited by fork as one memory.
  explicit TestArena(uint64_t heap_bytes = 64 << 20, bool shared = false);
  ~TestArena() override;
  TestArena(const TestArena&) = delete;
  TestArena& operator=(const TestArena&) = delete;

  Link Allocate(uint64_t bytes) override;
  void Free(Link link) override;
  uint64_t UsableBytes(Link link) const override;
  bool Commit(uint64_t offset, uint64_t bytes) override;
  void Release(uint64_t offset, uint64_t bytes) override;

  ArenaView view() const { return {base_, mapped_bytes_}; }
  uint64_t bytes_out() const { return bytes_out_; }
  uint64_t blocks_out() const { return out_.size(); }
  uint64_t committed_bytes() const { return committed_bytes_; }  // of directories
  bool FreedBlocksIntact() const;

  // The request after `successes` more fails, and so do all after it until NeverFail().
  void FailAfter(uint64_t successes) {
    failing_ = true;
    successes_left_ = successes;
  }
  void NeverFail() { failing_ = false; }
  bool failed() const { return failed_; }
  void clear_failed() { failed_ = false; }

 private:
  static uint64_t ClassBytes(uint64_t bytes);
  bool Fails();
  bool Refill(uint64_t class_bytes);

  uint64_t mapped_bytes_;
  uint64_t next_offset_ = kHeapOffset;
  uint64_t bytes_out_ = 0;
  uint64_t committed_bytes_ = 0;
  std::unordered_map<Link, uint64_t> out_;                      // block -> class
  std::unordered_map<uint64_t, std::vector<Link>> free_lists_;  // class -> blocks, the one freed last at the end
  bool failing_ = false;
  bool failed_ = false;
  uint64_t successes_left_ = 0;
};

}  // namespace chestbox::shm
