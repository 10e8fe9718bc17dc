#include "protocol/resp/number_format.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "protocol/check.h"

namespace chestbox::resp {
namespace {

constexpr int kDigits = 17;
// Below this a whole number has at most 17 digits, so that "%.17g" prints it as an integer; and to_chars is faster at
// those.
constexpr double kWholeMax = 1e17;

std::string_view NotFinite(long double value) {
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

}  // namespace

std::string_view FormatDouble(double value, char* buffer) {
  if (!std::isfinite(value)) return NotFinite(value);
  char* const limit = buffer + kDoubleBytesMax;
  std::to_chars_result result{};
  if (std::fabs(value) < kWholeMax && std::trunc(value) == value && !(value == 0 && std::signbit(value))) {
    result = std::to_chars(buffer, limit, static_cast<int64_t>(value));
  } else {
    result = std::to_chars(buffer, limit, value, std::chars_format::general, kDigits);
  }
  CHECK(result.ec == std::errc());
  return {buffer, static_cast<size_t>(result.ptr - buffer)};
}

std::string_view FormatHumanDouble(long double value, char* buffer) {
  if (!std::isfinite(value)) return NotFinite(value);
  const std::to_chars_result result =
      std::to_chars(buffer, buffer + kHumanDoubleBytesMax, value, std::chars_format::fixed, kDigits);
  CHECK(result.ec == std::errc());
  const char* end = result.ptr;  // the digits after the point are always there
  while (end[-1] == '0') --end;
  if (end[-1] == '.') --end;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  return text == "-0" ? text.substr(1) : text;
}

}  // namespace chestbox::resp
