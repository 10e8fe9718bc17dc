#include "protocol/rdb/payload_reader.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/string_codec.h"

namespace chestbox::rdb {

bool PayloadReader::Byte(uint8_t* byte) {
  if (rest_.empty()) return false;
  *byte = static_cast<uint8_t>(rest_[0]);
  rest_.remove_prefix(1);
  return true;
}

bool PayloadReader::Bytes(size_t count, std::string_view* bytes) {
  if (count > rest_.size()) return false;
  *bytes = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return true;
}

bool PayloadReader::Length(uint64_t* length) {
  const auto prefix = DecodePrefix(rest_);
  if (!prefix || prefix->special) return false;
  *length = prefix->length;
  rest_.remove_prefix(prefix->prefix_size);
  return true;
}

bool PayloadReader::Count(size_t item_bytes_min, uint64_t* count) {
  return Length(count) && *count <= rest_.size() / item_bytes_min;
}

bool PayloadReader::String(StringPart* string) {
  const auto layout = ParseString(rest_, rest_.size());
  if (!layout) return false;
  const size_t bytes = layout->end();
  string->is_own_ = layout->form != StringLayout::Form::kRaw;
  if (string->is_own_) {
    auto decoded = DecodeString(rest_.substr(0, bytes));
    if (!decoded) return false;
    string->own_ = std::move(decoded->value);
  } else {
    string->view_ = rest_.substr(layout->header_size, bytes - layout->header_size);
  }
  rest_.remove_prefix(bytes);
  return true;
}

bool PayloadReader::Milliseconds(int64_t* ms) {
  std::string_view bytes;
  if (!Bytes(sizeof *ms, &bytes)) return false;
  std::memcpy(ms, bytes.data(), sizeof *ms);
  return true;
}

bool PayloadReader::Double(double* value) {
  std::string_view bytes;
  if (!Bytes(sizeof *value, &bytes)) return false;
  std::memcpy(value, bytes.data(), sizeof *value);
  return true;
}

bool PayloadReader::TextDouble(double* value) {
  constexpr uint8_t kNan = 253;
  constexpr uint8_t kInfinity = 254;
  constexpr uint8_t kMinusInfinity = 255;
  uint8_t size = 0;
  std::string_view text;
  if (!Byte(&size)) return false;
  if (size == kNan) {
    *value = std::numeric_limits<double>::quiet_NaN();
  } else if (size == kInfinity || size == kMinusInfinity) {
    *value = size == kInfinity ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  } else {
    return Bytes(size, &text) && ParseScore(text, value);
  }
  return true;
}

bool ParseScore(std::string_view text, double* score) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *score);
  // Redis' own texts never round to nothing or to infinity.
  return error == std::errc() && end == text.data() + text.size() && !std::isnan(*score);
}

}  // namespace chestbox::rdb
