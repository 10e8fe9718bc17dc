#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "protocol/resp/number_format.h"
#include "server/commands/sorted_sets.h"

namespace chestbox::sorted_sets {

namespace {

// An effect has no more members than this, so that no listener has to take a command of any length.
constexpr size_t kMembersPerEffectMax = 4096;

// What strtod reads, without spaces before it; no NaN, and nothing that overflows or becomes zero.
std::optional<double> ParseScore(std::string_view text) {
  double score = 0;
  const auto [read, failed] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (failed == std::errc() && read == text.data() + text.size()) {
    return std::isnan(score) ? std::nullopt : std::optional(score);
  }
  if (text.empty() || std::isspace(static_cast<unsigned char>(text.front())) != 0) return std::nullopt;
  const std::string copy(text);
  char* end = nullptr;
  errno = 0;
  score = std::strtod(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || std::isnan(score)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(score) || std::fpclassify(score) == FP_ZERO)) return std::nullopt;
  return score;
}

// Collects "ZADD key score member …" and reports it in pieces.
class AddEffects {
 public:
  AddEffects(CommandContext& ctx, std::string_view key) : ctx_(ctx), key_(key) {}
  ~AddEffects() { Flush(); }
  AddEffects(const AddEffects&) = delete;
  AddEffects& operator=(const AddEffects&) = delete;

  void Add(std::string_view member, double score) {
    char text[resp::kDoubleBytesMax];
    scores_.emplace_back(resp::FormatDouble(score, text));
    members_.push_back(member);
    if (members_.size() == kMembersPerEffectMax) Flush();
  }

 private:
  void Flush() {
    if (members_.empty()) return;
    std::vector<std::string_view> command = {"ZADD", key_};
    command.reserve(2 + members_.size() * 2);
    for (size_t i = 0; i < members_.size(); ++i) {
      command.push_back(scores_[i]);
      command.push_back(members_[i]);
    }
    ctx_.Effect(command);
    scores_.clear();
    members_.clear();
  }

  CommandContext& ctx_;
  std::string_view key_;
  std::vector<std::string> scores_;
  std::vector<std::string_view> members_;
};

// One pair's change.
struct Change {
  std::string_view member;
  double score;
};

// What to do with a pair: nothing (and whether an option refused it), or the score to give it.
struct Decision {
  bool refused = false;
  bool changes = false;
  double score = 0;
};

Result<Decision> Decide(std::optional<double> old_score, double score, const AddOptions& options) {
  if (!old_score) {
    if (options.only_existing) return Decision{.refused = true};
    return Decision{.changes = true, .score = score};
  }
  if (options.only_new) return Decision{.refused = true};
  if (options.increment) {
    score += *old_score;
    if (std::isnan(score)) return Error{"ERR resulting score is not a number (NaN)"};
  }
  if ((options.only_less && score >= *old_score) || (options.only_greater && score <= *old_score)) {
    return Decision{.refused = true};
  }
  return Decision{.changes = score != *old_score, .score = score};
}

// On an Error (no memory) what is in *changes was done.
Result<AddOutcome> AddToSet(SortedSet& set, std::span<const ScoredMember> pairs, const AddOptions& options,
                            std::vector<Change>* changes) {
  AddOutcome outcome;
  for (const ScoredMember& pair : pairs) {
    const SortedSet::Place place = set.Locate(pair.member);
    const std::optional<double> old_score = place.score;
    auto decision = Decide(old_score, pair.score, options);
    if (!decision) return decision.error();
    if (decision->refused) continue;
    outcome.score = decision->score;
    if (!decision->changes) continue;
    const Result<void> written =
        old_score ? set.Move(place, pair.member, decision->score) : set.Add(place, pair.member, decision->score);
    if (!written) return written.error();
    ++(old_score ? outcome.updated : outcome.added);
    changes->push_back({pair.member, decision->score});
  }
  return outcome;
}

}  // namespace

Result<double> ScoreArgument(std::string_view text, std::string_view error) {
  const std::optional<double> score = ParseScore(text);
  if (!score) return Error{std::string(error.empty() ? "ERR value is not a valid float" : error)};
  return *score;
}

Result<ScoreRange> ScoreRangeArguments(std::string_view min, std::string_view max) {
  const std::optional<ScoreRange> range = shm::ParseScoreRange(min, max);
  if (!range) return Error{"ERR min or max is not a float"};
  return *range;
}

Result<LexRange> LexRangeArguments(std::string_view min, std::string_view max) {
  const std::optional<LexRange> range = shm::ParseLexRange(min, max);
  if (!range) return Error{"ERR min or max not valid string range item"};
  return *range;
}

Result<AddOutcome> AddMembers(CommandContext& ctx, std::string_view key, std::span<const ScoredMember> pairs,
                              const AddOptions& options) {
  auto found = SortedSet::Find(ctx, key, Look::kChange);
  if (!found) return found.error();
  const bool created = !found->has_value();
  if (created) {
    if (options.only_existing || pairs.empty()) return AddOutcome{};
    auto set = SortedSet::Create(ctx, key, pairs.front().member.size());
    if (!set) return set.error();
    found->emplace(*set);
  }
  SortedSet& set = **found;
  std::vector<Change> changes;
  auto outcome = AddToSet(set, pairs, options, &changes);
  if (created && changes.empty()) set.Drop();
  if (changes.size() == 1) {
    char text[resp::kDoubleBytesMax];
    ctx.Effect({"ZADD", key, resp::FormatDouble(changes[0].score, text), changes[0].member});
    return outcome;
  }
  AddEffects effects(ctx, key);
  for (const Change& change : changes) effects.Add(change.member, change.score);
  return outcome;
}

Result<void> StoreMembers(CommandContext& ctx, std::string_view key, std::span<const OwnedMember> members) {
  if (members.empty()) {
    if (ctx.keys.Erase(ctx.db, key)) ctx.Effect({"DEL", key});
    return {};
  }
  std::vector<ScoredMember> ordered;
  ordered.reserve(members.size());
  for (const OwnedMember& each : members) ordered.push_back({each.member, each.score});
  std::sort(ordered.begin(), ordered.end(), [](const ScoredMember& a, const ScoredMember& b) {
    return shm::ComesBefore(a.score, a.member, b.score, b.member);
  });
  const bool replaced = ctx.keys.Exists(ctx.db, key);
  if (auto stored = SortedSet::Store(ctx, key, ordered); !stored) return stored;
  if (replaced) ctx.Effect({"DEL", key});
  AddEffects effects(ctx, key);
  for (const ScoredMember& each : ordered) effects.Add(each.member, each.score);
  return {};
}

void ReportRemoved(CommandContext& ctx, std::string_view key, std::span<const std::string> members, bool dropped) {
  if (dropped) {
    ctx.Effect({"DEL", key});
    return;
  }
  while (!members.empty()) {
    const size_t count = std::min(members.size(), kMembersPerEffectMax);
    std::vector<std::string_view> command = {"ZREM", key};
    command.insert(command.end(), members.begin(), members.begin() + static_cast<ptrdiff_t>(count));
    ctx.Effect(command);
    members = members.subspan(count);
  }
}

void ReplyMember(const ScoredMember& member, bool with_score, ReplyWriter& reply) {
  if (with_score && reply.protocol() > 2) reply.Array(2);
  reply.Bulk(member.member);
  if (with_score) reply.Double(member.score);
}

void ReplyMemberCount(uint64_t count, bool with_scores, ReplyWriter& reply) {
  reply.Array(with_scores && reply.protocol() == 2 ? count * 2 : count);
}

}  // namespace chestbox::sorted_sets
