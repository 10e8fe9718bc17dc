// Reads of a sorted set in whatever encoding, from its value's bytes and its nodes: the same code on the server and in
// clients (nodes.h says how a torn copy is harmless).
//
// After a false from ok() everything that was returned is void. Nothing here writes. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/shm/encoding.h"
#include "protocol/shm/packed_sorted_set.h"

namespace chestbox::shm {

template <class Nodes>
class SortedSetReader {
 public:
  // Both outlive this.
  SortedSetReader(Nodes& nodes, CollectionEncoding encoding, std::string_view bytes)
      : nodes_(nodes), encoding_(encoding), bytes_(bytes) {}

  bool ok() const { return ok_; }

  uint64_t size() const { return Packed().size(); }
  std::optional<double> Score(std::string_view member) const {
    double score = 0;
    if (Packed().Find(member, &score) == 0) return std::nullopt;
    return score;
  }
  std::optional<uint64_t> Rank(std::string_view member, double* score) const { return Packed().Rank(member, score); }
  RankRange InScores(const ScoreRange& range) const { return Packed().InScores(range); }
  RankRange InLex(const LexRange& range, bool from_end) const { return Packed().InLex(range, from_end); }

  // As PackedSortedSet::ForEach.
  template <class Visit>
  void ForEach(uint64_t rank, uint64_t count, bool backwards, Visit&& visit) const {
    Packed().ForEach(rank, count, backwards, visit);
  }
  template <class Visit>
  uint64_t Scan(uint64_t, uint64_t, Visit&& visit) const {
    ForEach(0, UINT64_MAX, false, [&](const ScoredMember& each) {
      visit(each);
      return true;
    });
    return 0;
  }

 private:
  PackedSortedSet Packed() const { return PackedSortedSet(bytes_); }

  Nodes& nodes_;
  CollectionEncoding encoding_;
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace chestbox::shm
