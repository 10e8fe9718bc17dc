// SetType: a state that is a set. Small sets of integers are integer sets, other small sets packed blocks, large ones
// hash tables; which is decided here, by set-max-intset-entries, set-max-listpack-entries and set-max-listpack-value.
//
// Invariants: an empty set does not exist: whoever removes the last member erases the key. Executor thread only. A
// SetType is void when its StateRef is: after a write to any other key. Members that it hands out are valid until the
// next write to it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/check.h"
#include "protocol/result.h"
#include "protocol/shm/nodes.h"
#include "protocol/shm/set_reader.h"
#include "server/command.h"
#include "server/config/config.h"
#include "server/keyspace.h"
#include "server/state_ref.h"

namespace chestbox {

class SetType {
 public:
  SetType(StateRef state, const Config& config);

  // The set at `key`, nothing, or WRONGTYPE.
  static Result<std::optional<SetType>> Find(CommandContext& ctx, std::string_view key, Look look);
  // Puts a set of these in the place of whatever is at `key`. They are distinct, at least one, and not of this key's
  // state.
  static Result<void> Store(CommandContext& ctx, std::string_view key, std::span<const std::string_view> members,
                            int64_t expire_at_ms = kNoExpiry);
  // Adds to the set at `key`, which is created if need be; returns how many were new. On an Error some may have been
  // added: *added says how many.
  static Result<void> Add(CommandContext& ctx, std::string_view key, std::span<const std::string_view> members,
                          std::vector<std::string_view>* added);

  uint64_t size() const { return reader().size(); }
  bool Contains(std::string_view member) const;
  // visit(std::string_view member)
  template <class Visit>
  void ForEach(Visit&& visit) const {
    ForEachWhile([&](std::string_view member) {
      visit(member);
      return true;
    });
  }
  // visit(std::string_view member) -> bool: go on.
  template <class Visit>
  void ForEachWhile(Visit&& visit) const {
    CHECK(reader().ForEach(visit));
  }
  // Visits about `count` members from `cursor` on, all of a small set, and returns the next cursor (0: that was all).
  // Members that are there all along are met, whatever comes and goes meanwhile.
  template <class Visit>
  uint64_t Scan(uint64_t cursor, uint64_t count, Visit&& visit) const {
    if (encoding() != CollectionEncoding::kTable) {
      ForEach(visit);
      return 0;
    }
    uint64_t position = shm::ReverseBits(cursor);
    uint64_t met = 0;
    // As in Redis, a call that meets few members in many buckets stops, so that it stays short.
    for (uint64_t buckets = 0; met < count && buckets < kScanBucketsPerMember * count; ++buckets) {
      CHECK(reader().table().VisitPosition(position, &position, [&](const shm::PackedRow& row) {
        ++met;
        visit(MemberOf(row));
      }));
      if (position == 0) break;
    }
    return shm::ReverseBits(position);
  }
  // Each member as likely as another. `random()` gives uniform 64 bits.
  template <class Random>
  std::string RandomMember(Random&& random) const {
    if (state_.encoding() != CollectionEncoding::kTable) return MemberAt(random() % size());
    shm::PackedRow row;
    CHECK(reader().table().RandomRow(random, &row) == shm::Looked::kFound);
    return MemberOf(row);
  }

  Result<bool> Insert(std::string_view member);  // true: it was new
  bool Erase(std::string_view member);           // true: it was there

  shm::SetReader<const shm::DirectNodes> reader() const;
  CollectionEncoding encoding() const { return state_.encoding(); }

 private:
  static constexpr uint64_t kScanBucketsPerMember = 10;

  std::string MemberAt(uint64_t index) const;  // not of a table
  std::string MemberOf(const shm::PackedRow& row) const;
  Result<void> InsertInteger(int64_t value);
  Result<void> InsertPacked(std::string_view member);
  // The same members in another encoding.
  Result<void> ToPacked();
  Result<void> ToTable();

  StateRef state_;
  const Config* config_;
  shm::DirectNodes nodes_;
};

}  // namespace chestbox
