#include "protocol/rdb/lzf.h"

#include <algorithm>

#include "protocol/rdb/length_codec.h"

namespace chestbox::rdb {
namespace {

// Three bytes (control, length, offset) copy at most 7 + 255 + 2 bytes.
constexpr uint64_t kGrowthMax = (7 + 255 + 2 + 2) / 3;

class Decompressor {
 public:
  Decompressor(std::string_view in, uint64_t size) : in_(in), size_(size) { out_.reserve(size); }

  bool Run() {
    while (at_ < in_.size()) {
      const uint8_t control = Next();
      if (!(control < 32 ? Literal(control + 1U) : BackReference(control))) return false;
    }
    return out_.size() == size_;
  }

  std::string Take() { return std::move(out_); }

 private:
  uint8_t Next() { return static_cast<uint8_t>(in_[at_++]); }
  bool Fits(size_t count) const { return count <= size_ - out_.size(); }

  bool Literal(size_t count) {
    if (count > in_.size() - at_ || !Fits(count)) return false;
    out_.append(in_.substr(at_, count));
    at_ += count;
    return true;
  }

  bool BackReference(uint8_t control) {
    size_t count = control >> 5;
    const size_t bytes_needed = count == 7 ? 2 : 1;
    if (in_.size() - at_ < bytes_needed) return false;
    if (count == 7) count += Next();
    count += 2;
    const size_t distance = ((control & 31U) << 8 | Next()) + 1U;
    if (distance > out_.size() || !Fits(count)) return false;
    // Piece by piece of at most `distance`, because the copy may run into what it has just written.
    while (count > 0) {
      const size_t piece = std::min(count, distance);
      out_.append(out_, out_.size() - distance, piece);
      count -= piece;
    }
    return true;
  }

  std::string_view in_;
  uint64_t size_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> DecompressLzf(std::string_view compressed, uint64_t size) {
  if (size > compressed.size() * kGrowthMax) return BadData();
  Decompressor decompressor(compressed, size);
  if (!decompressor.Run()) return BadData();
  return decompressor.Take();
}

}  // namespace chestbox::rdb
