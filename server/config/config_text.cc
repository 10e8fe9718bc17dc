#include "server/config/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace chestbox {
namespace {

char LowerByte(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGiB = 1024 * kMiB;

std::optional<uint64_t> UnitBytes(std::string_view unit) {
  struct Unit {
    std::string_view name;
    uint64_t bytes;
  };
  constexpr Unit kUnits[] = {{"", 1},        {"b", 1},     {"k", 1000},       {"kb", kKiB},
                             {"m", 1000000}, {"mb", kMiB}, {"g", 1000000000}, {"gb", kGiB}};
  for (const Unit& candidate : kUnits) {
    if (EqualsIgnoreCase(unit, candidate.name)) return candidate.bytes;
  }
  return std::nullopt;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return LowerByte(x) == LowerByte(y); });
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), LowerByte);
  return lower;
}

std::optional<int64_t> ParseLooseInteger(std::string_view text, int base) {
  std::string copy(text);
  char* end = nullptr;
  errno = 0;
  long long value = std::strtoll(copy.c_str(), &end, base);
  // Bytes behind an embedded zero are not read by Redis; here they make the number invalid.
  if (errno != 0 || end != copy.c_str() + copy.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> ParseMemory(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  std::optional<uint64_t> unit = UnitBytes(text.substr(digits));
  if (!unit) return std::nullopt;
  // More digits than any number needs; Redis has a buffer of this size.
  constexpr size_t kDigitsMax = 127;
  if (digits > kDigitsMax) return std::nullopt;
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error == std::errc::result_out_of_range) value = UINT64_MAX;
  return value * *unit;
}

std::string FormatMemory(uint64_t bytes) {
  if (bytes != 0 && bytes % kGiB == 0) return fmt::format("{}gb", bytes / kGiB);
  if (bytes != 0 && bytes % kMiB == 0) return fmt::format("{}mb", bytes / kMiB);
  if (bytes != 0 && bytes % kKiB == 0) return fmt::format("{}kb", bytes / kKiB);
  return fmt::format("{}", bytes);
}

std::string FormatDouble(double value) {
  std::string text = fmt::format("{:.6f}", value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string QuoteArgument(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    switch (c) {
      case '\\':
      case '"':
        quoted += '\\';
        quoted += c;
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      case '\a':
        quoted += "\\a";
        break;
      case '\b':
        quoted += "\\b";
        break;
      default: {
        unsigned byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
          quoted += c;
        } else {
          quoted += fmt::format("\\x{:02x}", byte);
        }
      }
    }
  }
  quoted += '"';
  return quoted;
}

std::vector<std::string> SplitAtSpaces(std::string_view text) {
  std::vector<std::string> pieces;
  if (text.empty()) return pieces;
  size_t start = 0;
  for (size_t space; (space = text.find(' ', start)) != std::string_view::npos; start = space + 1) {
    pieces.emplace_back(text.substr(start, space - start));
  }
  pieces.emplace_back(text.substr(start));
  return pieces;
}

std::string JoinWithSpaces(const std::vector<std::string>& pieces) {
  std::string joined;
  for (const std::string& piece : pieces) {
    if (&piece != &pieces.front()) joined += ' ';
    joined += piece;
  }
  return joined;
}

std::string_view TrimLine(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r\n";
  size_t begin = line.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace chestbox
