// Swapper: moves states between the arena and the swap store, so that memory follows use.
//
// Over the high mark of `maxmemory` the coldest states leave, in small steps, down to the low mark; a command that
// meets a swapped-out key has it loaded first and runs then; a stop leaves everything in the store, and the next start
// serves from it at once while the index fills in the background.
//
// Invariants
// - Executor thread only; the store is called by threads of our own (one writes, the others read), which never touch
// the
//   keyspace: they work on copies, and on value blocks that the swapper has pinned like a client would.
// - An entry becomes "swapped out" only after the store acknowledged its record and nothing changed it meanwhile
// (kEntryClean).
//   A failing disk loses nothing: the state stays in memory.
// - Changes reach the store in the order in which they were made (one queue). What is queued to be erased counts as
// erased.
// - One load a key at a time; a load from before a FLUSH is dropped. States that a waiting command needs stay in memory
//   until it has run, whatever memory says: it could wait for ever otherwise.
// - Keys are told apart by their bytes everywhere: keys of one hash are rare, and as good as others.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocol/result.h"
#include "protocol/shm/pins.h"
#include "server/command.h"
#include "server/keyspace.h"
#include "swap/swap_store.h"

namespace chestbox {

class Host;
class StateBuild;
class StateEncoding;
class StoreThread;
struct Config;

// Names of what a clean stop leaves in the store's metadata.
inline constexpr char kHashSeedMetadata[] = "hash-seed";
inline constexpr char kDatabaseMapMetadata[] = "database-map";
inline constexpr char kFunctionsMetadata[] = "functions";

struct SwapperStats {
  uint64_t swapped_out = 0;  // states that left memory, since the start
  uint64_t swapped_in = 0;   // states that came back
  uint64_t write_errors = 0;
  uint64_t loads_in_flight = 0;
  uint64_t bytes_in_flight = 0;   // on their way to the store
  uint64_t erases_in_flight = 0;  // states whose record the store has still to remove
  std::string last_error;
};

class Swapper final : public StoredStateListener {
 public:
  // Takes over an open store, which holds what its last clean close left.
  Swapper(Keyspace& keys, Host& host, const Config& config, EffectSink& effects,
          std::unique_ptr<swap::SwapStore> store);
  ~Swapper() override;

  // Before the first command: with states in the store, starts to fill the indexes.
  void Start();

  // ---- Loading ----
  struct StateKey {
    uint32_t database;  // logical
    std::string key;
  };
  bool InMemory(uint32_t database, std::string_view key) const;
  // Loads those of a command's keys that are not in memory, keeps all of them there, and calls `done` once on the
  // executor, never before this returns; the command runs inside of it. An Error: the disk or memory failed.
  //
  // LoadAtOnce does it without waiting where that is possible: where the records are in the memory of the store or of
  // the kernel, small and few. True: all of `keys` are in memory now. For keys that are not; it lets no other state
  // leave.
  bool LoadAtOnce(const std::vector<StateKey>& keys);
  using Done = std::function<void(const Result<void>&)>;
  void Load(std::vector<StateKey> keys, Done done);
  // For scripts, whose keys are known only when they ask for them: waits for the disk, all other clients with it.
  Result<void> LoadNow(uint32_t database, std::string_view key);
  Result<std::vector<WalkedName>> ListNamesNow(uint32_t database, uint64_t from_position, uint64_t to_position);
  // Keeps states in memory beyond a Load's `done`, until Release with what this returned.
  std::vector<std::string> Hold(const std::vector<StateKey>& keys);
  void Release(const std::vector<std::string>& held);
  // The names of the states of `database` in a range of positions that are not in memory, for SCAN and KEYS. Names of
  // others may be among them.
  using Names = std::function<void(Result<std::vector<WalkedName>>)>;
  void ListNames(uint32_t database, uint64_t from_position, uint64_t to_position, Names done);
  bool HasSwappedOut(uint32_t database) const {
    const shm::IndexWriter& index = keys_.index(keys_.Physical(database));
    return index.swapped_out() != 0 || index.header().complete.load(std::memory_order_relaxed) == 0;
  }
  // ---- Looking at states that are not in memory, without bringing them in (swapper_look.cc) ----
  struct Head {
    ValueType type = ValueType::kString;
    int64_t expire_at_ms = kNoExpiry;
    bool exists = true;  // false: the command that runs has deleted it
  };
  // LookAtOnce does it without waiting where that is possible. Look calls `done` once on the executor, never before
  // this returns; an Error: the disk failed. What was found is known until ForgetHeads, or within `done`; it is nothing
  // where the store has no record, or the state was changed meanwhile: then the key has to be loaded.
  bool LookAtOnce(const std::vector<StateKey>& keys);
  void Look(const std::vector<StateKey>& keys, Done done);
  void ForgetHeads() {
    if (!heads_.empty()) heads_.clear();
  }
  // What is known of a state that is not in memory; null: nothing.
  Head* KnownHead(uint32_t database, std::string_view key);
  bool KnowsAll(const std::vector<StateKey>& keys);
  // Deletes a state of which a head is known; with `expired`, as one that has expired.
  void EraseOut(uint32_t database, std::string_view key, bool expired);

  // ---- Memory ----
  // After every batch of a client's commands: what LoadAtOnce may do for the next one.
  void EndBatch() { loads_at_once_ = 0; }
  // Starts as many swap-outs as memory and the disk allow. Cheap when there is nothing to do; whenever replies have
  // left, so that who waits for one does not wait for this as well.
  void Regulate();
  // While EXEC runs nothing leaves memory: its later commands count on their keys.
  void set_standing_still(bool still) { standing_still_ = still; }
  // Over `maxmemory`: commands that need memory wait as long as the swapper gets on, else they fail.
  bool OverLimit() const;
  bool MakesProgress() const;
  // `retry` is called in its turn, once there is memory or no hope of any.
  void WaitForMemory(std::function<void()> retry) { memory_waiters_.push_back(std::move(retry)); }
  void OnConfigChanged(const Config& config);
  // Swaps one key out now, whatever memory says (DEBUG SWAPOUT; tests). False: it can't leave now.
  bool SwapOutNow(uint32_t database, std::string_view key);

  // Retries after disk errors; with `expire`, removes swapped-out states that have expired.
  void Cron(bool expire);

  // A picture of the store that holds what is queued for it now and nothing later, made by the write thread. For a
  // thread that may wait. Gone before the store closes.
  using StorePicture = std::shared_future<Result<std::shared_ptr<swap::StoreSnapshot>>>;
  StorePicture TakeSnapshot();

  // Writes everything and closes the store. On an Error everything is as before. `more`: metadata beside the swapper's
  // own.
  Result<void> SaveAll(swap::Metadata more = {});
  void CloseWithoutSaving();

  // StoredStateListener
  void OnErased(uint32_t physical, uint64_t hash, std::string_view key) override;
  void OnFlushed(uint32_t physical) override;
  std::optional<bool> IsOut(uint32_t physical, std::string_view key) const override;

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
    std::string payload;                      // small strings, and collections
    std::shared_ptr<StateEncoding> encoding;  // of a large collection: becomes the payload
    uint64_t bytes_estimated = 0;             // … while it is being encoded
    std::string_view pinned_value;            // larger strings, read by the write thread where they lie
    uint32_t pin = shm::kNoPinSlot;
    uint64_t value_id = 0;
    size_t bytes() const;
  };
  using Batch = std::shared_ptr<std::vector<Outgoing>>;
  struct Change {  // for the store, in order
    enum class Kind { kErase, kFlush } kind = Kind::kErase;
    uint32_t physical = 0;
    uint64_t hash = 0;
    std::string key;
  };
  // One key's load; everybody who waits for it.
  struct KeyLoad {
    uint32_t physical = 0;
    std::string key;
    uint64_t hash = 0;
    uint64_t generation = 0;
    std::vector<std::function<void(const Result<void>&)>> waiters;
  };
  using LoadPtr = std::shared_ptr<KeyLoad>;
  using RecordPtr = std::shared_ptr<swap::StateRecord>;
  // A listing under way, with what left memory meanwhile: the store may have been read before that was there.
  struct Listing {
    uint32_t physical = 0;
    uint64_t from_position = 0;
    uint64_t to_position = 0;
    struct Name {
      std::string key;
      ValueType type;
      int64_t expire_at_ms;
    };
    std::vector<Name> names;
  };
  using ListingPtr = std::shared_ptr<Listing>;
  // A look under way.
  struct HeadLook {
    std::vector<std::string> names;
    bool stale = false;  // one of them was deleted, or left memory again, meanwhile
  };
  using LookPtr = std::shared_ptr<HeadLook>;

  // A large collection on its way in.
  struct Building {
    LoadPtr load;
    RecordPtr record;
    std::shared_ptr<StateBuild> build;
  };

  static constexpr size_t kLoadedMax = 4096;  // loads remembered for the time when the disk fails
  static constexpr int64_t kRetryMs = 1000;   // after a disk error
  // What LoadAtOnce and LookAtOnce do during one turn of the executor, other clients waiting: 16 loads of 64 KiB take
  // about 1 ms.
  static constexpr size_t kLoadsAtOnceMax = 16;

  // Runs `work` on a thread of ours; nothing once the store is closed.
  void Ask(StoreThread& thread, std::function<void()> work);

  // ---- Memory (swapper.cc) ----
  uint64_t UsedBytes() const;
  uint64_t StatesInMemory() const;
  bool IsExhausted() const;
  void Shrink();
  void ShedLoaded(uint64_t to_bytes);
  void StartSwapOuts();
  bool PickColdest(std::vector<Outgoing>* batch);
  bool MayLeave(uint32_t physical, uint64_t hash, std::string_view key) const;
  bool TakeOut(uint32_t physical, uint64_t hash, std::string_view key, std::vector<Outgoing>* batch);
  bool MakeOutgoing(uint32_t physical, shm::SlotRef& ref, uint64_t hash, Outgoing* out);
  void Leave(uint32_t physical, const shm::SlotRef& ref, uint64_t hash, std::string_view key);
  void SendOut(std::vector<Outgoing> states);
  void FinishOut(const Batch& batch, const Result<void>& outcome);
  void OnWriteFailed(const Error& error);
  void WakeMemoryWaiters();
  void PostWake();
  void PostRegulate();
  bool IsUnfilled(uint32_t physical, uint64_t position) const;

  // ---- Large collections, in steps (swapper_large.cc) ----
  void StartEncoding(Outgoing out);
  void EncodeStep();
  bool IsUnchanged(const Outgoing& out) const;
  void StreamCollection(const LoadPtr& load, const RecordPtr& record);
  void DecodeApart(const LoadPtr& load, const RecordPtr& record);
  void TapeThere(const LoadPtr& load, const RecordPtr& record, std::string payload);
  void BuildStep();
  void PostEncodeStep();
  void PostBuildStep();

  // ---- Writing (swapper_store.cc) ----
  void QueueErase(uint32_t physical, uint64_t hash, std::string_view key);
  void FlushChanges();
  void RetryBacklog();
  void FinishErases(const std::vector<std::string>& names);
  Result<void> SaveStates();
  // On the write thread.
  Result<void> WriteBatch(std::vector<Outgoing>& states);
  Result<void> WriteChunked(Outgoing& state);
  Result<void> WriteBacklog();
  Result<void> WriteErases(std::vector<std::string>* names);

  // ---- Loading (swapper_load.cc) ----
  bool NeedsLoad(uint32_t physical, std::string_view key, uint64_t hash) const;
  bool WaitsForNoThread() const;
  bool LoadOneAtOnce(const StateKey& item);
  Result<void> LoadRecordNow(const LoadPtr& load);
  Result<std::vector<Listing::Name>> ScanNames(uint32_t physical, uint64_t from_position, uint64_t to_position);
  std::vector<WalkedName> LivingNames(std::vector<Listing::Name> names) const;
  void StartLoad(const LoadPtr& load);
  void FinishLoad(const LoadPtr& load, Result<std::optional<swap::StateRecord>> loaded);
  void LoadChunks(const LoadPtr& load, const RecordPtr& record);
  void StreamChunks(const LoadPtr& load, const RecordPtr& record);
  void StreamString(const LoadPtr& load, const RecordPtr& record);
  void EndStream(const LoadPtr& load, const RecordPtr& record, const Result<void>& outcome,
                 const std::function<void()>& use);
  void DecodeLoaded(const LoadPtr& load, const swap::StateAttributes& attributes, std::string_view payload);
  void LinkLoaded(const LoadPtr& load, const swap::StateAttributes& attributes, const DetachedValue& value);
  void LoadNamesakes(const LoadPtr& load);
  void FinishNamesakes(const LoadPtr& load, const Result<swap::ScanPage>& page);
  void CompleteLoad(const LoadPtr& load, const Result<void>& outcome);
  void FinishListing(uint32_t database, const ListingPtr& listing, const Result<void>& outcome, const Names& done);

  // ---- Looking (swapper_look.cc) ----
  bool MayLook(uint32_t physical, const StateKey& item) const;
  void KeepHead(const std::string& name, const swap::StateAttributes& attributes);
  void FinishLook(const LookPtr& look, const std::vector<std::optional<swap::StateAttributes>>& found,
                  const Result<void>& outcome, const Done& done);
  void SpoilLooks(uint32_t physical, std::string_view key);

  // ---- After a start, and expiry (swapper_fill.cc) ----
  void FillStep();
  void FinishFill(uint32_t physical, uint64_t generation, Result<swap::ScanPage> page);
  void MarkComplete(uint32_t physical);
  void ExpireStored(uint32_t databases_left);
  void FinishExpiries(uint32_t physical, bool usable, const std::vector<swap::DueState>& due, uint32_t databases_left);
  bool EraseExpired(uint32_t physical, const swap::DueState& due);

  Keyspace& keys_;
  Host& host_;
  const Config& config_;  // live
  EffectSink& effects_;
  std::unique_ptr<swap::SwapStore> store_;
  bool closed_ = false;  // the store is
  uint64_t maxmemory_bytes_ = 0;
  uint64_t high_percent_ = 95;
  uint64_t low_percent_ = 90;

  std::unique_ptr<shm::ClientPage> own_page_;  // pins of value blocks that the write thread is reading
  shm::PinTable own_pins_;
  std::deque<std::function<void()>> memory_waiters_;
  bool standing_still_ = false;
  bool wake_posted_ = false;
  bool regulate_posted_ = false;
  // Keys, here and below, are named by physical database and key in one string (StateName).
  std::unordered_set<std::string> outgoing_;
  std::unordered_map<std::string, uint32_t> held_;     // by waiting commands, and how many
  std::unordered_map<std::string, uint32_t> erasing_;  // erases that the store has still to take, and how many
  uint32_t pick_database_ = 0;
  uint64_t pick_position_ = 0;
  bool picked_in_round_ = false;
  bool exhausted_ = false;            // a whole round found nothing that could leave …
  uint64_t exhausted_at_states_ = 0;  // … with so many states in memory
  std::deque<std::string> loaded_;    // the latest loads, oldest first: what can leave without the disk
  size_t loads_at_once_ = 0;          // since the last EndBatch
  double overhead_ = 1.0;             // arena bytes in memory, per byte of live blocks
  bool shrinking_ = false;            // between the marks, on the way down
  bool failing_ = false;              // the last write failed
  bool backlog_failed_ = false;       // … and was one of the backlog
  int64_t retry_at_ms_ = 0;

  std::deque<Outgoing> encodings_;  // one after the other
  std::deque<Building> buildings_;  // in turns

  std::vector<Change> changes_;
  std::deque<Change> backlog_;  // write thread only: changes that a failing disk has still to take
  bool store_closed_ = false;   // write thread only

  std::unordered_map<std::string, LoadPtr> loads_;
  uint64_t streaming_bytes_ = 0;  // of large values that are being read into memory
  std::deque<std::pair<LoadPtr, RecordPtr>> waiting_streams_;
  std::vector<ListingPtr> listings_;
  std::vector<LookPtr> looks_;
  std::unordered_map<std::string, Head> heads_;               // what is known for the command that runs
  uint64_t generation_[shm::kDatabases] = {};                 // raised by FLUSH
  uint32_t fill_database_ = shm::kDatabases;                  // the index fill: databases below are complete
  uint64_t fill_position_ = 0;                                // … and so is this one below here
  std::unordered_set<std::string> settled_[shm::kDatabases];  // unfilled keys known not to be in the store
  bool fill_stalled_ = false;                                 // memory or the disk failed; the cron goes on
  bool expiring_ = false;
  std::unordered_set<std::string> left_while_expiring_;
  uint32_t expire_database_ = 0;
  int64_t expire_at_ms_ = 0;
  SwapperStats stats_;

  // Last, so that the threads end before anything they use. Loads have a thread of their own, for they are what clients
  // wait for; large values, listings and the index fill take longer.
  std::unique_ptr<StoreThread> writer_;
  std::unique_ptr<StoreThread> reader_;
  std::unique_ptr<StoreThread> streamer_;
  std::unique_ptr<StoreThread> lister_;
};

// Physical database and key in one string.
inline std::string StateName(uint32_t physical, std::string_view key) {
  std::string name(1, static_cast<char>(physical));
  name.append(key);
  return name;
}

}  // namespace chestbox
