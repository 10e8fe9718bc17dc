// The write side of the counted B+tree (layout, invariants and read side: counted_tree_reader.h).
//
//   CountedTreeHead head;                                   // an empty tree
//   CountedTree tree(memory, kScoredRows, &head);
//   std::string row;
//   if (!tree.AddText(member, &row)) …no memory…            // strings of any size
//   AppendScore(score, &row);
//   CountedPlace place;
//   tree.Seek(ScoredProbe{score, member}, &place);
//   if (!tree.Insert(place, row)) { tree.DropTexts(row); …no memory… }
//
// - The caller has closed the version that covers the tree before it writes, and stores the changed head afterwards.
// - A write that returns false (no memory) has changed nothing, not even the head. Erasing needs no memory.
// - `row` is the bytes of one whole row, at most half a leaf long; it does not lie in the tree.
// - A place is void after any write. One writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/counted_tree_reader.h"

namespace chestbox::shm {

class CountedTree {
 public:
  // `head` stays the caller's.
  CountedTree(ArenaMemory& memory, const CountedRows& rows, CountedTreeHead* head)
      : memory_(memory), rows_(rows), layout_(rows), head_(head), nodes_(memory) {}

  uint64_t rows() const { return head_->rows; }
  const DirectNodes& nodes() const { return nodes_; }
  CountedTreeReader<const DirectNodes> reader() const { return {nodes_, *head_, rows_}; }
  void SeekRank(uint64_t rank, CountedPlace* place) const;
  template <class Probe>
  void Seek(const Probe& probe, CountedPlace* place) const {
    (void)reader().Seek(probe, place);
  }

  // Appends `text` to a row in the making, in a block of its own if it is larger than inline_bytes_max. False: no
  // memory, and the row is as before.
  [[nodiscard]] bool AddText(std::string_view text, std::string* row);
  // Frees the blocks of a row that did not get into the tree.
  void DropTexts(std::string_view row);

  // Before the row at `place` (at the end: as the last one). In an ordered tree the place is where Seek found that the
  // row belongs. What AddText allocated belongs to the tree on success.
  [[nodiscard]] bool Insert(const CountedPlace& place, std::string_view row);
  // As the first or last one; leaves are filled up. O(height) without a search.
  [[nodiscard]] bool PushFront(std::string_view row);
  [[nodiscard]] bool PushBack(std::string_view row);
  // Puts another row into the place of the one at `place`, which is not the end; the order stays right.
  [[nodiscard]] bool Replace(const CountedPlace& place, std::string_view row);
  // Not the end.
  void Erase(const CountedPlace& place);
  // The rows of ranks [rank, rank + count), which exist. O(log N) and what is freed.
  void EraseRange(uint64_t rank, uint64_t count);

  // For a resumable delete: frees about `nodes_max` nodes. True: nothing is left. The tree is good for nothing else
  // afterwards.
  static bool FreeNodes(ArenaMemory& memory, const CountedRows& rows, CountedTreeHead* head, size_t nodes_max);
  // O(n). False: no memory, and nothing was kept.
  [[nodiscard]] static bool CopyNodes(ArenaMemory& memory, const CountedRows& rows, const CountedTreeHead& head,
                                      CountedTreeHead* copy);

 private:
  struct Child {
    Link link = 0;
    uint64_t rows = 0;
    CountedSeparator separator;
  };
  class Node;

  ArenaMemory& memory_;
  CountedRows rows_;
  CountedNodeLayout layout_;
  CountedTreeHead* head_;
  const DirectNodes nodes_;
};

}  // namespace chestbox::shm
