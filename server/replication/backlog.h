// Backlog: the newest bytes of the replication stream, so that a replica whose link was cut may go on where it stopped.
//
// Invariants: it holds the bytes at the stream's offsets first_offset() … end_offset() - 1, the newest size() at most;
// offsets count from 1, as Redis' do. Memory grows with what is written, up to the size asked for. Executor thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/resp/reply_buffer.h"

namespace chestbox {

class Backlog {
 public:
  // The next byte has `offset`.
  Backlog(uint64_t offset, uint64_t size_bytes) : end_offset_(offset), size_(size_bytes) {}

  void Append(std::string_view bytes);
  // What is too old for the new size is dropped.
  void Resize(uint64_t size_bytes);

  uint64_t first_offset() const { return end_offset_ - held_; }
  uint64_t end_offset() const { return end_offset_; }  // of the byte that comes next
  uint64_t held_bytes() const { return held_; }
  uint64_t size_bytes() const { return size_; }
  uint64_t allocated_bytes() const { return capacity_; }
  // A replica that wants to go on with the byte at `offset` can: everything from there on is here.
  bool Covers(int64_t offset) const {
    return offset >= 0 && static_cast<uint64_t>(offset) >= first_offset() &&
           static_cast<uint64_t>(offset) <= end_offset_;
  }
  // Appends everything from `offset` on, which is covered.
  void CopyFrom(uint64_t offset, resp::ReplyBuffer* to) const;

 private:
  void Reallocate(uint64_t capacity);
  std::string_view Run(uint64_t offset) const;  // from there to the end, or to where the ring begins again

  std::unique_ptr<char[]> ring_;  // the byte at offset n is at n % capacity_
  uint64_t capacity_ = 0;
  uint64_t end_offset_;
  uint64_t held_ = 0;
  uint64_t size_;
};

}  // namespace chestbox
