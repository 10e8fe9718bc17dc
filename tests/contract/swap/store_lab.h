// What the contract suite runs on: a place where a store of one kind lives, is closed, crashes and is opened again.
#pragma once

#include "swap/memory_store.h"
#include "swap/rocksdb_store.h"
#include "swap/swap_store.h"

// After our headers: both define CHECK.
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chestbox::swap {

// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "chestbox-swap-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class MemoryLab {
 public:
  MemoryLab() { Open(); }
  SwapStore& store() { return *store_; }
  const Metadata& metadata() const { return metadata_; }
  void CloseCleanAndOpen(const Metadata& metadata) {
    REQUIRE(store_->CloseClean(metadata).ok());
    Open();
  }
  void CrashAndOpen() {
    store_->CloseDirty();
    Open();
  }

 private:
  void Open() { store_ = NewMemorySwapStore(disk_, &metadata_); }
  std::shared_ptr<MemoryDisk> disk_ = NewMemoryDisk();
  std::unique_ptr<SwapStore> store_;
  Metadata metadata_;
};

class RocksdbLab {
 public:
  RocksdbLab() { Open(); }
  SwapStore& store() { return *store_; }
  const Metadata& metadata() const { return metadata_; }
  OpenOutcome outcome() const { return outcome_; }
  std::filesystem::path directory() const { return root_.path() / "store"; }

  void CloseClean(const Metadata& metadata) {
    REQUIRE(store_->CloseClean(metadata).ok());
    store_.reset();
  }
  void CloseDirty() { store_.reset(); }
  void Open() {
    store_.reset();
    auto opened = OpenRocksdbSwapStore({.directory = directory().string()});
    if (!opened) FAIL(opened.error().message);
    store_ = std::move(opened->store);
    metadata_ = std::move(opened->metadata);
    outcome_ = opened->outcome;
  }
  void CloseCleanAndOpen(const Metadata& metadata) {
    CloseClean(metadata);
    Open();
  }
  void CrashAndOpen() {
    CloseDirty();
    Open();
  }

 private:
  TemporaryDirectory root_;
  std::unique_ptr<SwapStore> store_;
  Metadata metadata_;
  OpenOutcome outcome_ = OpenOutcome::kFresh;
};

// --- Shorthand.

inline StateId Id(std::string_view key, uint64_t position = 1, uint8_t database = 0) {
  return {database, position, key};
}

inline PutState Put(const StateId& id, std::string_view payload, int64_t expire_at_ms = kNoExpiry) {
  PutState put;
  put.id = id;
  put.attributes.expire_at_ms = expire_at_ms;
  put.payload = payload;
  return put;
}

inline Result<void> TryApply(SwapStore& store, std::vector<StateChange> changes) { return store.Apply(changes); }

inline void Apply(SwapStore& store, std::vector<StateChange> changes) {
  const auto applied = store.Apply(changes);
  if (!applied) FAIL(applied.error().message);
}

inline std::optional<StateRecord> Load(SwapStore& store, const StateId& id) {
  auto record = store.Load(id);
  if (!record) FAIL(record.error().message);
  return std::move(*record);
}

// The payload of a state, however it is stored; "(none)" when there is no such state.
inline std::string Payload(SwapStore& store, const StateId& id) {
  auto record = Load(store, id);
  if (!record.has_value()) return "(none)";
  if (!record->chunked()) return record->payload;
  std::string payload;
  const auto read = store.ReadChunks(*record, [&](std::string_view chunk) -> Result<void> {
    payload += chunk;
    return {};
  });
  if (!read) FAIL(read.error().message);
  return payload;
}

// `size` bytes that differ with `seed` and from chunk to chunk.
inline std::string Bytes(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  uint32_t state = seed * 2654435761U + 1;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

// Writes `payload` under a new value id, which is not yet committed.
inline uint64_t WriteValue(SwapStore& store, std::string_view payload) {
  const uint64_t id = store.BeginValue();
  for (size_t at = 0; at < payload.size(); at += kChunkSize) {
    const auto appended = store.AppendChunk(id, payload.substr(at, kChunkSize));
    if (!appended) FAIL(appended.error().message);
  }
  return id;
}

inline PutState PutValue(const StateId& id, uint64_t value_id) {
  PutState put;
  put.id = id;
  put.value_id = value_id;
  return put;
}

inline void MaintainToTheEnd(SwapStore& store) {
  for (int steps = 0; steps < 100000; ++steps) {
    const auto more = store.Maintain();
    if (!more) FAIL(more.error().message);
    if (!*more) return;
  }
  FAIL("housekeeping does not come to an end");
}

}  // namespace chestbox::swap
