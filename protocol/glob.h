// Glob patterns as KEYS, SCAN and CONFIG GET take them, byte for byte as Redis 7.0.15 reads them: '*', '?', classes
// like [a-z], [^ab], and '\' before a byte that means itself. Pure; no allocation.
#pragma once

#include <string_view>

namespace chestbox {

// True if all of `text` matches `pattern`. With `ignore_case` ASCII letters are equal in both cases. Takes time in
// proportion to the product of both lengths at worst, whatever the pattern.
bool GlobMatch(std::string_view pattern, std::string_view text, bool ignore_case);

}  // namespace chestbox
