// Redis' integer set, in payloads: u32 bytes an integer (2, 4 or 8) | u32 integers | integers, ascending. Little
// endian.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace chestbox::rdb {

inline constexpr size_t kIntegerSetHeaderBytes = 8;

// Reads what may be anything; a broken one is not valid and empty.
class IntegerSetView {
 public:
  explicit IntegerSetView(std::string_view data) : data_(data) {
    uint32_t width = 0;
    uint32_t count = 0;
    if (data.size() < kIntegerSetHeaderBytes) return;
    std::memcpy(&width, data.data(), sizeof width);
    std::memcpy(&count, data.data() + sizeof width, sizeof count);
    if (width != 2 && width != 4 && width != 8) return;
    if (data.size() - kIntegerSetHeaderBytes != uint64_t{width} * count) return;
    width_ = width;
    count_ = count;
  }

  uint32_t count() const { return count_; }
  int64_t at(uint32_t i) const {
    const char* place = data_.data() + kIntegerSetHeaderBytes + uint64_t{width_} * i;
    return width_ == 2 ? Load<int16_t>(place) : width_ == 4 ? Load<int32_t>(place) : Load<int64_t>(place);
  }
  // Whole, not empty, and ascending. (It may be wider than it must be: members that made it so may have gone.)
  bool IsSound() const {
    if (count_ == 0) return false;
    for (uint32_t i = 1; i < count_; ++i) {
      if (at(i - 1) >= at(i)) return false;
    }
    return true;
  }

 private:
  template <class T>
  static int64_t Load(const char* place) {
    T value;
    std::memcpy(&value, place, sizeof value);
    return value;
  }

  std::string_view data_;
  uint32_t width_ = 0;
  uint32_t count_ = 0;
};

// The set of these, which are ascending and at least one.
inline std::string MakeIntegerSet(std::span<const int64_t> members) {
  const auto fits = [](int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; };
  uint32_t width = 8;
  if (fits(members.front(), INT32_MIN, INT32_MAX) && fits(members.back(), INT32_MIN, INT32_MAX)) width = 4;
  if (fits(members.front(), INT16_MIN, INT16_MAX) && fits(members.back(), INT16_MIN, INT16_MAX)) width = 2;
  const auto count = static_cast<uint32_t>(members.size());
  std::string set(kIntegerSetHeaderBytes + uint64_t{width} * count, '\0');
  std::memcpy(set.data(), &width, sizeof width);
  std::memcpy(set.data() + sizeof width, &count, sizeof count);
  // Little endian: the low bytes come first.
  for (uint32_t i = 0; i < count; ++i)
    std::memcpy(&set[kIntegerSetHeaderBytes + uint64_t{width} * i], &members[i], width);
  return set;
}

}  // namespace chestbox::rdb
