// Numbers in arguments and values, exactly as strict as Redis: an integer is canonical decimal text (no '+', no spaces,
// no leading zeros, no "-0"), a float is what strtold takes without spaces. Errors are the replies that Redis gives.
//
// Threads: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/canonical_integer.h"
#include "protocol/result.h"

namespace chestbox {

inline constexpr char kNotAnInteger[] = "ERR value is not an integer or out of range";

// Not "nan"; infinities pass. Longer texts than Redis' 5 KiB do not.
std::optional<long double> ParseFloat(std::string_view text);

Result<int64_t> IntegerArgument(std::string_view text, std::string_view error = kNotAnInteger);
// An integer of 32 bits, such as a database. With an empty `error` the replies are Redis' usual two.
Result<int32_t> SmallIntegerArgument(std::string_view text, std::string_view error = {});
Result<long double> FloatArgument(std::string_view text);

// A decimal integer as text, for effects. Valid as long as the object.
class IntegerText {
 public:
  explicit IntegerText(int64_t value);
  operator std::string_view() const { return {bytes_, size_}; }  // NOLINT(google-explicit-constructor)

 private:
  char bytes_[24];
  size_t size_;
};

}  // namespace chestbox
