// Erasing from a counted B+tree: rows, ranges, and putting together again what has become too small.
#include "protocol/check.h"
#include "protocol/shm/counted_tree.h"

namespace chestbox::shm {

void CountedTree::Erase(const CountedPlace& place) {
  CHECK(place.rank < head_->rows);
  const PackedReader leaf = LeafAt(place.leaf_link);
  const uint32_t to = RowEnd(leaf, place.position);
  FreeTexts(leaf, place.position, to);
  if (leaf.count() != rows_.elements_per_row) {
    CHECK(SpliceLeaf(place, {place.position, to, {}, -static_cast<int>(rows_.elements_per_row)}, -1));
    return;
  }
  --head_->rows;
  RemoveLeaf(place);
}

// The place's leaf has lost its last row.
void CountedTree::RemoveLeaf(const CountedPlace& place) {
  FreeLeaf(place.leaf_link);
  for (uint32_t level = 0; level < head_->height; ++level) {
    Node node = NodeOf(place.steps[level]);
    const uint32_t index = place.steps[level].index;
    node.RemoveAt(index);
    if (node.children() == 0) {
      FreeNode(place.steps[level].link);
      continue;
    }
    if (index == 0 && rows_.ordered()) SetSeparators(place, level + 1, node.Separator(0));
    AddRows(place, level + 1, -1);
    // Those that are neighbours now may both be small.
    CountedPlace::Step beside = place.steps[level];
    if (!MergeAt(beside, level) && index > 0) {
      beside.index = index - 1;
      (void)MergeAt(beside, level);
    }
    for (uint32_t above = level + 1; above < head_->height; ++above) (void)MergeAt(place.steps[above], above);
    Collapse();
    return;
  }
  head_->root = 0;
  head_->height = 0;
}

// ---- Merging ----

bool CountedTree::BelowQuarter(Link link, uint32_t level) const {
  if (level == 0) return (LeafAt(link).bytes() - kPackedEmptyBytes) * 4 < rows_.leaf_bytes_max;
  return NodeAt(link).children() * 4 < rows_.fanout;
}

bool CountedTree::FitTogether(Link left, Link right, uint32_t level) const {
  if (level == 0) return (LeafAt(left).bytes() + LeafAt(right).bytes()) * 4 <= rows_.leaf_bytes_max * 3;
  return (NodeAt(left).children() + NodeAt(right).children()) * 4 <= rows_.fanout * 3;
}

// Merges the child at `step`, which has `level` inner nodes above its leaves, with a neighbour if it has become small.
bool CountedTree::MergeAt(const CountedPlace::Step& step, uint32_t level) {
  Node parent = NodeOf(step);
  const uint32_t index = step.index;
  if (index >= parent.children() || !BelowQuarter(parent.Child(index), level)) return false;
  for (const uint32_t left : {index, index - 1}) {
    if (left >= parent.children() || left + 1 >= parent.children()) continue;
    if (!FitTogether(parent.Child(left), parent.Child(left + 1), level)) continue;
    Merge(step, left, level);
    return true;
  }
  return false;
}

// The children `left` and left + 1 become one.
void CountedTree::Merge(const CountedPlace::Step& step, uint32_t left, uint32_t level) {
  Node parent = NodeOf(step);
  const Link into = parent.Child(left);
  const Link from = parent.Child(left + 1);
  parent.SetRows(left, parent.Rows(left) + parent.Rows(left + 1));
  parent.RemoveAt(left + 1);
  if (level == 0) {
    const PackedReader target = LeafAt(into);
    const PackedReader source = LeafAt(from);
    const std::string_view elements(memory_.At(from) + kPackedHeaderBytes, source.end() - kPackedHeaderBytes);
    ApplySplice(memory_.At(into), {target.end(), target.end(), elements, static_cast<int>(source.count())});
    FreeLeaf(from);
    return;
  }
  Node target = NodeAt(into);
  const uint32_t seam = target.children();
  NodeAt(from).MoveTail(0, &target);
  FreeNode(from);
  // Those at the seam are neighbours now, and may both be small.
  CountedPlace::Step beside{memory_.At(into), into, seam};
  if (!MergeAt(beside, level - 1)) {
    beside.index = seam - 1;
    (void)MergeAt(beside, level - 1);
  }
  if (parent.children() > 1) (void)MergeAt({step.node, step.link, left}, level);
}

// Along the whole way to a place: what is on it may have become small.
void CountedTree::Repair(const CountedPlace& place) {
  for (uint32_t level = 0; level < head_->height; ++level) (void)MergeAt(place.steps[level], level);
}

void CountedTree::Collapse() {
  while (head_->height > 0 && NodeAt(head_->root).children() == 1) {
    const Link child = NodeAt(head_->root).Child(0);
    FreeNode(head_->root);
    head_->root = child;
    --head_->height;
  }
}

// ---- Ranges ----

void CountedTree::EraseRange(uint64_t rank, uint64_t count) {
  CHECK(rank <= head_->rows && count <= head_->rows - rank);
  if (count == 0) return;
  if (count == head_->rows) {
    FreeSubtree(head_->root, head_->height);
    head_->root = 0;
    head_->height = 0;
    head_->rows = 0;
    return;
  }
  EraseIn(head_->root, head_->height, rank, rank + count);
  head_->rows -= count;
  Collapse();
  if (rank > 0) RepairAround(rank - 1);
  if (rank < head_->rows) RepairAround(rank);
}

void CountedTree::RepairAround(uint64_t rank) {
  CountedPlace place;
  SeekRank(rank, &place);
  Repair(place);
  Collapse();
}

// Erases the rows [from, to) of a subtree, which keeps at least one.
void CountedTree::EraseIn(Link link, uint32_t level, uint64_t from, uint64_t to) {
  if (level == 0) {
    EraseInLeaf(link, from, to);
    return;
  }
  Node node = NodeAt(link);
  const uint32_t children = node.children();
  uint32_t kept = 0;
  uint64_t begin = 0;
  for (uint32_t i = 0; i < children; ++i) {
    Child child = node.ChildAt(i);
    const uint64_t end = begin + child.rows;
    const uint64_t low = from > begin ? from : begin;
    const uint64_t high = to < end ? to : end;
    if (low == begin && high == end) {
      FreeSubtree(child.link, level - 1);
    } else {
      if (low < high) {
        EraseIn(child.link, level - 1, low - begin, high - begin);
        child.rows -= high - low;
        child.separator = FirstSeparator(child.link, level - 1);
      }
      node.Set(kept++, child);
    }
    begin = end;
  }
  node.SetChildren(kept);
}

void CountedTree::EraseInLeaf(Link link, uint64_t from, uint64_t to) {
  const PackedReader leaf = LeafAt(link);
  const uint32_t begin = RowPosition(leaf, from);
  const uint32_t end = RowPosition(leaf, to);
  FreeTexts(leaf, begin, end);
  const auto elements = static_cast<int>((to - from) * rows_.elements_per_row);
  ApplySplice(memory_.At(link), {begin, end, {}, -elements});
}

void CountedTree::FreeSubtree(Link link, uint32_t level) {
  if (level == 0) {
    const PackedReader leaf = LeafAt(link);
    FreeTexts(leaf, kPackedHeaderBytes, leaf.end());
    FreeLeaf(link);
    return;
  }
  const Node node = NodeAt(link);
  for (uint32_t i = 0; i < node.children(); ++i) FreeSubtree(node.Child(i), level - 1);
  FreeNode(link);
}

}  // namespace chestbox::shm
