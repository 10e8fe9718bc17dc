// SortedSet: a state that is a sorted set, whatever its encoding: a packed block while it is small, a hash table of
// scores and a tree in order beyond zset-max-listpack-entries and zset-max-listpack-value.
//
//   auto set = SortedSet::Find(ctx, key, Look::kRead);   // or WRONGTYPE
//   if (*set) reply.Integer((*set)->size());
//
// Invariants
// - Executor thread only. Void after any write to another key (StateRef).
// - A write that returns an Error has changed nothing. Removing never fails.
// - A set that becomes empty is the caller's to Drop(); no set is empty between commands.
// - What is visited is valid until the next write. Arguments do not lie in this set.
// Effects are the commands' business.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/result.h"
#include "protocol/shm/nodes.h"
#include "protocol/shm/score_index.h"
#include "protocol/shm/sorted_set_reader.h"
#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox {

using shm::LexBound;
using shm::LexRange;
using shm::RankRange;
using shm::ScoredMember;
using shm::ScoreRange;

class SortedSet {
 public:
  // Nothing if there is no such key.
  static Result<std::optional<SortedSet>> Find(CommandContext& ctx, std::string_view key, Look look);
  // A new, empty one, for a first member of so many bytes. The key must not live.
  static Result<SortedSet> Create(CommandContext& ctx, std::string_view key, size_t member_bytes);
  // Puts a new sorted set into the place of whatever is at `key`: `members` are in order, each once, at least one, and
  // do not lie in that key's state. Without expiry.
  static Result<void> Store(CommandContext& ctx, std::string_view key, std::span<const ScoredMember> members);

  uint64_t size() const { return Reader().size(); }
  std::optional<double> Score(std::string_view member) const { return Reader().Score(member); }
  std::optional<uint64_t> Rank(std::string_view member, double* score) const { return Reader().Rank(member, score); }
  RankRange InScores(const ScoreRange& range) const { return Reader().InScores(range); }
  RankRange InLex(const LexRange& range, bool from_end) const { return Reader().InLex(range, from_end); }
  // Visits members from `rank` on, up or down, while visit(ScoredMember) returns true and at most `count`. Who wants no
  // scores gets zeros, for less.
  template <class Visit>
  void ForEach(uint64_t rank, uint64_t count, bool backwards, Visit&& visit, bool with_scores = true) const {
    Reader().ForEach(rank, count, backwards, visit, with_scores);
  }
  // A step of ZSCAN: visits about `count` members and returns the next cursor, 0 at the end. Whoever is there from the
  // first step to the last is visited. A small set is visited whole.
  template <class Visit>
  uint64_t Scan(uint64_t cursor, uint64_t count, Visit&& visit) const {
    return Reader().Scan(cursor, count, visit);
  }
  std::string_view ScanText(double score, char* buffer) const { return Reader().ScanText(score, buffer); }

  // Where a member is or would be: for one write. Void after any.
  struct Place {
    std::optional<double> score;  // nothing: it is not in the set
    uint32_t position = 0;        // in a packed block
    shm::TablePlace row;          // in a table
  };
  Place Locate(std::string_view member) const;
  // The member is not in the set.
  Result<void> Add(const Place& place, std::string_view member, double score);
  // The member is in the set and gets another score.
  Result<void> Move(const Place& place, std::string_view member, double score);
  void Remove(const Place& place, std::string_view member);
  void RemoveRanks(RankRange range);
  // Deletes the key; this is void then.
  void Drop() { state_.keys().Erase(state_.database(), state_.key()); }

  std::string_view key() const { return state_.key(); }

 private:
  SortedSet(CommandContext& ctx, const StateRef& state)
      : server_(&ctx.server), state_(state), nodes_(ctx.keys.memory()) {}

  shm::SortedSetReader<const shm::DirectNodes> Reader() const {
    return {nodes_, state_.encoding(), state_.bytes(), memory().header().hash_seed};
  }
  shm::PackedSortedSet Packed() const { return shm::PackedSortedSet(state_.bytes()); }
  shm::TableTreeHead Head() const;
  shm::ArenaMemory& memory() const { return state_.keys().memory(); }
  bool is_packed() const { return state_.encoding() == CollectionEncoding::kPacked; }
  // write(ScoreIndex&) changes a large set, or returns false without memory and has changed nothing.
  template <class Write>
  Result<void> Change(Write&& write) {
    char* bytes = state_.Change();
    shm::ScoreIndex index(memory(), Head());
    const bool written = write(index);
    // Also after a failure: a row that went in and out again may have left other nodes behind it.
    shm::RacyStore(bytes, &index.head(), sizeof index.head());
    if (!written) return OutOfMemory();
    return {};
  }

  bool FitsPacked(size_t member_bytes) const;
  Result<void> AddPacked(std::string_view member, double score);
  Result<void> MovePacked(uint32_t from, std::string_view member, double score);
  void CutPacked(uint32_t from, uint32_t to, int elements);

  Result<void> MakeLarge();

  Server* server_;
  StateRef state_;
  shm::DirectNodes nodes_;
};

}  // namespace chestbox
