#include "protocol/rdb/compress.h"

#include <cstdint>

#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/lzf.h"
#include "protocol/rdb/object.h"
#include "protocol/rdb/string_codec.h"

namespace chestbox::rdb {

namespace {

// As in Redis: shorter strings are not tried, and at least four bytes must be saved.
constexpr size_t kCompressedFrom = 21;
constexpr size_t kSavedMin = 4;

class Compressor {
 public:
  explicit Compressor(std::string_view object) : rest_(object.substr(1)) {
    out_.reserve(object.size());
    out_.push_back(object[0]);
  }

  // False: this is not what was expected; all that is left is then copied.
  bool Length(uint64_t* length) {
    const auto prefix = DecodePrefix(rest_);
    if (!prefix || prefix->special) return false;
    *length = prefix->length;
    Copy(prefix->prefix_size);
    return true;
  }
  bool String() {
    const auto layout = ParseString(rest_, rest_.size());
    if (!layout) return false;
    const std::string_view bytes = rest_.substr(layout->header_size, layout->stored_size);
    std::string compressed;
    if (layout->form != StringLayout::Form::kRaw || bytes.size() < kCompressedFrom ||
        !CompressLzf(bytes, bytes.size() - kSavedMin, compressed)) {
      Copy(layout->end());
      return true;
    }
    out_.push_back(static_cast<char>(0xc0 | static_cast<uint8_t>(SpecialEncoding::kLzf)));
    AppendLength(compressed.size(), out_);
    AppendLength(bytes.size(), out_);
    out_.append(compressed);
    rest_.remove_prefix(layout->end());
    return true;
  }
  bool Skip(size_t bytes) {
    if (bytes > rest_.size()) return false;
    Copy(bytes);
    return true;
  }
  std::string Finish() {
    out_.append(rest_);
    return std::move(out_);
  }

 private:
  void Copy(size_t bytes) {
    out_.append(rest_.substr(0, bytes));
    rest_.remove_prefix(bytes);
  }

  std::string_view rest_;
  std::string out_;
};

bool CompressItems(ObjectType type, Compressor& object) {
  uint64_t count = 0;
  if (!object.Length(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t container = 0;
    if (type == ObjectType::kListQuicklist2 && !object.Length(&container)) return false;
    if (type == ObjectType::kStream2 && !object.String()) return false;  // the node's ID
    if (type == ObjectType::kHash && !object.String()) return false;
    if (!object.String()) return false;
    if (type == ObjectType::kSortedSet && !object.Skip(sizeof(double))) return false;
  }
  return true;
}

}  // namespace

std::string CompressObject(std::string_view object) {
  const auto type = static_cast<ObjectType>(object[0]);
  Compressor compressor(object);
  switch (type) {
    case ObjectType::kString:
    case ObjectType::kSetIntegers:
    case ObjectType::kHashListpack:
    case ObjectType::kSortedSetListpack:
      (void)compressor.String();
      break;
    case ObjectType::kSet:
    case ObjectType::kHash:
    case ObjectType::kSortedSet:
    case ObjectType::kListQuicklist2:
    case ObjectType::kStream2:
      (void)CompressItems(type, compressor);
      break;
    default:
      break;
  }
  return compressor.Finish();
}

}  // namespace chestbox::rdb
