// Freeing and copying whole counted B+trees.
#include <algorithm>

#include "protocol/check.h"
#include "protocol/shm/counted_tree.h"

namespace chestbox::shm {

bool CountedTree::FreeNodes(ArenaMemory& memory, const CountedRows& rows, CountedTreeHead* head, size_t nodes_max) {
  CountedTree tree(memory, rows, head);
  for (size_t budget = nodes_max; budget > 0 && head->root != 0;) {
    if (!tree.FreeLast(&budget)) break;
  }
  if (head->root != 0) return false;
  *head = {};
  return true;
}

// Frees the last leaf, and the nodes above it that have no other. Inner nodes remember what is left by their number of
// children, which may be 0 in a copy that was given up. False: nothing is left.
bool CountedTree::FreeLast(size_t* budget) {
  Link way[kCountedHeightMax + 1] = {};
  Link link = head_->root;
  uint32_t level = head_->height;
  for (; level > 0; --level) {
    way[level] = link;
    const Node node = NodeAt(link);
    if (node.children() == 0) break;
    link = node.Child(node.children() - 1);
  }
  size_t freed = 1;
  if (level == 0) {
    const PackedReader leaf = LeafAt(link);
    const uint64_t externals = head_->externals;
    FreeTexts(leaf, kPackedHeaderBytes, leaf.end());
    freed += externals - head_->externals;
    FreeLeaf(link);
  } else {
    FreeNode(link);
  }
  *budget -= std::min(*budget, freed);
  for (uint32_t above = level + 1; above <= head_->height; ++above) {
    Node node = NodeAt(way[above]);
    node.SetChildren(node.children() - 1);
    if (node.children() > 0) return true;
    FreeNode(way[above]);
  }
  head_->root = 0;
  return false;
}

bool CountedTree::CopyNodes(ArenaMemory& memory, const CountedRows& rows, const CountedTreeHead& head,
                            CountedTreeHead* copy) {
  CountedTreeHead from_head = head;
  const CountedTree from(memory, rows, &from_head);
  *copy = {};
  if (head.root == 0) return true;
  CountedTree tree(memory, rows, copy);
  copy->height = head.height;
  bool complete = false;
  if (head.height == 0) {
    copy->root = tree.CopyLeaf(from, head.root);
    complete = copy->root != 0;
  } else {
    copy->root = tree.NewNode();
    if (copy->root != 0) {
      tree.NodeAt(copy->root).Init(head.height);
      complete = tree.CopyChildren(from, head.root, copy->root);
    }
  }
  copy->rows = head.rows;
  if (!complete) CHECK(FreeNodes(memory, rows, copy, SIZE_MAX));
  return complete;
}

bool CountedTree::CopyChildren(const CountedTree& from, Link source, Link target) {
  const Node old = from.NodeAt(source);
  Node node = NodeAt(target);
  for (uint32_t i = 0; i < old.children(); ++i) {
    Child child = old.ChildAt(i);
    const Link old_child = child.link;
    child.link = old.level() == 1 ? CopyLeaf(from, old_child) : NewNode();
    if (child.link == 0) return false;
    node.Append(child);
    if (old.level() == 1) continue;
    NodeAt(child.link).Init(old.level() - 1);
    if (!CopyChildren(from, old_child, child.link)) return false;
  }
  return true;
}

Link CountedTree::CopyLeaf(const CountedTree& from, Link source) {
  const PackedReader old = from.LeafAt(source);
  const Link leaf = NewLeaf();
  if (leaf == 0) return 0;
  const char* bytes = memory_.At(source);
  std::string elements(bytes + kPackedHeaderBytes, old.end() - kPackedHeaderBytes);
  if (from.head_->externals > 0) {
    std::string copied;
    PackedElement element;
    for (uint32_t position = old.First(); position != 0 && position < old.end(); position = element.next) {
      CHECK(old.Get(position, &element));
      if (element.kind != PackedElement::Kind::kExternal) {
        copied.append(bytes + position, element.next - position);
      } else if (!AddText({memory_.At(element.link), element.bytes}, &copied)) {
        DropTexts(copied);
        FreeLeaf(leaf);
        return 0;
      }
    }
    elements.swap(copied);
    CountTexts(elements);
  }
  ApplySplice(memory_.At(leaf), {kPackedHeaderBytes, kPackedHeaderBytes, elements, static_cast<int>(old.count())});
  return leaf;
}

}  // namespace chestbox::shm
