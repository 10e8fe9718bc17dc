#include "server/save_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "protocol/rdb/crc64.h"

namespace chestbox {

namespace {

std::atomic<uint64_t> next_temporary{1};

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

SaveFile::~SaveFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<void> SaveFile::Fail(std::string_view what) {
  outcome_ = Error{fmt::format("{} {}: {}", what, path_, std::strerror(errno))};
  return outcome_;
}

Result<void> SaveFile::Create(const std::string& path) {
  path_ = path;
  temporary_ = fmt::format("{}/temp-{}-{}.rdb", DirectoryOf(path), getpid(), next_temporary++);
  descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor_ >= 0) return {};
  temporary_.clear();
  return Fail("Failed opening the temporary file for");
}

Result<void> SaveFile::Write(std::string_view bytes) {
  if (!outcome_) return outcome_;
  crc_ = rdb::Crc64(crc_, bytes);
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail("Write error saving");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> SaveFile::Commit() {
  if (!outcome_) return outcome_;
  if (fsync(descriptor_) != 0) return Fail("fsync error saving");
  const int closed = close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) return Fail("Close error saving");
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return Fail("Error moving the temporary file to");
  temporary_.clear();
  const int directory = open(DirectoryOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return Fail("Error opening the directory of");
  const int synced = fsync(directory);
  close(directory);
  if (synced != 0 && errno != EINVAL) return Fail("fsync error in the directory of");
  return {};
}

}  // namespace chestbox
