// StateRef: a live state, found once, for commands on collections that look at it and change it in several steps.
//
//   auto state = ctx.keys.FindState(ctx.db, key, Look::kChange);   // or CreateState
//   char* bytes = state->Change();                                 // in place
//   auto room = state->Resize(new_bytes);                          // another size; may move
//
// The bytes are a packed block, an integer set, or the head of a larger structure (protocol/shm/encoding.h). The first
// change closes the key's bucket to readers until the command ends, which covers everything below it, so whoever
// changes nodes calls Change() first.
//
// A StateRef is void after any call that writes another key of the keyspace (or this one by its name); bytes are void
// after Resize, too. It borrows the key. Executor thread only.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/result.h"
#include "protocol/shm/encoding.h"
#include "protocol/shm/index_writer.h"

namespace chestbox {

class Keyspace;
using shm::CollectionEncoding;
using shm::ValueType;

class StateRef {
 public:
  ValueType type() const { return shm::EntryType(ref_.entry); }
  CollectionEncoding encoding() const;
  std::string_view bytes() const;
  int64_t expire_at_ms() const;  // kNoExpiry: never
  std::string_view key() const { return key_; }
  uint32_t database() const { return database_; }
  Keyspace& keys() const { return *keys_; }

  // Closes the bucket, makes the store's record stale, and returns the bytes to write to.
  char* Change();
  // Makes the value `new_bytes` (at most 4 GiB) long and returns it to write to: as much of the old bytes as fits is
  // kept, the rest is undefined. An Error (no memory) has changed nothing; making it smaller never fails.
  Result<char*> Resize(uint64_t new_bytes);
  // Puts other bytes and another encoding in the place of all bytes; nodes of the old value are the caller's.
  // `bytes` does not lie in this state. An Error has changed nothing.
  Result<void> Replace(CollectionEncoding encoding, std::string_view bytes);

 private:
  friend class Keyspace;
  StateRef(Keyspace& keys, uint32_t database, std::string_view key, uint64_t hash, const shm::SlotRef& ref)
      : keys_(&keys), database_(database), key_(key), hash_(hash), ref_(ref) {}

  bool MoveTo(CollectionEncoding encoding, std::string_view kept, uint64_t new_bytes);
  bool MoveOutside(CollectionEncoding encoding, std::string_view kept, uint32_t new_bytes);

  Keyspace* keys_;
  uint32_t database_;
  std::string_view key_;
  uint64_t hash_;
  shm::SlotRef ref_;
};

}  // namespace chestbox
