// Where the nodes of a large collection (leaves and inner nodes, each a block of the arena) come from: the read
// algorithms of hash_table.h and counted_tree.h are templates over this, so that the server and every client run the
// same ones.
//
//   const char* Node(Link link, uint64_t bytes_min, uint64_t* bytes)   a whole node, whose first u32 is its size; at
//   least
//                                                                      `bytes_min` of it. Null: not to be had
//   const char* Bytes(Link link, uint64_t bytes)                       a string in a block of its own. Null: likewise
//
// The server's are direct, and valid until its next write. A client's are private copies, bounds-checked while they are
// made and never changing afterwards, so that nothing that is parsed can change under the parser; a torn copy parses
// as something, is found out by the validation of the key's bucket at the end, and is thrown away. A null means "torn,
// or too much": a client tries again and then asks the server.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/index_reader.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

class DirectNodes {
 public:
  explicit DirectNodes(const ArenaMemory& memory) : base_(memory.base()) {}

  const char* Node(Link link, uint64_t, uint64_t* bytes) const {
    const char* node = base_ + uint64_t{link} * kGranuleBytes;
    *bytes = RacyLoad32(node);
    return node;
  }
  const char* Bytes(Link link, uint64_t) const { return base_ + uint64_t{link} * kGranuleBytes; }

 private:
  const char* base_;
};

class CopiedNodes {
 public:
  // What one read command may copy in all: beyond it the server is as fast, and a hot key would fail validation anyway.
  static constexpr uint64_t kBytesMax = 4 << 20;

  explicit CopiedNodes(const ArenaView& arena) : arena_(arena), bound_(arena.bound_bytes()) {}
  CopiedNodes(const CopiedNodes&) = delete;
  CopiedNodes& operator=(const CopiedNodes&) = delete;

  const char* Node(Link link, uint64_t bytes_min, uint64_t* bytes) {
    const uint64_t offset = uint64_t{link} * kGranuleBytes;
    if (!InBounds(offset, sizeof(uint32_t))) return nullptr;
    // What follows the size is on its way while the size is waited for. A hint: whatever lies there, nothing faults.
    for (uint64_t at = kLineBytes; at < kPrefetchedBytes; at += kLineBytes) {
      __builtin_prefetch(arena_.base + offset + at);
    }
    *bytes = RacyLoad32(arena_.base + offset);
    if (*bytes < bytes_min) return nullptr;
    char* copy = const_cast<char*>(Bytes(link, *bytes));
    // The size was read twice: the copy must say what was checked.
    if (copy != nullptr) {
      const auto size = static_cast<uint32_t>(*bytes);
      std::memcpy(copy, &size, sizeof size);
    }
    return copy;
  }
  const char* Bytes(Link link, uint64_t bytes) {
    const uint64_t offset = uint64_t{link} * kGranuleBytes;
    return InBounds(offset, bytes) ? CopyBytes(arena_.base + offset, bytes) : nullptr;
  }
  // Room for the `bytes` of a block, of which [from, to) are copied; the rest is whatever was there.
  char* Part(Link link, uint64_t bytes, uint64_t from, uint64_t to) {
    const uint64_t offset = uint64_t{link} * kGranuleBytes;
    if (from > to || to > bytes || !InBounds(offset, bytes)) return nullptr;
    char* room = Take(bytes);
    if (room != nullptr) RacyLoad(room + from, arena_.base + offset + from, to - from);
    return room;
  }
  // From within bounds.
  const char* CopyBytes(const char* from, uint64_t bytes) {
    char* copy = Take(bytes);
    if (copy != nullptr) RacyLoad(copy, from, bytes);
    return copy;
  }
  // For another attempt: what was handed out is void. Memory is kept.
  void Reset() {
    bound_ = arena_.bound_bytes();
    used_bytes_ = 0;
    chunk_ = 0;
    used_of_chunk_ = 0;
  }
  uint64_t copied_bytes() const { return used_bytes_; }

 private:
  static constexpr uint64_t kChunkBytes = 64 << 10;
  static constexpr uint64_t kLineBytes = 64;
  // About a leaf of a hash table; of larger nodes the processor sees by itself that they are read in order.
  static constexpr uint64_t kPrefetchedBytes = 512;

  struct Chunk {
    std::unique_ptr<char[]> data;
    uint64_t bytes = 0;
  };

  bool InBounds(uint64_t offset, uint64_t bytes) const {
    return offset >= kHeapOffset && offset <= bound_ && bytes <= bound_ - offset;
  }
  // Room that stays where it is until Reset.
  char* Take(uint64_t bytes) {
    if (bytes > kBytesMax - used_bytes_) return nullptr;
    const uint64_t rounded = (bytes + 15) & ~uint64_t{15};
    while (chunk_ < chunks_.size() && chunks_[chunk_].bytes - used_of_chunk_ < rounded) {
      ++chunk_;
      used_of_chunk_ = 0;
    }
    if (chunk_ == chunks_.size()) {
      const uint64_t size = rounded > kChunkBytes ? rounded : kChunkBytes;
      chunks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    }
    char* room = chunks_[chunk_].data.get() + used_of_chunk_;
    used_of_chunk_ += rounded;
    used_bytes_ += bytes;
    return room;
  }

  const ArenaView arena_;
  uint64_t bound_;
  std::vector<Chunk> chunks_;
  size_t chunk_ = 0;
  uint64_t used_of_chunk_ = 0;
  uint64_t used_bytes_ = 0;
};

}  // namespace chestbox::shm
