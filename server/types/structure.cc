#include "server/types/structure.h"

#include <cstring>

#include "protocol/check.h"
#include "protocol/shm/counted_tree.h"
#include "protocol/shm/hash_table.h"
#include "protocol/shm/score_index.h"
#include "protocol/shm/stream_group.h"

namespace chestbox {

namespace {

shm::HashTableHead TableHead(std::string_view bytes) {
  shm::HashTableHead head;
  CHECK(bytes.size() >= sizeof head);
  std::memcpy(&head, bytes.data(), sizeof head);
  return head;
}

shm::CountedTreeHead TreeHead(std::string_view bytes) {
  shm::CountedTreeHead head;
  CHECK(shm::LoadCountedHead(bytes, &head));
  return head;
}

shm::TableTreeHead TableTreeHeadOf(std::string_view bytes) {
  shm::TableTreeHead head;
  CHECK(bytes.size() >= sizeof head);
  std::memcpy(static_cast<void*>(&head), bytes.data(), sizeof head);
  return head;
}

shm::StreamHead StreamHeadOf(std::string_view bytes) {
  shm::StreamHead head;
  CHECK(shm::LoadStreamHead(bytes, &head));
  return head;
}

}  // namespace

bool FreeNodes(shm::ArenaMemory& memory, Structure* structure, size_t nodes_max) {
  switch (structure->encoding) {
    case CollectionEncoding::kTable: {
      shm::HashTableHead head = TableHead(structure->head);
      const bool done = shm::HashTable::FreeNodes(memory, &head, nodes_max);
      structure->head.assign(shm::TableHeadBytes(head));
      return done;
    }
    case CollectionEncoding::kTree: {
      shm::CountedTreeHead head = TreeHead(structure->head);
      const bool done = shm::CountedTree::FreeNodes(memory, shm::kListRows, &head, nodes_max);
      structure->head.assign(shm::BytesOf(head));
      return done;
    }
    case CollectionEncoding::kTableTree: {
      shm::TableTreeHead head = TableTreeHeadOf(structure->head);
      const bool done = shm::ScoreIndex::FreeNodes(memory, &head, nodes_max);
      structure->head.assign(shm::BytesOf(head));
      return done;
    }
    case CollectionEncoding::kStream: {
      shm::StreamHead head = StreamHeadOf(structure->head);
      const bool done = shm::FreeStream(memory, &head, &nodes_max);
      structure->head.assign(shm::BytesOf(head));
      return done;
    }
    default:
      CHECK(!HasNodes(structure->encoding));
  }
  return true;
}

bool CopyNodes(shm::ArenaMemory& memory, CollectionEncoding encoding, std::string_view head, std::string* copy) {
  switch (encoding) {
    case CollectionEncoding::kTable: {
      shm::HashTableHead copied;
      if (!shm::HashTable::CopyNodes(memory, TableHead(head), &copied)) return false;
      copy->assign(shm::TableHeadBytes(copied));
      return true;
    }
    case CollectionEncoding::kTree: {
      shm::CountedTreeHead copied;
      if (!shm::CountedTree::CopyNodes(memory, shm::kListRows, TreeHead(head), &copied)) return false;
      copy->assign(shm::BytesOf(copied));
      return true;
    }
    case CollectionEncoding::kTableTree: {
      shm::TableTreeHead copied;
      if (!shm::ScoreIndex::CopyNodes(memory, TableTreeHeadOf(head), &copied)) return false;
      copy->assign(shm::BytesOf(copied));
      return true;
    }
    case CollectionEncoding::kStream: {
      shm::StreamHead copied;
      if (!shm::CopyStream(memory, StreamHeadOf(head), &copied)) return false;
      copy->assign(shm::BytesOf(copied));
      return true;
    }
    default:
      CHECK(!HasNodes(encoding));
  }
  copy->assign(head);
  return true;
}

uint64_t NodesBytes(const shm::ArenaMemory& memory, CollectionEncoding encoding, std::string_view head) {
  switch (encoding) {
    case CollectionEncoding::kTable: {
      const shm::HashTableHead table = TableHead(head);
      return table.bytes + uint64_t{table.directory_links} * sizeof(shm::Link);
    }
    case CollectionEncoding::kTree:
      return TreeHead(head).bytes;
    case CollectionEncoding::kTableTree: {
      const shm::TableTreeHead both = TableTreeHeadOf(head);
      return both.table.bytes + uint64_t{both.table.directory_links} * sizeof(shm::Link) + both.tree.bytes;
    }
    case CollectionEncoding::kStream: {
      const shm::StreamHead stream = StreamHeadOf(head);
      const shm::DirectNodes nodes(memory);
      shm::TreeCursor cursor(nodes, stream.nodes, sizeof(shm::Link));
      if (!cursor.First()) return 0;
      shm::Link first = 0;
      std::memcpy(&first, cursor.payload(), sizeof first);
      return stream.nodes.count * memory.UsableBytes(first);
    }
    default:
      return 0;
  }
}

}  // namespace chestbox
