// What predict says: a share for each label, all of them together 1.
#pragma once

#include <array>
#include <cstddef>

namespace demo {

inline constexpr const char* kLabels[] = {"light", "dark", "warm", "cool", "detailed", "smooth", "rectilinear"};
using Scores = std::array<double, std::size(kLabels)>;

}  // namespace demo
