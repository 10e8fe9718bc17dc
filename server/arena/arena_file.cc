#include "server/arena/arena_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "protocol/check.h"

namespace chestbox {

namespace {
// The file grows by this much at a time: a hole that a reader may touch below the bound is never larger.
constexpr uint64_t kGrowBytes = 2 << 20;

Error SystemError(const char* what) { return Error{fmt::format("{}: {}", what, std::strerror(errno))}; }

pthread_mutex_t* ExecutorMutex(char* base) {
  static_assert(sizeof(pthread_mutex_t) <= sizeof(shm::ArenaHeader::executor_mutex));
  return reinterpret_cast<pthread_mutex_t*>(reinterpret_cast<shm::ArenaHeader*>(base)->executor_mutex);
}
}  // namespace

Result<std::unique_ptr<ArenaFile>> ArenaFile::Create(uint64_t reach_bytes) {
  std::unique_ptr<ArenaFile> file(new ArenaFile);
  file->reach_bytes_ = std::min(reach_bytes, shm::kReachBytes);
  file->descriptor_ = memfd_create("chestbox-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file->descriptor_ < 0) return SystemError("memfd_create");
  // A memfd is born with mode 0777: close that before anybody could re-open it.
  if (fchmod(file->descriptor_, 0600) != 0) return SystemError("fchmod of the arena");
  if (fcntl(file->descriptor_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) return SystemError("sealing the arena");
  file->read_only_ = open(fmt::format("/proc/self/fd/{}", file->descriptor_).c_str(), O_RDONLY | O_CLOEXEC);
  if (file->read_only_ < 0) return SystemError("opening the arena read-only");
  void* mapping =
      mmap(nullptr, file->reach_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file->descriptor_, 0);
  if (mapping == MAP_FAILED) return SystemError("mapping the arena");
  file->base_ = static_cast<char*>(mapping);
  (void)madvise(mapping, file->reach_bytes_, MADV_DONTDUMP);  // core dumps stay small and hold no states
  // The header first: Grow publishes the file's size in it.
  if (ftruncate(file->descriptor_, static_cast<off_t>(shm::kHeapOffset)) != 0 ||
      fallocate(file->descriptor_, 0, 0, 4096) != 0) {
    return SystemError("allocating the arena's header");
  }
  file->file_bytes_ = shm::kHeapOffset;
  reinterpret_cast<shm::ArenaHeader*>(file->base_)->file_bytes.store(shm::kHeapOffset, std::memory_order_release);
  return file;
}

ArenaFile::~ArenaFile() {
  ReleaseExecutorMutex();
  if (base_ != nullptr) munmap(base_, reach_bytes_);
  if (read_only_ >= 0) close(read_only_);
  if (descriptor_ >= 0) close(descriptor_);
}

bool ArenaFile::Grow(uint64_t end) {
  if (end <= file_bytes_) return true;
  const uint64_t bytes = std::min(reach_bytes_, (end + kGrowBytes - 1) / kGrowBytes * kGrowBytes);
  if (bytes < end || ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) return false;
  file_bytes_ = bytes;
  // Release: pairs with the reader's acquire in bound_bytes; the file has this size before anybody relies on it.
  reinterpret_cast<shm::ArenaHeader*>(base_)->file_bytes.store(bytes, std::memory_order_release);
  return true;
}

bool ArenaFile::Commit(uint64_t offset, uint64_t bytes) {
  if (!Grow(offset + bytes)) return false;
  int failed = -1;
  do {
    failed = fallocate(descriptor_, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (failed != 0 && errno == EINTR);
  return failed == 0;
}

void ArenaFile::Punch(uint64_t offset, uint64_t bytes) {
  // A failure keeps the pages, which costs memory and nothing else.
  (void)fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(bytes));
}

uint64_t ArenaFile::resident_bytes() const {
  struct stat status {};
  CHECK(fstat(descriptor_, &status) == 0);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

void ArenaFile::HoldExecutorMutex() {
  pthread_mutexattr_t attributes;
  CHECK(pthread_mutexattr_init(&attributes) == 0);
  CHECK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
  CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
  CHECK(pthread_mutex_init(ExecutorMutex(base_), &attributes) == 0);
  CHECK(pthread_mutex_lock(ExecutorMutex(base_)) == 0);
  mutex_held_ = true;
}

void ArenaFile::ReleaseExecutorMutex() {
  if (mutex_held_) CHECK(pthread_mutex_unlock(ExecutorMutex(base_)) == 0);
  mutex_held_ = false;
}

}  // namespace chestbox
