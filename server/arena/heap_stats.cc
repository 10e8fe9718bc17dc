#include "server/arena/heap_stats.h"

#include <jemalloc/jemalloc.h>

namespace chestbox {

namespace {

uint64_t Read(const char* name) {
  size_t value = 0;
  size_t size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

}  // namespace

HeapStats ReadHeapStats() {
  // The figures are those of the epoch, which begins here.
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  (void)mallctl("epoch", &epoch, &size, &epoch, size);
  return {Read("stats.allocated"), Read("stats.active"), Read("stats.resident")};
}

std::string AllocatorName() {
  const char* version = nullptr;
  size_t size = sizeof version;
  if (mallctl("version", &version, &size, nullptr, 0) != 0) return "jemalloc";
  const std::string text = version;  // "5.3.0-0-g54eaed1d8b56b1aa528be3bdd1877e59c56fa90c"
  return "jemalloc-" + text.substr(0, text.find('-'));
}

}  // namespace chestbox
