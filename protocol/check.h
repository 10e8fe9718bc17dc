// CHECK: an invariant whose violation is a bug of ours, never a peer's mistake or an I/O failure. It prints the place
// and aborts, in every build type: going on with a broken invariant in shared memory would spread it to other
// processes.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace chestbox {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace chestbox

#define CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::chestbox::CheckFailed(#condition, __FILE__, __LINE__))
