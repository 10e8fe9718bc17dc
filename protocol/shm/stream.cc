#include "protocol/shm/stream.h"

#include <algorithm>

#include "protocol/check.h"
#include "protocol/shm/stream_reader.h"

namespace chestbox::shm {

namespace {

constexpr uint64_t kFirstNodeBytesMax = 4096;

// A block is made smaller when it leaves at least so much unused.
constexpr uint64_t kWorthShrinkingBytes = 64;

uint64_t TextBytes(resp::Args pairs) {
  uint64_t bytes = 0;
  for (std::string_view text : pairs) bytes += text.size();
  return bytes;
}

bool IsFull(const StreamNodeReader& node, uint64_t added_bytes, const StreamNodeLimits& limits) {
  const uint64_t bytes_max =
      limits.bytes_max == 0 ? kStreamNodeBytesMax : std::min(limits.bytes_max, kStreamNodeBytesMax);
  if (node.block().bytes() + added_bytes >= bytes_max) return true;
  return limits.entries_max != 0 && node.live() + node.deleted() >= limits.entries_max;
}

// Room that is reused from one command to the next.
std::string& Scratch() {
  static thread_local std::string scratch;
  constexpr size_t kKeptBytesMax = 1 << 20;
  if (scratch.capacity() > kKeptBytesMax) scratch = {};
  scratch.clear();
  return scratch;
}

}  // namespace

Link StreamWriter::NewBlock(uint64_t bytes) { return memory_->Allocate(bytes + kStreamNodeSlackBytes); }

Link StreamWriter::LinkAt(const TreePath& path) const {
  Link link;
  std::memcpy(&link, nodes_.PayloadAt(path), sizeof link);
  return link;
}

StreamNodeReader StreamWriter::NodeAt(const TreePath& path) const {
  const Link link = LinkAt(path);
  return {{memory_->At(link), memory_->UsableBytes(link)}, IdOf(nodes_.KeyAt(path))};
}

// ---- Adding ----

bool StreamWriter::Append(const StreamId& id, resp::Args pairs, const StreamNodeLimits& limits) {
  TreePath last = nodes_.FindEnd(head_->nodes);
  bool added = false;
  if (last.levels == 0) {
    added = BeginNode(last, id, pairs, limits);
  } else {
    --last.steps[0].index;
    const StreamNodeReader node = NodeAt(last);
    CHECK(node.valid());
    if (IsFull(node, TextBytes(pairs), limits)) {
      ShrinkToFit(last);
      ++last.steps[0].index;
      added = BeginNode(last, id, pairs, limits);
    } else {
      added = AppendToNode(last, node, id, pairs);
    }
  }
  if (!added) return false;
  ++head_->length;
  ++head_->entries_added;
  head_->last_id = id;
  if (head_->length == 1) head_->first_id = id;
  return true;
}

bool StreamWriter::BeginNode(const TreePath& end, const StreamId& id, resp::Args pairs,
                             const StreamNodeLimits& limits) {
  std::string& block = Scratch();
  BuildStreamNode(pairs, &block);
  // A stream's first node grows with it; when there was a full one before, so will this be, in all likelihood.
  uint64_t bytes = block.size();
  if (end.levels != 0 && limits.bytes_max != 0)
    bytes = std::max(bytes, std::min(limits.bytes_max, kFirstNodeBytesMax) / 2);
  const Link link = NewBlock(bytes);
  if (link == 0) return false;
  RacyStore(memory_->At(link), block.data(), block.size());
  if (nodes_.Insert(&head_->nodes, end, KeyOf(id), &link)) return true;
  memory_->Free(link);
  return false;
}

bool StreamWriter::AppendToNode(const TreePath& path, const StreamNodeReader& node, const StreamId& id,
                                resp::Args pairs) {
  const Link link = LinkAt(path);
  std::string& elements = Scratch();
  const int count = BuildStreamEntry(node, id, pairs, &elements);
  const PackedSplice splice{node.block().end(), node.block().end(), elements, count};
  const uint64_t bytes = node.block().bytes() + elements.size();
  // The live counter may grow, too.
  const uint64_t needed = bytes + 2 * kStreamNodeSlackBytes;
  if (needed <= memory_->UsableBytes(link)) {
    ApplySplice(memory_->At(link), splice);
  } else if (!Grow(path, link, splice, needed)) {
    return false;
  }
  const Link now = LinkAt(path);
  StoreStreamCounters(memory_->At(now), node.live() + 1, node.deleted(), memory_->UsableBytes(now));
  return true;
}

// Into a block with some more room, twice the size while nodes are small.
bool StreamWriter::Grow(const TreePath& path, Link old, const PackedSplice& splice, uint64_t room) {
  constexpr uint64_t kDoubledBytesMax = 2048;
  const uint64_t wanted = room <= kDoubledBytesMax ? room * 2 : room + room / 4;
  const Link link = NewBlock(wanted);
  if (link == 0) return false;
  CopySpliced(memory_->At(old), splice, memory_->At(link));
  RacyStore(nodes_.PayloadAt(path), &link, sizeof link);
  memory_->Free(old);
  return true;
}

// A node that is full gives back what it does not need; without memory it stays as it is.
void StreamWriter::ShrinkToFit(const TreePath& path) {
  const Link old = LinkAt(path);
  const uint32_t bytes = RacyLoad32(memory_->At(old));
  if (memory_->UsableBytes(old) < bytes + kStreamNodeSlackBytes + kWorthShrinkingBytes) return;
  const Link link = NewBlock(bytes);
  if (link == 0) return;
  if (memory_->UsableBytes(link) >= memory_->UsableBytes(old)) {
    memory_->Free(link);
    return;
  }
  RacyStore(memory_->At(link), memory_->At(old), bytes);
  RacyStore(nodes_.PayloadAt(path), &link, sizeof link);
  memory_->Free(old);
}

bool StreamWriter::AppendNode(const StreamId& master_id, std::string_view block) {
  const Link link = NewBlock(block.size());
  if (link == 0) return false;
  RacyStore(memory_->At(link), block.data(), block.size());
  if (nodes_.Insert(&head_->nodes, nodes_.FindEnd(head_->nodes), KeyOf(master_id), &link)) return true;
  memory_->Free(link);
  return false;
}

// ---- Removing ----

void StreamWriter::FindFirst() {
  DirectNodes nodes(*memory_);
  StreamReader reader(*head_, nodes);
  head_->first_id = reader.Begin({}) ? reader.entry().id : StreamId{};
}

void StreamWriter::FreeNode(const TreePath& path) {
  memory_->Free(LinkAt(path));
  nodes_.Erase(&head_->nodes, path);
}

bool StreamWriter::Delete(const StreamId& id) {
  DirectNodes nodes(*memory_);
  StreamReader reader(*head_, nodes);
  if (!reader.Begin({id, id, false})) return false;
  // The node's path: the last one that does not begin behind the ID.
  TreeCursor<DirectNodes> cursor(nodes, head_->nodes, sizeof(Link));
  CHECK(cursor.SeekAtMost(ProbeOf(id)));
  const TreePath path = nodes_.FindKey(head_->nodes, cursor.key());
  const StreamNodeReader node = NodeAt(path);
  if (node.live() == 1) {
    FreeNode(path);
  } else {
    const Link link = LinkAt(path);
    MarkStreamEntryDeleted(memory_->At(link), reader.entry());
    StoreStreamCounters(memory_->At(link), node.live() - 1, node.deleted() + 1, memory_->UsableBytes(link));
  }
  --head_->length;
  if (id > head_->max_deleted_id) head_->max_deleted_id = id;
  if (id == head_->first_id) FindFirst();
  return true;
}

uint64_t StreamWriter::Trim(const StreamTrim& trim) {
  uint64_t removed = 0;
  while (head_->nodes.link != 0) {
    if (!trim.by_id && head_->length <= trim.length) break;
    const TreePath path = nodes_.FindBegin(head_->nodes);
    const StreamNodeReader node = NodeAt(path);
    const auto live = static_cast<uint64_t>(node.live());
    if (trim.limit != 0 && removed + live > static_cast<uint64_t>(trim.limit)) break;
    StreamEntry last;
    const bool whole = trim.by_id ? node.Last(&last) && last.id < trim.first_id
                                  : head_->length >= live && head_->length - live >= trim.length;
    if (!whole) {
      if (!trim.whole_nodes_only) removed += TrimNode(path, node, trim);
      break;
    }
    FreeNode(path);
    head_->length -= live;
    removed += live;
  }
  if (removed != 0) FindFirst();
  return removed;
}

// Marks the first entries of a node of which something is to stay.
uint64_t StreamWriter::TrimNode(const TreePath& path, const StreamNodeReader& node, const StreamTrim& trim) {
  const Link link = LinkAt(path);
  char* block = memory_->At(link);
  int64_t removed = 0;
  StreamEntry entry;
  for (bool more = node.First(&entry); more; more = node.Next(&entry)) {
    if (trim.by_id ? entry.id >= trim.first_id : head_->length <= trim.length) break;
    if (entry.deleted()) continue;
    MarkStreamEntryDeleted(block, entry);
    --head_->length;
    ++removed;
  }
  if (removed != 0) {
    StoreStreamCounters(block, node.live() - removed, node.deleted() + removed, memory_->UsableBytes(link));
  }
  return static_cast<uint64_t>(removed);
}

bool StreamWriter::FreeSome(size_t* budget) {
  TreeKey key;
  while (const char* payload = nodes_.LastItem(head_->nodes, &key)) {
    if (*budget == 0) return false;
    Link link;
    std::memcpy(&link, payload, sizeof link);
    memory_->Free(link);
    nodes_.DropLastItem(&head_->nodes);
    --*budget;
  }
  return true;
}

}  // namespace chestbox::shm
