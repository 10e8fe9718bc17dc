#include "server/random_hex.h"

#include <fmt/format.h>
#include <sys/random.h>

#include "protocol/check.h"

namespace chestbox {

uint64_t Random64() {
  uint64_t value = 0;
  CHECK(getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

std::string RandomHex(size_t digits) {
  std::string text;
  while (text.size() < digits) text += fmt::format("{:016x}", Random64());
  text.resize(digits);
  return text;
}

}  // namespace chestbox
