#include "protocol/shm/integer_set.h"

#include <algorithm>

#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

namespace {

uint32_t LoadWord(const char* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

void StoreSize(char* set, uint32_t size) { RacyStore(set + sizeof(uint32_t), &size, sizeof size); }

void StoreAt(char* place, uint32_t width, int64_t value) {
  // Little endian: the low bytes come first.
  RacyStore(place, &value, width);
}

}  // namespace

IntegerSetReader::IntegerSetReader(std::string_view bytes) : data_(bytes.data()) {
  if (bytes.size() < kIntegerSetHeaderBytes) return;
  const uint32_t width = LoadWord(data_);
  if (width != 2 && width != 4 && width != 8) return;
  width_ = width;
  const uint64_t size_max = (bytes.size() - kIntegerSetHeaderBytes) / width;
  size_ = static_cast<uint32_t>(std::min<uint64_t>(LoadWord(data_ + sizeof width), size_max));
}

uint32_t IntegerSetReader::LowerBound(int64_t value) const {
  uint32_t first = 0;
  uint32_t left = size_;
  while (left > 0) {
    const uint32_t half = left / 2;
    if (At(first + half) < value) {
      first += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return first;
}

bool IsSoundIntegerSet(std::string_view bytes) {
  const IntegerSetReader set(bytes);
  if (set.size() == 0 || bytes.size() != IntegerSetBytes(set.width(), set.size())) return false;
  if (LoadWord(bytes.data() + sizeof(uint32_t)) != set.size()) return false;
  for (uint32_t i = 1; i < set.size(); ++i) {
    if (set.At(i - 1) >= set.At(i)) return false;
  }
  return true;
}

std::string MakeIntegerSet(std::span<const int64_t> members) {
  const uint32_t width = members.empty() ? 2 : std::max(IntegerWidth(members.front()), IntegerWidth(members.back()));
  std::string set(IntegerSetBytes(width, members.size()), '\0');
  std::memcpy(set.data(), &width, sizeof width);
  StoreSize(set.data(), static_cast<uint32_t>(members.size()));
  char* place = set.data() + kIntegerSetHeaderBytes;
  for (size_t i = 0; i < members.size(); ++i) StoreAt(place + i * width, width, members[i]);
  return set;
}

void InsertInteger(char* set, uint32_t index, int64_t value) {
  const uint32_t width = LoadWord(set);
  const uint32_t size = LoadWord(set + sizeof width);
  char* place = set + kIntegerSetHeaderBytes + uint64_t{width} * index;
  RacyMove(place + width, place, uint64_t{width} * (size - index));
  StoreAt(place, width, value);
  StoreSize(set, size + 1);
}

std::string WidenedWith(const IntegerSetReader& set, int64_t value) {
  const uint32_t width = IntegerWidth(value);
  std::string wider(IntegerSetBytes(width, set.size() + 1), '\0');
  std::memcpy(wider.data(), &width, sizeof width);
  StoreSize(wider.data(), set.size() + 1);
  // Wider than all others, so it is before them or behind them.
  char* place = wider.data() + kIntegerSetHeaderBytes;
  if (value < 0) {
    StoreAt(place, width, value);
    place += width;
  }
  for (uint32_t i = 0; i < set.size(); ++i, place += width) StoreAt(place, width, set.At(i));
  if (value > 0) StoreAt(place, width, value);
  return wider;
}

void EraseInteger(char* set, uint32_t index) {
  const uint32_t width = LoadWord(set);
  const uint32_t size = LoadWord(set + sizeof width);
  char* place = set + kIntegerSetHeaderBytes + uint64_t{width} * index;
  RacyMove(place, place + width, uint64_t{width} * (size - index - 1));
  StoreSize(set, size - 1);
}

}  // namespace chestbox::shm
