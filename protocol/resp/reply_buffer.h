// ReplyBuffer: contiguous, growable bytes that replies are written to and a connection sends from. Unlike std::string
// it does not zero what it grows by, keeps its memory over Clear, and gives it back on demand.
//
// Invariant: size() <= capacity(). Pointers into it hold until the next call that may grow it. Threads: none. Running
// out of memory aborts: output-buffer limits have to act long before.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace chestbox::resp {

class ReplyBuffer {
 public:
  ReplyBuffer() = default;
  ~ReplyBuffer();
  ReplyBuffer(ReplyBuffer&& other) noexcept;
  ReplyBuffer& operator=(ReplyBuffer&& other) noexcept;
  ReplyBuffer(const ReplyBuffer&) = delete;
  ReplyBuffer& operator=(const ReplyBuffer&) = delete;

  const char* data() const { return data_; }
  char* data() { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }

  // Room for `bytes` more behind the content, to be filled and then Commit()ted.
  char* Reserve(size_t bytes) {
    if (capacity_ - size_ < bytes) Grow(bytes);
    return data_ + size_;
  }
  void Commit(size_t bytes) { size_ += bytes; }
  // For content rearranged in place: any size up to capacity(), whose bytes the caller has written.
  void SetSize(size_t size) { size_ = size; }

  void Append(const void* bytes, size_t count) {
    if (count == 0) return;
    std::memcpy(Reserve(count), bytes, count);
    size_ += count;
  }
  void Append(std::string_view bytes) { Append(bytes.data(), bytes.size()); }

  // Drops everything behind the first `size` bytes; `size` may not exceed size().
  void Truncate(size_t size);
  // Drops the first `count` bytes, moving the rest to the front.
  void DropFront(size_t count);

  // Empties it; the memory stays.
  void Clear() { size_ = 0; }
  // Gives the memory back if it is empty and holds more than `bytes`.
  void ReleaseAbove(size_t bytes);

 private:
  void Grow(size_t bytes);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace chestbox::resp
