// One Apply in the making: turns state changes into an engine batch, keeping heads, expiries and chunks together, and
// adds up what the change means for the counts and for the values. Nothing happens before Commit, and after a failed
// Commit nothing has happened.
//
// A change reads the head that it replaces, because that tells the expiry and the chunks to remove; heads changed
// earlier in the same set are seen through it. One thread: the write thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "swap/clean_marker.h"
#include "swap/rocksdb_engine.h"
#include "swap/swap_store.h"
#include "swap/value_ledger.h"

namespace chestbox::swap {

class ChangeSet {
 public:
  // `generation_of` tells a database's current generation.
  using GenerationOf = std::function<uint32_t(uint8_t database)>;
  ChangeSet(RocksdbEngine& engine, ValueLedger& ledger, GenerationOf generation_of)
      : engine_(engine), ledger_(ledger), generation_of_(std::move(generation_of)) {}

  Result<void> Add(const PutState& put);
  Result<void> Add(const EraseState& erase);
  Result<void> Add(const MoveState& move);

  // Writes the batch, and on success tells the ledger.
  Result<void> Commit();

  // Changes of the counts by database, to be added by two's complement.
  struct CountDelta {
    uint64_t count = 0;
    uint64_t expiry_count = 0;
  };
  const std::map<uint8_t, CountDelta>& deltas() const { return deltas_; }
  uint64_t records_written() const { return records_written_; }
  uint64_t payload_bytes_written() const { return payload_bytes_written_; }

 private:
  // A head's bytes, with what is read from them.
  struct StoredHead {
    std::string bytes;
    StateAttributes attributes = {};
    uint64_t value_id = 0;
    uint64_t payload_size = 0;
  };
  Result<std::optional<StoredHead>> Find(const std::string& head_key);

  void Insert(const StateId& id, const std::string& head_key, StoredHead head);
  // Takes the head and its expiry away; the chunks too, unless the value goes on as `value_id_kept`.
  void Remove(const StateId& id, const std::string& head_key, const StoredHead& head, uint64_t value_id_kept);
  void RemoveChunks(const StoredHead& head);

  RocksdbEngine& engine_;
  ValueLedger& ledger_;
  const GenerationOf generation_of_;
  EngineBatch batch_;
  std::unordered_map<std::string, std::optional<StoredHead>> changed_;  // by head key; nothing: removed
  std::vector<uint64_t> committed_values_;
  std::vector<std::pair<uint64_t, uint32_t>> large_garbage_;
  std::map<uint8_t, CountDelta> deltas_;
  uint64_t records_written_ = 0;
  uint64_t payload_bytes_written_ = 0;
};

}  // namespace chestbox::swap
