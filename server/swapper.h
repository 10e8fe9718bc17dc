// Swapper: moves states between the arena and the swap store, so that memory follows use.
//
// Over the high mark of `maxmemory` the coldest states leave, in small steps, down to the low mark; a command that meets a
// swapped-out key has it loaded first and runs then; a stop leaves everything in the store, and the next start serves from it
// at once while the index fills in the background.
//
// Invariants
// - Executor thread only; the store is called by two threads of its own (one writes, one reads), which never touch the
//   keyspace: they work on copies, and on value blocks that the swapper has pinned like a client would.
// - An entry becomes "swapped out" only after the store acknowledged its record and nothing changed it meanwhile (kEntryClean).
//   A failing disk loses nothing: the state stays in memory.
// - Changes reach the store in the order in which they were made (one queue).
// - One load a key at a time; a load from before a FLUSH is dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocol/result.h"
#include "protocol/shm/pins.h"
#include "server/keyspace.h"
#include "swap/swap_store.h"

namespace chestbox {

class Host;
class StoreThread;
struct Config;

struct SwapperStats {
  uint64_t swapped_out = 0;       // states that left memory, since the start
  uint64_t swapped_in = 0;        // states that came back
  uint64_t write_errors = 0;
  uint64_t loads_in_flight = 0;
  uint64_t bytes_in_flight = 0;   // on their way to the store
  std::string last_error;
};

class Swapper final : public StoredStateListener {
 public:
  // Takes over an open store. `metadata` is what its last clean close left (empty: a fresh store).
  Swapper(Keyspace& keys, Host& host, const Config& config, EffectSink& effects, std::unique_ptr<swap::SwapStore> store);
  ~Swapper() override;

  // Before the first command: with states in the store, starts to fill the indexes.
  void Start();

  // ---- Loading ----
  // True if the command may run now. Otherwise the keys are being loaded and `done` is called once on the executor; the
  // caller asks again then. `done` gets an Error if the disk fails.
  using Done = std::function<void(const Result<void>&)>;
  bool InMemory(uint32_t database, std::string_view key) const;
  void Load(uint32_t database, std::vector<std::string> keys, Done done);
  // The names of the states of `database` in a range of positions that are not in memory, for SCAN and KEYS.
  using Names = std::function<void(Result<std::vector<std::string>>)>;
  void ListNames(uint32_t database, uint64_t from_position, uint64_t to_position, Names done);
  bool HasSwappedOut(uint32_t database) const;

  // ---- Memory ----
  // Starts as many swap-outs as memory and the disk allow. Cheap when there is nothing to do; after every batch.
  void Regulate();
  // Over `maxmemory`: commands that need memory wait (true) as long as the swapper gets on, else they fail.
  bool OverLimit() const;
  bool MakesProgress() const;
  void WaitForMemory(std::function<void()> retry) { memory_waiters_.push_back(std::move(retry)); }
  void OnConfigChanged(const Config& config);
  // Swaps one key out now, whatever memory says (DEBUG SWAPOUT; tests). `done` may be null.
  bool SwapOutNow(uint32_t database, std::string_view key);

  void Cron();  // expiry of swapped-out states, retry after disk errors

  // Writes everything and closes the store. On an Error everything is as before.
  Result<void> SaveAll();
  void CloseWithoutSaving();

  // StoredStateListener
  void OnErased(uint32_t physical, uint64_t hash, std::string_view key) override;
  void OnFlushed(uint32_t physical) override;

  SwapperStats stats() const;
  swap::StoreStats store_stats() const { return store_->Stats(); }
  bool filling() const { return fill_database_ < shm::kDatabases; }

 private:
  struct Outgoing;
  struct FillBatch;
  struct LoadedState;
  struct PendingLoad {
    std::vector<std::shared_ptr<std::function<void(const Result<void>&)>>> waiters;
  };

  uint64_t low_mark() const;
  uint64_t high_mark() const;
  bool NeedsLoad(uint32_t physical, std::string_view key, uint64_t hash) const;

  void StartSwapOuts();
  bool AddOutgoing(uint32_t physical, uint64_t hash, std::vector<Outgoing>* batch);
  void PickColdest(size_t count, std::vector<Outgoing>* batch);
  void SendOut(std::vector<Outgoing> batch);
  void FinishOut(std::vector<Outgoing>& batch, const Result<void>& outcome);
  void WakeMemoryWaiters();
  void QueueChange(swap::StateChange change, std::string key);
  void FlushChanges();

  void StartLoad(uint32_t physical, const std::string& key, uint64_t hash);
  void FinishLoad(uint32_t physical, const std::string& key, uint64_t generation, Result<LoadedState> loaded);
  void LoadNamesakes(uint32_t physical, const std::string& key, uint64_t hash, uint64_t generation);
  void CompleteLoad(uint32_t physical, const std::string& key, const Result<void>& outcome);

  void FillStep();
  void FinishFill(uint32_t physical, uint64_t generation, Result<swap::ScanPage> page);
  void MarkComplete(uint32_t physical);
  void ExpireStored(uint32_t physical);

  Keyspace& keys_;
  Host& host_;
  EffectSink& effects_;
  std::unique_ptr<swap::SwapStore> store_;
  std::unique_ptr<StoreThread> writer_;
  std::unique_ptr<StoreThread> reader_;
  uint64_t maxmemory_bytes_ = 0;
  uint64_t high_percent_ = 95;
  uint64_t low_percent_ = 90;

  shm::ClientPage own_page_{};  // pins of value blocks that the write thread is reading
  shm::PinTable own_pins_{&own_page_};
  std::vector<std::function<void()>> memory_waiters_;
  std::unordered_map<std::string, PendingLoad> loads_;  // by physical database and key
  uint64_t generation_[shm::kDatabases] = {};

  struct QueuedChange;
  std::vector<QueuedChange> changes_;

  uint32_t fill_database_ = shm::kDatabases;
  uint64_t fill_position_ = 0;
  std::unordered_set<uint64_t> erased_[shm::kDatabases];  // positions erased before the fill came by
  bool expiring_stored_ = false;
  uint32_t walks_ = 0;  // listings under way: nothing is swapped out until they are done
  bool swapping_down_ = false;
  int64_t retry_at_ms_ = 0;
  SwapperStats stats_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace chestbox
