// What the text of an error repeats of an argument. Threads: none.
#pragma once

#include <string_view>

namespace chestbox {

// As Redis prints it, which is as a string of C: up to a NUL.
inline std::string_view AsEchoed(std::string_view text) { return text.substr(0, text.find('\0')); }

}  // namespace chestbox
