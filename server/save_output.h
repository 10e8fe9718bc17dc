// SaveOutput: what the thread of a save does: turns states into an RDB file, or into commands (command_text.h), reads
// those that are not in memory from a picture of the swap store, and writes the file (save_file.h).
//
// Made on the executor; all else on the save's thread, but for what says otherwise. After an Error, or once cancelled,
// calls do nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "protocol/result.h"
#include "server/background_save.h"
#include "server/save_file.h"
#include "server/snapshot.h"
#include "server/swapper.h"

namespace chestbox {

// What a save has to know of the server as of its start.
struct SaveFacts {
  SaveRequest request;
  bool checksum = true;
  bool compress = true;
  enum class Access { kNone, kIdle, kFrequency } access = Access::kNone;  // what maxmemory-policy goes by
  int64_t lfu_decay_minutes = 1;
  int64_t now_ms = 0;
  std::vector<std::pair<std::string, std::string>> aux;
  std::vector<std::string> libraries;                // of functions: their code
  std::vector<std::pair<uint64_t, uint64_t>> sizes;  // by logical database: states, and those that expire
  bool has_store = false;
  Swapper::StorePicture picture;
};

class SaveOutput {
 public:
  explicit SaveOutput(SaveFacts facts) : facts_(std::move(facts)) {}

  void Begin();
  void AddState(const SnapshotState& state);
  void AddRange(const SnapshotRange& range);
  // The file's end; it is on the disk then.
  void Finish();
  const Result<void>& outcome() const { return outcome_; }

  void Cancel() { cancelled_ = true; }                 // any thread
  uint64_t states_written() const { return states_; }  // any thread

 private:
  bool Stopped();
  void AppendPreamble();
  void AppendState(const SnapshotState& state);
  Result<void> AddStored(const SnapshotRange& range, const swap::StateName& name,
                         const swap::StoreSnapshot::ReadPayload& read);
  void WriteOut(bool all);

  const SaveFacts facts_;
  SaveFile file_;
  std::string buffer_;
  int64_t database_ = -1;             // the one selected in the file
  std::vector<bool> database_begun_;  // its sizes have been written
  Result<void> outcome_;
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> states_{0};
};

}  // namespace chestbox
