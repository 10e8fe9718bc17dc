// What the write thread knows of values that lie in chunks: the next id, the values being written, and the chunks that
// nobody names any more. In memory only: a clean close leaves no open value and no garbage, and no other state
// survives.
//
// One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "protocol/check.h"
#include "swap/record_codec.h"

namespace chestbox::swap {

class ValueLedger {
 public:
  explicit ValueLedger(uint64_t next_id) : next_id_(next_id) {}

  uint64_t NewId() { return next_id_++; }
  uint64_t next_id() const { return next_id_; }

  // --- Values being written.
  void Open(uint64_t id) { open_[id] = 0; }
  bool IsOpen(uint64_t id) const { return open_.contains(id); }
  uint64_t OpenSize(uint64_t id) const { return Find(id); }
  void Append(uint64_t id, size_t size) {
    CHECK(IsOpen(id));
    open_[id] += size;
  }
  // The value belongs to a record from now on.
  void Commit(uint64_t id) { CHECK(open_.erase(id) == 1); }
  void Drop(uint64_t id) {
    // One chunk more than was counted: an append that reported a failure may have left it.
    AddGarbage(id, ChunkCount(Find(id)) + 1);
    open_.erase(id);
  }
  void DropAllOpen() {
    while (!open_.empty()) Drop(open_.begin()->first);
  }

  // --- Chunks to delete.
  struct Garbage {
    uint64_t value_id = 0;
    uint32_t first_chunk = 0;
    uint32_t end_chunk = 0;
  };
  void AddGarbage(uint64_t id, uint32_t chunk_count) { garbage_.push_back({id, 0, chunk_count}); }
  std::deque<Garbage>& garbage() { return garbage_; }

 private:
  uint64_t Find(uint64_t id) const {
    const auto found = open_.find(id);
    CHECK(found != open_.end());
    return found->second;
  }

  uint64_t next_id_;
  std::unordered_map<uint64_t, uint64_t> open_;  // id -> bytes so far
  std::deque<Garbage> garbage_;
};

}  // namespace chestbox::swap
