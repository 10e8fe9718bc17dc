// Reads of a list in either encoding, from its value's bytes and its nodes: the same code on the server and in clients
// (nodes.h says how a torn copy is harmless).
//
// A small list is a packed block, a large one a counted B+tree of kListRows whose head is the value. False everywhere
// means torn; what was visited before is void then. Nothing here writes. Any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "protocol/shm/counted_tree_reader.h"
#include "protocol/shm/encoding.h"
#include "protocol/shm/leaf_element.h"

namespace chestbox::shm {

template <class Nodes>
class ListReader {
 public:
  // `nodes` and the bytes outlive this.
  ListReader(Nodes& nodes, CollectionEncoding encoding, std::string_view bytes)
      : nodes_(&nodes), packed_(encoding == CollectionEncoding::kPacked), bytes_(bytes) {
    if (packed_) {
      size_ = PackedReader(bytes_).count();
    } else if (encoding == CollectionEncoding::kTree && LoadCountedHead(bytes_, &head_)) {
      size_ = head_.rows;
    }
  }

  uint64_t size() const { return size_; }
  // Of a large list.
  const CountedTreeHead& head() const { return head_; }

  // Visits `count` elements (or as many as there are) from the one at `index` on, towards the end or backwards;
  // visit(const PackedElement&) returns false to stop.
  template <class Visit>
  bool ForEach(uint64_t index, uint64_t count, bool backwards, Visit&& visit) const;
  bool At(uint64_t index, PackedElement* element) const {
    if constexpr (std::is_same_v<Nodes, CopiedNodes>) {
      if (!packed_) {
        Link leaf = 0;
        uint32_t row = 0;
        return CountedTreeReader<Nodes>(*nodes_, head_, kListRows).FindLeaf(index, &leaf, &row) &&
               GetOfLeaf(*nodes_, leaf, kListRows.leaf_bytes_max, row, element);
      }
    }
    bool found = false;
    return ForEach(index, 1, false,
                   [&](const PackedElement& each) {
                     *element = each;
                     return found = true;
                   }) &&
           found;
  }
  // An element's bytes; an integer's digits go to `digits` (kIntegerTextBytesMax).
  bool Text(const PackedElement& element, char* digits, std::string_view* text) const {
    return CountedTextOf(*nodes_, element, digits, text);
  }

 private:
  // From `position` to the leaf's end or beginning. *left and *going say whether to go on in the next leaf.
  template <class Visit>
  static bool VisitBlock(const PackedReader& block, uint32_t position, bool backwards, uint64_t* left, bool* going,
                         Visit&& visit);

  Nodes* nodes_;
  bool packed_;
  std::string_view bytes_;
  CountedTreeHead head_;
  uint64_t size_ = 0;
};

template <class Nodes>
template <class Visit>
bool ListReader<Nodes>::VisitBlock(const PackedReader& block, uint32_t position, bool backwards, uint64_t* left,
                                   bool* going, Visit&& visit) {
  PackedElement element;
  while (*going && *left > 0 && position != 0) {
    const uint32_t at = position;
    if (!block.Take(&position, &element)) return false;
    if (backwards) position = block.Previous(at);
    --*left;
    *going = visit(element);
  }
  return true;
}

template <class Nodes>
template <class Visit>
bool ListReader<Nodes>::ForEach(uint64_t index, uint64_t count, bool backwards, Visit&& visit) const {
  if (index >= size_) return true;
  bool going = true;
  if (packed_) {
    const PackedReader block(bytes_);
    return VisitBlock(block, block.Seek(static_cast<int64_t>(index)), backwards, &count, &going, visit);
  }
  const CountedTreeReader<Nodes> tree(*nodes_, head_, kListRows);
  CountedPlace place;
  if (!tree.SeekRank(index, &place)) return false;
  for (;;) {
    if (!VisitBlock(CountedTreeReader<Nodes>::LeafOf(place), place.position, backwards, &count, &going, visit)) {
      return false;
    }
    if (!going || count == 0) return true;
    if (backwards) {
      if (place.rank <= place.row) return true;
      if (!tree.PreviousLeaf(&place)) return false;
    } else {
      if (!tree.NextLeaf(&place)) return false;
      if (tree.AtEnd(place)) return true;
    }
  }
}

}  // namespace chestbox::shm
