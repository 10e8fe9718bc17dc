// Changes of a packed hash (protocol/shm/hash_reader.h) in private memory, where several go together before the block
// is stored whole. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/shm/hash_reader.h"

namespace chestbox {

class PackedHash {
 public:
  PackedHash() : block_(shm::EmptyPacked()) {}
  explicit PackedHash(std::string_view block) : block_(block.substr(0, shm::PackedReader(block).bytes())) {}

  uint64_t rows() const;
  bool Find(std::string_view field, shm::PackedRow* row) const;
  // True: it is new, and last. `expire_at_ms`: kRowNeverExpires for none.
  bool Set(std::string_view field, std::string_view value, int64_t expire_at_ms);
  bool Erase(std::string_view field);
  void SetExpiry(const shm::PackedRow& row, int64_t expire_at_ms);
  // Sets right what stands before the first row; the result is valid until the next change.
  std::string_view Finish();

 private:
  void Splice(const shm::PackedSplice& splice);

  std::string block_;
  std::string elements_;
};

}  // namespace chestbox
