// StreamType: what the stream commands do with the state at a key.
//
//   auto stream = StreamType::Find(ctx, key, Look::kChange);      // WRONGTYPE is an Error; a missing key is not
//   stream->Change();                                             // closes the key to readers; before the first change
//   if (!stream->entries().Append(…)) return OutOfMemory();
//   if (auto saved = stream->Save(); !saved) return saved;        // creates the key if it is new
//
// entries() and groups() are valid while the StreamType stays where it is; what they change becomes part of the state
// by Save(). Void after any call that writes another key. Executor thread only.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/result.h"
#include "protocol/shm/stream_group.h"
#include "protocol/shm/stream_reader.h"
#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox {

class StreamType {
 public:
  using Reader = shm::StreamReader<const shm::DirectNodes>;

  static Result<StreamType> Find(CommandContext& ctx, std::string_view key, Look look);

  bool exists() const { return state_.has_value(); }
  const shm::StreamHead& head() const { return head_; }
  Reader reader() const { return {head_, nodes_}; }
  bool Contains(const StreamId& id) const;
  // The ID of the last live entry; 0-0 without one.
  StreamId LastLive() const;

  // How many entries a group that has read up to `id` has read, as far as that can be told (else
  // shm::kEntriesReadUnknown); and how many it has not.
  int64_t EntriesReadAt(const StreamId& id) const;
  bool HasDeletedBehind(const StreamId& id) const;
  std::optional<int64_t> LagOf(const shm::StreamGroup& group) const;

  void Change();
  shm::StreamHead& head() { return head_; }
  shm::StreamWriter entries() { return {keys_->memory(), &head_}; }
  shm::StreamGroups groups() { return {keys_->memory(), &head_}; }
  // An Error: the key could not be created, and nothing was.
  Result<void> Save();

 private:
  StreamType(Keyspace& keys, uint32_t database, std::string_view key)
      : keys_(&keys), database_(database), key_(key), nodes_(keys.memory()) {}

  Keyspace* keys_;
  uint32_t database_;
  std::string_view key_;
  std::optional<StateRef> state_;
  shm::DirectNodes nodes_;
  shm::StreamHead head_;
};

}  // namespace chestbox
