// LZF, the compression of strings in RDB files and DUMP payloads.
//
// The format, from its description in liblzf: a control byte c, then
//   c < 32: c + 1 literal bytes
//   else:   a copy of n + 2 bytes from d + 1 bytes back in the output, where n = c >> 5, plus the next byte when n is
//   7,
//           and d = (c & 31) * 256 + the byte after that. The copy may overlap what it writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace chestbox::rdb {

// The whole of `compressed`, which must give exactly `size` bytes. A `size` that no input of that length can give is
// refused before anything is allocated.
Result<std::string> DecompressLzf(std::string_view compressed, uint64_t size);

// Appends `bytes`, compressed, to `out`. False, and nothing is appended: it would not be smaller than `size_max`.
bool CompressLzf(std::string_view bytes, size_t size_max, std::string& out);

}  // namespace chestbox::rdb
