// Integers in canonical decimal form, as Redis' string2ll reads them: no sign but '-', no leading zeros, no spaces, no
// "-0"; 64 bits. What an integer reads as is exactly what it prints as, so a string may be kept as "int" without losing
// its text.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace chestbox {

inline std::optional<int64_t> ParseInteger(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == "0") return 0;
  const char first = text[0] == '-' && text.size() > 1 ? text[1] : text[0];
  if (first < '1' || first > '9') return std::nullopt;
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace chestbox
