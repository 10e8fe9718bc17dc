// Numbers as Redis 7.0 prints them in replies. None depends on the locale.
#pragma once

#include <cstddef>
#include <string_view>

namespace chestbox::resp {

// "%.17g", with "inf", "-inf" and "nan". `buffer` holds at least kDoubleBytesMax; the result may lie in it.
inline constexpr size_t kDoubleBytesMax = 32;
std::string_view FormatDouble(double value, char* buffer);

// Plain decimal notation with up to 17 places and no trailing zeros; "0" for "-0"; "inf", "-inf", "nan". The largest
// 80-bit number has 4933 digits before the point. `buffer` holds at least kHumanDoubleBytesMax; the result may lie in
// it.
inline constexpr size_t kHumanDoubleBytesMax = 5 * 1024;
std::string_view FormatHumanDouble(long double value, char* buffer);

}  // namespace chestbox::resp
