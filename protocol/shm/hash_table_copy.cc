// Hash table, the part about whole tables: freeing and copying.
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
