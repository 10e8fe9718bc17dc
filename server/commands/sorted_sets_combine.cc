// Unions, intersections and differences of sorted sets.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/commands/sorted_sets.h"
#include "server/commands/sorted_sets_operand.h"

namespace chestbox::sorted_sets {

namespace {

enum class Operation { kUnion, kInter, kDiff };
enum class Aggregate { kSum, kMin, kMax };

// What a command of the family is.
struct Form {
  std::string_view name;
  Operation operation = Operation::kUnion;
  bool stores = false;
  bool counts = false;  // ZINTERCARD
};

struct Input {
  Operand operand;
  double weight = 1;
};

struct Combination {
  std::vector<Input> inputs;
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  uint64_t limit = 0;  // 0: none
};

// Lets a map of strings be asked with a view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Scores = std::unordered_map<std::string, double, TextHash, std::equal_to<>>;

// inf - inf counts as 0, as in Redis.
double OrZero(double score) { return std::isnan(score) ? 0 : score; }

void AddTo(double* score, double other, Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kSum:
      *score = OrZero(*score + other);
      break;
    case Aggregate::kMin:
      *score = other < *score ? other : *score;
      break;
    case Aggregate::kMax:
      *score = other > *score ? other : *score;
      break;
  }
}

// ---- Arguments ----

Result<std::vector<Input>> FindInputs(CommandContext& ctx, Args keys) {
  // Looking may delete an expired key, after which no state found before may be used: so that comes first.
  for (std::string_view key : keys) (void)ctx.keys.Exists(ctx.db, key);
  std::vector<Input> inputs;
  inputs.reserve(keys.size());
  for (std::string_view key : keys) {
    auto operand = Operand::Find(ctx, key);
    if (!operand) return operand.error();
    inputs.push_back({*operand});
  }
  return inputs;
}

Result<void> ParseOptions(Args args, size_t at, const Form& form, Combination* combination) {
  const bool weighs = form.operation != Operation::kDiff && !form.counts;
  const size_t inputs = combination->inputs.size();
  while (at < args.size()) {
    const std::string_view word = args[at];
    const size_t remaining = args.size() - at;
    if (weighs && remaining >= inputs + 1 && EqualIgnoringCase(word, "weights")) {
      for (Input& input : combination->inputs) {
        auto weight = ScoreArgument(args[++at], "ERR weight value is not a float");
        if (!weight) return weight.error();
        input.weight = *weight;
      }
      ++at;
    } else if (weighs && remaining >= 2 && EqualIgnoringCase(word, "aggregate")) {
      const std::string_view how = args[at + 1];
      if (EqualIgnoringCase(how, "sum")) {
        combination->aggregate = Aggregate::kSum;
      } else if (EqualIgnoringCase(how, "min")) {
        combination->aggregate = Aggregate::kMin;
      } else if (EqualIgnoringCase(how, "max")) {
        combination->aggregate = Aggregate::kMax;
      } else {
        return SyntaxError();
      }
      at += 2;
    } else if (!form.stores && !form.counts && EqualIgnoringCase(word, "withscores")) {
      combination->with_scores = true;
      ++at;
    } else if (form.counts && remaining >= 2 && EqualIgnoringCase(word, "limit")) {
      constexpr char kNegative[] = "ERR LIMIT can't be negative";
      auto limit = IntegerArgument(args[at + 1], kNegative);
      if (!limit) return limit.error();
      if (*limit < 0) return Error{kNegative};
      combination->limit = static_cast<uint64_t>(*limit);
      at += 2;
    } else {
      return SyntaxError();
    }
  }
  return {};
}

Result<Combination> Parse(CommandContext& ctx, Args args, const Form& form) {
  const size_t count_at = form.stores ? 2 : 1;
  auto count = IntegerArgument(args[count_at]);
  if (!count) return count.error();
  if (*count < 1) return Error{fmt::format("ERR at least 1 input key is needed for '{}' command", form.name)};
  if (static_cast<uint64_t>(*count) > args.size() - count_at - 1) return SyntaxError();
  Combination combination;
  const auto keys = static_cast<size_t>(*count);
  auto inputs = FindInputs(ctx, args.subspan(count_at + 1, keys));
  if (!inputs) return inputs.error();
  combination.inputs = std::move(*inputs);
  if (auto parsed = ParseOptions(args, count_at + 1 + keys, form, &combination); !parsed) return parsed.error();
  // The smallest first: fewest lookups, and the order in which Redis adds scores up.
  if (form.operation != Operation::kDiff) {
    std::stable_sort(combination.inputs.begin(), combination.inputs.end(),
                     [](const Input& a, const Input& b) { return a.operand.size() < b.operand.size(); });
  }
  return combination;
}

// ---- Operations ----

std::vector<OwnedMember> Union(const Combination& combination) {
  Scores scores;
  scores.reserve(combination.inputs.back().operand.size());
  for (const Input& input : combination.inputs) {
    input.operand.ForEachMember([&](const ScoredMember& each) {
      const double score = OrZero(input.weight * each.score);
      const auto known = scores.find(each.member);
      if (known == scores.end()) {
        scores.emplace(each.member, score);
      } else {
        AddTo(&known->second, score, combination.aggregate);
      }
      return true;
    });
  }
  std::vector<OwnedMember> members;
  members.reserve(scores.size());
  while (!scores.empty()) {
    auto node = scores.extract(scores.begin());
    members.push_back({std::move(node.key()), node.mapped()});
  }
  return members;
}

// Visits the members that all inputs have, while visit(member, score) returns true.
template <class Visit>
void ForEachCommon(const Combination& combination, Visit&& visit) {
  const Input& smallest = combination.inputs.front();
  smallest.operand.ForEachMember([&](const ScoredMember& each) {
    double score = OrZero(smallest.weight * each.score);
    for (size_t i = 1; i < combination.inputs.size(); ++i) {
      const Input& other = combination.inputs[i];
      const std::optional<double> there =
          other.operand.key() == smallest.operand.key() ? each.score : other.operand.Score(each.member);
      if (!there) return true;
      AddTo(&score, *there * other.weight, combination.aggregate);
    }
    return visit(each.member, score);
  });
}

std::vector<OwnedMember> Inter(const Combination& combination) {
  std::vector<OwnedMember> members;
  ForEachCommon(combination, [&](std::string_view member, double score) {
    members.push_back({std::string(member), score});
    return true;
  });
  return members;
}

// Looks each member of the first input up in the others, largest first …
std::vector<OwnedMember> DiffByLookup(const Combination& combination) {
  std::vector<const Operand*> others;
  for (size_t i = 1; i < combination.inputs.size(); ++i) others.push_back(&combination.inputs[i].operand);
  std::stable_sort(others.begin(), others.end(),
                   [](const Operand* a, const Operand* b) { return a->size() > b->size(); });
  std::vector<OwnedMember> members;
  combination.inputs.front().operand.ForEachMember([&](const ScoredMember& each) {
    const bool elsewhere = std::any_of(others.begin(), others.end(),
                                       [&](const Operand* other) { return other->Score(each.member).has_value(); });
    if (!elsewhere) members.push_back({std::string(each.member), each.score});
    return true;
  });
  return members;
}

// … or takes everybody's members out of a copy of the first.
std::vector<OwnedMember> DiffByWalk(const Combination& combination) {
  Scores left;
  combination.inputs.front().operand.ForEachMember([&](const ScoredMember& each) {
    left.emplace(each.member, each.score);
    return true;
  });
  for (size_t i = 1; i < combination.inputs.size() && !left.empty(); ++i) {
    combination.inputs[i].operand.ForEachMember([&](const ScoredMember& each) {
      const auto found = left.find(each.member);
      if (found != left.end()) left.erase(found);
      return !left.empty();
    });
  }
  std::vector<OwnedMember> members;
  for (const auto& [member, score] : left) members.push_back({member, score});
  return members;
}

std::vector<OwnedMember> Diff(const Combination& combination) {
  const Operand& first = combination.inputs.front().operand;
  uint64_t walked = first.size();
  for (size_t i = 1; i < combination.inputs.size(); ++i) {
    const Operand& other = combination.inputs[i].operand;
    if (other.key() == first.key()) return {};
    walked += other.size();
  }
  const uint64_t looked_up = first.size() * combination.inputs.size();
  return looked_up / 2 <= walked ? DiffByLookup(combination) : DiffByWalk(combination);
}

std::vector<OwnedMember> Combine(Operation operation, const Combination& combination) {
  switch (operation) {
    case Operation::kUnion:
      return Union(combination);
    case Operation::kInter:
      return Inter(combination);
    case Operation::kDiff:
      return Diff(combination);
  }
  return {};
}

Result<void> Answer(CommandContext& ctx, Args args, const Form& form, ReplyWriter& reply) {
  auto combination = Parse(ctx, args, form);
  if (!combination) return combination.error();
  std::vector<OwnedMember> members = Combine(form.operation, *combination);
  if (form.stores) {
    if (auto stored = StoreMembers(ctx, args[1], members); !stored) return stored;
    reply.Integer(static_cast<int64_t>(members.size()));
    return {};
  }
  std::sort(members.begin(), members.end(), [](const OwnedMember& a, const OwnedMember& b) {
    return shm::ComesBefore(a.score, a.member, b.score, b.member);
  });
  ReplyMemberCount(members.size(), combination->with_scores, reply);
  for (const OwnedMember& each : members) ReplyMember({each.member, each.score}, combination->with_scores, reply);
  return {};
}

}  // namespace

// ZUNION numkeys key [key …] [WEIGHTS w …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES] -> members of any, in order
Result<void> ZUnion(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {"zunion", Operation::kUnion}, reply);
}

// ZINTER numkeys key [key …] [WEIGHTS w …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES] -> members of all, in order
Result<void> ZInter(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {"zinter", Operation::kInter}, reply);
}

// ZDIFF numkeys key [key …] [WITHSCORES] -> members of the first that no other has, in order
Result<void> ZDiff(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {"zdiff", Operation::kDiff}, reply);
}

// ZUNIONSTORE destination numkeys key [key …] [WEIGHTS w …] [AGGREGATE …] -> how many were stored
Result<void> ZUnionStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {"zunionstore", Operation::kUnion, true}, reply);
}

// ZINTERSTORE destination numkeys key [key …] [WEIGHTS w …] [AGGREGATE …] -> how many were stored
Result<void> ZInterStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {"zinterstore", Operation::kInter, true}, reply);
}

// ZDIFFSTORE destination numkeys key [key …] -> how many were stored
Result<void> ZDiffStore(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return Answer(ctx, args, {"zdiffstore", Operation::kDiff, true}, reply);
}

// ZINTERCARD numkeys key [key …] [LIMIT limit] -> how many members all have, counted up to `limit`
Result<void> ZInterCard(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto combination = Parse(ctx, args, {"zintercard", Operation::kInter, false, true});
  if (!combination) return combination.error();
  int64_t count = 0;
  ForEachCommon(*combination, [&](std::string_view, double) {
    ++count;
    return combination->limit == 0 || static_cast<uint64_t>(count) < combination->limit;
  });
  reply.Integer(count);
  return {};
}

}  // namespace chestbox::sorted_sets
