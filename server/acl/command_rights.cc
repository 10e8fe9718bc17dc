#include "server/acl/command_rights.h"

#include <algorithm>

#include "protocol/check.h"
#include "server/commands/command_parser.h"

namespace chestbox {

namespace {

// Of first arguments ("+select|0") there could be any number; every check of such a command looks through them.
constexpr size_t kRulesMax = 4096;
// Looking for idle rules takes the square of their number.
constexpr size_t kTidiedRulesMax = 256;

constexpr const char* kUnknown = "Unknown command or category name in ACL";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

bool IsAll(std::string_view category) { return EqualIgnoringCase(category, "all"); }

}  // namespace

// ---- CommandSets ----

CommandSets::CommandSets(const CommandTable& table) : table_(table) {
  CHECK(table.row_count() <= kCommandRowsMax);
  for (std::string_view category : AllCategories()) categories_.emplace(category, CommandBits{});
  const auto add = [&](const CommandSpec& row) {
    const size_t number = table.NumberOf(row);
    all_.set(number);
    for (const std::string& category : CategoryNames(row)) categories_.find(category.substr(1))->second.set(number);
  };
  for (const CommandSpec* row : table.All()) {
    add(*row);
    for (const CommandSpec& sub : row->subcommands) add(sub);
  }
}

const CommandBits* CommandSets::Category(std::string_view name) const {
  const auto found = categories_.find(Lower(name));
  return found == categories_.end() ? nullptr : &found->second;
}

// ---- CommandRights ----

void CommandRights::Reset(bool all) {
  allows_future_ = all;
  rules_.clear();
  effect_ = EffectOf(rules_);
}

// By Redis' names, whatever rename-command says: users are written for commands, not for what somebody calls them.
const CommandSpec* CommandRights::RowOf(std::string_view name, std::string_view* argument) const {
  const size_t bar = name.find('|');
  const std::string_view words[] = {name.substr(0, bar), bar == std::string_view::npos ? "" : name.substr(bar + 1)};
  *argument = {};
  if (bar == std::string_view::npos) return sets_->table().FindOriginalLeaf(Args(words, 1));
  const CommandSpec* row = sets_->table().FindOriginalLeaf(Args(words, 1));
  if (row == nullptr) return nullptr;
  if (!row->subcommands.empty()) return sets_->table().FindOriginalLeaf(words);
  *argument = words[1];
  return row;
}

Result<void> CommandRights::Check(bool allows, std::string_view name) const {
  if (name.starts_with('@')) {
    if (sets_->Category(name.substr(1)) == nullptr) return Error{kUnknown};
    return {};
  }
  std::string_view argument;
  const CommandSpec* row = RowOf(name, &argument);
  const size_t bar = name.find('|');
  if (row == nullptr) {
    const size_t last_bar = name.rfind('|');
    const bool below_subcommand =
        allows && last_bar != bar && (row = RowOf(name.substr(0, last_bar), &argument)) != nullptr && argument.empty();
    return Error{below_subcommand ? "Allowing first-arg of a subcommand is not supported" : kUnknown};
  }
  if (bar == std::string_view::npos || sets_->table().ParentOf(*row) != nullptr) return {};
  if (!allows || argument.find('|') != std::string_view::npos) return Error{kUnknown};
  if (argument.empty()) return Error{"Syntax error"};
  return {};
}

Result<void> CommandRights::Apply(std::string_view rule) {
  Rule added{rule.starts_with('+'), Lower(rule.substr(1))};
  if (added.name.starts_with('@') && IsAll(std::string_view(added.name).substr(1))) {
    Reset(added.allows);
    return {};
  }
  if (auto fits = Check(added.allows, added.name); !fits) return fits;
  std::string_view argument;
  if (!added.name.starts_with('@') && RowOf(rule.substr(1), &argument) != nullptr && !argument.empty()) {
    // As it was written: commands compare it without regard to case only where Redis does.
    added.name.replace(added.name.size() - argument.size(), argument.size(), argument);
  }
  if (rules_.size() >= kRulesMax) return Error{"Too many command rules"};
  // What is said anew about a command takes the place of what was said about it and its subcommands.
  const std::string below = added.name + '|';
  std::erase_if(rules_, [&](const Rule& old) { return old.name == added.name || old.name.starts_with(below); });
  rules_.push_back(std::move(added));
  effect_ = EffectOf(rules_);
  DropIdleRules();
  return {};
}

void CommandRights::ApplyTo(Effect* effect, const Rule& rule) const {
  CommandBits bits;
  if (rule.name.starts_with('@')) {
    bits = *sets_->Category(std::string_view(rule.name).substr(1));
  } else {
    std::string_view argument;
    const CommandSpec* row = RowOf(rule.name, &argument);
    const size_t number = sets_->table().NumberOf(*row);
    if (!argument.empty()) {
      if (!effect->bits.test(number)) effect->first_arguments[number].emplace_back(argument);
      return;
    }
    bits.set(number);
    for (const CommandSpec& sub : row->subcommands) bits.set(sets_->table().NumberOf(sub));
  }
  if (rule.allows) {
    effect->bits |= bits;
  } else {
    effect->bits &= ~bits;
  }
  std::erase_if(effect->first_arguments, [&](const auto& entry) { return bits.test(entry.first); });
}

CommandRights::Effect CommandRights::EffectOf(const std::vector<Rule>& rules) const {
  Effect effect;
  if (allows_future_) effect.bits = sets_->all();
  for (const Rule& rule : rules) ApplyTo(&effect, rule);
  return effect;
}

void CommandRights::DropIdleRules() {
  if (rules_.size() > kTidiedRulesMax) return;
  for (size_t i = 0; i < rules_.size();) {
    std::vector<Rule> others = rules_;
    others.erase(others.begin() + static_cast<ptrdiff_t>(i));
    if (EffectOf(others) == effect_) {
      rules_ = std::move(others);
    } else {
      ++i;
    }
  }
}

bool CommandRights::Allows(const CommandSpec& row, Args args) const {
  if ((row.flags & kNoAuth) != 0) return true;  // one can always log in as somebody else
  const size_t number = sets_->table().NumberOf(row);
  if (effect_.bits.test(number)) return true;
  const auto allowed = effect_.first_arguments.find(number);
  if (allowed == effect_.first_arguments.end() || args.size() < 2) return false;
  return std::any_of(allowed->second.begin(), allowed->second.end(),
                     [&](const std::string& argument) { return EqualIgnoringCase(argument, args[1]); });
}

std::string CommandRights::Describe() const {
  std::string text = allows_future_ ? "+@all" : "-@all";
  for (const Rule& rule : rules_) text += (rule.allows ? " +" : " -") + rule.name;
  return text;
}

}  // namespace chestbox
