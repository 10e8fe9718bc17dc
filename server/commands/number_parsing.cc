#include "server/commands/number_parsing.h"

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

namespace chestbox {

namespace {

// Redis' bound on the text of a float: the longest 80-bit number in decimal notation fits.
constexpr size_t kFloatBytesMax = 5 * 1024;

}  // namespace

std::optional<long double> ParseFloat(std::string_view text) {
  if (text.empty() || text.size() >= kFloatBytesMax || std::isspace(static_cast<unsigned char>(text[0])) != 0) {
    return std::nullopt;
  }
  char bytes[kFloatBytesMax];
  std::memcpy(bytes, text.data(), text.size());
  bytes[text.size()] = '\0';
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(bytes, &end);
  if (end != bytes + text.size() || std::isnan(value) || errno == EINVAL) return std::nullopt;
  // A number too small for its exponent passes unless it became zero.
  if (errno == ERANGE && (std::isinf(value) || std::fpclassify(value) == FP_ZERO)) return std::nullopt;
  return value;
}

Result<int64_t> IntegerArgument(std::string_view text, std::string_view error) {
  const std::optional<int64_t> value = ParseInteger(text);
  if (!value) return Error{std::string(error)};
  return *value;
}

Result<int32_t> SmallIntegerArgument(std::string_view text, std::string_view error) {
  const std::optional<int64_t> value = ParseInteger(text);
  if (!value) return Error{std::string(error.empty() ? kNotAnInteger : error)};
  if (*value < std::numeric_limits<int32_t>::min() || *value > std::numeric_limits<int32_t>::max()) {
    if (!error.empty()) return Error{std::string(error)};
    return Error{"ERR value is out of range, value must between -2147483648 and 2147483647"};
  }
  return static_cast<int32_t>(*value);
}

Result<long double> FloatArgument(std::string_view text) {
  const std::optional<long double> value = ParseFloat(text);
  if (!value) return Error{"ERR value is not a valid float"};
  return *value;
}

IntegerText::IntegerText(int64_t value) {
  size_ = static_cast<size_t>(std::to_chars(bytes_, bytes_ + sizeof(bytes_), value).ptr - bytes_);
}

}  // namespace chestbox
