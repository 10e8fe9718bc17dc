#include "swap/durable_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace chestbox::swap {
namespace {

namespace fs = std::filesystem;

// Owner only: states are private data, as an RDB file is.
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, kFileMode)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<void> SyncPath(const fs::path& path, int flags) {
  const Descriptor file(path, flags);
  if (file.get() < 0) return FileError("cannot open", path, errno);
  if (fsync(file.get()) != 0) return FileError("cannot sync", path, errno);
  return {};
}

}  // namespace

Error FileError(std::string_view what, const fs::path& path, int error_number) {
  return Error{"ERR swap: " + std::string(what) + " " + path.string() + ": " +
               std::generic_category().message(error_number)};
}

Result<void> SyncDirectory(const fs::path& path) { return SyncPath(path, O_RDONLY | O_DIRECTORY); }

Result<void> CreateDirectory(const fs::path& path) {
  if (mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) return FileError("cannot create", path, errno);
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

Result<std::optional<std::string>> ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::error_code error;
    if (!fs::exists(path, error) && !error) return std::optional<std::string>();
    return FileError("cannot read", path, EIO);
  }
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return FileError("cannot read", path, EIO);
  return std::optional<std::string>(std::move(bytes));
}

Result<void> WriteFile(const fs::path& path, std::string_view bytes) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.get() < 0) return FileError("cannot create", path, errno);
  while (!bytes.empty()) {
    const ssize_t written = write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("cannot write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(file.get()) != 0) return FileError("cannot sync", path, errno);
  return SyncDirectory(path.parent_path());
}

Result<void> RenameFile(const fs::path& from, const fs::path& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return FileError("cannot rename", from, errno);
  return SyncDirectory(to.parent_path());
}

Result<void> RemoveFile(const fs::path& path) {
  if (unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return FileError("cannot remove", path, errno);
  }
  return SyncDirectory(path.parent_path());
}

Result<void> RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return FileError("cannot remove", path, error.value());
  return SyncDirectory(path.parent_path());
}

Result<void> LinkOrCopyFile(const fs::path& from, const fs::path& to) {
  if (link(from.c_str(), to.c_str()) == 0) return {};
  if (errno != EPERM && errno != EXDEV && errno != EMLINK && errno != EOPNOTSUPP && errno != ENOSYS) {
    return FileError("cannot link", from, errno);
  }
  return CopyFile(from, to);
}

Result<void> CopyFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return FileError("cannot copy", from, error.value());
  return SyncPath(to, O_RDONLY);
}

}  // namespace chestbox::swap
