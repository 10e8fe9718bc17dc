// An input of ZUNION, ZINTER and ZDIFF: a sorted set, a set (whose members all have the score 1), or a key that is not
// there. The one place where the family knows of sets.
//
// Executor thread only. Void after any write.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/sorted_sets.h"
#include "server/types/set_type.h"

namespace chestbox::sorted_sets {

class Operand {
 public:
  // WRONGTYPE if it is neither.
  static Result<Operand> Find(CommandContext& ctx, std::string_view key) {
    Operand operand(key);
    const std::optional<StateView> state = ctx.keys.Peek(ctx.db, key);
    if (state && state->type == ValueType::kSet) {
      auto set = SetType::Find(ctx, key, Look::kRead);
      if (!set) return set.error();
      operand.plain_ = *set;
    } else {
      auto set = SortedSet::Find(ctx, key, Look::kRead);
      if (!set) return set.error();
      operand.sorted_ = *set;
    }
    return operand;
  }

  std::string_view key() const { return key_; }
  uint64_t size() const { return sorted_ ? sorted_->size() : plain_ ? plain_->size() : 0; }
  std::optional<double> Score(std::string_view member) const {
    if (sorted_) return sorted_->Score(member);
    return plain_ && plain_->Contains(member) ? std::optional(kPlainScore) : std::nullopt;
  }
  // Visits all members, a sorted set's highest first, while visit(ScoredMember) returns true.
  template <class Visit>
  void ForEachMember(Visit&& visit) const {
    if (sorted_) sorted_->ForEach(size() - 1, size(), true, visit);
    if (plain_) {
      plain_->ForEachWhile([&](std::string_view member) { return visit(ScoredMember{member, kPlainScore}); });
    }
  }

 private:
  static constexpr double kPlainScore = 1;

  explicit Operand(std::string_view key) : key_(key) {}

  std::string_view key_;
  std::optional<SortedSet> sorted_;
  std::optional<SetType> plain_;
};

}  // namespace chestbox::sorted_sets
