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
#include <optional>
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

// Names of what a clean stop leaves in the store's metadata.
inline constexpr char kHashSeedMetadata[] = "hash-seed";
inline constexpr char kDatabaseMapMetadata[] = "database-map";

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
  bool failing() const { return failing_; }  // the last write failed; it is tried again
  bool filling() const { return fill_database_ < shm::kDatabases; }

 private:
  // A state on its way out: a copy of it, or its pinned value block.
  struct Outgoing {
    uint32_t physical = 0;
    uint64_t hash = 0;
    std::string key;
    swap::StateAttributes attributes;
    std::string payload;           // small values
    std::string_view pinned_value;  // larger ones, read by the write thread where they lie
    uint32_t pin = shm::kNoPinSlot;
    uint64_t value_id = 0;
    size_t bytes() const { return payload.size() + pinned_value.size(); }
  };
  using Batch = std::shared_ptr<std::vector<Outgoing>>;
  struct Change {  // for the store, in order
    enum class Kind { kErase, kFlush } kind = Kind::kErase;
    uint32_t physical = 0;
    uint64_t hash = 0;
    std::string key;
  };
  // One key's load; everybody who waits for it.
  struct Load1 {
    uint32_t physical = 0;
    std::string key;
    uint64_t hash = 0;
    uint64_t generation = 0;
    std::vector<std::function<void(const Result<void>&)>> waiters;
  };
  using LoadPtr = std::shared_ptr<Load1>;

  // ---- Memory (swapper.cc) ----
  uint64_t UsedBytes() const;
  bool AnythingToSwapOut() const;
  void StartSwapOuts();
  void PickColdest(std::vector<Outgoing>* batch);
  bool TakeOut(uint32_t physical, uint64_t hash, std::string_view key, std::vector<Outgoing>* batch);
  bool MakeOutgoing(uint32_t physical, shm::SlotRef& ref, uint64_t hash, Outgoing* out);
  void SendOut(std::vector<Outgoing> states);
  void FinishOut(const Batch& batch, const Result<void>& outcome);
  void WakeMemoryWaiters();
  void QueueChange(Change change);
  void FlushChanges();
  bool IsUnfilled(uint32_t physical, uint64_t position) const;

  // On the write thread.
  Result<void> WriteBatch(std::vector<Outgoing>& states);
  Result<void> WriteChunked(Outgoing& state);
  Result<void> WriteBacklog();

  // ---- Loading (swapper_load.cc) ----
  bool NeedsLoad(uint32_t physical, std::string_view key, uint64_t hash) const;
  void StartLoad(const LoadPtr& load);
  void FinishLoad(const LoadPtr& load, Result<std::optional<swap::StateRecord>> loaded);
  void LoadChunks(const LoadPtr& load, std::shared_ptr<swap::StateRecord> record);
  void LinkLoaded(const LoadPtr& load, const swap::StateRecord& record, std::string_view value, shm::Link value_link);
  void LoadNamesakes(const LoadPtr& load);
  void CompleteLoad(const LoadPtr& load, const Result<void>& outcome);

  void FillStep();
  void FinishFill(uint32_t physical, uint64_t generation, Result<swap::ScanPage> page);
  void MarkComplete(uint32_t physical);
  void ExpireStored();
  void EraseExpired(uint32_t physical, const swap::DueState& due);

  Keyspace& keys_;
  Host& host_;
  EffectSink& effects_;
  std::unique_ptr<swap::SwapStore> store_;
  uint64_t maxmemory_bytes_ = 0;
  uint64_t high_percent_ = 95;
  uint64_t low_percent_ = 90;

  std::unique_ptr<shm::ClientPage> own_page_;  // pins of value blocks that the write thread is reading
  shm::PinTable own_pins_;
  std::vector<std::function<void()>> memory_waiters_;
  std::unordered_set<uint64_t> outgoing_;  // hash and database of what is on its way out
  uint32_t pick_database_ = 0;
  uint64_t pick_position_ = 0;
  double overhead_ = 1.0;  // arena bytes in memory, per byte of live blocks
  bool shrinking_ = false;  // between the marks, on the way down
  bool failing_ = false;    // the last write failed
  int64_t retry_at_ms_ = 0;
  uint32_t listings_ = 0;  // listings under way: no state becomes keyless until they are done

  std::vector<Change> changes_;
  std::deque<Change> backlog_;  // write thread only: changes that a failing disk has still to take

  std::unordered_map<std::string, LoadPtr> loads_;  // by physical database and key
  uint64_t generation_[shm::kDatabases] = {};       // raised by FLUSH
  uint32_t fill_database_ = shm::kDatabases;        // the index fill: databases below are complete
  uint64_t fill_position_ = 0;                      // … and so is this one below here
  std::unordered_set<uint64_t> settled_[shm::kDatabases];  // unfilled positions known to hold nothing in the store
  bool fill_stalled_ = false;  // memory or the disk failed; the cron goes on
  bool expiring_ = false;
  uint32_t expire_database_ = 0;
  int64_t expire_at_ms_ = 0;
  SwapperStats stats_;

  // Last, so that the threads end before anything they use. Loads have a thread of their own, for they are what clients
  // wait for; listings and the index fill take longer.
  std::unique_ptr<StoreThread> writer_;
  std::unique_ptr<StoreThread> reader_;
  std::unique_ptr<StoreThread> lister_;
};

}  // namespace chestbox
