#include "protocol/rdb/lzf.h"

#include <algorithm>
#include <array>

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

namespace {

constexpr size_t kLiteralsMax = 32;
constexpr size_t kDistanceMax = 1 << 13;
constexpr size_t kMatchMin = 3;
constexpr size_t kMatchMax = 264;
constexpr uint32_t kHashBits = 13;

uint32_t HashOfThree(const char* at) {
  const uint32_t three =
      static_cast<uint8_t>(at[0]) << 16 | static_cast<uint8_t>(at[1]) << 8 | static_cast<uint8_t>(at[2]);
  return three * 2654435761U >> (32 - kHashBits);
}

void AppendLiterals(std::string_view literals, std::string& out) {
  while (!literals.empty()) {
    const size_t size = std::min(literals.size(), kLiteralsMax);
    out.push_back(static_cast<char>(size - 1));
    out.append(literals.substr(0, size));
    literals.remove_prefix(size);
  }
}

void AppendMatch(size_t size, size_t distance, std::string& out) {
  const size_t back = distance - 1;
  const size_t more = size - 2;
  if (more < 7) {
    out.push_back(static_cast<char>(more << 5 | back >> 8));
  } else {
    out.push_back(static_cast<char>(7 << 5 | back >> 8));
    out.push_back(static_cast<char>(more - 7));
  }
  out.push_back(static_cast<char>(back & 0xff));
}

}  // namespace

bool CompressLzf(std::string_view bytes, size_t size_max, std::string& out) {
  const size_t begin = out.size();
  std::array<uint32_t, 1 << kHashBits> last_seen{};  // place + 1
  size_t literals_from = 0;
  size_t at = 0;
  while (at + kMatchMin <= bytes.size() && bytes.size() <= UINT32_MAX) {
    uint32_t& seen = last_seen[HashOfThree(bytes.data() + at)];
    const size_t candidate = seen;
    seen = static_cast<uint32_t>(at + 1);
    if (candidate == 0 || at + 1 - candidate > kDistanceMax ||
        bytes.substr(candidate - 1, kMatchMin) != bytes.substr(at, kMatchMin)) {
      ++at;
      continue;
    }
    size_t size = kMatchMin;
    const size_t size_limit = std::min(kMatchMax, bytes.size() - at);
    while (size < size_limit && bytes[candidate - 1 + size] == bytes[at + size]) ++size;
    AppendLiterals(bytes.substr(literals_from, at - literals_from), out);
    AppendMatch(size, at + 1 - candidate, out);
    at += size;
    literals_from = at;
    if (out.size() - begin >= size_max) break;
  }
  if (out.size() - begin < size_max) AppendLiterals(bytes.substr(literals_from), out);
  if (out.size() - begin < size_max) return true;
  out.resize(begin);
  return false;
}

}  // namespace chestbox::rdb
