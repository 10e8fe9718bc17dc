// An input of ZUNION, ZINTER and ZDIFF: a sorted set, a set (whose members all have the score 1), or a key that is not
// there. The one place where the family knows of sets.
//
// Executor thread only. Void after any write.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/sorted_sets.h"

namespace chestbox::sorted_sets {

class Operand {
 public:
  // WRONGTYPE if it is neither.
  static Result<Operand> Find(CommandContext& ctx, std::string_view key) {
    auto set = SortedSet::Find(ctx, key, Look::kRead);
    if (!set) return set.error();
    return Operand(key, *set);
  }

  std::string_view key() const { return key_; }
  bool exists() const { return sorted_.has_value(); }
  uint64_t size() const { return sorted_ ? sorted_->size() : 0; }
  std::optional<double> Score(std::string_view member) const { return sorted_ ? sorted_->Score(member) : std::nullopt; }
  // Visits all members, highest first, while visit(ScoredMember) returns true.
  template <class Visit>
  void ForEachMember(Visit&& visit) const {
    if (sorted_) sorted_->ForEach(size() - 1, size(), true, visit);
  }

 private:
  Operand(std::string_view key, const std::optional<SortedSet>& sorted) : key_(key), sorted_(sorted) {}

  std::string_view key_;
  std::optional<SortedSet> sorted_;
};

}  // namespace chestbox::sorted_sets
