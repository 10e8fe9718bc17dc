// ID tree: an ordered map from 16-byte keys to small fixed payloads. A stream finds its nodes with one, a consumer
// group its pending entries, and both find groups and consumers by name with one.
//
//   root    the first link, and how many items there are; part of a head or of a group's record
//   node    u32 bytes of the node | u16 items | u8 level | u8 bytes of a payload | keys … | payloads …
//           Level 0 holds the items, higher levels children: key i is exactly the smallest key below child i, whose
//           link is the payload. A node has room for 3, 7, 15, 31 or 63 items (just under jemalloc's size classes).
//
// What orders the keys is a probe, a function of one stored key: negative when it lies before what is sought, 0 when it
// is that, positive behind. So keys may be prefixes of something longer that the probe looks up (names).
//
// Invariants
// - Keys ascend strictly. No node is empty. All items lie at the same depth; levels fall by one from parent to child.
// - Items that are added at the end fill nodes to the last place. Neighbours that are nearly empty are merged.
// - Reads are bounded whatever the bytes say: sizes, levels and counts are checked, a descent ends at level 0, and
//   what a walk may copy is limited by its Nodes (nodes.h). So a torn private copy is harmless.
// Read side: any thread. Write side: the executor, with the version that covers the tree closed.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>

#include "protocol/check.h"
#include "protocol/shm/arena_memory.h"
#include "protocol/shm/nodes.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

struct TreeKey {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const TreeKey&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees one
};

struct TreeRoot {
  Link link = 0;
  uint32_t count = 0;
};

inline constexpr uint32_t kTreeItemsMax = 63;
// A full tree of eight levels has 63^8 items; anything deeper is torn.
inline constexpr int kTreeLevelsMax = 8;
inline constexpr uint32_t kTreeNodeHeaderBytes = 8;
inline constexpr uint32_t kTreePayloadBytesMax = 24;

// A node's bytes, checked once.
class TreeNode {
 public:
  TreeNode() = default;
  TreeNode(const char* node, uint64_t bytes, uint32_t leaf_payload_bytes) {
    if (node == nullptr || bytes < kTreeNodeHeaderBytes) return;
    uint16_t count = 0;
    std::memcpy(&count, node + 4, sizeof count);
    level_ = static_cast<unsigned char>(node[6]);
    payload_bytes_ = static_cast<unsigned char>(node[7]);
    if (level_ >= kTreeLevelsMax) return;
    if (payload_bytes_ != (level_ == 0 ? leaf_payload_bytes : sizeof(Link))) return;
    const uint64_t capacity = (bytes - kTreeNodeHeaderBytes) / (sizeof(TreeKey) + payload_bytes_);
    if (count == 0 || count > capacity || capacity > kTreeItemsMax) return;
    capacity_ = static_cast<uint32_t>(capacity);
    count_ = count;
    node_ = node;
  }

  bool valid() const { return node_ != nullptr; }
  uint32_t count() const { return count_; }
  uint32_t capacity() const { return capacity_; }
  int level() const { return static_cast<int>(level_); }
  TreeKey Key(uint32_t i) const {
    TreeKey key;
    std::memcpy(&key, node_ + kTreeNodeHeaderBytes + i * sizeof(TreeKey), sizeof key);
    return key;
  }
  const char* Payload(uint32_t i) const {
    return node_ + kTreeNodeHeaderBytes + capacity_ * sizeof(TreeKey) + i * payload_bytes_;
  }
  Link Child(uint32_t i) const {
    Link link;
    std::memcpy(&link, Payload(i), sizeof link);
    return link;
  }

  // How many keys lie before what `probe` seeks, and with `or_equal` those that are it.
  template <class Probe>
  uint32_t CountBefore(const Probe& probe, bool or_equal) const {
    uint32_t low = 0;
    uint32_t high = count_;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      const int order = probe(Key(middle));
      if (order < 0 || (or_equal && order == 0)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

 private:
  const char* node_ = nullptr;
  uint32_t count_ = 0;
  uint32_t capacity_ = 0;
  uint32_t level_ = 0;
  uint32_t payload_bytes_ = 0;
};

// The probe of plain keys.
struct KeyProbe {
  TreeKey sought;
  int operator()(const TreeKey& stored) const { return stored < sought ? -1 : stored == sought ? 0 : 1; }
};

// A walk over the items. Every move says whether it stands on an item; a false may also mean that the tree is torn.
template <class Nodes>
class TreeCursor {
 public:
  TreeCursor(Nodes& nodes, const TreeRoot& root, uint32_t payload_bytes)
      : nodes_(&nodes), root_(root), payload_bytes_(payload_bytes) {}

  bool First() {
    return Descend([](const TreeNode&) { return 0U; });
  }
  bool Last() {
    return Descend([](const TreeNode& node) { return node.count() - 1; });
  }
  // The first item that is not before what is sought.
  template <class Probe>
  bool SeekAtLeast(const Probe& probe) {
    if (!DescendTo(probe)) return false;
    Step& leaf = steps_[0];
    leaf.index = leaf.node.CountBefore(probe, false);
    if (leaf.index < leaf.node.count()) return true;
    --leaf.index;
    return Next();
  }
  // The last item that is not behind what is sought.
  template <class Probe>
  bool SeekAtMost(const Probe& probe) {
    if (!DescendTo(probe)) return false;
    Step& leaf = steps_[0];
    const uint32_t before = leaf.node.CountBefore(probe, true);
    if (before == 0) return false;
    leaf.index = before - 1;
    return true;
  }
  template <class Probe>
  bool Find(const Probe& probe) {
    if (!DescendTo(probe)) return false;
    Step& leaf = steps_[0];
    leaf.index = leaf.node.CountBefore(probe, false);
    return leaf.index < leaf.node.count() && probe(leaf.node.Key(leaf.index)) == 0;
  }
  bool Next() { return Move(1); }
  bool Previous() { return Move(-1); }

  // Of the item it stands on.
  TreeKey key() const { return steps_[0].node.Key(steps_[0].index); }
  const char* payload() const { return steps_[0].node.Payload(steps_[0].index); }

 private:
  struct Step {
    TreeNode node;
    uint32_t index = 0;
  };

  bool Load(Link link, TreeNode* node) {
    uint64_t bytes = 0;
    const char* data = nodes_->Node(link, kTreeNodeHeaderBytes, &bytes);
    if (data == nullptr) return false;
    *node = TreeNode(data, bytes, payload_bytes_);
    return node->valid();
  }
  // From the root to level 0, where `choose` says which way.
  template <class Choose>
  bool Descend(const Choose& choose) {
    TreeNode node;
    if (root_.link == 0 || !Load(root_.link, &node)) return false;
    root_level_ = node.level();
    return DescendFrom(node, choose);
  }
  template <class Choose>
  bool DescendFrom(TreeNode node, const Choose& choose) {
    for (int level = node.level();; --level) {
      if (node.level() != level) return false;
      Step& step = steps_[level];
      step.node = node;
      step.index = choose(node);
      if (level == 0) return true;
      if (!Load(step.node.Child(step.index), &node)) return false;
    }
  }
  template <class Probe>
  bool DescendTo(const Probe& probe) {
    return Descend([&](const TreeNode& node) {
      if (node.level() == 0) return 0U;
      const uint32_t before = node.CountBefore(probe, true);
      return before == 0 ? 0U : before - 1;
    });
  }
  bool Move(int by) {
    for (int level = 0; level <= root_level_; ++level) {
      Step& step = steps_[level];
      if (by > 0 ? step.index + 1 >= step.node.count() : step.index == 0) continue;
      step.index = by > 0 ? step.index + 1 : step.index - 1;
      if (level == 0) return true;
      TreeNode node;
      if (!Load(step.node.Child(step.index), &node) || node.level() != level - 1) return false;
      return DescendFrom(node, [&](const TreeNode& at) { return by > 0 ? 0U : at.count() - 1; });
    }
    return false;
  }

  Nodes* nodes_;
  TreeRoot root_;
  uint32_t payload_bytes_;
  int root_level_ = 0;
  Step steps_[kTreeLevelsMax];
};

// ---- Writing ----

// The way to an item, or to where it would be.
struct TreePath {
  struct Step {
    Link link = 0;
    uint32_t index = 0;  // in level 0: of the first item that is not before what is sought
  };
  Step steps[kTreeLevelsMax];  // by level
  int levels = 0;              // 0: an empty tree
  bool found = false;
};

class TreeWriter {
 public:
  TreeWriter(ArenaMemory& memory, uint32_t payload_bytes) : memory_(&memory), payload_bytes_(payload_bytes) {}

  template <class Probe>
  TreePath Find(const TreeRoot& root, const Probe& probe) const {
    TreePath path;
    if (root.link == 0) return path;
    TreeNode node = NodeAt(root.link);
    path.levels = node.level() + 1;
    Link link = root.link;
    for (int level = node.level(); level > 0; --level) {
      const uint32_t before = node.CountBefore(probe, true);
      path.steps[level] = {link, before == 0 ? 0 : before - 1};
      link = node.Child(path.steps[level].index);
      node = NodeAt(link);
    }
    path.steps[0] = {link, node.CountBefore(probe, false)};
    path.found = path.steps[0].index < node.count() && probe(node.Key(path.steps[0].index)) == 0;
    return path;
  }
  // To the first item, and to behind the last one.
  TreePath FindBegin(const TreeRoot& root) const {
    return Find(root, [](const TreeKey&) { return 1; });
  }
  TreePath FindEnd(const TreeRoot& root) const {
    return Find(root, [](const TreeKey&) { return -1; });
  }
  TreePath FindKey(const TreeRoot& root, const TreeKey& key) const { return Find(root, KeyProbe{key}); }

  // The payload of what was found, to be written with RacyStore.
  char* PayloadAt(const TreePath& path) const {
    return const_cast<char*>(NodeAt(path.steps[0].link).Payload(path.steps[0].index));
  }
  TreeKey KeyAt(const TreePath& path) const { return NodeAt(path.steps[0].link).Key(path.steps[0].index); }
  // Puts an item where `path` leads, which is void afterwards. False: no memory, and nothing has changed.
  [[nodiscard]] bool Insert(TreeRoot* root, const TreePath& path, const TreeKey& key, const void* payload);
  // Removes what was found; needs no memory. `path` is void afterwards.
  void Erase(TreeRoot* root, TreePath path);

  // For freeing in steps: the last item's payload (null: the tree is empty), and dropping that item with nothing but
  // counting down, so that what is left can always be gone on with. True: a node was freed along with it.
  const char* LastItem(const TreeRoot& root, TreeKey* key) const;
  bool DropLastItem(TreeRoot* root);

 private:
  TreeNode NodeAt(Link link) const {
    uint64_t bytes = 0;
    const DirectNodes nodes(*memory_);
    const char* data = nodes.Node(link, kTreeNodeHeaderBytes, &bytes);
    return {data, bytes, payload_bytes_};
  }
  uint32_t PayloadBytes(int level) const { return level == 0 ? payload_bytes_ : uint32_t{sizeof(Link)}; }
  Link NewNode(int level, uint32_t capacity);
  void SetCount(Link link, uint32_t count);
  void InsertAt(Link link, uint32_t index, const TreeKey& key, const void* payload);
  void RemoveAt(Link link, uint32_t index);
  void CopyItems(Link from, uint32_t first, uint32_t count, Link to, uint32_t at);
  void SetSmallest(const TreePath& path, int level, const TreeKey& key);
  void Relink(TreeRoot* root, const TreePath& path, int level, Link link);
  bool Resize(TreeRoot* root, TreePath* path, int level, uint32_t capacity);
  int Reserve(TreeRoot* root, TreePath* path, Link* blocks);
  void Split(Link left, Link right, uint32_t index, const TreeKey& key, const void* payload);
  bool MergeNeighbours(TreeRoot* root, TreePath* path, int level);

  ArenaMemory* memory_;
  uint32_t payload_bytes_;
};

}  // namespace chestbox::shm
