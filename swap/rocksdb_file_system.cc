#include "swap/rocksdb_file_system.h"

#include <fcntl.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace chestbox::swap {
namespace {

thread_local bool t_no_disk_waits = false;

rocksdb::IOStatus WouldWait() { return rocksdb::IOStatus::Busy("not in memory"); }

rocksdb::IOStatus IoError(const std::string& what, const std::string& path, int error_number) {
  const std::string context = what + " " + path;
  if (error_number == ENOENT) return rocksdb::IOStatus::PathNotFound(context, std::strerror(error_number));
  return rocksdb::IOStatus::IOError(context, std::strerror(error_number));
}

class TableFile final : public rocksdb::FSRandomAccessFile {
 public:
  TableFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~TableFile() override { close(descriptor_); }

  rocksdb::IOStatus Read(uint64_t offset, size_t size, const rocksdb::IOOptions& /*options*/, rocksdb::Slice* result,
                         char* scratch, rocksdb::IODebugContext* /*debug*/) const override {
    const int flags = t_no_disk_waits ? RWF_NOWAIT : 0;
    size_t filled = 0;
    while (filled < size) {
      const iovec rest{scratch + filled, size - filled};
      const ssize_t bytes = preadv2(descriptor_, &rest, 1, static_cast<off_t>(offset + filled), flags);
      if (bytes < 0 && errno == EINTR) continue;
      if (bytes < 0) return flags != 0 ? WouldWait() : IoError("cannot read", path_, errno);
      if (bytes == 0) break;  // the end of the file
      filled += static_cast<size_t>(bytes);
    }
    *result = rocksdb::Slice(scratch, filled);
    return rocksdb::IOStatus::OK();
  }

  rocksdb::IOStatus Prefetch(uint64_t offset, size_t size, const rocksdb::IOOptions& /*options*/,
                             rocksdb::IODebugContext* /*debug*/) override {
    if (readahead(descriptor_, static_cast<off64_t>(offset), size) == 0) return rocksdb::IOStatus::OK();
    return rocksdb::IOStatus::NotSupported();
  }

  void Hint(AccessPattern pattern) override {
    switch (pattern) {
      case kNormal:
        return Advise(POSIX_FADV_NORMAL);
      case kRandom:
        return Advise(POSIX_FADV_RANDOM);
      case kSequential:
        return Advise(POSIX_FADV_SEQUENTIAL);
      case kWillNeed:
        return Advise(POSIX_FADV_WILLNEED);
      case kWontNeed:
        return Advise(POSIX_FADV_DONTNEED);
    }
  }

  rocksdb::IOStatus InvalidateCache(size_t offset, size_t size) override {
    (void)posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_DONTNEED);
    return rocksdb::IOStatus::OK();
  }

 private:
  void Advise(int advice) { (void)posix_fadvise(descriptor_, 0, 0, advice); }

  const std::string path_;
  const int descriptor_;
};

class TableFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  TableFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "ChestBoxTables"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& /*options*/,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* /*debug*/) override {
    if (t_no_disk_waits) return WouldWait();
    int descriptor = -1;
    do {
      descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    } while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0) return IoError("cannot open", path, errno);
    *file = std::make_unique<TableFile>(path, descriptor);
    return rocksdb::IOStatus::OK();
  }
};

}  // namespace

std::shared_ptr<rocksdb::Env> NewTableEnv() { return rocksdb::NewCompositeEnv(std::make_shared<TableFileSystem>()); }

NoDiskWaits::NoDiskWaits() { t_no_disk_waits = true; }
NoDiskWaits::~NoDiskWaits() { t_no_disk_waits = false; }

}  // namespace chestbox::swap
