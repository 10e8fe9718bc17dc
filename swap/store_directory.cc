#include "swap/store_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "swap/durable_files.h"

namespace chestbox::swap {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatName = "chestbox-store ";
constexpr int kFormatNumber = 1;
constexpr const char* kClean = "CLEAN";
constexpr const char* kStagedClean = "CLEAN.staged";

Result<void> CheckFormat(const fs::path& directory) {
  const auto text = ReadFile(directory / "FORMAT");
  if (!text) return text.error();
  if (!text->has_value()) {
    const fs::path staged = directory / "FORMAT.new";
    if (auto written = WriteFile(staged, std::string(kFormatName) + std::to_string(kFormatNumber) + "\n"); !written) {
      return written;
    }
    return RenameFile(staged, directory / "FORMAT");
  }
  const std::string_view line = **text;
  int number = 0;
  const bool ours = line.starts_with(kFormatName);
  if (ours) std::from_chars(line.data() + kFormatName.size(), line.data() + line.size(), number);
  if (number < 1) return Error{"ERR swap: " + directory.string() + " is not a ChestBox store (see its FORMAT file)"};
  if (number > kFormatNumber) {
    return Error{"ERR swap: " + directory.string() + " has format " + std::to_string(number) +
                 ", written by a newer ChestBox; this one reads up to format " + std::to_string(kFormatNumber)};
  }
  return {};
}

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The state that a complete directory holds; nothing when it is missing or not complete.
Result<std::optional<CleanState>> CompleteState(const fs::path& directory) {
  const auto bytes = ReadFile(directory / kClean);
  if (!bytes) return bytes.error();
  if (!bytes->has_value()) return std::optional<CleanState>();
  auto state = DecodeCleanMarker(**bytes);
  if (!state) return Error{state.error().message + " (" + (directory / kClean).string() + ")"};
  return std::optional<CleanState>(std::move(*state));
}

// Tables never change once written; everything else of an engine may.
bool IsImmutable(const fs::path& file) { return file.extension() == ".sst"; }

bool IsLeftOut(const std::string& name) {
  return name == "LOCK" || name == kClean || name == kStagedClean || name.starts_with("LOG");
}

// Makes `to` a clone of the database in `from`, without its CLEAN.
Result<void> CloneDatabase(const fs::path& from, const fs::path& to) {
  if (auto removed = RemoveTree(to); !removed) return removed;
  if (auto created = CreateDirectory(to); !created) return created;
  std::error_code error;
  for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    const fs::path& file = at->path();
    if (IsLeftOut(file.filename().string())) continue;
    const fs::path copy = to / file.filename();
    auto cloned = IsImmutable(file) ? LinkOrCopyFile(file, copy) : CopyFile(file, copy);
    if (!cloned) return cloned;
  }
  if (error) return FileError("cannot list", from, error.value());
  return SyncDirectory(to);
}

}  // namespace

Result<StoreDirectory> StoreDirectory::Lock(const std::string& path) {
  const fs::path directory = fs::absolute(path).lexically_normal();
  if (auto created = CreateDirectory(directory); !created) return created.error();
  const fs::path lock = directory / "LOCK";
  const int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return FileError("cannot open", lock, errno);
  StoreDirectory locked(directory, fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError("cannot lock", lock, errno);
    return Error{"ERR swap: " + directory.string() + " is in use by another ChestBox"};
  }
  if (auto format = CheckFormat(directory); !format) return format.error();
  return locked;
}

StoreDirectory::StoreDirectory(StoreDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

StoreDirectory::~StoreDirectory() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

Result<StoreDirectory::Prepared> StoreDirectory::PrepareLive() {
  const fs::path live = path_ / "live";
  if (auto live_state = CompleteState(live); !live_state) {
    return live_state.error();
  } else if (live_state->has_value()) {
    if (auto replaced = ReplaceCheckpoint(); !replaced) return replaced.error();
    return Prepared{OpenOutcome::kClean, std::move(**live_state)};
  }
  if (auto promoted = PromoteCheckpoint(); !promoted) return promoted.error();
  const bool was_used = Exists(live);
  if (auto removed = RemoveTree(live); !removed) return removed.error();
  auto checkpoint_state = CompleteState(path_ / "checkpoint");
  if (!checkpoint_state) return checkpoint_state.error();
  if (!checkpoint_state->has_value()) {
    return Prepared{was_used ? OpenOutcome::kEmptyAfterCrash : OpenOutcome::kFresh, {}};
  }
  if (auto cloned = CloneDatabase(path_ / "checkpoint", live); !cloned) return cloned.error();
  return Prepared{OpenOutcome::kRecoveredCheckpoint, std::move(**checkpoint_state)};
}

Result<void> StoreDirectory::ReplaceCheckpoint() {
  const fs::path fresh = path_ / "checkpoint.new";
  // Its CLEAN goes first, so that a crash while it is being removed does not leave half of it looking complete.
  if (auto removed = RemoveFile(fresh / kClean); !removed) return removed;
  if (auto cloned = CloneDatabase(path_ / "live", fresh); !cloned) return cloned;
  if (auto staged = CopyFile(path_ / "live" / kClean, fresh / kStagedClean); !staged) return staged;
  if (auto marked = RenameFile(fresh / kStagedClean, fresh / kClean); !marked) return marked;
  return PromoteCheckpoint();
}

Result<void> StoreDirectory::PromoteCheckpoint() {
  const fs::path fresh = path_ / "checkpoint.new";
  const fs::path checkpoint = path_ / "checkpoint";
  const auto fresh_state = CompleteState(fresh);
  if (!fresh_state) return fresh_state.error();
  if (!fresh_state->has_value()) return RemoveTree(fresh);
  if (auto removed = RemoveTree(checkpoint); !removed) return removed;
  return RenameFile(fresh, checkpoint);
}

Result<void> StoreDirectory::MarkInUse() { return RemoveFile(path_ / "live" / kClean); }

Result<void> StoreDirectory::StageClean(const CleanState& state) {
  return WriteFile(path_ / "live" / kStagedClean, EncodeCleanMarker(state));
}

Result<void> StoreDirectory::CommitClean() {
  return RenameFile(path_ / "live" / kStagedClean, path_ / "live" / kClean);
}

}  // namespace chestbox::swap
