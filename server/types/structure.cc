#include "server/types/structure.h"

#include "protocol/check.h"
#include "protocol/shm/hash_table.h"
#include "protocol/shm/stream_group.h"

namespace chestbox {

namespace {

bool FreeTableNodes(shm::ArenaMemory& memory, Structure* structure, size_t nodes_max) {
  shm::HashTableHead head;
  CHECK(shm::LoadTableHead(structure->head, &head));
  const bool freed = shm::HashTable::FreeNodes(memory, &head, nodes_max);
  structure->head.assign(shm::TableHeadBytes(head));
  return freed;
}

bool CopyTableNodes(shm::ArenaMemory& memory, std::string_view head, std::string* copy) {
  shm::HashTableHead from;
  shm::HashTableHead to;
  CHECK(shm::LoadTableHead(head, &from));
  if (!shm::HashTable::CopyNodes(memory, from, &to)) return false;
  copy->assign(shm::TableHeadBytes(to));
  return true;
}

bool FreeStreamNodes(shm::ArenaMemory& memory, Structure* structure, size_t nodes_max) {
  shm::StreamHead head;
  CHECK(shm::LoadStreamHead(structure->head, &head));
  const bool freed = shm::FreeStream(memory, &head, &nodes_max);
  structure->head.assign(shm::BytesOf(head));
  return freed;
}

bool CopyStreamNodes(shm::ArenaMemory& memory, std::string_view head, std::string* copy) {
  shm::StreamHead from;
  shm::StreamHead to;
  CHECK(shm::LoadStreamHead(head, &from));
  if (!shm::CopyStream(memory, from, &to)) return false;
  copy->assign(shm::BytesOf(to));
  return true;
}

}  // namespace

bool FreeNodes(shm::ArenaMemory& memory, Structure* structure, size_t nodes_max) {
  switch (structure->encoding) {
    case CollectionEncoding::kTable:
      return FreeTableNodes(memory, structure, nodes_max);
    case CollectionEncoding::kStream:
      return FreeStreamNodes(memory, structure, nodes_max);
    default:
      CHECK(!HasNodes(structure->encoding));
  }
  return true;
}

bool CopyNodes(shm::ArenaMemory& memory, CollectionEncoding encoding, std::string_view head, std::string* copy) {
  switch (encoding) {
    case CollectionEncoding::kTable:
      return CopyTableNodes(memory, head, copy);
    case CollectionEncoding::kStream:
      return CopyStreamNodes(memory, head, copy);
    default:
      CHECK(!HasNodes(encoding));
  }
  copy->assign(head);
  return true;
}

}  // namespace chestbox
