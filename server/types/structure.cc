#include "server/types/structure.h"

#include "protocol/check.h"
#include "protocol/shm/hash_table.h"

namespace chestbox {

namespace {

shm::HashTableHead TableHead(std::string_view bytes) {
  shm::HashTableHead head;
  CHECK(bytes.size() >= sizeof head);
  std::memcpy(&head, bytes.data(), sizeof head);
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
    default:
      CHECK(!HasNodes(encoding));
  }
  copy->assign(head);
  return true;
}

}  // namespace chestbox
