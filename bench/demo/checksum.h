// What the demo checks its states by, and how big they are.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace demo {

inline constexpr int kSide = 224;  // pixels of the square that predict works on
inline constexpr int kChannels = 3;
inline constexpr size_t kTensorValues = size_t{kSide} * kSide * kChannels;

// FNV-1a, 64 bits, as text. http://www.isthe.com/chongo/tech/comp/fnv/
inline std::string Checksum(std::string_view bytes) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace demo
