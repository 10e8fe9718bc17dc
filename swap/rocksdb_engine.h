// RocksDB as the store uses it: three families of sorted keys, atomic batches without a write-ahead log, a flush of
// everything, and errors of ours. No header of RocksDB is included here; only rocksdb_*.cc know it.
//
// Invariants:
//   - A batch is visible whole or not at all, and a flush makes all families durable as of one moment (atomic_flush).
//   - A background failure (above all: no space) stops writes with an Error until a recovery attempt succeeds. Every
//     Write and Flush makes one attempt first. What was written stays readable from memory meanwhile.
//   - Nothing in the directory changes between the open and the first change: no compaction runs until then.
//   - Memory: each family has at most two write buffers; all of them together flush at 2 * write_buffer_bytes.
//
// Threads: Get, Visit, Iterate and the sizes from any thread; the rest from one thread at a time. Not after Close.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "swap/rocksdb_store.h"

namespace rocksdb {
class WriteBatch;
}

namespace chestbox::swap {

enum class Family { kHeads, kExpiries, kChunks };

class EngineBatch {
 public:
  EngineBatch();
  ~EngineBatch();
  EngineBatch(const EngineBatch&) = delete;
  EngineBatch& operator=(const EngineBatch&) = delete;

 private:
  friend class RocksdbEngine;
  std::unique_ptr<rocksdb::WriteBatch> batch_;
};

// Heads and chunks as they were when it was made. It keeps what was deleted since, whole files of a dropped range too:
// so it holds iterators, which such files outlive, and no sequence number, which they don't. One thread at a time;
// gone before the engine closes.
class EngineSnapshot {
 public:
  ~EngineSnapshot();
  EngineSnapshot(const EngineSnapshot&) = delete;
  EngineSnapshot& operator=(const EngineSnapshot&) = delete;

  // As RocksdbEngine::Iterate. A visitor of one family may iterate another one.
  using EntryVisitor = std::function<bool(std::string_view key, std::string_view value)>;
  Result<void> Iterate(Family family, std::string_view begin, std::string_view end, const EntryVisitor& visit);

 private:
  friend class RocksdbEngine;
  class Impl;
  explicit EngineSnapshot(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class RocksdbEngine {
 public:
  // Opens or creates the database in `path`. `before_changes` (may be empty) is called once, on the writing thread,
  // before the first batch is written; its Error is that write's, and the next one calls it again.
  using BeforeChanges = std::function<Result<void>()>;
  static Result<std::unique_ptr<RocksdbEngine>> Open(const std::string& path, const RocksdbOptions& options,
                                                     BeforeChanges before_changes);
  ~RocksdbEngine();
  RocksdbEngine(const RocksdbEngine&) = delete;
  RocksdbEngine& operator=(const RocksdbEngine&) = delete;

  // Calls `visit` with the value, which is valid within the call; false when there is no such key.
  using Visitor = std::function<void(std::string_view value)>;
  Result<bool> Visit(Family family, std::string_view key, const Visitor& visit) const;
  // The same without waiting for a disk (rocksdb_file_system.h): false also for what is not known to be in memory.
  bool VisitInMemory(Family family, std::string_view key, const Visitor& visit) const;

  // Calls `visit` for each key in [begin, end) in order, until it returns false.
  using EntryVisitor = std::function<bool(std::string_view key, std::string_view value)>;
  Result<void> Iterate(Family family, std::string_view begin, std::string_view end, const EntryVisitor& visit) const;

  // On the writing thread.
  std::unique_ptr<EngineSnapshot> TakeSnapshot() const;

  // Filling a batch; nothing happens before Write.
  void Put(EngineBatch& batch, Family family, std::string_view key, std::string_view value) const;
  void Delete(EngineBatch& batch, Family family, std::string_view key) const;
  void DeleteRange(EngineBatch& batch, Family family, std::string_view begin, std::string_view end) const;
  Result<void> Write(EngineBatch& batch);

  // Gives back at once the files that hold nothing but keys of a range that was deleted. A failure costs only space.
  void DropFiles(Family family, std::string_view begin, std::string_view end);

  // Tries to go on after a background failure; success when there was none.
  Result<void> Recover();
  // Makes everything written durable.
  Result<void> Flush();
  // Stops background work and closes; what was not flushed is lost.
  Result<void> Close();

  uint64_t disk_bytes() const;
  uint64_t memory_bytes() const;

 private:
  Result<void> BeginChanges();

  class Impl;
  explicit RocksdbEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace chestbox::swap
