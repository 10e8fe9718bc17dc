#include "server/types/packed_hash.h"

#include <algorithm>
#include <optional>

#include "protocol/check.h"
#include "protocol/shm/nodes.h"

namespace chestbox {

using shm::kHashRowElements;
using shm::kRowNeverExpires;
using shm::PackedReader;
using shm::PackedRow;

namespace {

// A packed hash has no elements elsewhere.
struct NoNodes {
  const char* Bytes(shm::Link, uint64_t) const { return nullptr; }
};

int ElementsOf(const PackedRow& row) {
  return static_cast<int>(kHashRowElements) + (row.expire_at_ms != kRowNeverExpires ? 1 : 0);
}

}  // namespace

uint64_t PackedHash::rows() const {
  const PackedReader block(block_);
  int64_t expire_at_ms_min = 0;
  uint64_t rows = 0;
  PackedRow row;
  uint32_t position = shm::FirstHashRow(block, &expire_at_ms_min);
  for (; position != 0 && shm::TakeRow(block, &position, kHashRowElements, &row);) ++rows;
  return rows;
}

bool PackedHash::Find(std::string_view field, PackedRow* row) const {
  const PackedReader block(block_);
  int64_t expire_at_ms_min = 0;
  const uint32_t first = shm::FirstHashRow(block, &expire_at_ms_min);
  const NoNodes nodes;
  uint32_t position = shm::FindRowFrom(nodes, block, first, kHashRowElements, field);
  return position != 0 && shm::TakeRow(block, &position, kHashRowElements, row);
}

void PackedHash::Splice(const shm::PackedSplice& splice) {
  const auto bytes = static_cast<size_t>(static_cast<int64_t>(block_.size()) + splice.size_change());
  if (bytes > block_.size()) block_.resize(bytes);
  shm::ApplySplice(block_.data(), splice);
  block_.resize(bytes);
}

bool PackedHash::Set(std::string_view field, std::string_view value, int64_t expire_at_ms) {
  elements_.clear();
  PackedRow row;
  const bool known = Find(field, &row);
  if (!known) shm::AppendElement(field, &elements_);
  shm::AppendElement(value, &elements_);
  if (expire_at_ms != kRowNeverExpires) shm::AppendExpiry(expire_at_ms, &elements_);
  const int expiries = expire_at_ms != kRowNeverExpires ? 1 : 0;
  if (known) {
    Splice({row.key.next, row.to, elements_, 1 + expiries - (ElementsOf(row) - 1)});
  } else {
    const uint32_t end = PackedReader(block_).end();
    Splice({end, end, elements_, 2 + expiries});
  }
  return !known;
}

bool PackedHash::Erase(std::string_view field) {
  PackedRow row;
  if (!Find(field, &row)) return false;
  Splice({row.from, row.to, {}, -ElementsOf(row)});
  return true;
}

void PackedHash::SetExpiry(const PackedRow& row, int64_t expire_at_ms) {
  elements_.clear();
  if (expire_at_ms != kRowNeverExpires) shm::AppendExpiry(expire_at_ms, &elements_);
  const int had = row.expire_at_ms != kRowNeverExpires ? 1 : 0;
  Splice({row.value.next, row.to, elements_, (elements_.empty() ? 0 : 1) - had});
}

std::string_view PackedHash::Finish() {
  const PackedReader block(block_);
  int64_t marked = 0;
  const uint32_t first = shm::FirstHashRow(block, &marked);
  int64_t earliest = kRowNeverExpires;
  PackedRow row;
  for (uint32_t position = first; position != 0;) {
    CHECK(shm::TakeRow(block, &position, kHashRowElements, &row));
    if (row.expire_at_ms == kRowNeverExpires) continue;
    earliest = earliest == kRowNeverExpires ? row.expire_at_ms : std::min(earliest, row.expire_at_ms);
  }
  if (earliest != marked) {
    elements_.clear();
    if (earliest != kRowNeverExpires) shm::AppendExpiry(earliest, &elements_);
    const uint32_t rows = first != 0 ? first : block.end();
    const int had = marked != kRowNeverExpires ? 1 : 0;
    Splice({shm::kPackedHeaderBytes, rows, elements_, (elements_.empty() ? 0 : 1) - had});
  }
  return block_;
}

}  // namespace chestbox
