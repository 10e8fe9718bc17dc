#include "server/replication/backlog.h"

#include <algorithm>
#include <cstring>

#include "protocol/check.h"

namespace chestbox {

namespace {

constexpr uint64_t kFirstCapacityBytes = 16 << 10;

}  // namespace

void Backlog::Append(std::string_view bytes) {
  const uint64_t wanted = std::min(size_, held_ + bytes.size());
  if (wanted > capacity_) {
    uint64_t capacity = std::max(capacity_, kFirstCapacityBytes);
    while (capacity < wanted) capacity *= 2;
    Reallocate(std::min(capacity, size_));
  }
  if (bytes.size() > capacity_) {
    end_offset_ += bytes.size() - capacity_;
    bytes.remove_prefix(bytes.size() - capacity_);
    held_ = 0;
  }
  for (std::string_view rest = bytes; !rest.empty();) {
    const uint64_t at = end_offset_ % capacity_;
    const uint64_t count = std::min<uint64_t>(rest.size(), capacity_ - at);
    std::memcpy(ring_.get() + at, rest.data(), count);
    rest.remove_prefix(count);
    end_offset_ += count;
  }
  held_ = std::min(capacity_, held_ + bytes.size());
}

void Backlog::Resize(uint64_t size_bytes) {
  CHECK(size_bytes > 0);
  size_ = size_bytes;
  held_ = std::min(held_, size_);
  if (capacity_ > size_) Reallocate(size_);
}

std::string_view Backlog::Run(uint64_t offset) const {
  const uint64_t at = offset % capacity_;
  return {ring_.get() + at, static_cast<size_t>(std::min(end_offset_ - offset, capacity_ - at))};
}

void Backlog::Reallocate(uint64_t capacity) {
  std::unique_ptr<char[]> ring(new char[capacity]);
  for (uint64_t offset = first_offset(); offset < end_offset_;) {
    const std::string_view run = Run(offset);
    const uint64_t at = offset % capacity;
    const uint64_t count = std::min<uint64_t>(run.size(), capacity - at);
    std::memcpy(ring.get() + at, run.data(), count);
    offset += count;
  }
  ring_ = std::move(ring);
  capacity_ = capacity;
}

void Backlog::CopyFrom(uint64_t offset, resp::ReplyBuffer* to) const {
  CHECK(Covers(static_cast<int64_t>(offset)));
  while (offset < end_offset_) {
    const std::string_view run = Run(offset);
    to->Append(run);
    offset += run.size();
  }
}

}  // namespace chestbox
