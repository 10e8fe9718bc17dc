#include "bench/states.h"

#include <cstdio>
#include <cstring>

namespace bench {

std::string StateKey(char group, uint64_t number) {
  char key[32];
  std::snprintf(key, sizeof key, "%c:%014llu", group, static_cast<unsigned long long>(number));
  return std::string(key, kKeySizeBytes);
}

void FillStateValue(char group, uint64_t number, std::string& value, size_t size) {
  value.resize(size);
  Random random((number << 8) + static_cast<unsigned char>(group));
  size_t offset = 0;
  for (; offset + sizeof(uint64_t) <= size; offset += sizeof(uint64_t)) {
    const uint64_t word = random.Next();
    std::memcpy(value.data() + offset, &word, sizeof word);
  }
  const uint64_t word = random.Next();
  std::memcpy(value.data() + offset, &word, size - offset);
}

}  // namespace bench
