#include "swap/memory_store.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace chestbox::swap {
namespace {

// Shared by the copies of a state, so that a close copies names but not values.
using Chunks = std::vector<std::shared_ptr<const std::string>>;

struct Head {
  StateAttributes attributes;
  uint64_t payload_size = 0;
  uint64_t value_id = 0;
  std::string inline_payload;
};

using Name = std::pair<uint64_t, std::string>;

struct Value {
  Chunks chunks;
  uint64_t size = 0;
  bool committed = false;
};

struct Contents {
  std::map<uint8_t, std::map<Name, Head>> databases;
  std::map<uint64_t, Value> values;
  uint64_t next_value_id = 1;
};

Name NameOf(const StateId& id) { return {id.position, std::string(id.key)}; }

Error DiskFull() { return Error{"ERR swap: No space left on device (injected)"}; }
Error ReadFailed() { return Error{"ERR swap: Input/output error (injected)"}; }

}  // namespace

class MemoryDisk {
 public:
  Contents contents;
  Metadata metadata;
};

namespace {

// A copy of all names; values are shared.
class MemorySnapshot final : public StoreSnapshot {
 public:
  MemorySnapshot(Contents contents, MemoryFaults* faults) : contents_(std::move(contents)), faults_(faults) {}

  Result<void> Visit(uint8_t database, uint64_t from_position, uint64_t to_position, const Visitor& visit) override {
    if (faults_ != nullptr && faults_->reads_fail) return ReadFailed();
    const auto found = contents_.databases.find(database);
    if (found == contents_.databases.end()) return {};
    const auto& states = found->second;
    for (auto at = states.lower_bound({from_position, ""}); at != states.end() && at->first.first <= to_position;
         ++at) {
      const Head& head = at->second;
      const StateName name{at->first.first, at->first.second, head.attributes, head.payload_size};
      const auto read = [&](const auto& consume) -> Result<void> {
        if (head.value_id == 0) return consume(head.inline_payload);
        for (const auto& chunk : contents_.values.at(head.value_id).chunks) {
          if (auto consumed = consume(*chunk); !consumed) return consumed;
        }
        return {};
      };
      if (auto visited = visit(name, read); !visited) return visited;
    }
    return {};
  }

 private:
  const Contents contents_;
  MemoryFaults* const faults_;
};

class MemorySwapStore final : public SwapStore {
 public:
  MemorySwapStore(std::shared_ptr<MemoryDisk> disk, MemoryFaults* faults)
      : disk_(std::move(disk)), faults_(faults), contents_(disk_->contents) {
    for (const auto& [database, states] : contents_.databases) {
      for (const auto& [name, head] : states) Recount(database, &head.attributes, 1);
    }
  }

  Result<std::optional<StateRecord>> Load(const StateId& id) override {
    std::shared_lock lock(mutex_);
    if (ReadsFail()) return ReadFailed();
    const Head* head = Find(id);
    if (head == nullptr) return std::optional<StateRecord>();
    StateRecord record{head->attributes, head->payload_size, head->value_id, head->inline_payload};
    if (record.value_id != 0 && !record.chunked()) record.payload = *contents_.values.at(record.value_id).chunks[0];
    ++records_read_;
    payload_bytes_read_ += record.payload.size();
    return std::optional<StateRecord>(std::move(record));
  }

  bool LoadFromMemory(const StateId& id, size_t payload_size_max, const RecordConsumer& use) override {
    if (faults_ != nullptr && faults_->on_disk) return false;
    const auto loaded = Load(id);
    if (!loaded || !loaded->has_value() || (*loaded)->payload_size > payload_size_max) return false;
    use((*loaded)->attributes, (*loaded)->payload);
    return true;
  }

  Result<std::optional<StateAttributes>> LoadAttributes(const StateId& id) override {
    std::shared_lock lock(mutex_);
    if (ReadsFail()) return ReadFailed();
    const Head* head = Find(id);
    return head == nullptr ? std::nullopt : std::optional(head->attributes);
  }

  std::optional<StateAttributes> AttributesFromMemory(const StateId& id) override {
    if (faults_ != nullptr && faults_->on_disk) return std::nullopt;
    const auto attributes = LoadAttributes(id);
    return attributes ? *attributes : std::nullopt;
  }

  Result<void> ReadChunks(const StateRecord& record, const ChunkConsumer& consume) override {
    CHECK(record.chunked());
    const size_t count = (record.payload_size + kChunkSize - 1) / kChunkSize;
    for (size_t i = 0; i < count; ++i) {
      const auto chunk = ChunkAt(record.value_id, i);
      if (!chunk) return chunk.error();
      payload_bytes_read_ += (*chunk)->size();
      if (auto consumed = consume(**chunk); !consumed) return consumed;
    }
    return {};
  }

  Result<ScanPage> Scan(uint8_t database, uint64_t from_position, uint64_t to_position, size_t limit) override {
    std::shared_lock lock(mutex_);
    if (ReadsFail()) return ReadFailed();
    ScanPage page;
    const auto found = contents_.databases.find(database);
    if (found == contents_.databases.end()) return page;
    const auto& states = found->second;
    for (auto at = states.lower_bound({from_position, ""}); at != states.end(); ++at) {
      const auto& [position, key] = at->first;
      if (position > to_position) break;
      if (page.states.size() >= limit && (page.states.empty() || page.states.back().position != position)) {
        page.next_position = position;
        break;
      }
      page.states.push_back({position, key, at->second.attributes, at->second.payload_size});
    }
    return page;
  }

  Result<std::vector<DueState>> DueExpiries(uint8_t database, int64_t now_ms, size_t limit) override {
    std::shared_lock lock(mutex_);
    if (ReadsFail()) return ReadFailed();
    std::vector<DueState> due;
    const auto found = contents_.databases.find(database);
    if (found == contents_.databases.end()) return due;
    for (const auto& [name, head] : found->second) {
      const int64_t expire_at_ms = head.attributes.expire_at_ms;
      if (expire_at_ms == kNoExpiry || expire_at_ms > now_ms) continue;
      due.push_back({database, name.first, name.second, expire_at_ms});
    }
    std::stable_sort(due.begin(), due.end(),
                     [](const DueState& a, const DueState& b) { return a.expire_at_ms < b.expire_at_ms; });
    if (due.size() > limit) due.resize(limit);
    return due;
  }

  uint64_t Count(uint8_t database) const override { return counts_[database]; }
  uint64_t ExpiryCount(uint8_t database) const override { return expiry_counts_[database]; }

  StoreStats Stats() const override {
    StoreStats stats;
    stats.records_read = records_read_;
    stats.records_written = records_written_;
    stats.payload_bytes_read = payload_bytes_read_;
    stats.payload_bytes_written = payload_bytes_written_;
    stats.write_failures = write_failures_;
    return stats;
  }

  Result<void> Apply(std::span<const StateChange> changes) override {
    std::unique_lock lock(mutex_);
    if (auto writable = Writable(); !writable) return writable;
    for (const StateChange& change : changes) std::visit([this](const auto& one) { ApplyOne(one); }, change);
    return {};
  }

  uint64_t BeginValue() override {
    std::unique_lock lock(mutex_);
    contents_.values[contents_.next_value_id];
    return contents_.next_value_id++;
  }

  Result<void> AppendChunk(uint64_t value_id, std::string_view chunk) override {
    std::unique_lock lock(mutex_);
    if (auto writable = Writable(); !writable) return writable;
    CHECK(!chunk.empty() && chunk.size() <= kChunkSize);
    Value& value = contents_.values.at(value_id);
    CHECK(!value.committed && value.size % kChunkSize == 0);
    value.chunks.push_back(std::make_shared<const std::string>(chunk));
    value.size += chunk.size();
    payload_bytes_written_ += chunk.size();
    return {};
  }

  void DropValue(uint64_t value_id) override {
    std::unique_lock lock(mutex_);
    CHECK(!contents_.values.at(value_id).committed);
    contents_.values.erase(value_id);
  }

  Result<void> Flush(uint8_t database) override {
    std::unique_lock lock(mutex_);
    if (auto writable = Writable(); !writable) return writable;
    for (const auto& [name, head] : contents_.databases[database]) contents_.values.erase(head.value_id);
    contents_.databases.erase(database);
    counts_[database] = 0;
    expiry_counts_[database] = 0;
    return {};
  }

  Result<std::unique_ptr<StoreSnapshot>> TakeSnapshot() override {
    std::shared_lock lock(mutex_);
    return std::unique_ptr<StoreSnapshot>(std::make_unique<MemorySnapshot>(contents_, faults_));
  }

  Result<bool> Maintain() override {
    std::unique_lock lock(mutex_);
    if (auto writable = Writable(); !writable) return writable.error();
    return false;
  }

  Result<void> CloseClean(const Metadata& metadata) override {
    std::unique_lock lock(mutex_);
    if (auto writable = Writable(); !writable) return writable;
    std::erase_if(contents_.values, [](const auto& value) { return !value.second.committed; });
    disk_->contents = contents_;
    disk_->metadata = metadata;
    return {};
  }

  void CloseDirty() override {}

 private:
  bool ReadsFail() const { return faults_ != nullptr && faults_->reads_fail; }

  Result<void> Writable() {
    if (faults_ == nullptr || !faults_->disk_full) return {};
    ++write_failures_;
    return DiskFull();
  }

  const Head* Find(const StateId& id) const {
    const auto database = contents_.databases.find(id.database);
    if (database == contents_.databases.end()) return nullptr;
    const auto state = database->second.find(NameOf(id));
    return state == database->second.end() ? nullptr : &state->second;
  }

  Result<std::shared_ptr<const std::string>> ChunkAt(uint64_t value_id, size_t index) {
    std::shared_lock lock(mutex_);
    if (ReadsFail()) return ReadFailed();
    const auto value = contents_.values.find(value_id);
    if (value == contents_.values.end()) return ValueGone();
    return value->second.chunks.at(index);
  }

  void Recount(uint8_t database, const StateAttributes* attributes, int64_t by) {
    counts_[database] += static_cast<uint64_t>(by);
    if (attributes->expire_at_ms != kNoExpiry) expiry_counts_[database] += static_cast<uint64_t>(by);
  }

  void Remove(const StateId& id, uint64_t value_id_kept) {
    auto& states = contents_.databases[id.database];
    const auto state = states.find(NameOf(id));
    if (state == states.end()) return;
    const Head& head = state->second;
    if (head.value_id != 0 && head.value_id != value_id_kept) contents_.values.erase(head.value_id);
    Recount(id.database, &head.attributes, -1);
    states.erase(state);
  }

  void ApplyOne(const PutState& put) {
    Head head;
    head.attributes = put.attributes;
    if (put.value_id != 0) {
      Value& value = contents_.values.at(put.value_id);
      if (value.committed) {
        const Head* before = Find(put.id);
        CHECK(before != nullptr && before->value_id == put.value_id);
      }
      CHECK(value.size > 0);
      value.committed = true;
      head.payload_size = value.size;
      head.value_id = put.value_id;
    } else {
      CHECK(put.payload.size() <= kChunkSize);
      head.payload_size = put.payload.size();
      payload_bytes_written_ += put.payload.size();
      if (put.payload.size() <= kInlinePayloadSizeMax) {
        head.inline_payload = put.payload;
      } else {
        head.value_id = contents_.next_value_id++;
        contents_.values[head.value_id] = {
            {std::make_shared<const std::string>(put.payload)}, put.payload.size(), true};
      }
    }
    Remove(put.id, put.value_id);
    Recount(put.id.database, &head.attributes, 1);
    contents_.databases[put.id.database].emplace(NameOf(put.id), std::move(head));
    ++records_written_;
  }

  void ApplyOne(const EraseState& erase) { Remove(erase.id, 0); }

  void ApplyOne(const MoveState& move) {
    const Head* from = Find(move.from);
    if (from == nullptr) return;
    Head head = *from;
    Remove(move.from, head.value_id);
    Remove(move.to, 0);
    Recount(move.to.database, &head.attributes, 1);
    contents_.databases[move.to.database].emplace(NameOf(move.to), std::move(head));
  }

  mutable std::shared_mutex mutex_;
  const std::shared_ptr<MemoryDisk> disk_;
  MemoryFaults* const faults_;
  Contents contents_;
  std::array<std::atomic<uint64_t>, 256> counts_{};
  std::array<std::atomic<uint64_t>, 256> expiry_counts_{};
  std::atomic<uint64_t> records_read_{0};
  std::atomic<uint64_t> records_written_{0};
  std::atomic<uint64_t> payload_bytes_read_{0};
  std::atomic<uint64_t> payload_bytes_written_{0};
  std::atomic<uint64_t> write_failures_{0};
};

}  // namespace

std::shared_ptr<MemoryDisk> NewMemoryDisk() { return std::make_shared<MemoryDisk>(); }

std::unique_ptr<SwapStore> NewMemorySwapStore(std::shared_ptr<MemoryDisk> disk, Metadata* metadata,
                                              MemoryFaults* faults) {
  if (disk == nullptr) disk = NewMemoryDisk();
  if (metadata != nullptr) *metadata = disk->metadata;
  return std::make_unique<MemorySwapStore>(std::move(disk), faults);
}

}  // namespace chestbox::swap
