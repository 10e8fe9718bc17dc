#include "swap/store_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "swap/durable_files.h"

namespace chestbox::swap {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatName = "chestbox-store ";
constexpr int kFormatNumber = 1;
constexpr const char* kClean = "CLEAN";
constexpr const char* kStagedClean = "CLEAN.staged";
constexpr const char* kOpen = "OPEN";

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

// The engine's logs of changes (*.log) are empty: it runs without.
bool IsEmptyLog(const fs::path& file) { return file.extension() == ".log"; }

bool IsLeftOut(const fs::path& file) {
  const std::string name = file.filename().string();
  return name == "LOCK" || name == kClean || name == kStagedClean || name.starts_with("LOG") || IsEmptyLog(file);
}

// RocksDB 7.8 makes a log at every open and forgets it when nothing was written: they would pile up.
Result<void> RemoveEmptyLogs(const fs::path& directory) {
  std::vector<fs::path> logs;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (IsEmptyLog(at->path())) logs.push_back(at->path());
  }
  for (const fs::path& log : logs) {
    if (!error) fs::remove(log, error);
  }
  if (error) return FileError("cannot remove the logs in", directory, error.value());
  return {};
}

// Makes `to` a clone of the database in `from`, without its CLEAN. An engine that has `from` open and has changed
// nothing yet may still be removing files that it has replaced (an old MANIFEST): those are not missed.
Result<void> CloneDatabase(const fs::path& from, const fs::path& to) {
  if (auto removed = RemoveTree(to); !removed) return removed;
  if (auto created = CreateDirectory(to); !created) return created;
  std::error_code error;
  for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    const fs::path& file = at->path();
    if (IsLeftOut(file)) continue;
    const fs::path copy = to / file.filename();
    auto cloned = IsImmutable(file) ? LinkOrCopyFile(file, copy) : CopyFile(file, copy);
    if (!cloned && Exists(file)) return cloned;
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
    : path_(std::move(other.path_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      checkpoint_due_(other.checkpoint_due_) {}

StoreDirectory::~StoreDirectory() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

Result<StoreDirectory::Prepared> StoreDirectory::PrepareLive() {
  const fs::path live = path_ / "live";
  auto live_state = CompleteState(live);
  if (!live_state) return live_state.error();
  if (live_state->has_value()) {
    checkpoint_due_ = true;
    const bool killed = Exists(path_ / kOpen);
    return Prepared{killed ? OpenOutcome::kRecoveredCheckpoint : OpenOutcome::kClean, std::move(**live_state), true};
  }
  if (auto promoted = PromoteCheckpoint(); !promoted) return promoted.error();
  const bool was_used = Exists(live);
  if (auto removed = RemoveTree(live); !removed) return removed.error();
  auto checkpoint_state = CompleteState(path_ / "checkpoint");
  if (!checkpoint_state) return checkpoint_state.error();
  if (!checkpoint_state->has_value()) {
    return Prepared{was_used ? OpenOutcome::kEmptyAfterCrash : OpenOutcome::kFresh, {}, false};
  }
  if (auto cloned = CloneDatabase(path_ / "checkpoint", live); !cloned) return cloned.error();
  return Prepared{OpenOutcome::kRecoveredCheckpoint, std::move(**checkpoint_state), false};
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

// Not synced: it is for a warning, and only the process was killed where it still matters.
Result<void> StoreDirectory::MarkOpen() {
  const fs::path mark = path_ / kOpen;
  const int fd = open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return FileError("cannot create", mark, errno);
  close(fd);
  return {};
}

Result<void> StoreDirectory::BeginChanges() {
  if (!checkpoint_due_) return {};
  if (auto replaced = ReplaceCheckpoint(); !replaced) return replaced;
  if (auto removed = RemoveFile(path_ / "live" / kClean); !removed) return removed;
  checkpoint_due_ = false;
  return {};
}

Result<void> StoreDirectory::StageClean(const CleanState& state) {
  return WriteFile(path_ / "live" / kStagedClean, EncodeCleanMarker(state));
}

Result<void> StoreDirectory::CommitClean() {
  if (auto removed = RemoveEmptyLogs(path_ / "live"); !removed) return removed;
  if (auto renamed = RenameFile(path_ / "live" / kStagedClean, path_ / "live" / kClean); !renamed) return renamed;
  return RemoveFile(path_ / kOpen);
}

}  // namespace chestbox::swap
