// One element of a list's leaf by its index, of which a client copies only what lies between the leaf's nearer end and
// the element: a whole leaf is 4 KiB, and what LINDEX of a large list waits for.
//
// How much that is is guessed from the leaf's size and count. The rest of the private copy is whatever was there
// before; nothing was read from it if the element lies within what was copied, since a walk goes in one direction. If
// it does not, the leaf is copied whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "protocol/shm/nodes.h"
#include "protocol/shm/packed_block.h"

namespace chestbox::shm {

// From a copy of all of it. False: torn.
inline bool GetOfWholeLeaf(CopiedNodes& nodes, Link leaf, uint32_t bytes_max, uint32_t index, PackedElement* element) {
  uint64_t bytes = 0;
  const char* node = nodes.Node(leaf, kPackedEmptyBytes, &bytes);
  if (node == nullptr || bytes > bytes_max) return false;
  const PackedReader reader({node, bytes});
  return reader.Get(reader.Seek(index), element);
}

// False: torn.
inline bool GetOfLeaf(CopiedNodes& nodes, Link leaf, uint32_t bytes_max, uint32_t index, PackedElement* element) {
  const char* header = nodes.Bytes(leaf, kGranuleBytes);
  if (header == nullptr) return false;
  uint32_t bytes = 0;
  uint16_t count = 0;
  std::memcpy(&bytes, header, sizeof bytes);
  std::memcpy(&count, header + sizeof bytes, sizeof count);
  if (bytes < kPackedEmptyBytes || bytes > bytes_max || index >= count) return false;

  const bool from_end = index > count / 2U;  // as PackedReader::Seek
  const uint32_t elements = from_end ? count - index : index + 1;
  // Elements of one size, a quarter more, and a line.
  const uint64_t guess = uint64_t{bytes} * elements / count * 5 / 4 + 64;
  const auto part_bytes = static_cast<uint32_t>(std::min<uint64_t>(bytes, guess));
  const uint32_t from = from_end ? bytes - part_bytes : 0;
  char* copy = nodes.Part(leaf, bytes, from, from + part_bytes);
  if (copy == nullptr) return false;
  // The header was read twice: the copy must say what was checked.
  std::memcpy(copy, header, kPackedHeaderBytes);
  const PackedReader reader({copy, bytes});
  const uint32_t position = reader.Seek(index);
  if (position >= from && reader.Get(position, element) && element->next <= from + part_bytes) return true;
  return part_bytes < bytes && GetOfWholeLeaf(nodes, leaf, bytes_max, index, element);
}

}  // namespace chestbox::shm
