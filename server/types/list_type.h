// ListType: a state that is a list. Small ones are packed blocks, large ones counted B+trees (protocol/shm/
// list_reader.h); list-max-listpack-size decides which, as it is at the moment, but never beyond 8 KiB.
//
// Invariants
// - An empty list does not exist: whoever erases elements calls EraseKeyIfEmpty at the end.
// - An Error (no memory) has changed nothing. Erasing needs no memory.
// - A ListType is void when its StateRef is: after a write to any other key. Elements are views, valid until the next
//   write to it.
// - Effects are the caller's.
// Executor thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/check.h"
#include "protocol/result.h"
#include "protocol/shm/counted_tree.h"
#include "protocol/shm/list_reader.h"
#include "protocol/shm/nodes.h"
#include "server/command.h"
#include "server/keyspace.h"
#include "server/state_ref.h"

namespace chestbox {

using shm::PackedElement;

enum class ListEnd : uint8_t { kFront, kBack };

class ListType {
 public:
  // The list at `key`, nothing, or WRONGTYPE.
  static Result<std::optional<ListType>> Find(CommandContext& ctx, std::string_view key, Look look);
  // Pushes the elements one after the other, so that the last one gets the outermost; the list is created if need be,
  // or nothing happens if it `must_exist`. Its length afterwards.
  static Result<uint64_t> Push(CommandContext& ctx, std::string_view key, std::span<const std::string_view> elements,
                               ListEnd end, bool must_exist);
  // Puts a list of these, at least one, in the place of whatever is at `key`; they do not lie in that key's state.
  static Result<void> Store(CommandContext& ctx, std::string_view key, std::span<const std::string_view> elements);

  uint64_t size() const { return reader().size(); }
  shm::ListReader<const shm::DirectNodes> reader() const { return {nodes_, state_.encoding(), state_.bytes()}; }
  // As ListReader::ForEach.
  template <class Visit>
  void ForEach(uint64_t index, uint64_t count, bool backwards, Visit&& visit) const {
    CHECK(reader().ForEach(index, count, backwards, visit));
  }
  // `index` exists.
  PackedElement At(uint64_t index) const;
  std::string_view Text(const PackedElement& element, char* digits) const;

  // Before the element at `index`; at size(): as the last one.
  Result<void> Insert(CommandContext& ctx, uint64_t index, std::string_view text);
  // The element at `index` exists.
  Result<void> Set(CommandContext& ctx, uint64_t index, std::string_view text);
  // The elements [index, index + count), which exist.
  void Erase(uint64_t index, uint64_t count);
  // Erases the key of a list that has become empty; true then.
  bool EraseKeyIfEmpty();
  // Erases the key whatever is in it, whose memory comes back in steps; this is void then.
  void EraseKey() { CHECK(keys_->Erase(state_.database(), state_.key())); }

 private:
  ListType(Keyspace& keys, StateRef state) : keys_(&keys), state_(state), nodes_(keys.memory()) {}

  bool packed() const { return state_.encoding() == CollectionEncoding::kPacked; }
  static Result<uint64_t> Create(CommandContext& ctx, std::string_view key, std::span<const std::string_view> elements,
                                 ListEnd end);
  Result<void> PushAll(CommandContext& ctx, std::span<const std::string_view> elements, ListEnd end);
  Result<void> PushToTree(std::span<const std::string_view> elements, ListEnd end);
  // True if the packed list may be changed like this and stay packed.
  bool StaysPacked(CommandContext& ctx, int64_t bytes_change, uint64_t elements_added) const;
  Result<void> SplicePacked(const shm::PackedSplice& splice);
  Result<void> ToTree();
  void ToPackedIfSmall();
  shm::CountedTreeHead LoadHead() const;
  void StoreHead(const shm::CountedTreeHead& head);

  Keyspace* keys_;
  StateRef state_;
  shm::DirectNodes nodes_;
};

}  // namespace chestbox
