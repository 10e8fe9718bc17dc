// What the keyspace needs to know of the values whose bytes are only a head (protocol/shm/encoding.h): how to free and
// to copy the nodes behind it. One place that knows all structures; nothing else asks for an encoding to do this.
//
// Executor thread only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/encoding.h"

namespace chestbox {

using shm::CollectionEncoding;

// Nodes that nothing but this head leads to any more.
struct Structure {
  CollectionEncoding encoding = CollectionEncoding::kTable;
  std::string head;
};

// Frees about `nodes_max` nodes, and remembers in the head what is left. True: all of them are free.
bool FreeNodes(shm::ArenaMemory& memory, Structure* structure, size_t nodes_max);

// Copies everything behind `head` (O(n)); `*copy` is the new head. False: no memory, and nothing was kept.
[[nodiscard]] bool CopyNodes(shm::ArenaMemory& memory, CollectionEncoding encoding, std::string_view head,
                             std::string* copy);

// Bytes of everything behind `head`, in O(1); of a stream estimated by its first node.
uint64_t NodesBytes(const shm::ArenaMemory& memory, CollectionEncoding encoding, std::string_view head);

}  // namespace chestbox
