// The directory of a store on a local disk, and what of it survives a crash. No engine here: only files.
//
//   FORMAT        "chestbox-store 1": a newer number is refused
//   LOCK          held (flock) by the process that has the store open
//   OPEN          present while a process has the store open: one that is found tells of a process that was killed
//   live/         the engine's database in use
//   live/CLEAN    present exactly as long as live/ is what a clean close left: all of it is on disk and consistent
//   checkpoint/   the same database as it was at the last clean close, and its CLEAN
//   checkpoint.new/  a checkpoint being made
//
// The engine runs without a log of its own, so after a crash live/ is not the state of any one moment. Therefore the
// first change after an open of a clean store waits until live/ is cloned to a checkpoint and live/CLEAN removed; an
// open of an unclean store throws live/ away and clones the checkpoint back. A clone hard-links the table files, which
// never change once written, and copies the few small others. Its time grows with the number of tables (one in tens of
// MiB), which is why no clean open waits for it: until the first change the engine holds still, and the clean live/ is
// its own checkpoint.
//
// Invariants:
//   - A directory holds a CLEAN only if it is complete; it is written last, after everything else was synced.
//   - A complete checkpoint.new is newer than checkpoint and takes its place; the old one is removed only then. So a
//   crash
//     at any moment leaves at least one complete state, once there has been one.
//
// One thread; not to be used by two objects at once, which LOCK enforces across processes and within one.
#pragma once

#include <filesystem>
#include <string>

#include "protocol/result.h"
#include "swap/clean_marker.h"
#include "swap/rocksdb_store.h"

namespace chestbox::swap {

class StoreDirectory {
 public:
  // Locks the directory, creating it if missing. Refuses a newer format and a directory that is open already.
  static Result<StoreDirectory> Lock(const std::string& path);
  StoreDirectory(StoreDirectory&& other) noexcept;
  StoreDirectory& operator=(StoreDirectory&&) = delete;
  ~StoreDirectory();

  // Leaves live/ as a consistent database, or absent for an empty one.
  struct Prepared {
    OpenOutcome outcome = OpenOutcome::kFresh;
    CleanState state = {};
    bool checkpoint_due = false;  // BeginChanges before the first change
  };
  Result<Prepared> PrepareLive();
  // Once the engine has opened live/.
  Result<void> MarkOpen();

  // With a checkpoint due, makes it of live/, which is as it was opened, and declares live/ in use: from here on a
  // crash means going back to the checkpoint. May be tried again after an Error; does nothing once it succeeded.
  Result<void> BeginChanges();

  // A clean close in two steps, so that a full disk is noticed while the engine can still go on: writes the marker
  // under another name; then, after the engine closed live/, puts it in place.
  Result<void> StageClean(const CleanState& state);
  Result<void> CommitClean();

  std::string live() const { return (path_ / "live").string(); }

 private:
  StoreDirectory(std::filesystem::path path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}

  Result<void> ReplaceCheckpoint();
  Result<void> PromoteCheckpoint();

  std::filesystem::path path_;
  int lock_fd_ = -1;
  bool checkpoint_due_ = false;
};

}  // namespace chestbox::swap
