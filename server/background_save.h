// BackgroundSave: writes a picture of all states, as of one moment, to a file while the server goes on (snapshot.h).
// SAVE, BGSAVE, BGREWRITEAOF, DEBUG RELOAD and the full sync of a replica use it; one save runs at a time.
//
// Effects that were reported before Start (or SaveNow) was called are in the file, all later ones are not, also within
// one EXEC. The file appears under its name when it is whole and on the disk (temporary file, fsync, rename).
//
// Executor thread only. The executor encodes states in memory in slices of about a millisecond; a thread of our own
// encodes those that the swap store has, and writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/result.h"

namespace chestbox {

class Server;

struct SaveRequest {
  // kRdb: an RDB file of version 10, as redis-server 7.0 loads it. kCommands: the same as RESP commands.
  enum class Format { kRdb, kCommands };
  Format format = Format::kRdb;
  std::string path;  // relative paths are relative to `dir`
  // More AUX fields of the RDB file, in order, e.g. {"repl-stream-db", "0"}.
  std::vector<std::pair<std::string, std::string>> aux = {};
};

class BackgroundSave {
 public:
  explicit BackgroundSave(Server& server);
  ~BackgroundSave();
  BackgroundSave(const BackgroundSave&) = delete;
  BackgroundSave& operator=(const BackgroundSave&) = delete;

  // Starts writing the state as of now. `done` runs once on the executor, never before this returns: with an empty
  // text when the file is on the disk, else with what went wrong. False, and nothing happens: one runs already.
  using Done = std::function<void(const std::string& error)>;
  [[nodiscard]] bool Start(SaveRequest request, Done done);
  // The same while everybody waits.
  Result<void> SaveNow(SaveRequest request);
  // Ends the save that runs, if any: its file will not appear, and its `done` is called with an error before this
  // returns. Waits for the write under way.
  void Cancel();
  bool running() const { return job_ != nullptr; }

  // Of the save that runs, or 0.
  uint64_t keys_processed() const;
  uint64_t keys_total() const;
  // Bytes encoded early or not written yet: what a save costs in memory. The peak is of the last save, too.
  uint64_t bytes_held() const;
  uint64_t bytes_held_peak() const;

 private:
  struct Job;
  void Begin(SaveRequest request, Done done);
  void Step();
  void Finish(const std::string& error);

  Server& server_;
  std::unique_ptr<Job> job_;
  uint64_t generation_ = 0;  // tells posted steps of an ended save from those of the one that runs
  uint64_t last_peak_ = 0;
};

}  // namespace chestbox
