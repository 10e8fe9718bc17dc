// Integer set: a small set of integers as one sorted run, in Redis' intset format, so that DUMP and RESTORE copy bytes.
//
//   u32 bytes an integer (2, 4 or 8) | u32 integers | integers, ascending
//
// Invariants: as wide as its widest member ever was. Readers never leave the bytes that they were given, and a
// malformed set reads as empty or shorter. Where the room for a change comes from is the caller's business. Pure
// functions, any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace chestbox::shm {

inline constexpr uint64_t kIntegerSetHeaderBytes = 8;

class IntegerSetReader {
 public:
  explicit IntegerSetReader(std::string_view bytes);

  uint32_t size() const { return size_; }
  uint32_t width() const { return width_; }  // bytes an integer; 0: malformed
  int64_t At(uint32_t index) const {
    const char* place = data_ + kIntegerSetHeaderBytes + uint64_t{width_} * index;
    return width_ == 2 ? Load<int16_t>(place) : width_ == 4 ? Load<int32_t>(place) : Load<int64_t>(place);
  }
  // Where `value` is, or where it would go.
  uint32_t LowerBound(int64_t value) const;
  bool Contains(int64_t value) const {
    const uint32_t index = LowerBound(value);
    return index < size_ && At(index) == value;
  }

 private:
  template <class T>
  static int64_t Load(const char* place) {
    T value;
    std::memcpy(&value, place, sizeof value);
    return value;
  }

  const char* data_;
  uint32_t width_ = 0;
  uint32_t size_ = 0;
};

// Whole, not empty, and ascending: for bytes that may be anything. (It may be wider than it must be.)
bool IsSoundIntegerSet(std::string_view bytes);

// Bytes that a member takes at least.
constexpr uint32_t IntegerWidth(int64_t value) {
  return value == static_cast<int16_t>(value) ? 2 : value == static_cast<int32_t>(value) ? 4 : 8;
}
constexpr uint64_t IntegerSetBytes(uint32_t width, uint64_t size) { return kIntegerSetHeaderBytes + width * size; }

// The set of these, which are ascending.
std::string MakeIntegerSet(std::span<const int64_t> members);

// In place. The value is not there and no wider than the set, and there is room for one more.
void InsertInteger(char* set, uint32_t index, int64_t value);
// The same into a wider set: `value` is the new smallest or largest.
std::string WidenedWith(const IntegerSetReader& set, int64_t value);
void EraseInteger(char* set, uint32_t index);

}  // namespace chestbox::shm
