// A SwapStore that does what another one does, when the test lets it: each kind of call passes a gate, before (writes,
// loads) or after (listings, due expiries) the work, so that a test can act while the call is under way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "protocol/check.h"
#include "swap/swap_store.h"

namespace chestbox::testing {

class Gate {
 public:
  void Close() { Set(false); }
  void Open() { Set(true); }
  // Called by the store's threads.
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
  }
  // Until a call stands before the closed gate.
  void AwaitCaller() {
    std::unique_lock lock(mutex_);
    CHECK(changed_.wait_for(lock, std::chrono::seconds(30), [this] { return waiting_ > 0; }));
  }

 private:
  void Set(bool open) {
    {
      std::lock_guard lock(mutex_);
      open_ = open;
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
};

struct Gates {
  Gate write, load, scan, due;
  void OpenAll() {
    for (Gate* gate : {&write, &load, &scan, &due}) gate->Open();
  }
};

class GatedStore final : public swap::SwapStore {
 public:
  GatedStore(std::unique_ptr<swap::SwapStore> store, Gates& gates) : store_(std::move(store)), gates_(gates) {}

  Result<std::optional<swap::StateRecord>> Load(const swap::StateId& id) override {
    auto loaded = store_->Load(id);
    gates_.load.Pass();
    return loaded;
  }
  bool LoadFromMemory(const swap::StateId& id, size_t payload_size_max, const RecordConsumer& use) override {
    return store_->LoadFromMemory(id, payload_size_max, use);
  }
  Result<std::optional<swap::StateAttributes>> LoadAttributes(const swap::StateId& id) override {
    auto attributes = store_->LoadAttributes(id);
    gates_.load.Pass();
    return attributes;
  }
  std::optional<swap::StateAttributes> AttributesFromMemory(const swap::StateId& id) override {
    return store_->AttributesFromMemory(id);
  }
  Result<void> ReadChunks(const swap::StateRecord& record, const ChunkConsumer& consume) override {
    gates_.load.Pass();
    return store_->ReadChunks(record, consume);
  }
  Result<swap::ScanPage> Scan(uint8_t database, uint64_t from, uint64_t to, size_t limit) override {
    auto page = store_->Scan(database, from, to, limit);
    gates_.scan.Pass();
    return page;
  }
  Result<std::vector<swap::DueState>> DueExpiries(uint8_t database, int64_t now_ms, size_t limit) override {
    auto due = store_->DueExpiries(database, now_ms, limit);
    gates_.due.Pass();
    return due;
  }
  uint64_t Count(uint8_t database) const override { return store_->Count(database); }
  uint64_t ExpiryCount(uint8_t database) const override { return store_->ExpiryCount(database); }
  swap::StoreStats Stats() const override { return store_->Stats(); }
  Result<void> Apply(std::span<const swap::StateChange> changes) override {
    gates_.write.Pass();
    return store_->Apply(changes);
  }
  uint64_t BeginValue() override { return store_->BeginValue(); }
  Result<void> AppendChunk(uint64_t value_id, std::string_view chunk) override {
    gates_.write.Pass();
    return store_->AppendChunk(value_id, chunk);
  }
  void DropValue(uint64_t value_id) override { store_->DropValue(value_id); }
  Result<void> Flush(uint8_t database) override {
    gates_.write.Pass();
    return store_->Flush(database);
  }
  Result<std::unique_ptr<swap::StoreSnapshot>> TakeSnapshot() override { return store_->TakeSnapshot(); }
  Result<bool> Maintain() override { return store_->Maintain(); }
  Result<void> CloseClean(const swap::Metadata& metadata) override { return store_->CloseClean(metadata); }
  void CloseDirty() override { store_->CloseDirty(); }

 private:
  std::unique_ptr<swap::SwapStore> store_;
  Gates& gates_;
};

}  // namespace chestbox::testing
