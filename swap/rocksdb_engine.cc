#include "swap/rocksdb_engine.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <atomic>
#include <chrono>
#include <cstdarg>
#include <filesystem>
#include <limits>
#include <system_error>
#include <thread>
#include <vector>

#include "protocol/check.h"
#include "swap/rocksdb_file_system.h"

namespace chestbox::swap {
namespace {

// A flush writes two buffers at most.
constexpr int kFlushWaitsMax = 6000;
constexpr int kFlushWaitsPerRecovery = 20;
constexpr std::chrono::milliseconds kFlushWait{5};
constexpr double kFilterBitsPerKey = 10;  // 1% of the lookups of missing names read a block
constexpr uint64_t kMiB = 1024 * 1024;
constexpr uint64_t kTableSizeTarget = 32 * kMiB;
constexpr uint64_t kManifestSizeMax = 16 * kMiB;
// An open reads the ends of at most 16 tables of each family. RocksDB would start as many threads for it.
constexpr int kFileOpeningThreads = 2;
// An expiry is written once, deleted once, and read from the front: a table in which so many neighbours are deletions
// is compacted early, or the search for what is due would step over ever more of them.
constexpr size_t kDeletionWindow = 128;
constexpr size_t kDeletionsInWindow = 64;
// Two write buffers, to a disk that is slow and busy; past that it is an error and not a wait.

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Result<void> ToResult(const rocksdb::Status& status) {
  if (status.ok()) return {};
  if (status.IsNoSpace()) return Error{"ERR swap: the disk is full: " + status.ToString()};
  return Error{"ERR swap: " + status.ToString()};
}

// Notes background failures, and keeps RocksDB from retrying on its own clock: Recover decides when, so that it is
// known whether a write follows a failure.
class FailureListener final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status* status) override {
    if (status->ok()) return;
    no_space_ = status->IsNoSpace();
    failed_ = true;
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*status*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
  bool failed() const { return failed_; }
  void Clear() { failed_ = false; }
  void MarkFailed() { failed_ = true; }
  bool no_space() const { return no_space_; }  // the last failure

 private:
  std::atomic<bool> failed_{false};
  std::atomic<bool> no_space_{false};
};

// RocksDB's own LOG file is done without: what matters comes as a Status. Debian's build has assertions on, and the
// stock logger fails one of them, aborting the process, at its second write to a full disk.
class SilentLogger final : public rocksdb::Logger {
 public:
  SilentLogger() : Logger(rocksdb::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::DBOptions DatabaseOptions(const RocksdbOptions& options, rocksdb::Env* env,
                                   std::shared_ptr<rocksdb::EventListener> listener) {
  rocksdb::DBOptions database;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  // Not atomic_flush: what is durable is what a clean close flushed, all of it, so that the families agree; and with
  // it, after a flush that failed for lack of space, RocksDB 7.8 leaves buffers marked as being flushed, and they are
  // never flushed again (its pull request 11872).
  database.atomic_flush = false;
  database.avoid_flush_during_shutdown = true;  // CloseDirty keeps nothing; CloseClean flushes itself
  database.db_write_buffer_size = 2 * options.write_buffer_bytes;
  database.max_open_files = options.open_files_max;
  // One set of open tables. In RocksDB's 64 sets of 4, a hundred tables already push each other out, and a read of a
  // table that is not open is a slow one.
  database.table_cache_numshardbits = 0;
  database.max_background_jobs = 2;
  database.max_bgerror_resume_count = 0;
  database.env = env;
  // A reader that holds the last reference to what a flush replaced leaves the work of freeing it to the background.
  database.avoid_unnecessary_blocking_io = true;
  database.listeners.push_back(std::move(listener));
  // What an open would otherwise read of every table: restart must not grow with the number of states.
  database.skip_stats_update_on_db_open = true;
  database.skip_checking_sst_file_sizes_on_db_open = true;
  database.max_file_opening_threads = kFileOpeningThreads;
  database.max_manifest_file_size = kManifestSizeMax;
  database.info_log = std::make_shared<SilentLogger>();
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

rocksdb::ColumnFamilyOptions FamilyOptions(const RocksdbOptions& options, std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = options.write_buffer_bytes;
  family.max_write_buffer_number = 2;
  family.target_file_size_base = kTableSizeTarget;
  family.level_compaction_dynamic_level_bytes = true;
  family.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

std::vector<rocksdb::ColumnFamilyDescriptor> Families(const RocksdbOptions& options,
                                                      const std::shared_ptr<rocksdb::Cache>& cache) {
  const auto heads = FamilyOptions(options, cache);
  auto expiries = FamilyOptions(options, cache);
  expiries.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kDeletionWindow, kDeletionsInWindow));
  auto chunks = FamilyOptions(options, cache);
  chunks.compression = rocksdb::kNoCompression;  // tensors and images do not shrink; a read should cost no CPU
  // Chunks are written in the order of their keys, so many tables of the first level do not slow down a read: writes
  // need not wait for compaction until there are a lot of them.
  chunks.level0_slowdown_writes_trigger = 64;
  chunks.level0_stop_writes_trigger = 128;
  chunks.optimize_filters_for_hits = true;  // only chunks that exist are looked up
  return {{rocksdb::kDefaultColumnFamilyName, heads}, {"expiries", expiries}, {"chunks", chunks}};
}

// What is free on the disk of `path`; everything, when that is not known.
uint64_t FreeBytes(const std::string& path) {
  std::error_code error;
  const auto space = std::filesystem::space(path, error);
  return error ? std::numeric_limits<uint64_t>::max() : space.available;
}

void LowerPriorities() {
  rocksdb::Env* env = rocksdb::Env::Default();
  env->SetBackgroundThreads(1, rocksdb::Env::LOW);
  env->SetBackgroundThreads(1, rocksdb::Env::HIGH);
  // Nice, and idle for the disk, but not SCHED_IDLE: writes wait for a flush, and in the end for a compaction too, and
  // on a machine whose cores are all busy a SCHED_IDLE thread was seen to make no progress for minutes. A platform
  // without priorities is fine too.
  env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kLow).PermitUncheckedError();
  env->LowerThreadPoolCPUPriority(rocksdb::Env::HIGH, rocksdb::CpuPriority::kLow).PermitUncheckedError();
  env->LowerThreadPoolIOPriority(rocksdb::Env::LOW);
}

rocksdb::ReadOptions ReadOptionsFor(Family family) {
  rocksdb::ReadOptions read;
  // A chunk is a block of its own: a few of them would push every block of heads out of the cache.
  read.fill_cache = family != Family::kChunks;
  return read;
}

}  // namespace

EngineBatch::EngineBatch() : batch_(std::make_unique<rocksdb::WriteBatch>()) {}
EngineBatch::~EngineBatch() = default;

class RocksdbEngine::Impl {
 public:
  ~Impl() { static_cast<void>(Close()); }

  rocksdb::ColumnFamilyHandle* handle(Family family) const { return handles_[static_cast<size_t>(family)]; }

  Result<void> Close() {
    if (db_ == nullptr) return {};
    rocksdb::CancelAllBackgroundWork(db_.get(), true);
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    const rocksdb::Status status = db_->Close();
    db_.reset();
    return ToResult(status);
  }

  // What is not in a table file yet, whether being flushed or not: entries of active memory tables, and full tables.
  uint64_t EntriesInMemory() const {
    uint64_t sum = 0;
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      for (const auto& property :
           {rocksdb::DB::Properties::kNumEntriesActiveMemTable, rocksdb::DB::Properties::kNumImmutableMemTable}) {
        uint64_t value = 0;
        CHECK(db_->GetIntProperty(handle, property, &value));
        sum += value;
      }
    }
    return sum;
  }

  uint64_t BufferedBytes() const {
    uint64_t bytes = 0;
    CHECK(db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes));
    return bytes;
  }

  // Changes that are in no table yet.
  uint64_t BufferedEntries() const {
    uint64_t sum = 0;
    for (const std::string& property :
         {rocksdb::DB::Properties::kNumEntriesActiveMemTable, rocksdb::DB::Properties::kNumEntriesImmMemTables}) {
      for (rocksdb::ColumnFamilyHandle* handle : handles_) {
        uint64_t entries = 0;
        CHECK(db_->GetIntProperty(handle, property, &entries));
        sum += entries;
      }
    }
    return sum;
  }

  std::shared_ptr<rocksdb::Env> env_ = NewTableEnv();  // outlives the database
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::shared_ptr<FailureListener> listener_ = std::make_shared<FailureListener>();
  std::shared_ptr<rocksdb::Cache> cache_;
  BeforeChanges before_changes_;
  std::string path_;
};

RocksdbEngine::RocksdbEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksdbEngine::~RocksdbEngine() = default;

Result<std::unique_ptr<RocksdbEngine>> RocksdbEngine::Open(const std::string& path, const RocksdbOptions& options,
                                                           BeforeChanges before_changes) {
  LowerPriorities();
  auto impl = std::make_unique<Impl>();
  impl->cache_ = rocksdb::NewLRUCache(options.block_cache_bytes);
  auto families = Families(options, impl->cache_);
  // Until the first change is announced, files must stay as they are.
  for (auto& family : families) family.options.disable_auto_compactions = before_changes != nullptr;
  impl->before_changes_ = std::move(before_changes);
  impl->path_ = path;
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(DatabaseOptions(options, impl->env_.get(), impl->listener_), path, families,
                                        &impl->handles_, &db);
  impl->db_.reset(db);
  if (auto opened = ToResult(status); !opened) return Error{opened.error().message + " (opening " + path + ")"};
  return std::unique_ptr<RocksdbEngine>(new RocksdbEngine(std::move(impl)));
}

Result<bool> RocksdbEngine::Visit(Family family, std::string_view key, const Visitor& visit) const {
  rocksdb::PinnableSlice value;
  const auto status = impl_->db_->Get(ReadOptionsFor(family), impl_->handle(family), ToSlice(key), &value);
  if (status.IsNotFound()) return false;
  if (auto read = ToResult(status); !read) return read.error();
  visit(ToView(value));
  return true;
}

bool RocksdbEngine::VisitInMemory(Family family, std::string_view key, const Visitor& visit) const {
  const NoDiskWaits guard;
  const auto found = Visit(family, key, visit);
  return found.ok() && *found;
}

Result<void> RocksdbEngine::Iterate(Family family, std::string_view begin, std::string_view end,
                                    const EntryVisitor& visit) const {
  rocksdb::ReadOptions read;
  read.fill_cache = false;  // a walk over everything must not push out what clients use
  const rocksdb::Slice end_slice = ToSlice(end);
  read.iterate_upper_bound = &end_slice;
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db_->NewIterator(read, impl_->handle(family)));
  for (at->Seek(ToSlice(begin)); at->Valid(); at->Next()) {
    if (!visit(ToView(at->key()), ToView(at->value()))) break;
  }
  return ToResult(at->status());
}

class EngineSnapshot::Impl {
 public:
  std::unique_ptr<rocksdb::Iterator> heads;
  std::unique_ptr<rocksdb::Iterator> chunks;
};

EngineSnapshot::EngineSnapshot(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EngineSnapshot::~EngineSnapshot() = default;

Result<void> EngineSnapshot::Iterate(Family family, std::string_view begin, std::string_view end,
                                     const EntryVisitor& visit) {
  CHECK(family != Family::kExpiries);
  rocksdb::Iterator& at = family == Family::kHeads ? *impl_->heads : *impl_->chunks;
  for (at.Seek(ToSlice(begin)); at.Valid() && ToView(at.key()) < end; at.Next()) {
    if (!visit(ToView(at.key()), ToView(at.value()))) break;
  }
  return ToResult(at.status());
}

std::unique_ptr<EngineSnapshot> RocksdbEngine::TakeSnapshot() const {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  auto impl = std::make_unique<EngineSnapshot::Impl>();
  impl->heads.reset(impl_->db_->NewIterator(read, impl_->handle(Family::kHeads)));
  impl->chunks.reset(impl_->db_->NewIterator(read, impl_->handle(Family::kChunks)));
  return std::unique_ptr<EngineSnapshot>(new EngineSnapshot(std::move(impl)));
}

// Filling a WriteBatch fails only when it outgrows a limit, and we set none.
void RocksdbEngine::Put(EngineBatch& batch, Family family, std::string_view key, std::string_view value) const {
  CHECK(batch.batch_->Put(impl_->handle(family), ToSlice(key), ToSlice(value)).ok());
}

void RocksdbEngine::Delete(EngineBatch& batch, Family family, std::string_view key) const {
  CHECK(batch.batch_->Delete(impl_->handle(family), ToSlice(key)).ok());
}

void RocksdbEngine::DeleteRange(EngineBatch& batch, Family family, std::string_view begin, std::string_view end) const {
  CHECK(batch.batch_->DeleteRange(impl_->handle(family), ToSlice(begin), ToSlice(end)).ok());
}

Result<void> RocksdbEngine::Write(EngineBatch& batch) {
  if (batch.batch_->Count() == 0) return {};
  if (auto recovered = Recover(); !recovered) return recovered;
  if (auto begun = BeginChanges(); !begun) return begun;
  rocksdb::WriteOptions write;
  write.disableWAL = true;
  return ToResult(impl_->db_->Write(write, batch.batch_.get()));
}

Result<void> RocksdbEngine::BeginChanges() {
  if (impl_->before_changes_ == nullptr) return {};
  if (auto allowed = impl_->before_changes_(); !allowed) return allowed;
  if (auto enabled = ToResult(impl_->db_->EnableAutoCompaction(impl_->handles_)); !enabled) return enabled;
  impl_->before_changes_ = nullptr;
  return {};
}

void RocksdbEngine::DropFiles(Family family, std::string_view begin, std::string_view end) {
  const rocksdb::Slice begin_slice = ToSlice(begin);
  const rocksdb::Slice end_slice = ToSlice(end);
  const rocksdb::RangePtr range(&begin_slice, &end_slice);
  rocksdb::DeleteFilesInRanges(impl_->db_.get(), impl_->handle(family), &range, 1, false).PermitUncheckedError();
}

Result<void> RocksdbEngine::Recover() {
  if (!impl_->listener_->failed()) return {};
  // An attempt that fails again may never return: Resume waits for a flush that nobody runs (RocksDB 7.8, seen on busy
  // machines). So there is none while it is plain that what is in the buffers does not fit.
  if (impl_->listener_->no_space() && FreeBytes(impl_->path_) < impl_->BufferedBytes()) {
    return Error{"ERR swap: the disk is full"};
  }
  impl_->listener_->Clear();
  const auto resumed = ToResult(impl_->db_->Resume());
  // A failure of the attempt itself is not always reported to the listener.
  if (!resumed) impl_->listener_->MarkFailed();
  return resumed;
}

Result<void> RocksdbEngine::Flush() {
  if (impl_->before_changes_ != nullptr) return {};  // nothing was written
  if (auto recovered = Recover(); !recovered) return recovered;
  rocksdb::FlushOptions flush;
  flush.wait = true;
  flush.allow_write_stall = true;
  // After a recovery that failed, RocksDB 7.8 returns before the flush is done, and says nothing of it. What is left in
  // a buffer would be lost, so it is looked at, and waited for.
  for (int waits = 0; waits < kFlushWaitsMax; ++waits) {
    if (auto flushed = ToResult(impl_->db_->Flush(flush, impl_->handles_)); !flushed) return flushed;
    if (impl_->BufferedEntries() == 0) return {};
    // On a disk that is still full, a recovery tells so at once; where nothing failed, it does nothing.
    if (waits % kFlushWaitsPerRecovery == 0) impl_->listener_->MarkFailed();
    if (auto recovered = Recover(); !recovered) return recovered;
    std::this_thread::sleep_for(kFlushWait);
  }
  return Error{"ERR swap: a flush does not come to its end"};
}

Result<void> RocksdbEngine::Close() { return impl_->Close(); }

uint64_t RocksdbEngine::disk_bytes() const {
  uint64_t bytes = 0;
  impl_->db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return bytes;
}

uint64_t RocksdbEngine::memory_bytes() const {
  uint64_t buffers = 0;
  uint64_t tables = 0;
  impl_->db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kSizeAllMemTables, &buffers);
  impl_->db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kEstimateTableReadersMem, &tables);
  return buffers + tables + impl_->cache_->GetUsage();
}

}  // namespace chestbox::swap
