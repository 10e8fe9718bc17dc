#include "protocol/rdb/ziplist.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace chestbox::rdb {
namespace {

constexpr uint8_t kEnd = 0xff;
constexpr uint8_t kLongSize = 0xfe;
constexpr size_t kZiplistHeaderBytes = 10;
constexpr uint16_t kCountUnknown = 0xffff;
constexpr uint8_t kZipmapCountUnknown = 254;

// Bytes [at_, end_) of a block; every step is checked against the end.
class Walker {
 public:
  Walker(std::string_view data, size_t at, size_t end) : data_(data), at_(at), end_(end) {}

  size_t at() const { return at_; }
  bool done() const { return at_ == end_; }

  bool Byte(uint8_t* byte) {
    if (at_ >= end_) return false;
    *byte = static_cast<uint8_t>(data_[at_++]);
    return true;
  }
  bool Take(size_t bytes, std::string_view* out) {
    if (bytes > end_ - at_) return false;
    *out = data_.substr(at_, bytes);
    at_ += bytes;
    return true;
  }
  // A signed integer of `bytes` bytes, little endian.
  bool Integer(size_t bytes, int64_t* value) {
    std::string_view raw;
    if (!Take(bytes, &raw)) return false;
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes; ++i) bits |= uint64_t{static_cast<uint8_t>(raw[i])} << (8 * i);
    const unsigned unused = 64 - 8 * static_cast<unsigned>(bytes);
    *value = static_cast<int64_t>(bits << unused) >> unused;
    return true;
  }
  // One byte below 0xfe, or 0xfe and four.
  bool Size(uint32_t* size) {
    uint8_t first = 0;
    if (!Byte(&first) || first == kEnd) return false;
    *size = first;
    if (first != kLongSize) return true;
    std::string_view raw;
    if (!Take(sizeof *size, &raw)) return false;
    std::memcpy(size, raw.data(), sizeof *size);
    return true;
  }

 private:
  std::string_view data_;
  size_t at_;
  size_t end_;
};

// The size of a string entry whose encoding begins with `first`.
bool StringSize(Walker& walker, uint8_t first, uint32_t* size) {
  *size = first & 0x3fU;
  const int more = first < 0x40 ? 0 : first < 0x80 ? 1 : 4;
  if (more == 4) *size = 0;
  for (int i = 0; i < more; ++i) {
    uint8_t byte = 0;
    if (!walker.Byte(&byte)) return false;
    *size = *size << 8 | byte;
  }
  return true;
}

bool IntegerEntry(Walker& walker, uint8_t first, int64_t* value) {
  switch (first) {
    case 0xc0:
      return walker.Integer(2, value);
    case 0xd0:
      return walker.Integer(4, value);
    case 0xe0:
      return walker.Integer(8, value);
    case 0xf0:
      return walker.Integer(3, value);
    case 0xfe:
      return walker.Integer(1, value);
    default:
      *value = (first & 0xf) - 1;
      return first > 0xf0 && first < 0xfe;
  }
}

bool VisitEntry(Walker& walker, uint32_t previous_size, const ElementVisitor& visit) {
  uint32_t size_before = 0;
  uint8_t first = 0;
  if (!walker.Size(&size_before) || size_before != previous_size || !walker.Byte(&first)) return false;
  if (first < 0xc0) {
    uint32_t size = 0;
    std::string_view text;
    return StringSize(walker, first, &size) && walker.Take(size, &text) && visit(text);
  }
  int64_t value = 0;
  return IntegerEntry(walker, first, &value) && visit(std::to_string(value));
}

}  // namespace

bool VisitZiplist(std::string_view ziplist, const ElementVisitor& visit) {
  if (ziplist.size() <= kZiplistHeaderBytes || ziplist.size() > UINT32_MAX) return false;
  uint32_t bytes = 0;
  uint32_t tail = 0;
  uint16_t count = 0;
  std::memcpy(&bytes, ziplist.data(), sizeof bytes);
  std::memcpy(&tail, ziplist.data() + 4, sizeof tail);
  std::memcpy(&count, ziplist.data() + 8, sizeof count);
  if (bytes != ziplist.size() || static_cast<uint8_t>(ziplist.back()) != kEnd) return false;
  Walker walker(ziplist, kZiplistHeaderBytes, ziplist.size() - 1);
  uint64_t found = 0;
  uint32_t previous_size = 0;
  size_t last = kZiplistHeaderBytes;
  for (; !walker.done(); ++found) {
    last = walker.at();
    if (!VisitEntry(walker, previous_size, visit)) return false;
    previous_size = static_cast<uint32_t>(walker.at() - last);
  }
  return tail == last && (count == kCountUnknown || count == found);
}

bool VisitZipmap(std::string_view zipmap, const ElementVisitor& visit) {
  if (zipmap.size() < 2 || static_cast<uint8_t>(zipmap.back()) != kEnd) return false;
  const uint8_t count = static_cast<uint8_t>(zipmap[0]);
  Walker walker(zipmap, 1, zipmap.size() - 1);
  uint64_t found = 0;
  for (; !walker.done(); ++found) {
    uint32_t size = 0;
    uint8_t unused = 0;
    std::string_view field;
    std::string_view value;
    std::string_view skipped;
    if (!walker.Size(&size) || !walker.Take(size, &field)) return false;
    if (!walker.Size(&size) || !walker.Byte(&unused) || !walker.Take(size, &value)) return false;
    if (!walker.Take(unused, &skipped) || !visit(field) || !visit(value)) return false;
  }
  return count >= kZipmapCountUnknown || count == found;
}

}  // namespace chestbox::rdb
