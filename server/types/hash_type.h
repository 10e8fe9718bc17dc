// HashType: a state that is a hash. Small ones are packed blocks, large ones hash tables (protocol/shm/hash_reader.h);
// which, is decided here by hash-max-listpack-entries and hash-max-listpack-value, as they are at the moment.
//
// Invariants
// - An empty hash does not exist: whoever erases fields calls EraseKeyIfEmpty at the end.
// - Fields whose time has come are never found. Meeting some erases them and reports "HDEL key field …", and "DEL key"
//   after the last one; everything else that writes leaves the effect to its caller.
// - A HashType is void when its StateRef is: after a write to any other key. Rows are views, valid until the next write
//   to it.
// Executor thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/check.h"
#include "protocol/result.h"
#include "protocol/shm/hash_reader.h"
#include "protocol/shm/hash_table.h"
#include "protocol/shm/nodes.h"
#include "server/command.h"
#include "server/keyspace.h"
#include "server/state_ref.h"

namespace chestbox {

using shm::PackedRow;

// What happens to the expiry of a field that gets a value.
struct FieldExpiry {
  enum class Kind : uint8_t { kNone, kKeep, kAt } kind = Kind::kNone;
  int64_t at_ms = 0;
};

class HashType {
 public:
  // What the caller is going to look at: single fields, or all of them (also their number). In the second case fields
  // that have expired are erased first; of a large hash, only as many as a step of the sweep meets.
  enum class Scope : uint8_t { kFields, kWhole };

  // The hash at `key`, nothing, or WRONGTYPE.
  static Result<std::optional<HashType>> Find(CommandContext& ctx, std::string_view key, Look look, Scope scope);
  // HSET: sets field, value, field, value, …; the hash is created if need be. How many fields were new. An Error has
  // changed nothing; but when a large hash meets a full memory in the middle, what was set before stays: `*done` is how
  // many of `pairs` (fields and values) were, in any case.
  static Result<uint64_t> Set(CommandContext& ctx, std::string_view key, std::span<const std::string_view> pairs,
                              FieldExpiry expiry = {}, size_t* done = nullptr);
  // Erases fields of the hash at `key` that have expired, a step of the sweep if it is a large one (for the cron). The
  // time when it is to be looked at again, which is past while the sweep is under way; kNoExpiry: never.
  static int64_t EraseExpired(EffectSink& effects, Keyspace& keys, uint32_t database, std::string_view key);

  // Including those that have expired in a large hash. O(1).
  uint64_t size() const { return reader().rows(); }
  // Without them: O(n) if there may be any.
  uint64_t CountLiving() const {
    uint64_t fields = 0;
    CHECK(reader().Count(now_ms_, &fields));
    return fields;
  }
  bool MayHaveExpired() const { return reader().MayHaveExpired(now_ms_); }
  bool Lives(const PackedRow& row) const { return !row.expired(now_ms_); }
  bool packed() const { return state_.encoding() == CollectionEncoding::kPacked; }
  bool may_expire() const { return reader().expire_at_ms_min() != shm::kRowNeverExpires; }
  bool Get(std::string_view field, PackedRow* row) const {
    return reader().Find(field, now_ms_, row) == shm::Looked::kFound;
  }
  // visit(const PackedRow&) returns false to stop.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    CHECK(reader().ForEach(now_ms_, visit));
  }
  shm::HashReader<const shm::DirectNodes> reader() const {
    return {nodes_, state_.encoding(), state_.bytes(), keys_->memory().header().hash_seed};
  }
  std::string_view Text(const shm::PackedElement& element, shm::ElementDigits* digits) const {
    return *shm::ElementText(nodes_, element, digits);
  }

  // True: it was there.
  bool Erase(std::string_view field);
  // The field is there. kNoExpiry takes its expiry away. An Error has changed nothing.
  Result<void> SetExpiry(std::string_view field, int64_t expire_at_ms);
  // Erases the key of a hash that has become empty; true then. The caller reports it.
  bool EraseKeyIfEmpty();

 private:
  HashType(Keyspace& keys, StateRef state)
      : keys_(&keys), state_(state), nodes_(keys.memory()), now_ms_(keys.now_ms()) {}

  static Result<void> Create(CommandContext& ctx, std::string_view key, std::span<const std::string_view> pairs,
                             FieldExpiry expiry, uint64_t* created);
  Result<bool> SetInTable(std::string_view field, std::string_view value, FieldExpiry expiry);
  Result<void> SetInPlace(std::string_view field, std::string_view value, const PackedRow* row);
  Result<void> StorePacked(std::string_view block);
  Result<void> ToTable();
  void PurgeExpired(EffectSink& effects);
  void StoreHead(const shm::HashTableHead& head);
  shm::HashTableHead LoadHead() const;

  Keyspace* keys_;
  StateRef state_;
  shm::DirectNodes nodes_;
  int64_t now_ms_;
};

}  // namespace chestbox
