// The write side of the hash table of large collections (layout, invariants and read side: hash_table_reader.h).
//
//   HashTableHead head;  LoadTableHead(state.bytes(), &head);
//   HashTable table(memory, &head);
//   TablePlace place = table.Find(key);
//   if (!place.found) { char* bytes = state.Change();  table.Insert(place, {.key = key, .value = value});
//                       std::memcpy(bytes, &head, sizeof head); }
//
// - The caller has closed the version that covers the table before it writes, and stores the changed head afterwards.
// - A write that returns false (no memory) has changed nothing, not even the head.
// - O(1) each: a leaf changes in place while its block has room, else it moves; at most one bucket splits or merges.
//   If there is no memory for a split, it comes with a later write.
// - One writer. A place is void after any write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/hash_table_reader.h"

namespace chestbox::shm {

struct NewRow {
  std::string_view key;                   // at most kPackedBytesMax, as the value
  std::optional<std::string_view> value;  // a hash's …
  std::optional<double> score;            // … or a sorted set's; with row_elements 2 one of them
  int64_t expire_at_ms = kRowNeverExpires;
};

struct TablePlace {
  uint64_t hash = 0;
  uint32_t bucket = 0;
  bool found = false;
  PackedRow row;  // if found; views into the leaf
};

class HashTable {
 public:
  using HashFunction = uint64_t (*)(std::string_view key, uint64_t seed);

  // An empty table. False: no memory.
  [[nodiscard]] static bool Create(ArenaMemory& memory, uint32_t row_elements, HashTableHead* head);

  // `head` stays the caller's. `hash_of` is replaced only by tests; null: HashKey with the arena's seed.
  HashTable(ArenaMemory& memory, HashTableHead* head, HashFunction hash_of = nullptr);

  uint64_t rows() const { return head_->rows; }
  HashTableReader<const DirectNodes> reader() const { return {nodes_, *head_}; }

  TablePlace Find(std::string_view key) const;
  // `row.key` is the one that was looked for and not found. What `row` views may lie in this table.
  [[nodiscard]] bool Insert(const TablePlace& place, const NewRow& row);
  // Puts another row with the same key in the place of the one that was found.
  [[nodiscard]] bool Replace(const TablePlace& place, const NewRow& row);
  // Only the expiry of the row that was found; kRowNeverExpires takes it away (which never fails).
  [[nodiscard]] bool SetExpiry(const TablePlace& place, int64_t expire_at_ms);
  void Erase(const TablePlace& place);
  // Erases the row that a reader of this table met (RandomRow, VisitPosition): its key is looked up again.
  bool Erase(std::string_view key);

  // A step of a sweep: looks at about `rows_max` rows (or empty buckets) from where the last step stopped, erases those
  // that have expired and adds their keys to `erased`. The last step leaves an exact expire_at_ms_min, and the next one
  // begins anew. Whatever is written between steps, no row that has expired when the sweep began is missed.
  void SweepExpired(int64_t now_ms, size_t rows_max, std::vector<std::string>* erased);

  // For a resumable delete: frees about `nodes_max` nodes. True: nothing is left.
  static bool FreeNodes(ArenaMemory& memory, HashTableHead* head, size_t nodes_max);
  // O(n). False: no memory, and nothing was kept.
  [[nodiscard]] static bool CopyNodes(ArenaMemory& memory, const HashTableHead& head, HashTableHead* copy);

 private:
  struct Encoded;

  uint64_t HashOf(std::string_view key) const { return hash_of_(key, memory_.header().hash_seed); }
  uint64_t HashOf(const PackedRow& row) const;
  Link* Slot(uint32_t bucket) const;
  PackedReader LeafAt(Link link) const;
  int ElementsOf(const PackedRow& row) const;

  [[nodiscard]] bool Encode(const NewRow& row, Encoded* encoded);
  [[nodiscard]] bool EncodeText(std::string_view text, Encoded* encoded);
  void FreeExternal(const Encoded& encoded);
  void FreeExternal(const PackedRow& row);
  void Count(const PackedRow& row, int change);
  void NoteNewRow(const NewRow& row, const Encoded& encoded);
  void NoteExpiry(int64_t expire_at_ms);
  void NoteNoExpiry();
  void NoteLeafRows(uint32_t bucket);
  [[nodiscard]] bool SpliceLeaf(uint32_t bucket, const PackedSplice& splice);
  void FreeLeaf(Link* slot);

  [[nodiscard]] bool AddBucket();
  void RemoveBucket();
  void Split();
  void Merge();
  [[nodiscard]] Link CopyLeaf(Link from);

  ArenaMemory& memory_;
  HashTableHead* head_;
  const HashFunction hash_of_;
  const DirectNodes nodes_;
};

}  // namespace chestbox::shm
