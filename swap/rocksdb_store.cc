#include "swap/rocksdb_store.h"

#include <array>
#include <atomic>
#include <utility>

#include "swap/change_set.h"
#include "swap/housekeeper.h"
#include "swap/record_codec.h"
#include "swap/rocksdb_engine.h"
#include "swap/store_directory.h"
#include "swap/value_ledger.h"

namespace chestbox::swap {
namespace {

// More replacements than this between the two lookups of one read do not happen.
constexpr int kLoadRetriesMax = 1000;

class RocksdbSnapshot final : public StoreSnapshot {
 public:
  // `generations` by database.
  RocksdbSnapshot(std::unique_ptr<EngineSnapshot> engine, const std::array<uint32_t, 256>& generations)
      : engine_(std::move(engine)), generations_(generations) {}

  Result<void> Visit(uint8_t database, uint64_t from_position, uint64_t to_position, const Visitor& visit) override {
    const uint32_t generation = generations_[database];
    Result<void> outcome;
    const auto visit_head = [&](std::string_view key, std::string_view value) {
      const auto parts = ParseHeadKey(key);
      const auto head = DecodeHead(value);
      if (!parts || !head) {
        outcome = head.ok() ? Error{"ERR swap: a key on disk is damaged"} : head.error();
        return false;
      }
      const StateName name{parts->id.position, std::string(parts->id.key), head->attributes, head->payload_size};
      outcome = visit(name, [&](const auto& consume) { return ReadPayloadOf(*head, consume); });
      return outcome.ok();
    };
    const auto walked = engine_->Iterate(Family::kHeads, HeadKey(generation, {database, from_position, {}}),
                                         HeadKeyAfterPosition(database, generation, to_position), visit_head);
    return walked ? outcome : walked;
  }

 private:
  Result<void> ReadPayloadOf(const HeadRecord& head,
                             const std::function<Result<void>(std::string_view piece)>& consume) {
    if (head.value_id == 0) return consume(head.inline_payload);
    uint64_t bytes = 0;
    Result<void> consumed;
    const auto walked = engine_->Iterate(Family::kChunks, ChunkKey(head.value_id, 0),
                                         ChunkKey(head.value_id, ChunkCount(head.payload_size)),
                                         [&](std::string_view, std::string_view chunk) {
                                           bytes += chunk.size();
                                           consumed = consume(chunk);
                                           return consumed.ok();
                                         });
    if (!walked) return walked;
    if (!consumed) return consumed;
    if (bytes != head.payload_size) return Error{"ERR swap: a record on disk names a value that is not there"};
    return {};
  }

  const std::unique_ptr<EngineSnapshot> engine_;
  const std::array<uint32_t, 256> generations_;
};

class RocksdbSwapStore final : public SwapStore {
 public:
  RocksdbSwapStore(std::unique_ptr<StoreDirectory> directory, std::unique_ptr<RocksdbEngine> engine,
                   const CleanState& state)
      : directory_(std::move(directory)),
        engine_(std::move(engine)),
        ledger_(state.next_value_id),
        housekeeper_(*engine_, ledger_) {
    for (size_t i = 0; i < databases_.size(); ++i) {
      databases_[i].generation = state.databases[i].generation;
      databases_[i].count = state.databases[i].count;
      databases_[i].expiry_count = state.databases[i].expiry_count;
    }
  }
  ~RocksdbSwapStore() override { CloseDirty(); }

  // What a Flush before the last close left behind.
  Result<void> FindPurges() {
    for (size_t i = 0; i < databases_.size(); ++i) {
      const auto database = static_cast<uint8_t>(i);
      if (GenerationOf(database) == 0) continue;
      if (auto found = housekeeper_.FindPurge(database, GenerationOf(database)); !found) return found;
    }
    return {};
  }

  Result<std::optional<StateRecord>> Load(const StateId& id) override;
  bool LoadFromMemory(const StateId& id, size_t payload_size_max, const RecordConsumer& use) override;
  Result<std::optional<StateAttributes>> LoadAttributes(const StateId& id) override;
  std::optional<StateAttributes> AttributesFromMemory(const StateId& id) override;
  Result<void> ReadChunks(const StateRecord& record, const ChunkConsumer& consume) override;
  Result<ScanPage> Scan(uint8_t database, uint64_t from_position, uint64_t to_position, size_t limit) override;
  Result<std::vector<DueState>> DueExpiries(uint8_t database, int64_t now_ms, size_t limit) override;
  uint64_t Count(uint8_t database) const override { return databases_[database].count; }
  uint64_t ExpiryCount(uint8_t database) const override { return databases_[database].expiry_count; }
  StoreStats Stats() const override;

  Result<void> Apply(std::span<const StateChange> changes) override { return Counted(TryApply(changes)); }
  uint64_t BeginValue() override;
  Result<void> AppendChunk(uint64_t value_id, std::string_view chunk) override;
  void DropValue(uint64_t value_id) override { ledger_.Drop(value_id); }
  Result<void> Flush(uint8_t database) override;
  Result<std::unique_ptr<StoreSnapshot>> TakeSnapshot() override;
  Result<bool> Maintain() override;
  Result<void> CloseClean(const Metadata& metadata) override { return Counted(TryCloseClean(metadata)); }
  void CloseDirty() override {
    if (engine_ != nullptr) static_cast<void>(engine_->Close());
    engine_.reset();
  }

 private:
  // Written by the write thread only, read by all.
  struct Database {
    std::atomic<uint32_t> generation{0};
    std::atomic<uint64_t> count{0};
    std::atomic<uint64_t> expiry_count{0};
  };

  uint32_t GenerationOf(uint8_t database) const { return databases_[database].generation; }
  Result<void> Counted(Result<void> result) {
    if (!result) ++write_failures_;
    return result;
  }

  Result<std::optional<StateRecord>> LoadHead(const StateId& id) const;
  Result<void> TryApply(std::span<const StateChange> changes);
  Result<void> TryCloseClean(const Metadata& metadata);
  CleanState StateToKeep(const Metadata& metadata) const;

  const std::unique_ptr<StoreDirectory> directory_;
  std::unique_ptr<RocksdbEngine> engine_;  // null once closed
  std::array<Database, 256> databases_;
  ValueLedger ledger_;
  Housekeeper housekeeper_;
  std::atomic<uint64_t> records_read_{0};
  std::atomic<uint64_t> records_written_{0};
  std::atomic<uint64_t> payload_bytes_read_{0};
  std::atomic<uint64_t> payload_bytes_written_{0};
  std::atomic<uint64_t> write_failures_{0};
};

// --- Reads.

Result<std::optional<StateRecord>> RocksdbSwapStore::LoadHead(const StateId& id) const {
  StateRecord record;
  Result<void> decoded;
  const auto found =
      engine_->Visit(Family::kHeads, HeadKey(GenerationOf(id.database), id), [&](std::string_view bytes) {
        const auto head = DecodeHead(bytes);
        if (!head) {
          decoded = head.error();
          return;
        }
        record.attributes = head->attributes;
        record.value_id = head->value_id;
        record.payload_size = head->payload_size;
        record.payload = head->inline_payload;
      });
  if (!found) return found.error();
  if (!decoded) return decoded.error();
  if (!*found) return std::optional<StateRecord>();
  return std::optional<StateRecord>(std::move(record));
}

Result<std::optional<StateRecord>> RocksdbSwapStore::Load(const StateId& id) {
  // Head and chunk are two lookups. When the write thread replaced the value between them, the chunk is gone and there
  // is a new head to follow; when the head still names a chunk that is not there, the record is damaged.
  uint64_t missing_value_id = 0;
  for (int retries = 0; retries < kLoadRetriesMax; ++retries) {
    auto record = LoadHead(id);
    if (!record || !record->has_value()) return record;
    StateRecord& loaded = **record;
    if (loaded.value_id != 0 && !loaded.chunked()) {
      if (loaded.value_id == missing_value_id) break;
      const auto found = engine_->Visit(Family::kChunks, ChunkKey(loaded.value_id, 0),
                                        [&](std::string_view chunk) { loaded.payload = chunk; });
      if (!found) return found.error();
      if (!*found) {
        missing_value_id = loaded.value_id;
        continue;
      }
    }
    ++records_read_;
    payload_bytes_read_ += loaded.payload.size();
    return record;
  }
  return Error{"ERR swap: a record on disk names a value that is not there"};
}

bool RocksdbSwapStore::LoadFromMemory(const StateId& id, size_t payload_size_max, const RecordConsumer& use) {
  CHECK(payload_size_max <= kChunkSize);
  StateAttributes attributes;
  uint64_t value_id = 0;
  bool used = false;
  const auto count_and_use = [&](std::string_view payload) {
    ++records_read_;
    payload_bytes_read_ += payload.size();
    used = true;
    use(attributes, payload);
  };
  engine_->VisitInMemory(Family::kHeads, HeadKey(GenerationOf(id.database), id), [&](std::string_view bytes) {
    const auto head = DecodeHead(bytes);
    if (!head || head->payload_size > payload_size_max) return;
    attributes = head->attributes;
    value_id = head->value_id;
    if (value_id == 0) count_and_use(head->inline_payload);
  });
  // When the write thread replaced the value since, its chunk is gone.
  if (value_id != 0) engine_->VisitInMemory(Family::kChunks, ChunkKey(value_id, 0), count_and_use);
  return used;
}

Result<std::optional<StateAttributes>> RocksdbSwapStore::LoadAttributes(const StateId& id) {
  std::optional<StateAttributes> attributes;
  Result<void> decoded;
  const auto found =
      engine_->Visit(Family::kHeads, HeadKey(GenerationOf(id.database), id), [&](std::string_view bytes) {
        const auto head = DecodeHead(bytes);
        if (head) {
          attributes = head->attributes;
        } else {
          decoded = head.error();
        }
      });
  if (!found) return found.error();
  if (!decoded) return decoded.error();
  return attributes;
}

std::optional<StateAttributes> RocksdbSwapStore::AttributesFromMemory(const StateId& id) {
  std::optional<StateAttributes> attributes;
  engine_->VisitInMemory(Family::kHeads, HeadKey(GenerationOf(id.database), id), [&](std::string_view bytes) {
    if (const auto head = DecodeHead(bytes); head) attributes = head->attributes;
  });
  return attributes;
}

Result<void> RocksdbSwapStore::ReadChunks(const StateRecord& record, const ChunkConsumer& consume) {
  CHECK(record.chunked());
  for (uint32_t i = 0; i < ChunkCount(record.payload_size); ++i) {
    Result<void> consumed;
    const auto found = engine_->Visit(Family::kChunks, ChunkKey(record.value_id, i), [&](std::string_view chunk) {
      payload_bytes_read_ += chunk.size();
      consumed = consume(chunk);
    });
    if (!found) return found.error();
    if (!*found) return ValueGone();
    if (!consumed) return consumed;
  }
  return {};
}

Result<ScanPage> RocksdbSwapStore::Scan(uint8_t database, uint64_t from_position, uint64_t to_position, size_t limit) {
  const uint32_t generation = GenerationOf(database);
  ScanPage page;
  Result<void> decoded;
  const auto visit = [&](std::string_view key, std::string_view value) {
    const auto parts = ParseHeadKey(key);
    const auto head = DecodeHead(value);
    if (!parts || !head) {
      decoded = head.ok() ? Error{"ERR swap: a key on disk is damaged"} : head.error();
      return false;
    }
    const uint64_t position = parts->id.position;
    if (page.states.size() >= limit && (page.states.empty() || page.states.back().position != position)) {
      page.next_position = position;
      return false;
    }
    page.states.push_back({position, std::string(parts->id.key), head->attributes, head->payload_size});
    return true;
  };
  const auto walked = engine_->Iterate(Family::kHeads, HeadKey(generation, {database, from_position, {}}),
                                       HeadKeyAfterPosition(database, generation, to_position), visit);
  if (!walked) return walked.error();
  if (!decoded) return decoded.error();
  return page;
}

Result<std::vector<DueState>> RocksdbSwapStore::DueExpiries(uint8_t database, int64_t now_ms, size_t limit) {
  std::vector<DueState> due;
  if (ExpiryCount(database) == 0 || limit == 0) return due;
  const uint32_t generation = GenerationOf(database);
  const auto visit = [&](std::string_view key, std::string_view /*value*/) {
    const auto parts = ParseExpiryKey(key);
    if (!parts || parts->expire_at_ms > now_ms) return false;
    due.push_back({database, parts->id.position, std::string(parts->id.key), parts->expire_at_ms});
    return due.size() < limit;
  };
  const auto walked = engine_->Iterate(Family::kExpiries, GenerationPrefix(database, generation),
                                       GenerationPrefix(database, generation + 1), visit);
  if (!walked) return walked.error();
  return due;
}

StoreStats RocksdbSwapStore::Stats() const {
  StoreStats stats;
  stats.records_read = records_read_;
  stats.records_written = records_written_;
  stats.payload_bytes_read = payload_bytes_read_;
  stats.payload_bytes_written = payload_bytes_written_;
  stats.write_failures = write_failures_;
  stats.disk_bytes = engine_->disk_bytes();
  stats.memory_bytes = engine_->memory_bytes();
  stats.purges_pending = housekeeper_.purges_pending();
  return stats;
}

// --- Writes.

Result<void> RocksdbSwapStore::TryApply(std::span<const StateChange> changes) {
  ChangeSet set(*engine_, ledger_, [this](uint8_t database) { return GenerationOf(database); });
  for (const StateChange& change : changes) {
    auto added = std::visit([&](const auto& one) { return set.Add(one); }, change);
    if (!added) return added;
  }
  if (auto committed = set.Commit(); !committed) return committed;
  for (const auto& [database, delta] : set.deltas()) {
    databases_[database].count += delta.count;
    databases_[database].expiry_count += delta.expiry_count;
  }
  records_written_ += set.records_written();
  payload_bytes_written_ += set.payload_bytes_written();
  // The changes are in; a failure to tidy up is for the next step to repeat.
  static_cast<void>(Maintain());
  return {};
}

uint64_t RocksdbSwapStore::BeginValue() {
  const uint64_t id = ledger_.NewId();
  ledger_.Open(id);
  return id;
}

Result<void> RocksdbSwapStore::AppendChunk(uint64_t value_id, std::string_view chunk) {
  CHECK(!chunk.empty() && chunk.size() <= kChunkSize);
  const uint64_t size = ledger_.OpenSize(value_id);
  CHECK(size % kChunkSize == 0);  // the one before was full, so this is not after the last one
  EngineBatch batch;
  engine_->Put(batch, Family::kChunks, ChunkKey(value_id, ChunkCount(size)), chunk);
  if (auto written = Counted(engine_->Write(batch)); !written) return written;
  ledger_.Append(value_id, chunk.size());
  payload_bytes_written_ += chunk.size();
  return {};
}

Result<void> RocksdbSwapStore::Flush(uint8_t database) {
  Database& flushed = databases_[database];
  if (flushed.count == 0) return {};
  flushed.generation = flushed.generation + 1;
  flushed.count = 0;
  flushed.expiry_count = 0;
  housekeeper_.AddPurge(database, flushed.generation);
  return {};
}

Result<std::unique_ptr<StoreSnapshot>> RocksdbSwapStore::TakeSnapshot() {
  std::array<uint32_t, 256> generations{};
  for (size_t i = 0; i < generations.size(); ++i) generations[i] = databases_[i].generation;
  return std::unique_ptr<StoreSnapshot>(std::make_unique<RocksdbSnapshot>(engine_->TakeSnapshot(), generations));
}

Result<bool> RocksdbSwapStore::Maintain() {
  if (auto recovered = Counted(engine_->Recover()); !recovered) return recovered.error();
  if (auto stepped = Counted(housekeeper_.Step()); !stepped) return stepped.error();
  return housekeeper_.has_work();
}

// --- Life cycle.

CleanState RocksdbSwapStore::StateToKeep(const Metadata& metadata) const {
  CleanState state;
  state.next_value_id = ledger_.next_id();
  for (size_t i = 0; i < databases_.size(); ++i) {
    state.databases[i] = {databases_[i].generation, databases_[i].count, databases_[i].expiry_count};
  }
  state.metadata = metadata;
  return state;
}

Result<void> RocksdbSwapStore::TryCloseClean(const Metadata& metadata) {
  ledger_.DropAllOpen();
  if (auto deleted = housekeeper_.DeleteAllGarbage(); !deleted) return deleted;
  if (auto flushed = engine_->Flush(); !flushed) return flushed;
  if (auto staged = directory_->StageClean(StateToKeep(metadata)); !staged) return staged;
  // From here on the engine writes nothing: everything is flushed, and compaction is stopped before the marker is set.
  auto closed = engine_->Close();
  engine_.reset();
  if (!closed) return closed;
  return directory_->CommitClean();
}

}  // namespace

Result<OpenedStore> OpenRocksdbSwapStore(const RocksdbOptions& options) {
  auto locked = StoreDirectory::Lock(options.directory);
  if (!locked) return locked.error();
  auto directory = std::make_unique<StoreDirectory>(std::move(*locked));
  auto prepared = directory->PrepareLive();
  if (!prepared) return prepared.error();
  RocksdbEngine::BeforeChanges before_changes;
  if (prepared->checkpoint_due) before_changes = [raw = directory.get()] { return raw->BeginChanges(); };
  auto engine = RocksdbEngine::Open(directory->live(), options, std::move(before_changes));
  if (!engine) return engine.error();
  if (auto marked = directory->MarkOpen(); !marked) return marked.error();
  auto store = std::make_unique<RocksdbSwapStore>(std::move(directory), std::move(*engine), prepared->state);
  if (auto found = store->FindPurges(); !found) return found.error();
  return OpenedStore{std::move(store), prepared->outcome, std::move(prepared->state.metadata)};
}

}  // namespace chestbox::swap
