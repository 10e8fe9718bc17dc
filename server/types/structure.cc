#include "server/types/structure.h"

#include "protocol/check.h"

namespace chestbox {

bool FreeNodes(shm::ArenaMemory&, Structure* structure, size_t) {
  switch (structure->encoding) {
    default:
      CHECK(!HasNodes(structure->encoding));
  }
  return true;
}

bool CopyNodes(shm::ArenaMemory&, CollectionEncoding encoding, std::string_view head, std::string* copy) {
  switch (encoding) {
    default:
      CHECK(!HasNodes(encoding));
  }
  copy->assign(head);
  return true;
}

}  // namespace chestbox
