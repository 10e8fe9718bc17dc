#include "protocol/rdb/length_codec.h"

namespace chestbox::rdb {
namespace {

constexpr uint8_t k32Bit = 0x80;
constexpr uint8_t k64Bit = 0x81;

void StoreBigEndian(uint64_t value, size_t size, char* out) {
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(value >> (8 * (size - 1 - i)));
}

uint64_t LoadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<uint8_t>(c);
  return value;
}

Result<Prefix> WideLength(std::string_view data, size_t width) {
  if (data.size() < 1 + width) return BadData();
  return Prefix{.prefix_size = 1 + width, .length = LoadBigEndian(data.substr(1, width))};
}

}  // namespace

Error BadData() { return Error{"ERR Bad data format"}; }

size_t EncodeLength(uint64_t length, char* out) {
  if (length < (1U << 6)) {
    out[0] = static_cast<char>(length);
    return 1;
  }
  if (length < (1U << 14)) {
    StoreBigEndian(length | 0x4000, 2, out);
    return 2;
  }
  const bool wide = length > UINT32_MAX;
  out[0] = static_cast<char>(wide ? k64Bit : k32Bit);
  StoreBigEndian(length, wide ? 8 : 4, out + 1);
  return wide ? 9 : 5;
}

void AppendLength(uint64_t length, std::string& out) {
  char prefix[kLengthSizeMax];
  out.append(prefix, EncodeLength(length, prefix));
}

Result<Prefix> DecodePrefix(std::string_view data) {
  if (data.empty()) return BadData();
  const uint8_t first = static_cast<uint8_t>(data[0]);
  switch (first >> 6) {
    case 0:
      return Prefix{.prefix_size = 1, .length = first};
    case 1:
      if (data.size() < 2) return BadData();
      return Prefix{.prefix_size = 2, .length = LoadBigEndian(data.substr(0, 2)) & 0x3fff};
    case 2:
      if (first == k32Bit) return WideLength(data, 4);
      if (first == k64Bit) return WideLength(data, 8);
      return BadData();
    default:
      if ((first & 0x3f) > static_cast<uint8_t>(SpecialEncoding::kLzf)) return BadData();
      return Prefix{.prefix_size = 1, .special = true, .encoding = static_cast<SpecialEncoding>(first & 0x3f)};
  }
}

}  // namespace chestbox::rdb
