// Helpers of INFO's sections. Threads: none.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>

namespace chestbox::info {

// Appends "name:value\r\n".
template <class Value>
void Line(std::string* text, std::string_view name, const Value& value) {
  fmt::format_to(std::back_inserter(*text), "{}:{}\r\n", name, value);
}

inline void Ratio(std::string* text, std::string_view name, double value) {
  fmt::format_to(std::back_inserter(*text), "{}:{:.2f}\r\n", name, value);
}

inline void Percent(std::string* text, std::string_view name, double value) {
  fmt::format_to(std::back_inserter(*text), "{}:{:.2f}%\r\n", name, value);
}

// Appends fields that are always 0 here.
inline void Zeros(std::string* text, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) Line(text, name, 0);
}

inline double Quotient(uint64_t a, uint64_t b) {
  return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
}

// "1.04M"
inline std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double value = static_cast<double>(bytes);
  for (char unit : {'K', 'M', 'G', 'T', 'P'}) {
    value /= 1024;
    if (value < 1024 || unit == 'P') return fmt::format("{:.2f}{}", value, unit);
  }
  return {};
}

}  // namespace chestbox::info
