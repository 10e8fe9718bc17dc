// Hash table, the part about whole tables: freeing, copying, and the sweep of what has expired.
#include <algorithm>
#include <string>
#include <vector>

#include "protocol/check.h"
#include "protocol/shm/hash_table.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

bool HashTable::FreeNodes(ArenaMemory& memory, HashTableHead* head, size_t nodes_max) {
  HashTable table(memory, head);
  for (size_t nodes = 0; head->buckets != 0; ++nodes) {
    if (nodes >= nodes_max) return false;
    Link* slot = table.Slot(head->buckets - 1);
    if (*slot != 0) {
      if (head->external_elements != 0) {
        const PackedReader block = table.LeafAt(*slot);
        PackedRow row;
        for (uint32_t position = block.First(); position != 0; ++nodes) {
          CHECK(TakeRow(block, &position, head->row_elements, &row));
          table.FreeExternal(row);
        }
      }
      table.FreeLeaf(slot);
    }
    table.RemoveBucket();
  }
  return true;
}

void HashTable::SweepExpired(int64_t now_ms, size_t rows_max, std::vector<std::string>* erased) {
  constexpr uint32_t kSweepShift = 32;  // there are no more buckets than this leaves bits for
  uint64_t position = uint64_t{head_->sweep} << kSweepShift;
  int64_t earliest_ms = position == 0 ? kRowNeverExpires : head_->expire_at_ms_min;
  size_t looked_at = 0;
  do {
    const size_t known = erased->size();
    CHECK(reader().VisitPosition(position, &position, [&](const PackedRow& row) {
      ++looked_at;
      if (row.expired(now_ms)) {
        ElementDigits digits;
        erased->emplace_back(*ElementText(nodes_, row.key, &digits));
      } else if (row.expire_at_ms != kRowNeverExpires) {
        earliest_ms = earliest_ms == kRowNeverExpires ? row.expire_at_ms : std::min(earliest_ms, row.expire_at_ms);
      }
    }));
    ++looked_at;
    // Buckets that merge meanwhile move rows to where the sweep still comes by, or has been when they were there.
    for (size_t i = known; i < erased->size(); ++i) CHECK(Erase((*erased)[i]));
  } while (position != 0 && looked_at < rows_max);
  if (head_->expiring_rows == 0) return;  // NoteNoExpiry
  head_->expire_at_ms_min = earliest_ms;
  head_->sweep = static_cast<uint32_t>(position >> kSweepShift);
}

// A leaf with copies of its elements' own blocks; 0: no memory.
Link HashTable::CopyLeaf(Link from) {
  const PackedReader block = LeafAt(from);
  const Link leaf = memory_.Allocate(block.bytes());
  if (leaf == 0) return 0;
  RacyStore(memory_.At(leaf), memory_.At(from), block.bytes());
  if (head_->external_elements == 0) return leaf;
  std::vector<Link> copied;
  for (uint32_t position = block.First(); position != 0;) {
    const uint32_t at = position;
    PackedElement element;
    CHECK(block.Take(&position, &element));
    if (element.kind != PackedElement::Kind::kExternal) continue;
    const Link link = memory_.Allocate(element.bytes);
    if (link == 0) {
      for (Link done : copied) memory_.Free(done);
      memory_.Free(leaf);
      return 0;
    }
    RacyStore(memory_.At(link), memory_.At(element.link), element.bytes);
    RacyStore(memory_.At(leaf) + at + 1, &link, sizeof link);
    copied.push_back(link);
  }
  return leaf;
}

bool HashTable::CopyNodes(ArenaMemory& memory, const HashTableHead& head, HashTableHead* copy) {
  HashTableHead from = head;
  const HashTable source(memory, &from);
  *copy = head;
  copy->directory = 0;
  copy->directory_links = copy->buckets = 0;
  HashTable target(memory, copy);
  for (uint32_t bucket = 0; bucket < head.buckets; ++bucket) {
    const Link old = *source.Slot(bucket);
    const bool added = target.AddBucket();
    const Link leaf = added && old != 0 ? target.CopyLeaf(old) : 0;
    if (!added || (old != 0 && leaf == 0)) {
      FreeNodes(memory, copy, SIZE_MAX);
      return false;
    }
    RacyStore32(target.Slot(bucket), leaf);
  }
  return true;
}

}  // namespace chestbox::shm
