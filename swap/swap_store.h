// The SwapStore contract: where states go when they leave memory, and where they come from on first touch and after a
// restart. RocksDB stands behind it (swap/rocksdb_store.h); the tests also run it in memory (swap/memory_store.h); a
// store shared by several nodes may be the next one, so nothing here says that it is local.
//
// What a store holds: named records. A record is the RDB object encoding of a value (protocol/rdb) and a few
// attributes.
//   - A state is named by physical database, position and key. `position` is the bit-reversed 64-bit hash of the key,
//     so the order of the store is the order of the in-memory index (extendible hashing on the low bits): SCAN cursors
//     are positions, states whose keys are not in memory can still be listed in hash order, and the index is filled
//     segment by segment after a start. The caller computes it, with a seed that it keeps in the Metadata.
//   - A payload up to kChunkSize comes and goes whole. A larger one is written in steps under a value id: BeginValue,
//     AppendChunk…, then a PutState that names the id. Until then nobody sees it; DropValue gives it up.
//
// Invariants:
//   - Apply is atomic: after an Error nothing of the batch is visible, after success all of it is, to every reader.
//   - What was applied stays readable until it is replaced, erased or flushed, also when the disk is full: later writes
//     then return an Error and change nothing, and work again once there is space.
//   - Value ids never repeat in the life of a store, so a reader can never stream another value's chunks by mistake.
//   - Durability is a clean close. After anything else (a crash, CloseDirty) the next open finds the state of the last
//     clean close: all of it, nothing newer.
//
// Threads: every call is synchronous and may block on the disk, so the executor (the arena's one writer) calls none but
// LoadFromMemory, AttributesFromMemory, Count, ExpiryCount and, for INFO, Stats; and, where EXEC or a script is
// already under way and finds that it needs one more state, Load, ReadChunks and Scan. The calls under "reads" come
// from any number of threads at once; those under "writes" from one thread at a time, concurrently with reads. No call
// may run during or after CloseClean/CloseDirty and the destructor. A read sees every write call that returned before
// it began; what the caller still has in a queue, the caller must overlay itself (a queued Flush or EraseState most of
// all).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/result.h"

namespace chestbox::swap {

// Payloads above this size are written and read in chunks of exactly this size (the last one may be shorter). Big
// enough that one is a fast sequential read, small enough that a step of a swap-out is well under a millisecond.
inline constexpr size_t kChunkSize = 256 * 1024;
// Payloads up to this size lie in the record's head, so that one lookup reads them. Larger ones lie apart: then listing
// names, filling the index and compacting heads never reads or moves values.
inline constexpr size_t kInlinePayloadSizeMax = 1024;
inline constexpr int64_t kNoExpiry = -1;

// Opaque to the store; returned as it was by the open that follows a clean close (or that recovers that moment).
using Metadata = std::map<std::string, std::string>;

struct StateId {
  uint8_t database = 0;   // physical
  uint64_t position = 0;  // bit-reversed hash of `key`
  std::string_view key;   // borrowed for the call
};

// What is known of a state without its value.
struct StateAttributes {
  uint8_t type = 0;                  // RDB object type, the first byte of the payload
  int64_t expire_at_ms = kNoExpiry;  // Unix time, or kNoExpiry
  uint32_t access = 0;               // the 24-bit LRU or LFU word
  uint64_t sequence = 0;             // global sequence at serialisation, for the durability log
  bool operator==(const StateAttributes&) const = default;
};

struct StateRecord {
  StateAttributes attributes = {};
  uint64_t payload_size = 0;
  uint64_t value_id = 0;  // 0: the payload lay in the head
  std::string payload;    // whole, unless chunked()
  bool chunked() const { return payload_size > kChunkSize; }
};

// Writes a state, replacing what had that name. Either `payload` is the whole payload (at most kChunkSize; value_id 0),
// or `value_id` is a value written to its end by AppendChunk, or the id that the stored record of this very state has
// already (then only the attributes change).
struct PutState {
  StateId id = {};
  StateAttributes attributes = {};
  std::string_view payload = {};  // borrowed for the call
  uint64_t value_id = 0;
};
// Removes a state; a missing one is fine.
struct EraseState {
  StateId id = {};
};
// Renames a state, across databases too, in time independent of its size, replacing what had the new name. A missing
// `from` changes nothing.
struct MoveState {
  StateId from = {};
  StateId to = {};
};
using StateChange = std::variant<PutState, EraseState, MoveState>;

struct StateName {
  uint64_t position = 0;
  std::string key = {};
  StateAttributes attributes = {};
  uint64_t payload_size = 0;
};
struct ScanPage {
  std::vector<StateName> states = {};          // by position, then by key bytes
  std::optional<uint64_t> next_position = {};  // where to go on; nothing: the range is done
};

struct DueState {
  uint8_t database = 0;
  uint64_t position = 0;
  std::string key = {};
  int64_t expire_at_ms = 0;
};

struct StoreStats {
  uint64_t records_read = 0;     // Load calls that found a state, since the open
  uint64_t records_written = 0;  // PutStates applied
  uint64_t payload_bytes_read = 0;
  uint64_t payload_bytes_written = 0;
  uint64_t write_failures = 0;  // write calls that returned an Error
  uint64_t disk_bytes = 0;      // 0 for a store without a disk of its own
  uint64_t memory_bytes = 0;    // write buffers, caches, filters
  uint64_t purges_pending = 0;  // flushed databases whose space is not yet given back
};

// The states of a store as of one moment, whatever is written since. Costs memory and disk space for what was replaced
// meanwhile. For one thread at a time, any thread; destroyed before its store closes.
class StoreSnapshot {
 public:
  virtual ~StoreSnapshot() = default;

  // Hands out the payload from its beginning, in pieces of at most kChunkSize that are valid within the call of
  // `consume`, until all of it was there or `consume` returned an Error.
  using ReadPayload = std::function<Result<void>(const std::function<Result<void>(std::string_view piece)>& consume)>;
  // Visits the states of a database with from <= position <= to, in order; `read` is valid within the call. Stops at
  // the visitor's first Error and returns it.
  using Visitor = std::function<Result<void>(const StateName& state, const ReadPayload& read)>;
  virtual Result<void> Visit(uint8_t database, uint64_t from_position, uint64_t to_position, const Visitor& visit) = 0;
};

class SwapStore {
 public:
  using ChunkConsumer = std::function<Result<void>(std::string_view chunk)>;

  virtual ~SwapStore() = default;

  // --- Reads: any thread.

  // The state's record, or nothing. The payload is whole unless chunked(). Expired states are returned like any other.
  virtual Result<std::optional<StateRecord>> Load(const StateId& id) = 0;

  // Load as far as it goes without waiting for a disk: calls `use` with the whole payload, which is valid within the
  // call, and returns true. False tells nothing: the record may be on the disk only, larger than `payload_size_max`,
  // missing or damaged, and Load will say.
  using RecordConsumer = std::function<void(const StateAttributes& attributes, std::string_view payload)>;
  virtual bool LoadFromMemory(const StateId& id, size_t payload_size_max, const RecordConsumer& use) = 0;

  // What is known of a state without its value, which stays where it lies whatever its size; or nothing.
  virtual Result<std::optional<StateAttributes>> LoadAttributes(const StateId& id) = 0;
  // The same as far as it goes without waiting for a disk. Nothing tells nothing.
  virtual std::optional<StateAttributes> AttributesFromMemory(const StateId& id) = 0;

  // Streams the payload of a chunked record in order, holding one chunk at a time; the chunk is valid within the call.
  // Stops at the consumer's first Error and returns it. IsValueGone tells the Error of a value that was replaced, moved
  // out of existence or flushed since its Load.
  virtual Result<void> ReadChunks(const StateRecord& record, const ChunkConsumer& consume) = 0;

  // The states of a database with from <= position <= to, in order, without their values. Stops after `limit` of them,
  // but never between two states of one position, so that a position is enough to go on.
  virtual Result<ScanPage> Scan(uint8_t database, uint64_t from_position, uint64_t to_position, size_t limit) = 0;

  // Up to `limit` states of one database with expire_at_ms <= now_ms, the longest due first. The same ones are returned
  // until they are erased.
  virtual Result<std::vector<DueState>> DueExpiries(uint8_t database, int64_t now_ms, size_t limit) = 0;

  // Exact numbers of states, and of those with an expiry. Constant time, no I/O.
  virtual uint64_t Count(uint8_t database) const = 0;
  virtual uint64_t ExpiryCount(uint8_t database) const = 0;

  // No disk access; may wait for a lock of the engine for microseconds.
  virtual StoreStats Stats() const = 0;

  // --- Writes: one thread.

  virtual Result<void> Apply(std::span<const StateChange> changes) = 0;

  // A new value id for a payload above kChunkSize. Ids that were neither committed nor dropped are dropped at close.
  virtual uint64_t BeginValue() = 0;
  // The next chunk: kChunkSize bytes, but for the last one of the value. After an Error it may be tried again.
  virtual Result<void> AppendChunk(uint64_t value_id, std::string_view chunk) = 0;
  // Gives up an uncommitted value. The chunks are removed now, or by a later Maintain if that fails.
  virtual void DropValue(uint64_t value_id) = 0;

  // Empties a database in constant time. Readers see none of it any more; Maintain gives the space back.
  virtual Result<void> Flush(uint8_t database) = 0;

  // What was written by now and nothing later. In time independent of the number of states.
  virtual Result<std::unique_ptr<StoreSnapshot>> TakeSnapshot() = 0;

  // One bounded step of housekeeping (space of flushed databases and dropped values, recovery from a full disk). True
  // when more is to do. To be called when the write thread is idle; Apply does a step as well, so that a busy
  // store does not grow.
  virtual Result<bool> Maintain() = 0;

  // Makes everything durable, with `metadata`, and closes; uncommitted values are dropped. After an Error (no space)
  // the store is still open and whole: try again, or go on, or CloseDirty.
  virtual Result<void> CloseClean(const Metadata& metadata) = 0;
  // Closes without keeping anything since the open (SHUTDOWN NOSAVE). The destructor does this to an open store.
  virtual void CloseDirty() = 0;
};

// Whether a ReadChunks Error says that the value is not there any more, rather than that the store failed.
bool IsValueGone(const Error& error);
Error ValueGone();

}  // namespace chestbox::swap
