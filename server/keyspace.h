// Keyspace: the states of all databases in the arena, and the only writer of it. Command families call this; it knows
// blocks, expiry and the index, and keeps every bucket that a command touched closed until FinishCommand.
//
// Invariants
// - Executor thread only.
// - A key whose expiry has come is never found: meeting one deletes it and reports "DEL key" to the sink. Everything
//   else that writes leaves the effect to its caller (a command), which reports it once.
// - A call that returns an error (memory) has changed nothing.
// - A StateView, and any bytes it points to, is valid until the next call that writes.
// - Commands meet only states in memory: the dispatcher has loaded swapped-out keys before (swapper.h). Those that need
//   no value deal with the others through cold_states.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/shm/hit_log.h"
#include "protocol/shm/index_writer.h"
#include "protocol/shm/retire_list.h"
#include "server/effects.h"
#include "server/state_ref.h"
#include "server/types/structure.h"

namespace chestbox {

using shm::StringEncoding;

inline constexpr int64_t kNoExpiry = -1;
// The same as the index wants it.
constexpr int64_t OrNever(int64_t expire_at_ms) { return expire_at_ms == kNoExpiry ? shm::kNeverMs : expire_at_ms; }

// "OOM command not allowed when used memory > 'maxmemory'."
Error OutOfMemory();
// "WRONGTYPE Operation against a key holding the wrong kind of value"
Error WrongType();

struct StateView {
  ValueType type = ValueType::kString;
  StringEncoding encoding = StringEncoding::kRaw;
  std::string_view value;  // the string; of other types the packed block, or the head (encoding.h)
  int64_t expire_at_ms = kNoExpiry;
  uint32_t access = 0;  // 24 bits: LRU clock in seconds, or LFU minutes and counter, as maxmemory-policy says

  CollectionEncoding collection_encoding() const { return static_cast<CollectionEncoding>(encoding); }
};

// A value that no key has yet, made by DecodeState or loaded from the store. Whoever has one gives it to a key or to
// Keyspace::Discard.
struct DetachedValue {
  ValueType type = ValueType::kString;
  uint8_t encoding = 0;  // StringEncoding or CollectionEncoding
  std::string bytes;     // a string, a packed block, or a head whose nodes are in the arena
  // Of a large string instead: an unlinked block that holds it.
  shm::Link link = 0;
  uint32_t link_bytes = 0;
};

// What a look at a key leaves behind: kRead counts a hit or a miss and touches the access word, kChange touches it
// only, kPeek nothing.
enum class Look { kRead, kChange, kPeek };

// Whether a string that has to move gets room to grow further, or only what it needs now.
enum class Room { kAhead, kExact };

// The encoding Redis would choose for a whole new value: an integer's canonical text, short, or raw.
StringEncoding EncodingFor(std::string_view value);

struct KeyspaceStats {
  uint64_t hits = 0;
  uint64_t misses = 0;
  shm::HitCounts local;  // of these, those of clients that read in shared memory
  uint64_t expired_keys = 0;
  uint64_t expired_time_cap_reached = 0;
};

// Told when the store's record of a key is of no more use (it was deleted or flushed in memory). Implemented by the
// swapper.
class StoredStateListener {
 public:
  virtual ~StoredStateListener() = default;
  virtual void OnErased(uint32_t physical_database, uint64_t hash, std::string_view key) = 0;
  virtual void OnFlushed(uint32_t physical_database) = 0;
  // For a command that replaces `key` and met a swapped-out entry with its hash bits: whether that is this key's.
  // Nothing is known: the command should not have run.
  virtual std::optional<bool> IsOut(uint32_t physical_database, std::string_view key) const = 0;
};

// A snapshot under way (snapshot.h), told before anything changes.
class ChangeObserver : public shm::BucketObserver {
 public:
  // A database was emptied. True: the observer keeps what it held, and gives it to Keyspace::FreeDetached later.
  virtual bool TakeFlushed(uint32_t physical, shm::IndexWriter::Detached& detached) = 0;
};

class Keyspace {
 public:
  using HashFunction = shm::IndexWriter::HashFunction;

  // `memory` outlives this. `hash_of` is replaced only by tests.
  Keyspace(shm::ArenaMemory& memory, EffectSink& effects, HashFunction hash_of);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  [[nodiscard]] bool Create();  // the empty indexes; false: no memory

  // ---- Time: one `now` for a whole command, script or EXEC. It never goes back, and is published to co-located
  // readers. ----
  void SetTime(int64_t now_ms);
  int64_t now_ms() const { return now_ms_; }
  // While clients are paused: commands that write nothing do not find expired keys, but leave them where they are.
  void KeepExpired(bool keep) { keep_expired_ = keep; }
  bool keeps_expired() const { return keep_expired_; }

  // ---- Looking. `database` is logical everywhere. ----
  // For a command that reads the value: counts a hit or a miss and touches the access word.
  std::optional<StateView> Read(uint32_t database, std::string_view key);
  // For everything else (EXISTS-like looks count with Read; OBJECT and DEBUG must not disturb).
  std::optional<StateView> Peek(uint32_t database, std::string_view key);
  // For a command that is going to change the value: touches the access word and counts nothing.
  std::optional<StateView> PeekToChange(uint32_t database, std::string_view key);
  bool Exists(uint32_t database, std::string_view key) { return Peek(database, key).has_value(); }
  // Without deleting what has expired, for effect listeners. A state that is not in memory counts as living.
  bool MayLive(uint32_t database, std::string_view key) const;
  // Touches without reading (TOUCH; false: no such key).
  bool Touch(uint32_t database, std::string_view key);
  // `uses` reads in shared memory of a key of which only hash bits 0..47 are known. What is not in memory stays as it
  // is.
  void TouchHashed(uint32_t database, uint64_t hash, uint32_t uses);

  // ---- Strings ----
  // Creates the key, or replaces its whole state whatever its type, also one that is swapped out and was looked at
  // (cold_states.h). `value` must not lie in this key's own state.
  Result<void> SetString(uint32_t database, std::string_view key, std::string_view value, StringEncoding encoding,
                         int64_t expire_at_ms);
  // MSET: key, value, key, value, … all or nothing; without expiry; the last of equal keys wins.
  Result<void> SetStrings(uint32_t database, std::span<const std::string_view> keys_and_values);
  // Gives the live string at `key` another size and returns its bytes to write to (added ones are zero). The encoding
  // becomes raw; the expiry stays. For APPEND and SETRANGE: in place where the block has room, amortised O(1).
  Result<std::span<char>> ResizeString(uint32_t database, std::string_view key, size_t new_bytes,
                                       Room room = Room::kAhead);
  // Replaces the value of the live string at `key`, keeping its expiry (INCR and its kin, SET KEEPTTL).
  Result<void> ReplaceString(uint32_t database, std::string_view key, std::string_view value, StringEncoding encoding);

  // ---- Collections (server/types) ----
  std::optional<StateRef> FindState(uint32_t database, std::string_view key, Look look);
  // Creates the key, or replaces its whole state whatever its type. `bytes` must not lie in this key's own state; nodes
  // that a head leads to are taken over on success.
  Result<StateRef> CreateState(uint32_t database, std::string_view key, ValueType type, CollectionEncoding encoding,
                               std::string_view bytes, int64_t expire_at_ms);

  // Gives a detached value to a key, replacing its whole state whatever its type. The value is taken over on success
  // only.
  Result<void> SetState(uint32_t database, std::string_view key, const DetachedValue& value, int64_t expire_at_ms);
  // Frees a detached value, a large one in FreeStep()s.
  void Discard(const DetachedValue& value);

  // ---- Any type ----
  // The key must live.
  void SetAccess(uint32_t database, std::string_view key, uint32_t access);
  // Bytes of the arena that key and value take, the index left out. Nothing: no such key.
  std::optional<uint64_t> MemoryUsage(uint32_t database, std::string_view key);
  bool Erase(uint32_t database, std::string_view key);
  // The key must live. kNoExpiry persists it.
  Result<void> SetExpiry(uint32_t database, std::string_view key, int64_t expire_at_ms);
  // `from` must live; `to` is replaced. Expiry and access go along. O(1): a large value's block moves.
  Result<void> Rename(uint32_t from_database, std::string_view from, uint32_t to_database, std::string_view to);
  Result<void> Copy(uint32_t from_database, std::string_view from, uint32_t to_database, std::string_view to);

  // ---- Databases ----
  uint64_t Size(uint32_t database) const;  // DBSIZE
  uint64_t ExpiringSize(uint32_t database) const;
  // Empties a database and returns how many keys it had. `lazily`: memory comes back in FreeStep()s, else now.
  uint64_t Flush(uint32_t database, bool lazily);
  void SwapDatabases(uint32_t a, uint32_t b);
  uint32_t Physical(uint32_t database) const {
    return shm::PhysicalDatabase(memory_.header().database_map.load(std::memory_order_relaxed), database);
  }

  // ---- Walking. Positions are bit-reversed hashes (layout.h); 0 begins, and as a result ends. ----
  struct KeyInfo {
    std::string_view key;
    StateView state;
    uint64_t position;
  };
  // Visits the live keys of the bucket that holds `position`, expired ones left out and not deleted: their names are
  // added to `*expired`, for EraseExpired. Returns the next bucket's position. `*swapped_out` grows by the entries
  // there that are not in memory.
  uint64_t VisitBucket(uint32_t database, uint64_t position, const std::function<void(const KeyInfo&)>& visit,
                       uint64_t* swapped_out, std::vector<std::string>* expired = nullptr);
  // What a walk has met, once it is over. Nothing while expired keys are kept.
  void EraseExpired(uint32_t database, const std::vector<std::string>& expired);
  // A random key in memory that lives, if there is one. Expired ones that it meets are deleted.
  std::optional<std::string> RandomKey(uint32_t database);

  // ---- Upkeep ----
  // Opens everything that the command closed. After every command, EXEC and script.
  void FinishCommand();
  // Deletes expired keys for about `budget_us`; returns how many. Called by the cron.
  uint64_t ExpireStep(int64_t budget_us);
  // Frees a part of what was flushed lazily. True when more is to do.
  bool FreeStep();
  // Frees retired blocks that no view pins.
  void DrainRetired();
  size_t retired_blocks() const { return retired_.blocks(); }
  uint64_t retired_bytes() const { return retired_.bytes(); }
  // Entries of flushed databases that FreeStep has still to free, roughly.
  uint64_t lazily_freed_pending() const;

  void AddClientPage(const shm::ClientPage* page) { pages_.push_back(page); }
  void RemoveClientPage(const shm::ClientPage* page) { std::erase(pages_, page); }
  // CHESTBOX FREEZE: ends in-place changes of a value, so that a view can pin it. False: no such key.
  bool Freeze(uint32_t database, std::string_view key);

  // maxmemory-policy decides what the access word means.
  void SetAccessPolicy(bool lfu, int64_t lfu_log_factor, int64_t lfu_decay_minutes);
  uint32_t NewAccessWord() const;
  uint32_t IdleSeconds(uint32_t access) const;
  uint32_t LfuCounter(uint32_t access) const;  // decayed
  uint32_t Coldness(uint32_t access) const { return lfu_ ? 255 - LfuCounter(access) : IdleSeconds(access); }
  // As if it had not been used for so long, or so often (RESTORE).
  uint32_t AccessOfIdle(int64_t seconds) const;
  uint32_t AccessOfFrequency(uint32_t counter) const;
  bool lfu() const { return lfu_; }
  uint32_t AccessAfterLoad(uint32_t stored_access) const { return TouchedAccess(stored_access); }

  // ---- For a snapshot. One observer at a time; null ends it. ----
  void SetChangeObserver(ChangeObserver* observer);
  ChangeObserver* change_observer() const { return change_observer_; }
  // Frees what TakeFlushed had kept, in FreeStep()s.
  void FreeDetached(const shm::IndexWriter::Detached& detached);

  // ---- For the swapper ----
  void SetStoredStateListener(StoredStateListener* listener) { stored_listener_ = listener; }
  uint64_t HashOf(std::string_view key) const;
  shm::IndexWriter& index(uint32_t physical) { return *indexes_[physical]; }
  const shm::IndexWriter& index(uint32_t physical) const { return *indexes_[physical]; }
  shm::WriteScope& scope() { return scope_; }
  shm::ArenaMemory& memory() { return memory_; }
  StateView ViewOf(uint64_t live_entry) const;
  shm::Link ValueLinkOf(uint64_t entry) const;
  std::string_view KeyOf(uint64_t live_entry) const;
  // Turns a live entry into a keyless swapped-out one and retires its blocks.
  void SwapOut(uint32_t physical, shm::SlotRef ref, uint64_t hash);
  // Makes a key live, clean and stored that is swapped out (`indexed`), or in the store only because its index is not
  // complete yet (then a keyless entry with its hash bits is another key's). The value is taken over on success only.
  Result<void> SwapIn(uint32_t physical, std::string_view key, bool indexed, const DetachedValue& value,
                      int64_t expire_at_ms, uint32_t access);
  // Deletes a swapped-out entry; the store's record is the caller's business.
  void EraseSwappedOut(uint32_t physical, const shm::SlotRef& ref, uint64_t hash) {
    indexes_[physical]->Erase(ref, hash);
  }
  // The same because its state has expired in the store; reports the effect.
  void ExpireSwappedOut(uint32_t physical, const shm::SlotRef& ref, uint64_t hash, std::string_view key);
  void ReportExpired(uint32_t physical, std::string_view key);
  // Keys that exist only in the store because the index is not complete yet count in Size().
  void AddUnindexed(uint32_t physical, int64_t keys, int64_t expiring);

  KeyspaceStats& stats() { return stats_; }

 private:
  friend class StateRef;

  // A state to be written; 0 as an entry means "no memory".
  struct NewState {
    std::string_view key;
    ValueType type = ValueType::kString;
    uint8_t encoding = 0;
    int64_t expire_at_ms = kNoExpiry;
    uint32_t access = 0;
  };

  shm::SlotRef FindLive(uint32_t database, std::string_view key, uint64_t hash);
  shm::SlotRef FindToReplace(uint32_t database, std::string_view key, uint64_t hash);
  void EraseRef(uint32_t physical, const shm::SlotRef& ref, uint64_t hash, std::string_view key);
  void Expire(uint32_t database, const shm::SlotRef& ref, uint64_t hash, std::string_view key);

  // Blocks that nothing links to yet. The entry carries no hash tag.
  uint64_t NewEntry(const NewState& state, std::string_view value);
  uint64_t NewEntryAround(const NewState& state, uint32_t value_bytes, shm::Link value_link,
                          std::string_view inline_value);
  // These two return about how many nodes they freed: a bounded number, the rest goes in FreeStep()s.
  size_t FreeStructure(CollectionEncoding encoding, std::string_view head);
  size_t FreeEntry(uint64_t entry);  // its blocks, and the nodes of a collection
  void FreeBlocks(uint64_t entry);   // its blocks only
  bool Relink(StateRef& state, uint64_t entry);
  void FreeKeyBlock(uint64_t entry) { memory_.Free(shm::EntryLink(entry)); }

  bool OverwriteInline(uint32_t physical, shm::SlotRef& ref, std::string_view value, StringEncoding encoding,
                       int64_t expire_at_ms, uint32_t access);
  // Makes `entry` the one of its key; on success `*old` is what it replaced (0: nothing), not yet freed.
  bool LinkEntry(uint32_t physical, shm::SlotRef& ref, uint64_t hash, uint64_t entry, int64_t expire_at_ms,
                 uint64_t* old);
  bool LinkDetached(uint32_t physical, shm::SlotRef& ref, const NewState& state, const DetachedValue& value,
                    uint64_t flags, uint64_t* old);
  bool LinkAndFree(uint32_t physical, shm::SlotRef& ref, uint64_t hash, uint64_t entry, int64_t expire_at_ms);
  bool ResizeInline(uint32_t physical, shm::SlotRef& ref, uint64_t hash, uint32_t new_bytes, Room room);
  bool ResizeExternal(uint32_t physical, shm::SlotRef& ref, uint32_t new_bytes, Room room);
  char* ValueBytesOf(uint64_t entry) const;
  std::string_view ValueOf(uint64_t live_entry) const;
  int64_t ExpiryOf(uint64_t entry) const;
  void SetHeader(uint64_t entry, uint32_t value_bytes, uint8_t encoding);
  void MarkDirty(shm::SlotRef& ref);
  void TouchEntry(uint64_t entry, uint32_t uses = 1);
  uint32_t TouchedAccess(uint32_t access, uint32_t uses = 1) const;
  bool Pinned(shm::Link link) const;
  uint32_t LogicalOf(uint32_t physical) const;
  uint64_t ExpireSegment(uint32_t physical, uint64_t position, shm::Link segment);

  shm::ArenaMemory& memory_;
  EffectSink& effects_;
  const HashFunction hash_of_;
  shm::WriteScope scope_;
  shm::SegmentTable segments_;
  shm::RetireList retired_;
  std::vector<std::unique_ptr<shm::IndexWriter>> indexes_;
  std::vector<const shm::ClientPage*> pages_;
  ChangeObserver* change_observer_ = nullptr;
  StoredStateListener* stored_listener_ = nullptr;
  std::vector<shm::Link> detached_segments_;  // of lazily flushed databases
  std::vector<uint64_t> detached_entries_;
  std::vector<Structure> detached_structures_;  // of collections that were deleted and had many nodes
  int64_t unindexed_keys_[shm::kDatabases] = {};
  int64_t unindexed_expiring_[shm::kDatabases] = {};
  uint64_t expire_cursor_[shm::kDatabases] = {};
  uint32_t expire_database_ = 0;
  int64_t now_ms_ = 0;
  bool keep_expired_ = false;
  bool lfu_ = false;
  int64_t lfu_log_factor_ = 10;
  int64_t lfu_decay_minutes_ = 1;
  mutable uint64_t random_ = 0x9e37'79b9'7f4a'7c15;  // xorshift: sampling only, nothing secret
  KeyspaceStats stats_;
};

}  // namespace chestbox
