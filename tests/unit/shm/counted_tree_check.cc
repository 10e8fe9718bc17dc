#include "counted_tree_check.h"

#include <cstdio>

namespace chestbox::shm {

namespace {

class Checker {
 public:
  Checker(const TestArena& arena, const CountedRows& rows, const CountedTreeHead& head)
      : arena_(arena), nodes_(arena), rows_(rows), layout_(rows), head_(head) {}

  CheckedTree Check() {
    if (head_.rows == 0) {
      Expect(head_.root == 0 && head_.height == 0 && head_.bytes == 0 && head_.externals == 0,
             "an empty tree has nodes");
      return std::move(result_);
    }
    const Subtree all = Visit(head_.root, head_.height, true);
    Expect(all.rows == head_.rows, "the head's rows");
    Expect(bytes_ == head_.bytes, "the head's bytes");
    Expect(externals_ == head_.externals, "the head's external strings");
    return std::move(result_);
  }

 private:
  struct Subtree {
    uint64_t rows = 0;
    CountedSeparator first;
    bool small = false;
  };

  void Expect(bool good, const char* what) {
    if (!good && result_.fault.empty()) result_.fault = what;
  }

  Subtree Visit(Link link, uint32_t level, bool is_root) {
    if (level == 0) return VisitLeaf(link);
    const char* data = arena_.At(link);
    const CountedNode node(data, layout_);
    Expect(RacyLoad32(data) == layout_.bytes && node.level() == level, "a node's size and level");
    Expect(node.children() >= (is_root ? 2U : 1U) && node.children() <= rows_.fanout, "a node's children");
    bytes_ += layout_.bytes;
    Subtree result;
    bool small_before = false;
    for (uint32_t i = 0; i < node.children(); ++i) {
      const Subtree child = Visit(node.Child(i), level - 1, false);
      Expect(child.rows == node.Rows(i) && child.rows > 0, "a child's rows");
      Expect(!rows_.ordered() || child.first == node.Separator(i), "a separator");
      Expect(!(small_before && child.small), "small neighbours");
      small_before = child.small;
      result.rows += child.rows;
      if (i == 0) result.first = child.first;
    }
    result.small = node.children() * 4 < rows_.fanout;
    return result;
  }

  Subtree VisitLeaf(Link link) {
    const char* data = arena_.At(link);
    const PackedReader leaf({data, rows_.leaf_bytes_max});
    Expect(leaf.valid() && leaf.count() > 0 && leaf.count() % rows_.elements_per_row == 0, "a leaf's elements");
    bytes_ += rows_.leaf_bytes_max;
    uint32_t elements = 0;
    PackedElement element;
    for (uint32_t position = leaf.First(); position != 0; ++elements) {
      if (!leaf.Take(&position, &element)) {
        Expect(false, "an element");
        break;
      }
      result_.elements.push_back(Text(element));
    }
    Expect(elements == leaf.count(), "a leaf's count");
    Subtree result;
    result.rows = elements / rows_.elements_per_row;
    if (rows_.ordered()) result.first = rows_.separator_of(nodes_, leaf, leaf.First());
    result.small = (leaf.bytes() - kPackedEmptyBytes) * 4 < rows_.leaf_bytes_max;
    return result;
  }

  std::string Text(const PackedElement& element) {
    char digits[kIntegerTextBytesMax + 20];
    if (element.kind == PackedElement::Kind::kExternal) {
      ++externals_;
      bytes_ += element.bytes;
      Expect(element.bytes > rows_.inline_bytes_max, "a small external string");
      return {arena_.At(element.link), element.bytes};
    }
    if (element.kind == PackedElement::Kind::kScore) {
      return {digits, static_cast<size_t>(std::snprintf(digits, sizeof digits, "%.17g", element.score))};
    }
    return std::string(TextOf(element, digits));
  }

  const TestArena& arena_;
  const DirectNodes nodes_;
  const CountedRows& rows_;
  const CountedNodeLayout layout_;
  const CountedTreeHead& head_;
  CheckedTree result_;
  uint64_t bytes_ = 0;
  uint64_t externals_ = 0;
};

}  // namespace

CheckedTree CheckTree(const TestArena& arena, const CountedRows& rows, const CountedTreeHead& head) {
  return Checker(arena, rows, head).Check();
}

}  // namespace chestbox::shm
