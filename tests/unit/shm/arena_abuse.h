// A valid arena that is then spoilt, and every read there is run on it: they must end, within bounds, whatever they
// return. The mapping ends where the arena ends, with a PROT_NONE page behind.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/shm/pins.h"
#include "test_arena.h"
#include "test_store.h"

namespace chestbox::shm {

class ArenaAbuse {
 public:
  ArenaAbuse();

  // The bytes that can be spoilt: header, the directories' first pages, the heap.
  uint64_t bytes() const { return bytes_; }
  char* At(uint64_t position);
  void Restore();
  void ReadEverything();

 private:
  struct Part {
    uint64_t offset;
    std::string pristine;
  };
  void Touch(const char* data, size_t bytes);

  TestArena arena_;
  TestStore store_;
  std::unique_ptr<ClientPage> page_;
  std::vector<std::string> keys_;
  std::vector<Part> parts_;
  uint64_t bytes_ = 0;
  uint64_t touched_ = 0;
};

}  // namespace chestbox::shm
