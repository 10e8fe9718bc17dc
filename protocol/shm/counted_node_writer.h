// Changes to one inner node of a counted B+tree (counted_tree_reader.h), for counted_tree.cc alone. The version that
// covers the tree is closed.
#pragma once

#include <cstdint>

#include "protocol/shm/counted_tree_reader.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

struct CountedChild {
  Link link = 0;
  uint64_t rows = 0;
  CountedSeparator separator = {};
};

class CountedNodeWriter : public CountedNode {
 public:
  CountedNodeWriter(char* node, const CountedNodeLayout& layout, uint32_t fanout)
      : CountedNode(node, layout), data_(node), fanout_(fanout) {}

  void Init(uint32_t level) {
    RacyStore32(data_, layout_.bytes);
    Store(4, uint16_t{0});
    Store(6, static_cast<uint16_t>(level));
  }
  bool full() const { return children() == fanout_; }
  bool ordered() const { return layout_.links != layout_.separators; }
  // Of a node in an ordered tree; else of no meaning.
  CountedSeparator FirstSeparator() const { return ordered() ? Separator(0) : CountedSeparator{}; }
  CountedChild ChildAt(uint32_t i) const { return {Child(i), Rows(i), ordered() ? Separator(i) : CountedSeparator{}}; }

  void SetRows(uint32_t i, uint64_t rows) { Store(CountedNodeLayout::kRows + i * 8, rows); }
  void SetSeparator(uint32_t i, const CountedSeparator& separator) { Store(layout_.separators + i * 16, separator); }
  void SetChildren(uint32_t children) { Store(4, static_cast<uint16_t>(children)); }
  void Set(uint32_t i, const CountedChild& child) {
    SetRows(i, child.rows);
    if (ordered()) SetSeparator(i, child.separator);
    Store(layout_.links + i * 4, child.link);
  }
  void Append(const CountedChild& child) { InsertAt(children(), child); }
  void InsertAt(uint32_t i, const CountedChild& child) {
    const uint32_t count = children();
    Shift(i, i + 1, count - i);
    Set(i, child);
    SetChildren(count + 1);
  }
  void RemoveAt(uint32_t i) {
    const uint32_t count = children();
    Shift(i + 1, i, count - i - 1);
    SetChildren(count - 1);
  }
  // The children from `from` on, to the end of `to`.
  void MoveTail(uint32_t from, CountedNodeWriter* to) {
    for (uint32_t i = from; i < children(); ++i) to->Append(ChildAt(i));
    SetChildren(from);
  }

 private:
  template <class T>
  void Store(uint32_t offset, const T& value) {
    RacyStore(data_ + offset, &value, sizeof value);
  }
  void Shift(uint32_t from, uint32_t to, uint32_t count) {
    ShiftArray(CountedNodeLayout::kRows, 8, from, to, count);
    if (ordered()) ShiftArray(layout_.separators, 16, from, to, count);
    ShiftArray(layout_.links, 4, from, to, count);
  }
  void ShiftArray(uint32_t array, uint32_t width, uint32_t from, uint32_t to, uint32_t count) {
    RacyMove(data_ + array + to * width, data_ + array + from * width, uint64_t{count} * width);
  }

  char* data_;
  uint32_t fanout_;
};

}  // namespace chestbox::shm
