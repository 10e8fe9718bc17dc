#include "protocol/shm/counted_tree.h"

#include "protocol/check.h"

namespace chestbox::shm {

namespace {

// How an element begins whose string has a block of its own (packed_block.h).
constexpr char kExternalByte = '\xf5';

}  // namespace

CountedSeparator ScoredSeparator(const DirectNodes& nodes, const PackedReader& leaf, uint32_t position) {
  PackedElement member;
  PackedElement score;
  CHECK(leaf.Get(position, &member) && leaf.Get(member.next, &score));
  char digits[kIntegerTextBytesMax];
  std::string_view text;
  CHECK(CountedTextOf(nodes, member, digits, &text));
  return {ScoreBits(CountedScoreOf(score)), MemberPrefix(text)};
}

// ---- Rows ----

PackedReader CountedTree::LeafAt(Link link) const {
  const char* leaf = memory_.At(link);
  return PackedReader({leaf, RacyLoad32(leaf)});
}

CountedSeparator CountedTree::SeparatorOf(const PackedReader& leaf, uint32_t position) const {
  return rows_.ordered() ? rows_.separator_of(nodes_, leaf, position) : CountedSeparator{};
}

uint32_t CountedTree::RowEnd(const PackedReader& leaf, uint32_t position) const {
  PackedElement element;
  for (uint32_t i = 0; i < rows_.elements_per_row; ++i) {
    CHECK(leaf.Get(position, &element));
    position = element.next;
  }
  return position;
}

uint32_t CountedTree::RowPosition(const PackedReader& leaf, uint64_t row) const {
  const uint32_t position = leaf.Seek(static_cast<int64_t>(row * rows_.elements_per_row));
  return position == 0 ? leaf.end() : position;
}

void CountedTree::SeekRank(uint64_t rank, CountedPlace* place) const { CHECK(reader().SeekRank(rank, place)); }

bool CountedTree::AddText(std::string_view text, std::string* row) {
  if (text.size() <= rows_.inline_bytes_max) {
    AppendElement(text, row);
    return true;
  }
  const Link link = memory_.Allocate(text.size());
  if (link == 0) return false;
  RacyStore(memory_.At(link), text.data(), text.size());
  AppendExternal(link, static_cast<uint32_t>(text.size()), row);
  return true;
}

namespace {

// Calls visit(link, bytes) for each string that has a block of its own.
template <class Visit>
void ForEachText(const PackedReader& block, uint32_t from, uint32_t to, const Visit& visit) {
  PackedElement element;
  for (uint32_t position = from; position < to; position = element.next) {
    CHECK(block.Get(position, &element));
    if (element.kind == PackedElement::Kind::kExternal) visit(element.link, element.bytes);
  }
}

template <class Visit>
void ForEachTextOfRow(std::string_view row, const Visit& visit) {
  std::string block = EmptyPacked();
  block.resize(block.size() + row.size());
  ApplySplice(block.data(), {kPackedHeaderBytes, kPackedHeaderBytes, row, 0});
  const PackedReader reader(block);
  ForEachText(reader, kPackedHeaderBytes, reader.end(), visit);
}

}  // namespace

void CountedTree::DropTexts(std::string_view row) {
  ForEachTextOfRow(row, [&](Link link, uint32_t) { memory_.Free(link); });
}

void CountedTree::CountTexts(std::string_view row) {
  // That byte occurs in strings, too: look closer only if it is there.
  if (row.find(kExternalByte) == std::string_view::npos) return;
  ForEachTextOfRow(row, [&](Link, uint32_t bytes) {
    ++head_->externals;
    head_->bytes += bytes;
  });
}

void CountedTree::FreeTexts(const PackedReader& leaf, uint32_t from, uint32_t to) {
  if (head_->externals == 0) return;
  ForEachText(leaf, from, to, [&](Link link, uint32_t bytes) {
    memory_.Free(link);
    --head_->externals;
    head_->bytes -= bytes;
  });
}

// ---- Blocks ----

Link CountedTree::NewNode() {
  const Link link = memory_.Allocate(layout_.bytes);
  if (link != 0) head_->bytes += layout_.bytes;
  return link;
}

Link CountedTree::NewLeaf() {
  const Link link = memory_.Allocate(rows_.leaf_bytes_max);
  if (link != 0) {
    head_->bytes += rows_.leaf_bytes_max;
    InitPacked(memory_.At(link));
  }
  return link;
}

void CountedTree::FreeNode(Link link) {
  memory_.Free(link);
  head_->bytes -= layout_.bytes;
}

void CountedTree::FreeLeaf(Link link) {
  memory_.Free(link);
  head_->bytes -= rows_.leaf_bytes_max;
}

// ---- Inserting ----

bool CountedTree::PushFront(std::string_view row) {
  CountedPlace place;
  SeekRank(0, &place);
  return Insert(place, row);
}

bool CountedTree::PushBack(std::string_view row) {
  CountedPlace place;
  SeekRank(head_->rows, &place);
  return Insert(place, row);
}

bool CountedTree::Insert(const CountedPlace& place, std::string_view row) {
  CHECK(row.size() <= (rows_.leaf_bytes_max - kPackedEmptyBytes) / 2);
  if (place.leaf == nullptr) return InsertFirst(row);
  const auto elements = static_cast<int>(rows_.elements_per_row);
  return SpliceLeaf(place, {place.position, place.position, row, elements}, 1);
}

bool CountedTree::Replace(const CountedPlace& place, std::string_view row) {
  CHECK(row.size() <= (rows_.leaf_bytes_max - kPackedEmptyBytes) / 2 && place.rank < head_->rows);
  const PackedReader leaf = LeafAt(place.leaf_link);
  const uint32_t to = RowEnd(leaf, place.position);
  if (head_->externals == 0) return SpliceLeaf(place, {place.position, to, row, 0}, 0);
  const std::string old(place.leaf + place.position, to - place.position);
  if (!SpliceLeaf(place, {place.position, to, row, 0}, 0)) return false;
  ForEachTextOfRow(old, [&](Link link, uint32_t bytes) {
    memory_.Free(link);
    --head_->externals;
    head_->bytes -= bytes;
  });
  return true;
}

bool CountedTree::InsertFirst(std::string_view row) {
  const Link leaf = NewLeaf();
  if (leaf == 0) return false;
  ApplySplice(memory_.At(leaf),
              {kPackedHeaderBytes, kPackedHeaderBytes, row, static_cast<int>(rows_.elements_per_row)});
  CountTexts(row);
  head_->root = leaf;
  head_->height = 0;
  head_->rows = 1;
  return true;
}

bool CountedTree::SpliceLeaf(const CountedPlace& place, const PackedSplice& splice, int rows_change) {
  if (place.leaf_bytes + splice.size_change() > rows_.leaf_bytes_max) return SplitLeaf(place, splice, rows_change);
  ApplySplice(memory_.At(place.leaf_link), splice);
  CountTexts(splice.elements);
  AddRows(place, 0, rows_change);
  head_->rows += static_cast<uint64_t>(int64_t{rows_change});
  if (splice.from == kPackedHeaderBytes && rows_.ordered()) {
    SetSeparators(place, 0, SeparatorOf(LeafAt(place.leaf_link), kPackedHeaderBytes));
  }
  if (splice.size_change() < 0) {
    Repair(place);
    Collapse();
  }
  return true;
}

// Where an overfull leaf is cut: the row nearest to its middle. As no row is more than half a leaf, both parts fit, and
// neither is below a quarter.
uint32_t CountedTree::CutOf(const PackedReader& leaf) const {
  const uint32_t middle = kPackedHeaderBytes + (leaf.bytes() - kPackedEmptyBytes) / 2;
  uint32_t before = kPackedHeaderBytes;
  for (;;) {
    const uint32_t after = RowEnd(leaf, before);
    if (after >= middle) {
      const bool nearer = after - middle <= middle - before;
      return before == kPackedHeaderBytes || (nearer && after < leaf.end()) ? after : before;
    }
    before = after;
  }
}

// The leaf keeps the part before the cut; a new one gets the rest. At the ends of the tree the new row is cut off
// alone, so that leaves which are filled in one direction get full.
bool CountedTree::SplitLeaf(const CountedPlace& place, const PackedSplice& splice, int rows_change) {
  Spare spare;
  if (!Reserve(place, &spare)) return false;
  const bool at_back = rows_change > 0 && place.rank == head_->rows;
  const bool at_front = rows_change > 0 && place.rank == 0 && !at_back;
  std::string whole(static_cast<size_t>(place.leaf_bytes + splice.size_change()), '\0');
  CopySpliced(place.leaf, splice, whole.data());
  const PackedReader all(whole);
  uint32_t cut = splice.from;
  if (!at_back) cut = at_front ? RowEnd(all, kPackedHeaderBytes) : CutOf(all);
  const auto elements = static_cast<int>(all.count());
  const int left_elements = CountElements(all, kPackedHeaderBytes, cut);
  const auto write = [&](Link leaf, uint32_t from, uint32_t to, int count) {
    InitPacked(memory_.At(leaf));
    const std::string_view bytes(whole.data() + from, to - from);
    ApplySplice(memory_.At(leaf), {kPackedHeaderBytes, kPackedHeaderBytes, bytes, count});
  };
  write(place.leaf_link, kPackedHeaderBytes, cut, left_elements);
  write(spare.leaf, cut, all.end(), elements - left_elements);
  CountTexts(splice.elements);
  head_->rows += static_cast<uint64_t>(int64_t{rows_change});
  if (splice.from == kPackedHeaderBytes && rows_.ordered()) {
    SetSeparators(place, 0, SeparatorOf(all, kPackedHeaderBytes));
  }
  const auto per_row = static_cast<int>(rows_.elements_per_row);
  const Child right{spare.leaf, static_cast<uint64_t>((elements - left_elements) / per_row), SeparatorOf(all, cut)};
  InsertChild(place, static_cast<uint64_t>(left_elements / per_row), right, at_front, at_back, &spare);
  return true;
}

// A leaf, a node for every full one above it, and a root if all are full.
bool CountedTree::Reserve(const CountedPlace& place, Spare* spare) {
  uint32_t nodes = 0;
  while (nodes < head_->height && NodeOf(place.steps[nodes]).full()) ++nodes;
  if (nodes == head_->height && ++nodes > kCountedHeightMax) return false;
  spare->leaf = NewLeaf();
  bool complete = spare->leaf != 0;
  while (complete && spare->count < nodes) {
    spare->nodes[spare->count] = NewNode();
    complete = spare->nodes[spare->count] != 0;
    if (complete) ++spare->count;
  }
  if (complete) return true;
  if (spare->leaf != 0) FreeLeaf(spare->leaf);
  for (uint32_t i = 0; i < spare->count; ++i) FreeNode(spare->nodes[i]);
  return false;
}

// Puts `right` behind the child at `place`, which has now `left_rows` rows, and splits full nodes on the way up.
void CountedTree::InsertChild(const CountedPlace& place, uint64_t left_rows, Child right, bool at_front, bool at_back,
                              Spare* spare) {
  for (uint32_t level = 0; level < head_->height; ++level) {
    const uint32_t index = place.steps[level].index;
    Node node = NodeOf(place.steps[level]);
    const uint64_t rows_before = node.TotalRows();
    node.SetRows(index, left_rows);
    if (!node.full()) {
      node.InsertAt(index + 1, right);
      AddRows(place, level + 1, static_cast<int64_t>(node.TotalRows() - rows_before));
      return;
    }
    CHECK(spare->count > 0);
    const Link link = spare->nodes[--spare->count];
    Node sibling = NodeAt(link);
    sibling.Init(level + 1);
    uint32_t cut = rows_.fanout / 2;
    if (at_back) cut = rows_.fanout;
    if (at_front) cut = 1;
    node.MoveTail(cut, &sibling);
    if (index + 1 >= cut) {
      sibling.InsertAt(index + 1 - cut, right);
    } else {
      node.InsertAt(index + 1, right);
    }
    left_rows = node.TotalRows();
    right = {link, sibling.TotalRows(), sibling.FirstSeparator()};
  }
  CHECK(spare->count > 0);
  const Link link = spare->nodes[--spare->count];
  Node root = NodeAt(link);
  root.Init(head_->height + 1);
  const CountedSeparator separator = rows_.ordered() ? FirstSeparator(head_->root, head_->height) : CountedSeparator{};
  root.Append({head_->root, left_rows, separator});
  root.Append(right);
  head_->root = link;
  ++head_->height;
}

void CountedTree::AddRows(const CountedPlace& place, uint32_t level, int64_t change) {
  if (change == 0) return;
  for (; level < head_->height; ++level) {
    Node node = NodeOf(place.steps[level]);
    const uint32_t index = place.steps[level].index;
    node.SetRows(index, node.Rows(index) + static_cast<uint64_t>(change));
  }
}

// The first row below the child at steps[level] is now another one.
void CountedTree::SetSeparators(const CountedPlace& place, uint32_t level, const CountedSeparator& separator) {
  for (; level < head_->height; ++level) {
    NodeOf(place.steps[level]).SetSeparator(place.steps[level].index, separator);
    if (place.steps[level].index != 0) return;
  }
}

CountedSeparator CountedTree::FirstSeparator(Link link, uint32_t level) const {
  return level == 0 ? SeparatorOf(LeafAt(link), kPackedHeaderBytes) : NodeAt(link).FirstSeparator();
}

}  // namespace chestbox::shm
