#include "protocol/shm/id_tree.h"

namespace chestbox::shm {

namespace {

constexpr uint32_t kTreeItemsMin = 3;
// A node with fewer items than this looks for a neighbour to merge with …
constexpr uint32_t kSparseItems = 16;
// … if both together leave room for a few more.
constexpr uint32_t kMergedItemsMax = 47;

// The next larger capacity.
constexpr uint32_t Grown(uint32_t capacity) { return capacity * 2 + 1; }

uint32_t CapacityFor(uint32_t items) {
  uint32_t capacity = kTreeItemsMin;
  while (capacity < items) capacity = Grown(capacity);
  return capacity;
}

}  // namespace

Link TreeWriter::NewNode(int level, uint32_t capacity) {
  const uint32_t payload_bytes = PayloadBytes(level);
  const uint32_t bytes = kTreeNodeHeaderBytes + capacity * (uint32_t{sizeof(TreeKey)} + payload_bytes);
  const Link link = memory_->Allocate(bytes);
  if (link == 0) return 0;
  char* node = memory_->At(link);
  RacyStore32(node, bytes);
  RacyStore32(node + 4, static_cast<uint32_t>(level) << 16 | payload_bytes << 24);
  return link;
}

void TreeWriter::SetCount(Link link, uint32_t count) {
  const auto stored = static_cast<uint16_t>(count);
  RacyStore(memory_->At(link) + 4, &stored, sizeof stored);
}

// Copies `count` items; the target is another node, or the same one (the ranges may overlap). Sets no counts.
void TreeWriter::CopyItems(Link from, uint32_t first, uint32_t count, Link to, uint32_t at) {
  const auto capacity_of = [&](const char* node, uint32_t payload_bytes) {
    return (RacyLoad32(node) - kTreeNodeHeaderBytes) / (uint32_t{sizeof(TreeKey)} + payload_bytes);
  };
  const char* source = memory_->At(from);
  char* target = memory_->At(to);
  const uint32_t payload_bytes = static_cast<unsigned char>(source[7]);
  RacyMove(target + kTreeNodeHeaderBytes + at * sizeof(TreeKey),
           source + kTreeNodeHeaderBytes + first * sizeof(TreeKey), count * sizeof(TreeKey));
  const char* from_payloads = source + kTreeNodeHeaderBytes + capacity_of(source, payload_bytes) * sizeof(TreeKey);
  char* to_payloads = target + kTreeNodeHeaderBytes + capacity_of(target, payload_bytes) * sizeof(TreeKey);
  RacyMove(to_payloads + at * payload_bytes, from_payloads + first * payload_bytes, count * payload_bytes);
}

namespace {

void StoreItem(char* node, uint32_t capacity, uint32_t payload_bytes, uint32_t index, const TreeKey& key,
               const void* payload) {
  RacyStore(node + kTreeNodeHeaderBytes + index * sizeof(TreeKey), &key, sizeof key);
  RacyStore(node + kTreeNodeHeaderBytes + capacity * sizeof(TreeKey) + index * payload_bytes, payload, payload_bytes);
}

uint32_t CountOf(const char* node) {
  uint16_t count;
  std::memcpy(&count, node + 4, sizeof count);
  return count;
}

}  // namespace

// There is room.
void TreeWriter::InsertAt(Link link, uint32_t index, const TreeKey& key, const void* payload) {
  char* node = memory_->At(link);
  const uint32_t count = CountOf(node);
  const uint32_t payload_bytes = static_cast<unsigned char>(node[7]);
  const uint32_t capacity = (RacyLoad32(node) - kTreeNodeHeaderBytes) / (uint32_t{sizeof(TreeKey)} + payload_bytes);
  CHECK(count < capacity && index <= count);
  CopyItems(link, index, count - index, link, index + 1);
  StoreItem(node, capacity, payload_bytes, index, key, payload);
  SetCount(link, count + 1);
}

void TreeWriter::RemoveAt(Link link, uint32_t index) {
  const uint32_t count = CountOf(memory_->At(link));
  CopyItems(link, index + 1, count - index - 1, link, index);
  SetCount(link, count - 1);
}

// The smallest key of the node at `level` has become `key`: the levels above say so.
void TreeWriter::SetSmallest(const TreePath& path, int level, const TreeKey& key) {
  for (int above = level + 1; above < path.levels; ++above) {
    const TreePath::Step& step = path.steps[above];
    RacyStore(memory_->At(step.link) + kTreeNodeHeaderBytes + step.index * sizeof(TreeKey), &key, sizeof key);
    if (step.index != 0) return;
  }
}

// Another block stands for the node at `level`.
void TreeWriter::Relink(TreeRoot* root, const TreePath& path, int level, Link link) {
  if (level + 1 == path.levels) {
    root->link = link;
    return;
  }
  const TreePath::Step& parent = path.steps[level + 1];
  RacyStore(const_cast<char*>(NodeAt(parent.link).Payload(parent.index)), &link, sizeof link);
}

// Moves the node at `level` into a block of another capacity. False: no memory.
bool TreeWriter::Resize(TreeRoot* root, TreePath* path, int level, uint32_t capacity) {
  const Link old = path->steps[level].link;
  const uint32_t count = CountOf(memory_->At(old));
  const Link link = NewNode(level, capacity);
  if (link == 0) return false;
  CopyItems(old, 0, count, link, 0);
  SetCount(link, count);
  Relink(root, *path, level, link);
  memory_->Free(old);
  path->steps[level].link = link;
  return true;
}

// Blocks for the nodes along `path` that will be split, and for a new root, before anything changes; a node that can
// grow is made to. Returns the level that has room (path->levels: a new root), or -1 without memory.
int TreeWriter::Reserve(TreeRoot* root, TreePath* path, Link* blocks) {
  int level = 0;
  bool reserved = true;
  for (; reserved; ++level) {
    const bool is_new_root = level == path->levels;
    if (!is_new_root) {
      const TreeNode node = NodeAt(path->steps[level].link);
      if (node.count() < node.capacity()) return level;
      if (node.capacity() < kTreeItemsMax) {
        reserved = Resize(root, path, level, Grown(node.capacity()));
        if (reserved) return level;
        break;
      }
    }
    CHECK(level < kTreeLevelsMax);
    blocks[level] = NewNode(level, is_new_root ? kTreeItemsMin : kTreeItemsMax);
    reserved = blocks[level] != 0;
    if (!reserved) break;
    if (is_new_root) return level;
  }
  while (level > 0) memory_->Free(blocks[--level]);
  return -1;
}

// Splits the full node at `level` into itself and `right`, and puts an item into one of them: into an empty `right` if
// it comes last, so that appended items fill their nodes.
void TreeWriter::Split(Link left, Link right, uint32_t index, const TreeKey& key, const void* payload) {
  constexpr uint32_t kKept = kTreeItemsMax / 2;
  if (index == kTreeItemsMax) {
    InsertAt(right, 0, key, payload);
    return;
  }
  CopyItems(left, kKept, kTreeItemsMax - kKept, right, 0);
  SetCount(right, kTreeItemsMax - kKept);
  SetCount(left, kKept);
  if (index <= kKept) {
    InsertAt(left, index, key, payload);
  } else {
    InsertAt(right, index - kKept, key, payload);
  }
}

bool TreeWriter::Insert(TreeRoot* root, const TreePath& to, const TreeKey& key, const void* payload) {
  TreePath path = to;
  Link blocks[kTreeLevelsMax] = {};
  const int room_at = Reserve(root, &path, blocks);
  if (room_at < 0) return false;
  ++root->count;
  if (path.levels != 0 && path.steps[0].index == 0) SetSmallest(path, 0, key);
  TreeKey item_key = key;
  Link item_link = 0;
  const void* item = payload;
  // A split puts another child behind the one that was split.
  const auto place = [&](int level) { return path.steps[level].index + (level == 0 ? 0 : 1); };
  for (int level = 0; level < room_at; ++level) {
    Split(path.steps[level].link, blocks[level], place(level), item_key, item);
    item_key = NodeAt(blocks[level]).Key(0);
    item_link = blocks[level];
    item = &item_link;
  }
  if (room_at < path.levels) {
    InsertAt(path.steps[room_at].link, place(room_at), item_key, item);
    return true;
  }
  const Link top = blocks[room_at];
  if (room_at != 0) {
    const Link old = root->link;
    InsertAt(top, 0, NodeAt(old).Key(0), &old);
  }
  InsertAt(top, room_at == 0 ? 0 : 1, item_key, item);
  root->link = top;
  return true;
}

// Moves a sparse node at `level` and a neighbour of it together. True: the node that was the right one is freed, and
// path->steps[level + 1].index is its place in the parent, from which it is still to be removed.
bool TreeWriter::MergeNeighbours(TreeRoot* root, TreePath* path, int level) {
  if (level + 1 >= path->levels) return false;
  const uint32_t count = CountOf(memory_->At(path->steps[level].link));
  if (count >= kSparseItems) return false;
  TreePath::Step& up = path->steps[level + 1];
  const TreeNode parent = NodeAt(up.link);
  const auto together = [&](uint32_t i) { return CountOf(memory_->At(parent.Child(i))) + count <= kMergedItemsMax; };
  uint32_t left = 0;
  if (up.index + 1 < parent.count() && together(up.index + 1)) {
    left = up.index;
  } else if (up.index > 0 && together(up.index - 1)) {
    left = up.index - 1;
  } else {
    return false;
  }
  const Link right_link = parent.Child(left + 1);
  const uint32_t left_count = CountOf(memory_->At(parent.Child(left)));
  const uint32_t right_count = CountOf(memory_->At(right_link));
  up.index = left;
  path->steps[level].link = parent.Child(left);
  if (NodeAt(path->steps[level].link).capacity() < left_count + right_count &&
      !Resize(root, path, level, CapacityFor(left_count + right_count))) {
    return false;
  }
  CopyItems(right_link, 0, right_count, path->steps[level].link, left_count);
  SetCount(path->steps[level].link, left_count + right_count);
  memory_->Free(right_link);
  up.index = left + 1;
  return true;
}

void TreeWriter::Erase(TreeRoot* root, TreePath path) {
  --root->count;
  for (int level = 0;; ++level) {
    const TreePath::Step step = path.steps[level];
    RemoveAt(step.link, step.index);
    if (CountOf(memory_->At(step.link)) == 0) {
      memory_->Free(step.link);
      if (level + 1 < path.levels) continue;
      *root = {};
      return;
    }
    if (step.index == 0) SetSmallest(path, level, NodeAt(step.link).Key(0));
    if (!MergeNeighbours(root, &path, level)) break;
  }
  for (TreeNode top = NodeAt(root->link); top.level() > 0 && top.count() == 1; top = NodeAt(root->link)) {
    const Link old = root->link;
    root->link = top.Child(0);
    memory_->Free(old);
  }
  const TreeNode top = NodeAt(root->link);
  if (top.level() == 0 && top.capacity() > kTreeItemsMin && top.count() <= top.capacity() / 4) {
    path.levels = 1;
    path.steps[0] = {root->link, 0};
    (void)Resize(root, &path, 0, top.capacity() / 2);  // without memory it stays as large as it is
  }
}

const char* TreeWriter::LastItem(const TreeRoot& root, TreeKey* key) const {
  if (root.link == 0) return nullptr;
  TreeNode node = NodeAt(root.link);
  while (node.level() > 0) node = NodeAt(node.Child(node.count() - 1));
  *key = node.Key(node.count() - 1);
  return node.Payload(node.count() - 1);
}

bool TreeWriter::DropLastItem(TreeRoot* root) {
  TreePath path;
  Link link = root->link;
  TreeNode node = NodeAt(link);
  path.levels = node.level() + 1;
  for (int level = node.level();; --level) {
    path.steps[level] = {link, node.count() - 1};
    if (level == 0) break;
    link = node.Child(node.count() - 1);
    node = NodeAt(link);
  }
  --root->count;
  for (int level = 0; level < path.levels; ++level) {
    const TreePath::Step& step = path.steps[level];
    SetCount(step.link, step.index);
    if (step.index != 0) return level != 0;
    memory_->Free(step.link);
  }
  *root = {};
  return true;
}

}  // namespace chestbox::shm
