// Counted B+tree: rows in an order, found by their rank or by a key, in O(log N). Large lists are one (by rank), and
// large sorted sets have one (by score and member). This is the layout and the read side; counted_tree.h writes.
//
//   head -> inner nodes: per child a link, its number of rows, and in ordered trees the separator of its first row
//        -> leaves: packed blocks of whole rows (counted_rows.h), each in a block of leaf_bytes_max
//
// Invariants
// - All leaves are equally deep (head.height inner nodes above each), and none is empty; a tree without rows has no
//   nodes. A row's rank is the number of rows before it.
// - Neighbours with one parent merge when one is below a quarter and both fit three quarters of one, so that the tree
//   stays dense, and nodes at the two ends fill up when rows are added there.
// - Separators are exactly those of the first rows.
// - Reading is bounded and checks every link, size and count: a torn copy gives a false, or nonsense of bounded size.
//
//   CountedTreeReader tree(nodes, head, kListRows);
//   CountedPlace place;
//   if (!tree.SeekRank(10, &place)) …torn…
//   PackedElement element;
//   while (!tree.AtEnd(place) && tree.LeafOf(place).Get(place.position, &element)) { …; if (!tree.Next(&place)) …torn… }
//
// A place is valid as long as what the Nodes handed out: on the server until a write. Any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/shm/counted_rows.h"

namespace chestbox::shm {

// A place of this many inner nodes above each other is never reached: 64 GiB are full before.
inline constexpr uint32_t kCountedHeightMax = 10;

struct CountedTreeHead {
  uint64_t rows = 0;
  uint64_t bytes = 0;      // of its nodes and external strings, as asked for from the allocator
  uint64_t externals = 0;  // strings in blocks of their own
  Link root = 0;
  uint32_t height = 0;  // inner nodes above a leaf
};
static_assert(sizeof(CountedTreeHead) == 32);

// False: these bytes are no head.
inline bool LoadCountedHead(std::string_view bytes, CountedTreeHead* head) {
  if (bytes.size() != sizeof *head) return false;
  std::memcpy(static_cast<void*>(head), bytes.data(), sizeof *head);
  return true;
}
inline std::string_view BytesOf(const CountedTreeHead& head) {
  return {reinterpret_cast<const char*>(&head), sizeof head};
}

// An inner node: u32 bytes of the node, u16 children, u16 level (1: its children are leaves); then arrays with room
// for `fanout` each: u64 rows of the children, separators (ordered trees only), links.
struct CountedNodeLayout {
  static constexpr uint32_t kHeaderBytes = 8;
  static constexpr uint32_t kRows = kHeaderBytes;

  explicit constexpr CountedNodeLayout(const CountedRows& rows)
      : separators(kRows + rows.fanout * 8),
        links(separators + (rows.separator_of != nullptr ? rows.fanout * 16 : 0)),
        bytes(links + rows.fanout * 4) {}

  uint32_t separators;
  uint32_t links;
  uint32_t bytes;
};

class CountedNode {
 public:
  CountedNode(const char* node, const CountedNodeLayout& layout) : node_(node), layout_(layout) {}

  uint32_t children() const { return Load<uint16_t>(4); }
  uint32_t level() const { return Load<uint16_t>(6); }
  uint64_t Rows(uint32_t i) const { return Load<uint64_t>(CountedNodeLayout::kRows + i * 8); }
  CountedSeparator Separator(uint32_t i) const { return Load<CountedSeparator>(layout_.separators + i * 16); }
  Link Child(uint32_t i) const { return Load<Link>(layout_.links + i * 4); }
  uint64_t TotalRows() const {
    uint64_t total = 0;
    for (uint32_t i = 0; i < children(); ++i) total += Rows(i);
    return total;
  }

 protected:
  template <class T>
  T Load(uint32_t offset) const {
    T value;
    std::memcpy(static_cast<void*>(&value), node_ + offset, sizeof value);
    return value;
  }

  const char* node_;
  const CountedNodeLayout& layout_;
};

// A row of a tree, or the end behind the last one, with the way that led to it.
struct CountedPlace {
  struct Step {
    const char* node;
    Link link;
    uint32_t index;  // of the child that was taken
  };
  Step steps[kCountedHeightMax];  // [height - 1] is the root, [0] the parent of the leaf
  const char* leaf = nullptr;     // null: the tree is empty
  Link leaf_link = 0;
  uint32_t leaf_bytes = 0;
  uint32_t position = 0;  // of the row's first element; the leaf's end() at the end
  uint32_t row = 0;       // rows before it in its leaf
  uint64_t rank = 0;
};

template <class Nodes>
class CountedTreeReader {
 public:
  // All outlive this; `head` is copied.
  CountedTreeReader(Nodes& nodes, const CountedTreeHead& head, const CountedRows& rows)
      : nodes_(&nodes), head_(head), rows_(rows), layout_(rows) {}

  uint64_t rows() const { return head_.rows; }
  bool AtEnd(const CountedPlace& place) const { return place.rank >= head_.rows; }
  static PackedReader LeafOf(const CountedPlace& place) { return PackedReader({place.leaf, place.leaf_bytes}); }

  // All of these: false means torn.
  // To the row of this rank; beyond the last one: to the end.
  bool SeekRank(uint64_t rank, CountedPlace* place) const;
  // Ordered trees: to the first row that is not before what the probe (ScoredProbe, say) seeks; place->rank tells how
  // many are. O(log N) also where all separators are equal.
  template <class Probe>
  bool Seek(const Probe& probe, CountedPlace* place) const;
  // To the next row, or the end. Not from the end.
  bool Next(CountedPlace* place) const;
  // Not from rank 0; from the end to the last row.
  bool Previous(CountedPlace* place) const;
  // To the first row of the next leaf, or the end.
  bool NextLeaf(CountedPlace* place) const;
  // To the last row of the leaf before. Not from the first leaf.
  bool PreviousLeaf(CountedPlace* place) const;
  // Rows of the place's leaf.
  uint32_t RowsInLeaf(const CountedPlace& place) const { return LeafOf(place).count() / rows_.elements_per_row; }

 private:
  bool LoadNode(Link link, uint32_t level, const char** node) const;
  bool LoadLeaf(Link link, CountedPlace* place) const;
  bool ToEnd(CountedPlace* place) const;
  // Along the first or the last children from steps[level] (whose index is set) down to a leaf.
  bool DescendEdge(uint32_t level, bool last, CountedPlace* place) const;
  bool SeekInLeaf(uint32_t row, CountedPlace* place) const;
  template <class Probe>
  bool ChooseChild(const Probe& probe, const CountedNode& node, uint32_t level, uint32_t* index) const;
  template <class Probe>
  bool FirstRowIsBefore(const Probe& probe, Link link, uint32_t level, bool* before) const;

  Nodes* nodes_;
  CountedTreeHead head_;
  CountedRows rows_;
  CountedNodeLayout layout_;
};

}  // namespace chestbox::shm

#include "protocol/shm/counted_tree_reader.inc.h"
