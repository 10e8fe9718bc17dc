// Stream: entries in packed nodes (stream_node.h), found by the ID of their master entries in an ID tree; consumer
// groups (stream_group.h) in another.
//
// The head is the value of the key. Everything else is blocks of their own: a node's block is its packed block and
// nothing more, but for kStreamNodeSlackBytes of room.
//
// Invariants
// - IDs ascend; no ID beyond last_id was ever added. first_id is that of the first live entry (0-0: there is none).
// - A tree item's key is the master ID of its node, which is the ID of the node's first entry, live or not.
// - length is the number of live entries. A node without one is freed, but by XTRIM MINID when its last entry, deleted
//   before, does not lie before the ID; so does Redis, and DUMPs are the same.
// Reading: any thread, over the Nodes of nodes.h. Writing: the executor, with the key's bucket closed.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/shm/id_tree.h"
#include "protocol/shm/stream_node.h"
#include "protocol/stream_id.h"

namespace chestbox::shm {

struct StreamHead {
  uint64_t length = 0;
  uint64_t entries_added = 0;  // ever
  StreamId last_id;
  StreamId first_id;
  StreamId max_deleted_id;  // the largest that XDEL deleted
  TreeRoot nodes;           // master ID -> link of the node
  TreeRoot groups;          // name -> link of the group (stream_group.h)
};
static_assert(sizeof(StreamHead) == 80);

// False: not a stream's head.
inline bool LoadStreamHead(std::string_view bytes, StreamHead* head) {
  if (bytes.size() != sizeof *head) return false;
  std::memcpy(static_cast<void*>(head), bytes.data(), sizeof *head);
  return true;
}
inline std::string_view BytesOf(const StreamHead& head) { return {reinterpret_cast<const char*>(&head), sizeof head}; }

constexpr TreeKey KeyOf(const StreamId& id) { return {id.ms, id.seq}; }
constexpr StreamId IdOf(const TreeKey& key) { return {key.high, key.low}; }
inline KeyProbe ProbeOf(const StreamId& id) { return {KeyOf(id)}; }

// When a new entry begins a new node; the settings of these names. 0: no limit of this kind.
struct StreamNodeLimits {
  uint64_t bytes_max = 4096;
  int64_t entries_max = 100;
};

struct StreamTrim {
  bool by_id = false;
  uint64_t length = 0;  // keep at most so many …
  StreamId first_id;    // … or none before this
  bool whole_nodes_only = false;
  int64_t limit = 0;  // remove at most so many; 0: no limit
};

class StreamWriter {
 public:
  StreamWriter(ArenaMemory& memory, StreamHead* head) : memory_(&memory), head_(head), nodes_(memory, sizeof(Link)) {}

  // Appends an entry; `id` is larger than last_id, `pairs` field, value, field, value … of kStreamNodeBytesMax bytes at
  // most. False: no memory, and nothing has changed.
  [[nodiscard]] bool Append(const StreamId& id, resp::Args pairs, const StreamNodeLimits& limits);
  // False: there is no such live entry. Needs no memory.
  bool Delete(const StreamId& id);
  // Returns how many entries it removed. Needs no memory.
  uint64_t Trim(const StreamTrim& trim);

  // Adds a node made elsewhere (RESTORE, a state that comes back, COPY), whose IDs lie behind those of all others. The
  // head's numbers are the caller's. False: no memory.
  [[nodiscard]] bool AppendNode(const StreamId& master_id, std::string_view block);
  // Sets first_id from the entries.
  void FindFirst();
  // Frees about *budget nodes and counts them off; true: all are free.
  bool FreeSome(size_t* budget);

 private:
  Link NewBlock(uint64_t bytes);
  bool Grow(const TreePath& path, Link old, const PackedSplice& splice, uint64_t room);
  bool AppendToNode(const TreePath& path, const StreamNodeReader& node, const StreamId& id, resp::Args pairs);
  bool BeginNode(const TreePath& end, const StreamId& id, resp::Args pairs, const StreamNodeLimits& limits);
  void FreeNode(const TreePath& path);
  void ShrinkToFit(const TreePath& path);
  StreamNodeReader NodeAt(const TreePath& path) const;
  Link LinkAt(const TreePath& path) const;
  uint64_t TrimNode(const TreePath& path, const StreamNodeReader& node, const StreamTrim& trim);

  ArenaMemory* memory_;
  StreamHead* head_;
  TreeWriter nodes_;
};

}  // namespace chestbox::shm
