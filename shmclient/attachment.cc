#include "shmclient/attachment.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace chestbox::shmclient {

namespace {

// Null and `*error` when that fails. The size is checked because touching memory behind a file's end is SIGBUS.
void* MapFile(const Socket& file, size_t bytes, size_t file_bytes_min, int protection, const char* what,
              std::string* error) {
  struct stat status {};
  if (fstat(file.descriptor(), &status) != 0) {
    *error = std::string(what) + ": " + std::strerror(errno);
    return nullptr;
  }
  if (static_cast<uint64_t>(status.st_size) < file_bytes_min) {
    *error = std::string(what) + " is shorter than it must be";
    return nullptr;
  }
  void* mapping = mmap(nullptr, bytes, protection, MAP_SHARED | MAP_NORESERVE, file.descriptor(), 0);
  if (mapping == MAP_FAILED) {
    *error = std::string("mapping ") + what + ": " + std::strerror(errno);
    return nullptr;
  }
  // A child must not write to its parent's page, and a core dump is no place for everybody's states.
  if (madvise(mapping, bytes, MADV_DONTFORK) != 0) {
    *error = std::string("madvise of ") + what + ": " + std::strerror(errno);
    munmap(mapping, bytes);
    return nullptr;
  }
  (void)madvise(mapping, bytes, MADV_DONTDUMP);
  return mapping;
}

}  // namespace

std::unique_ptr<Attachment> Attachment::Map(const Terms& terms, const Socket& arena, const Socket& page,
                                            uint32_t number, std::string* error) {
  if (terms.mapped_bytes < shm::kHeapOffset || terms.mapped_bytes > shm::kReachBytes ||
      terms.page_bytes != shm::kAttachmentBytes) {
    *error = "the server's sizes are not those of this layout";
    return nullptr;
  }
  std::unique_ptr<Attachment> attachment(new Attachment);
  void* base = MapFile(arena, terms.mapped_bytes, shm::kHeapOffset, PROT_READ, "the arena", error);
  if (base == nullptr) return nullptr;
  attachment->arena_ = {static_cast<const char*>(base), terms.mapped_bytes};
  attachment->page_ =
      MapFile(page, shm::kAttachmentBytes, shm::kAttachmentBytes, PROT_READ | PROT_WRITE, "the client's page", error);
  if (attachment->page_ == nullptr) return nullptr;
  const shm::ArenaHeader& header = attachment->arena_.header();
  if (header.magic != shm::kMagic || header.layout_version != shm::kLayoutVersion ||
      header.arena_id != terms.arena_id) {
    *error = "the arena is not the one that the server named";
    return nullptr;
  }
  attachment->pins_ = shm::PinTable(static_cast<shm::ClientPage*>(attachment->page_));
  attachment->hash_seed_ = header.hash_seed;
  attachment->acl_epoch_ = header.acl_epoch.load(std::memory_order_acquire);
  attachment->number_ = number;
  return attachment;
}

Attachment::~Attachment() {
  if (page_ != nullptr) munmap(page_, shm::kAttachmentBytes);
  if (arena_.base != nullptr) munmap(const_cast<char*>(arena_.base), arena_.mapped_bytes);
}

bool Attachment::EndView(uint32_t slot) {
  if (!pins_.Holds(slot)) return false;
  pins_.Release(slot);
  --views_;
  return true;
}

void Attachment::Abandon() {
  arena_ = {};
  page_ = nullptr;
}

}  // namespace chestbox::shmclient
