// Gives back space in bounded steps: chunks that nobody names, and what flushed databases left behind. A purge walks
// the heads of a database's old generations for the values to delete, then removes heads and expiries as one range.
// Where it stands is not kept on disk: an open finds the ranges that are left, and deleting a chunk again does no harm.
//
// One thread (the write thread), but for purges_pending.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>

#include "protocol/result.h"
#include "swap/rocksdb_engine.h"
#include "swap/value_ledger.h"

namespace chestbox::swap {

class Housekeeper {
 public:
  Housekeeper(RocksdbEngine& engine, ValueLedger& ledger) : engine_(engine), ledger_(ledger) {}

  // Everything of `database` under generations below `generation_end` is to go.
  void AddPurge(uint8_t database, uint32_t generation_end);
  // The same, if there is anything. Reads one key.
  Result<void> FindPurge(uint8_t database, uint32_t generation_end);

  // One step of about a millisecond. After an Error the same step is next.
  Result<void> Step();
  bool has_work() const { return !ledger_.garbage().empty() || !purges_.empty(); }

  // All of the garbage, but no purge: for a close, after which nobody remembers it.
  Result<void> DeleteAllGarbage();

  uint64_t purges_pending() const { return purges_pending_; }  // any thread

 private:
  struct Purge {
    uint8_t database = 0;
    uint32_t generation_end = 0;
    std::string cursor;  // the head key to go on at
  };

  Result<void> DeleteGarbage();
  Result<void> PurgeStep();
  Result<void> FinishPurge(const Purge& purge);

  RocksdbEngine& engine_;
  ValueLedger& ledger_;
  std::deque<Purge> purges_;
  std::atomic<uint64_t> purges_pending_{0};  // purges_.size()
};

}  // namespace chestbox::swap
