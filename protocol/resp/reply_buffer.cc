#include "protocol/resp/reply_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "protocol/check.h"

namespace chestbox::resp {
namespace {

constexpr size_t kFirstBytes = 256;
// Up to here the capacity doubles; beyond, it grows by a quarter, so that a huge reply does not hold twice its size.
constexpr size_t kDoublingBytesMax = 1024 * 1024;

}  // namespace

ReplyBuffer::~ReplyBuffer() { std::free(data_); }

ReplyBuffer::ReplyBuffer(ReplyBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

ReplyBuffer& ReplyBuffer::operator=(ReplyBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

void ReplyBuffer::Grow(size_t bytes) {
  const size_t needed = size_ + bytes;
  CHECK(needed >= size_);
  const size_t grown = capacity_ < kDoublingBytesMax ? capacity_ * 2 : capacity_ + capacity_ / 4;
  const size_t capacity = std::max({needed, grown, kFirstBytes});
  void* data = std::realloc(data_, capacity);
  CHECK(data != nullptr);
  data_ = static_cast<char*>(data);
  capacity_ = capacity;
}

void ReplyBuffer::Truncate(size_t size) {
  CHECK(size <= size_);
  size_ = size;
}

void ReplyBuffer::DropFront(size_t count) {
  CHECK(count <= size_);
  if (count == 0) return;
  std::memmove(data_, data_ + count, size_ - count);
  size_ -= count;
}

void ReplyBuffer::ReleaseAbove(size_t bytes) {
  if (size_ > 0 || capacity_ <= bytes) return;
  std::free(data_);
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace chestbox::resp
