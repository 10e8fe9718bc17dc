// How the value of a key that is no string is kept: the encoding nibble of its key block.
//
// Either the value's bytes are all of it (a packed block, an integer set), or they are the head of a larger structure:
// counts and links, a few dozen bytes that always lie beside the key, while the nodes are blocks of their own. A head
// is stored unaligned and read whole.
//
// Versions: the home bucket of the key in its index covers the value and everything below it. A command that changes
// any part of a collection has closed that bucket; a reader validates it, and the index's epoch, after the last byte it
// looked at. Nodes are freed only behind a closed version, and need no pins: nobody pins collections.
#pragma once

#include <cstdint>

namespace chestbox::shm {

enum class CollectionEncoding : uint8_t {
  kPacked = 0,      // packed_block.h: hash, set, sorted set, list
  kIntegerSet = 1,  // integer_set.h: set
  kTable = 2,       // hash_table.h: hash, set
  kTree = 3,        // counted_tree.h: list
  kTableTree = 4,   // both: sorted set
  kStream = 5,      // stream.h
};

// True if the value's bytes are a head, with nodes elsewhere.
constexpr bool HasNodes(CollectionEncoding encoding) { return encoding >= CollectionEncoding::kTable; }

}  // namespace chestbox::shm
