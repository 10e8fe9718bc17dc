// SmallBuffers: where views of small values have their copy. A fixed pool in the client, so that such a view allocates
// nothing.
//
// Invariant: a buffer that is taken is not written to until it is given back. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "protocol/shm/layout.h"

namespace chestbox::shmclient {

class SmallBuffers {
 public:
  // One word tells which are free. A program that holds more small views at one time pays an allocation for each of the
  // rest.
  static constexpr uint32_t kCount = 64;
  static constexpr uint32_t kNone = ~uint32_t{0};

  SmallBuffers() : bytes_(new char[size_t{kCount + 1} * shm::kInlineValueBytesMax]) {}

  // The buffer that Take() would take next, to be filled first; kNone and the spare one if none is free.
  uint32_t Next() const { return free_ == 0 ? kNone : static_cast<uint32_t>(__builtin_ctzll(free_)); }
  char* bytes(uint32_t number) const {
    return bytes_.get() + size_t{number == kNone ? kCount : number} * shm::kInlineValueBytesMax;
  }
  void Take(uint32_t number) { free_ &= ~(uint64_t{1} << number); }
  void GiveBack(uint32_t number) {
    if (number < kCount) free_ |= uint64_t{1} << number;
  }

 private:
  uint64_t free_ = ~uint64_t{0};
  std::unique_ptr<char[]> bytes_;
};

}  // namespace chestbox::shmclient
