#include "server/acl/user.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/acl/sha256.h"
#include "server/commands/command_parser.h"
#include "server/echoed.h"

namespace chestbox {

namespace {

// A limit of our own: each selector is looked at by every command, and each password by every login.
constexpr size_t kSelectorsMax = 1024;
constexpr size_t kPasswordsMax = 1024;

bool IsHash(std::string_view text) {
  return text.size() == kSha256HexDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// However much of them is equal, it takes the same time. Both have the same size.
bool EqualInConstantTime(std::string_view a, std::string_view b) {
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

// Words between parentheses are one rule. An Error has the word where one opens that is never closed.
Result<std::vector<std::string>> JoinParentheses(std::span<const std::string_view> words) {
  std::vector<std::string> rules;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string rule(words[i]);
    const size_t begin = i;
    while (rule.starts_with('(') && !rule.ends_with(')')) {
      if (++i == words.size()) return Error{std::string(words[begin])};
      rule += fmt::format(" {}", words[i]);
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace

Result<void> CheckUserName(std::string_view name) {
  const bool bad =
      std::any_of(name.begin(), name.end(), [](char c) { return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r'); });
  if (bad) return Error{"Usernames can't contain spaces or null characters"};
  return {};
}

User::User(std::string_view user_name, const CommandSets& sets, bool all_channels)
    : name(user_name), selectors({Selector(sets, all_channels)}), sets_(&sets), all_channels_(all_channels) {}

Result<void> User::Apply(std::span<const std::string_view> words, std::string_view what) {
  auto rules = JoinParentheses(words);
  if (!rules) {
    return Error{
        fmt::format("Unmatched parenthesis in acl selector starting at '{}'.", AsEchoed(rules.error().message))};
  }
  for (const std::string& rule : *rules) {
    if (auto applied = ApplyOne(rule); !applied) {
      return Error{fmt::format("{} '{}': {}", what, AsEchoed(rule), applied.error().message)};
    }
  }
  unrestricted = selectors.front().allows_everything();
  return {};
}

Result<void> User::ApplyOne(std::string_view rule) {
  if (rule.empty()) return {};
  if (EqualIgnoringCase(rule, "on") || EqualIgnoringCase(rule, "off")) {
    enabled = rule.size() == 2;
  } else if (EqualIgnoringCase(rule, "nopass") || EqualIgnoringCase(rule, "resetpass")) {
    no_password = EqualIgnoringCase(rule, "nopass");
    passwords.clear();
  } else if (EqualIgnoringCase(rule, "sanitize-payload")) {
    sanitize = Sanitize::kYes;
  } else if (EqualIgnoringCase(rule, "skip-sanitize-payload")) {
    sanitize = Sanitize::kNo;
  } else if (EqualIgnoringCase(rule, "clearselectors")) {
    selectors.erase(selectors.begin() + 1, selectors.end());
  } else if (EqualIgnoringCase(rule, "reset")) {
    Reset();
  } else if (rule[0] == '>' || rule[0] == '#' || rule[0] == '<' || rule[0] == '!') {
    return ApplyPassword(rule[0], rule.substr(1));
  } else if (rule[0] == '(') {
    return AddSelector(rule.substr(1, rule.size() - 2));
  } else {
    return selectors.front().Apply(rule);
  }
  return {};
}

// >password and #hash add, <password and !hash take away.
Result<void> User::ApplyPassword(char sign, std::string_view text) {
  const bool is_hash = sign == '#' || sign == '!';
  if (is_hash && !IsHash(text)) {
    return Error{"The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"};
  }
  const std::string hash = is_hash ? std::string(text) : Sha256::Hex(text);
  const auto known = std::find(passwords.begin(), passwords.end(), hash);
  if (sign == '<' || sign == '!') {
    if (known == passwords.end()) {
      return Error{"The password you are trying to remove from the user does not exist"};
    }
    passwords.erase(known);
    return {};
  }
  no_password = false;
  if (known != passwords.end()) return {};
  if (passwords.size() == kPasswordsMax) return Error{"Too many passwords"};
  passwords.push_back(hash);
  return {};
}

Result<void> User::AddSelector(std::string_view rules) {
  if (selectors.size() == kSelectorsMax) return Error{"Too many selectors"};
  Selector added(*sets_, all_channels_);
  while (!rules.empty()) {
    const std::string_view rule = rules.substr(0, rules.find(' '));
    rules.remove_prefix(std::min(rules.size(), rule.size() + 1));
    if (rule.empty()) continue;
    if (auto applied = added.Apply(rule); !applied) return applied;
  }
  selectors.push_back(std::move(added));
  return {};
}

void User::Reset() {
  enabled = no_password = false;
  passwords.clear();
  sanitize = Sanitize::kYes;
  selectors.assign(1, Selector(*sets_, all_channels_));
}

bool User::HasPassword(std::string_view password) const {
  const std::string hash = Sha256::Hex(password);
  bool found = false;
  for (const std::string& known : passwords) found = EqualInConstantTime(hash, known) || found;
  return found || no_password;
}

Denial User::Check(const CommandSpec& row, Args args) const {
  Denial worst;
  for (const Selector& selector : selectors) {
    const Denial denial = selector.Check(row, args);
    if (!denial) return {};
    if (worst < denial) worst = denial;
  }
  return worst;
}

bool User::AllowsChannel(std::string_view channel, bool is_pattern) const {
  return std::any_of(selectors.begin(), selectors.end(),
                     [&](const Selector& selector) { return selector.AllowsChannel(channel, is_pattern); });
}

std::vector<std::string_view> User::Flags() const {
  std::vector<std::string_view> flags = {enabled ? "on" : "off"};
  if (no_password) flags.emplace_back("nopass");
  if (sanitize == Sanitize::kYes) flags.emplace_back("sanitize-payload");
  if (sanitize == Sanitize::kNo) flags.emplace_back("skip-sanitize-payload");
  return flags;
}

std::string User::Describe() const {
  std::string text;
  for (std::string_view flag : Flags()) text += fmt::format("{} ", flag);
  for (const std::string& hash : passwords) text += fmt::format("#{} ", hash);
  text += selectors.front().Describe();
  for (const Selector& selector : std::span(selectors).subspan(1)) text += fmt::format(" ({})", selector.Describe());
  return text;
}

}  // namespace chestbox
