// Any damage to a valid arena: every read ends, within bounds. The input is a list of 8-byte edits: three bytes of
// position, one that says how, four of value.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tests/unit/shm/arena_abuse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static chestbox::shm::ArenaAbuse abuse;
  abuse.Restore();
  for (size_t i = 0; i + 8 <= size; i += 8) {
    const uint64_t position =
        (uint64_t{data[i]} | uint64_t{data[i + 1]} << 8 | uint64_t{data[i + 2]} << 16) % abuse.bytes();
    const unsigned how = data[i + 3];
    const uint64_t aligned = position & ~uint64_t{7};
    char* word = abuse.At((how & 1) != 0 ? aligned : position);
    const size_t bytes = std::min<size_t>((how & 2) != 0 ? 4 : 1, abuse.bytes() - position);
    uint32_t old = 0;
    uint32_t value = 0;
    std::memcpy(&value, data + i + 4, 4);
    std::memcpy(&old, word, bytes);
    value = (how & 4) != 0 ? old ^ value : (how & 8) != 0 ? old + value : value;
    std::memcpy(word, &value, bytes);
  }
  abuse.ReadEverything();
  return 0;
}
