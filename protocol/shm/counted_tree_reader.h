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
//   while (!tree.AtEnd(place) && tree.LeafOf(place).Get(place.position, &element)) { …; if (!tree.Next(&place)) …torn…
//   }
//
// A place is valid as long as what the Nodes handed out: on the server until a write. Any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/shm/counted_rows.h"

namespace chestbox::shm {

// So many inner nodes above each other are never reached: 64 GiB are full before.
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
  // The leaf with the row of this rank, which exists, and the row's number in it.
  bool FindLeaf(uint64_t rank, Link* leaf, uint32_t* row) const {
    CountedPlace place;
    if (rank >= head_.rows || !Descend(&rank, &place, leaf)) return false;
    *row = static_cast<uint32_t>(rank);
    return true;
  }
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
  // From `link` (`level` inner nodes above a leaf) along the first or the last children to that row of that leaf.
  bool DescendEdge(Link link, uint32_t level, bool last, CountedPlace* place) const;
  bool SeekInLeaf(uint32_t row, CountedPlace* place) const;
  // To the link of the leaf with that row; *rank becomes the rank within it.
  bool Descend(uint64_t* rank, CountedPlace* place, Link* leaf) const;
  static bool ChooseChildOfRank(const CountedNode& node, uint64_t rows, uint64_t* rank, uint32_t* index);
  template <class Probe>
  bool ChooseChild(const Probe& probe, const CountedNode& node, uint32_t level, uint32_t* index) const;
  template <class Probe>
  bool FirstRowIsBefore(const Probe& probe, Link link, uint32_t level, bool* before) const;

  Nodes* nodes_;
  CountedTreeHead head_;
  CountedRows rows_;
  CountedNodeLayout layout_;
};

template <class Nodes>
bool CountedTreeReader<Nodes>::LoadNode(Link link, uint32_t level, const char** node) const {
  uint64_t bytes = 0;
  *node = nodes_->Node(link, layout_.bytes, &bytes);
  if (*node == nullptr || bytes != layout_.bytes) return false;
  const CountedNode loaded(*node, layout_);
  return loaded.level() == level && loaded.children() > 0 && loaded.children() <= rows_.fanout;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::LoadLeaf(Link link, CountedPlace* place) const {
  uint64_t bytes = 0;
  place->leaf = nodes_->Node(link, kPackedEmptyBytes, &bytes);
  place->leaf_link = link;
  if (place->leaf == nullptr || bytes > rows_.leaf_bytes_max) return false;
  place->leaf_bytes = static_cast<uint32_t>(bytes);
  return LeafOf(*place).First() != 0;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::DescendEdge(Link link, uint32_t level, bool last, CountedPlace* place) const {
  for (; level > 0; --level) {
    CountedPlace::Step& step = place->steps[level - 1];
    if (!LoadNode(link, level, &step.node)) return false;
    const CountedNode node(step.node, layout_);
    step.link = link;
    step.index = last ? node.children() - 1 : 0;
    link = node.Child(step.index);
  }
  if (!LoadLeaf(link, place)) return false;
  const PackedReader leaf = LeafOf(*place);
  const uint32_t leaf_rows = RowsInLeaf(*place);
  if (leaf_rows == 0) return false;
  place->row = last ? leaf_rows - 1 : 0;
  place->position = last ? leaf.Seek(-static_cast<int64_t>(rows_.elements_per_row)) : leaf.First();
  return place->position != 0;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::ToEnd(CountedPlace* place) const {
  place->rank = head_.rows;
  place->leaf = nullptr;
  if (head_.rows == 0) return true;
  if (head_.height > kCountedHeightMax || !DescendEdge(head_.root, head_.height, true, place)) return false;
  ++place->row;
  place->position = LeafOf(*place).end();
  return true;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::SeekInLeaf(uint32_t row, CountedPlace* place) const {
  place->row = row;
  place->position = LeafOf(*place).Seek(int64_t{row} * rows_.elements_per_row);
  return place->position != 0;
}

// Counts from the nearer end: what is asked for most lies at one of the two. *rank becomes the rank within the child.
template <class Nodes>
bool CountedTreeReader<Nodes>::ChooseChildOfRank(const CountedNode& node, uint64_t rows, uint64_t* rank,
                                                 uint32_t* index) {
  const uint32_t children = node.children();
  if (*rank < rows / 2) {
    uint32_t i = 0;
    for (; i < children && *rank >= node.Rows(i); ++i) *rank -= node.Rows(i);
    *index = i;
    return i < children;
  }
  uint64_t left = rows - *rank;  // rows from this one to the last; at least 1
  uint32_t i = children - 1;
  for (; i > 0 && left > node.Rows(i); --i) left -= node.Rows(i);
  if (left > node.Rows(i)) return false;
  *rank = node.Rows(i) - left;
  *index = i;
  return true;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::Descend(uint64_t* rank, CountedPlace* place, Link* leaf) const {
  if (head_.height > kCountedHeightMax) return false;
  Link link = head_.root;
  uint64_t rows = head_.rows;  // below `link`; *rank is less
  for (uint32_t level = head_.height; level > 0; --level) {
    CountedPlace::Step& step = place->steps[level - 1];
    if (!LoadNode(link, level, &step.node)) return false;
    const CountedNode node(step.node, layout_);
    if (!ChooseChildOfRank(node, rows, rank, &step.index)) return false;
    step.link = link;
    link = node.Child(step.index);
    rows = node.Rows(step.index);
  }
  *leaf = link;
  return *rank < rows_.leaf_bytes_max;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::SeekRank(uint64_t rank, CountedPlace* place) const {
  if (rank >= head_.rows) return ToEnd(place);
  place->rank = rank;
  Link leaf = 0;
  return Descend(&rank, place, &leaf) && LoadLeaf(leaf, place) && SeekInLeaf(static_cast<uint32_t>(rank), place);
}

template <class Nodes>
template <class Probe>
bool CountedTreeReader<Nodes>::FirstRowIsBefore(const Probe& probe, Link link, uint32_t level, bool* before) const {
  CountedPlace first;
  if (!DescendEdge(link, level, false, &first)) return false;
  uint32_t next = 0;
  return probe.IsBefore(*nodes_, LeafOf(first), first.position, before, &next);
}

// The last child whose first row is before what is sought, or the first child. Where separators do not decide, rows do:
// the logarithm of a node's fanout of them.
template <class Nodes>
template <class Probe>
bool CountedTreeReader<Nodes>::ChooseChild(const Probe& probe, const CountedNode& node, uint32_t level,
                                           uint32_t* index) const {
  uint32_t begin = 0;
  uint32_t end = node.children();
  // Children before `begin` are before it, those from `end` on are not.
  while (begin < end) {
    const uint32_t middle = begin + (end - begin) / 2;
    const int order = probe.Compare(node.Separator(middle));
    bool before = order < 0;
    if (order == 0 && !FirstRowIsBefore(probe, node.Child(middle), level - 1, &before)) return false;
    (before ? begin : end) = before ? middle + 1 : middle;
  }
  *index = begin == 0 ? 0 : begin - 1;
  return true;
}

template <class Nodes>
template <class Probe>
bool CountedTreeReader<Nodes>::Seek(const Probe& probe, CountedPlace* place) const {
  if (head_.rows == 0) return ToEnd(place);
  if (head_.height > kCountedHeightMax) return false;
  place->rank = 0;
  Link link = head_.root;
  for (uint32_t level = head_.height; level > 0; --level) {
    CountedPlace::Step& step = place->steps[level - 1];
    if (!LoadNode(link, level, &step.node)) return false;
    const CountedNode node(step.node, layout_);
    if (!ChooseChild(probe, node, level, &step.index)) return false;
    for (uint32_t i = 0; i < step.index; ++i) place->rank += node.Rows(i);
    step.link = link;
    link = node.Child(step.index);
  }
  if (!LoadLeaf(link, place)) return false;
  const PackedReader leaf = LeafOf(*place);
  place->row = 0;
  place->position = leaf.First();
  for (;;) {
    bool before = false;
    uint32_t next = 0;
    if (!probe.IsBefore(*nodes_, leaf, place->position, &before, &next)) return false;
    if (!before) return true;
    if (next >= leaf.end()) return NextLeaf(place);
    place->position = next;
    ++place->row;
    ++place->rank;
  }
}

template <class Nodes>
bool CountedTreeReader<Nodes>::Next(CountedPlace* place) const {
  const PackedReader leaf = LeafOf(*place);
  uint32_t position = place->position;
  for (uint32_t i = 0; i < rows_.elements_per_row && position != 0; ++i) position = leaf.Next(position);
  if (position == 0) return NextLeaf(place);
  place->position = position;
  ++place->row;
  ++place->rank;
  return true;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::Previous(CountedPlace* place) const {
  if (place->row == 0) return PreviousLeaf(place);
  const PackedReader leaf = LeafOf(*place);
  for (uint32_t i = 0; i < rows_.elements_per_row; ++i) place->position = leaf.Previous(place->position);
  --place->row;
  --place->rank;
  return place->position != 0;
}

template <class Nodes>
bool CountedTreeReader<Nodes>::NextLeaf(CountedPlace* place) const {
  const uint32_t leaf_rows = RowsInLeaf(*place);
  if (place->row >= leaf_rows) return false;
  const uint64_t rank = place->rank + leaf_rows - place->row;
  uint32_t level = 0;
  while (level < head_.height &&
         place->steps[level].index + 1 >= CountedNode(place->steps[level].node, layout_).children()) {
    ++level;
  }
  if (level == head_.height) return rank == head_.rows && ToEnd(place);
  CountedPlace::Step& step = place->steps[level];
  ++step.index;
  place->rank = rank;
  return rank < head_.rows && DescendEdge(CountedNode(step.node, layout_).Child(step.index), level, false, place);
}

template <class Nodes>
bool CountedTreeReader<Nodes>::PreviousLeaf(CountedPlace* place) const {
  if (place->rank <= place->row) return false;
  const uint64_t rank = place->rank - place->row - 1;
  uint32_t level = 0;
  while (level < head_.height && place->steps[level].index == 0) ++level;
  if (level == head_.height) return false;
  CountedPlace::Step& step = place->steps[level];
  --step.index;
  place->rank = rank;
  return DescendEdge(CountedNode(step.node, layout_).Child(step.index), level, true, place);
}

}  // namespace chestbox::shm
