#include "protocol/rdb/string_codec.h"

#include <charconv>
#include <optional>

#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/lzf.h"

namespace chestbox::rdb {
namespace {

constexpr uint8_t kSpecialMark = 0xc0;
// "-2147483648"
constexpr size_t kInteger32DigitsMax = 11;

// The integer that `value` is the canonical decimal form of, so that writing the integer gives the same bytes again.
std::optional<int32_t> CanonicalInteger(std::string_view value) {
  if (value.empty() || value.size() > kInteger32DigitsMax) return std::nullopt;
  const bool negative = value[0] == '-';
  const std::string_view digits = value.substr(negative ? 1 : 0);
  if (digits.empty() || (digits[0] == '0' && (digits.size() > 1 || negative))) return std::nullopt;
  int32_t integer = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), integer);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return integer;
}

size_t IntegerSize(SpecialEncoding encoding) { return size_t{1} << static_cast<uint8_t>(encoding); }

void AppendInteger(int32_t integer, std::string& out) {
  SpecialEncoding encoding = SpecialEncoding::kInt32;
  if (integer >= INT8_MIN && integer <= INT8_MAX) {
    encoding = SpecialEncoding::kInt8;
  } else if (integer >= INT16_MIN && integer <= INT16_MAX) {
    encoding = SpecialEncoding::kInt16;
  }
  out.push_back(static_cast<char>(kSpecialMark | static_cast<uint8_t>(encoding)));
  const uint32_t bits = static_cast<uint32_t>(integer);
  for (size_t i = 0; i < IntegerSize(encoding); ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

int32_t LoadInteger(std::string_view bytes) {
  uint32_t bits = 0;
  for (size_t i = 0; i < bytes.size(); ++i) bits |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  const unsigned unused = 32 - 8 * static_cast<unsigned>(bytes.size());
  return static_cast<int32_t>(bits << unused) >> unused;  // sign extension
}

Result<StringLayout> ParseInteger(std::string_view data, SpecialEncoding encoding) {
  const size_t size = IntegerSize(encoding);
  if (data.size() < 1 + size) return BadData();
  StringLayout layout;
  layout.form = StringLayout::Form::kInteger;
  layout.header_size = 1 + size;
  layout.integer = LoadInteger(data.substr(1, size));
  return layout;
}

Result<StringLayout> ParseCompressed(std::string_view data) {
  const auto stored = DecodePrefix(data.substr(1));
  if (!stored) return stored.error();
  const auto original = DecodePrefix(data.substr(1 + stored->prefix_size));
  if (!original) return original.error();
  if (stored->special || original->special) return BadData();
  StringLayout layout;
  layout.form = StringLayout::Form::kCompressed;
  layout.header_size = 1 + stored->prefix_size + original->prefix_size;
  layout.stored_size = stored->length;
  layout.value_size = original->length;
  return layout;
}

Result<StringLayout> ParseForm(std::string_view data) {
  const auto prefix = DecodePrefix(data);
  if (!prefix) return prefix.error();
  if (prefix->special) {
    return prefix->encoding == SpecialEncoding::kLzf ? ParseCompressed(data) : ParseInteger(data, prefix->encoding);
  }
  StringLayout layout;
  layout.header_size = prefix->prefix_size;
  layout.stored_size = prefix->length;
  layout.value_size = prefix->length;
  return layout;
}

Result<std::string> StringAt(std::string_view data, const StringLayout& layout) {
  const std::string_view stored = data.substr(layout.header_size, layout.stored_size);
  switch (layout.form) {
    case StringLayout::Form::kRaw:
      return std::string(stored);
    case StringLayout::Form::kInteger:
      return std::to_string(layout.integer);
    case StringLayout::Form::kCompressed:
      return DecompressLzf(stored, layout.value_size);
  }
  return BadData();
}

}  // namespace

void AppendString(std::string_view value, std::string& out) {
  if (const auto integer = CanonicalInteger(value)) {
    AppendInteger(*integer, out);
    return;
  }
  AppendLength(value.size(), out);
  out.append(value);
}

Result<StringLayout> ParseString(std::string_view data, uint64_t available) {
  auto layout = ParseForm(data.substr(0, available));
  if (!layout) return layout;
  // Written so that no length, however large, overflows.
  if (layout->header_size > available || layout->stored_size > available - layout->header_size) return BadData();
  return layout;
}

Result<DecodedString> DecodeString(std::string_view data) {
  const auto layout = ParseString(data, data.size());
  if (!layout) return layout.error();
  auto value = StringAt(data, *layout);
  if (!value) return value.error();
  return DecodedString{.value = std::move(*value), .size = static_cast<size_t>(layout->end())};
}

size_t EncodeStringHeader(uint64_t value_size, char* out) {
  out[0] = static_cast<char>(kTypeString);
  return 1 + EncodeLength(value_size, out + 1);
}

std::string EncodeStringObject(std::string_view value) {
  std::string payload;
  payload.reserve(kStringHeaderSizeMax + value.size());
  payload.push_back(static_cast<char>(kTypeString));
  AppendString(value, payload);
  return payload;
}

Result<StringLayout> ParseStringObject(std::string_view beginning, uint64_t payload_size) {
  if (beginning.empty() || static_cast<uint8_t>(beginning[0]) != kTypeString) return BadData();
  auto layout = ParseString(beginning.substr(1), payload_size - 1);
  if (!layout) return layout;
  layout->header_size += 1;
  if (layout->end() != payload_size) return BadData();
  return layout;
}

Result<std::string> DecodeStringObject(std::string_view payload) {
  const auto layout = ParseStringObject(payload, payload.size());
  if (!layout) return layout.error();
  return StringAt(payload, *layout);
}

}  // namespace chestbox::rdb
