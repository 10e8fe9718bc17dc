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
#include "protocol/shm/counted_node_writer.h"
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
  using Child = CountedChild;
  using Node = CountedNodeWriter;

  // Blocks that a write may need, taken before it begins.
  struct Spare {
    Link leaf = 0;
    Link nodes[kCountedHeightMax] = {};
    uint32_t count = 0;
  };

  Node NodeAt(Link link) const { return Node(memory_.At(link), layout_, rows_.fanout); }
  Node NodeOf(const CountedPlace::Step& step) const { return NodeAt(step.link); }
  PackedReader LeafAt(Link link) const;
  CountedSeparator SeparatorOf(const PackedReader& leaf, uint32_t position) const;
  uint32_t RowEnd(const PackedReader& leaf, uint32_t position) const;
  uint32_t RowPosition(const PackedReader& leaf, uint64_t row) const;
  Link NewNode();
  Link NewLeaf();
  void FreeNode(Link link);
  void FreeLeaf(Link link);

  void CountTexts(std::string_view row);
  void FreeTexts(const PackedReader& leaf, uint32_t from, uint32_t to);

  [[nodiscard]] bool InsertFirst(std::string_view row);
  [[nodiscard]] bool SpliceLeaf(const CountedPlace& place, const PackedSplice& splice, int rows_change);
  [[nodiscard]] bool SplitLeaf(const CountedPlace& place, const PackedSplice& splice, int rows_change);
  uint32_t CutOf(const PackedReader& leaf) const;
  [[nodiscard]] bool Reserve(const CountedPlace& place, Spare* spare);
  void InsertChild(const CountedPlace& place, uint64_t left_rows, Child right, bool at_front, bool at_back,
                   Spare* spare);
  // From steps[level] upwards.
  void AddRows(const CountedPlace& place, uint32_t level, int64_t change);
  void SetSeparators(const CountedPlace& place, uint32_t level, const CountedSeparator& separator);

  void RemoveLeaf(const CountedPlace& place);
  void Repair(const CountedPlace& place);
  bool MergeAt(const CountedPlace::Step& step, uint32_t level);
  bool BelowQuarter(Link link, uint32_t level) const;
  bool FitTogether(Link left, Link right, uint32_t level) const;
  void Merge(const CountedPlace::Step& step, uint32_t left, uint32_t level);
  void Collapse();
  void RepairAround(uint64_t rank);
  void EraseIn(Link link, uint32_t level, uint64_t from, uint64_t to);
  void EraseInLeaf(Link link, uint64_t from, uint64_t to);
  void FreeSubtree(Link link, uint32_t level);
  CountedSeparator FirstSeparator(Link link, uint32_t level) const;

  bool FreeLast(size_t* budget);
  [[nodiscard]] bool CopyChildren(const CountedTree& from, Link source, Link target);
  [[nodiscard]] Link CopyLeaf(const CountedTree& from, Link source);

  ArenaMemory& memory_;
  CountedRows rows_;
  CountedNodeLayout layout_;
  CountedTreeHead* head_;
  const DirectNodes nodes_;
};

}  // namespace chestbox::shm
