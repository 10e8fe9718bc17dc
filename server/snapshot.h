// Snapshot: a picture of all databases as of the moment when it is made, told to a sink bit by bit while writers go on.
//
// A cursor walks each index in hash order. A bucket that the cursor has not passed is told before it changes for the
// first time; "bucket" means a cell of the hash space as fine as the index was at the start, so splits and merges make
// no difference. What is not in memory is left to the swap store: the sink is told which range of positions has been
// dealt with, and which keys of it were in memory, and reads the rest from a picture of the store of the same moment
// (Swapper::TakeSnapshot, taken together with this).
//
// Invariants
// - Executor thread only; Step between commands.
// - Every state of the start is told once: as a state, or by the store within exactly one range.
// - Nothing that is told leads into the arena. A flushed database is kept until the cursor is through it.
// - A write waits for the states of one cell (some ten keys) to be encoded, so for what a DUMP of the largest among
//   them costs, once a snapshot.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/keyspace.h"

namespace chestbox {

struct SnapshotState {
  uint32_t database = 0;  // logical, at the start
  std::string key;
  int64_t expire_at_ms = kNoExpiry;
  uint32_t access = 0;
  std::string object;  // an RDB object as redis-server 7.0 reads it
};

struct SnapshotRange {
  uint32_t database = 0;  // logical, at the start
  uint32_t physical = 0;
  uint64_t from_position = 0;
  uint64_t to_position = 0;            // included
  std::vector<std::string> in_memory;  // keys in that range whose records in the store do not count; sorted
};

class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  virtual void OnState(SnapshotState state) = 0;
  virtual void OnRange(SnapshotRange range) = 0;
};

class Snapshot final : public ChangeObserver {
 public:
  // Starts. `sink` outlives this, and may be told from now on. At most one at a time.
  Snapshot(Keyspace& keys, SnapshotSink& sink);
  ~Snapshot() override;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // About so much more. False: everything has been told.
  bool Step(size_t states_max, size_t bytes_max);
  // Names kept for ranges that are still to come.
  uint64_t bytes_held() const { return name_bytes_; }

  // ChangeObserver
  void BeforeChange(uint32_t physical_database, uint64_t position) override;
  bool TakeFlushed(uint32_t physical, shm::IndexWriter::Detached& detached) override;

 private:
  struct Database {
    uint32_t physical = 0;
    uint32_t logical = 0;
    uint32_t cell_bits = 0;      // a cell is what shares so many first bits of the position
    std::vector<uint64_t> told;  // a bit a cell
    uint64_t cursor = 0;
    bool passed = false;
    bool flushed = false;  // what it held is in `left`
    shm::IndexWriter::Detached left;
    std::map<uint64_t, std::vector<std::string>> names;  // in the store as well, by position, not passed yet

    uint64_t CellOf(uint64_t position) const { return position >> (64 - cell_bits); }
    bool IsTold(uint64_t position) const {
      const uint64_t cell = CellOf(position);
      return (told[cell / 64] >> (cell % 64) & 1) != 0;
    }
  };
  struct Region {
    uint64_t begin = 0;
    uint64_t end = 0;  // 0: the end of all positions
  };

  Region TellRegion(Database& database, uint64_t position);
  void TellEntry(Database& database, uint64_t entry, uint64_t position);
  bool StepFlushed(Database& database, size_t states_max, size_t bytes_max);
  void EndRange(Database& database, uint64_t from_position, uint64_t end_position);

  Keyspace& keys_;
  SnapshotSink& sink_;
  std::array<Database, shm::kDatabases> databases_;  // by physical number
  uint32_t at_ = 0;                                  // databases below have been passed
  size_t states_told_ = 0;
  size_t bytes_told_ = 0;
  uint64_t name_bytes_ = 0;
};

}  // namespace chestbox
