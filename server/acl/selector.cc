#include "server/acl/selector.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/glob.h"
#include "server/command_table.h"
#include "server/commands/command_command.h"
#include "server/commands/command_parser.h"

namespace chestbox {

namespace {

constexpr const char* kSyntax = "Syntax error";

// Patterns are separated by spaces where users are listed; and a NUL would end them for Redis.
bool HasSpaces(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r'); });
}

constexpr uint32_t kReads = kKeyAccess;
constexpr uint32_t kWrites = kKeyInsert | kKeyDelete | kKeyUpdate;

// Which arguments of a command are channels, or patterns of such. By name, because nothing else of Redis' has channels.
struct ChannelArguments {
  std::string_view command;
  bool all;  // all arguments; else the first one
  bool are_patterns;
};
constexpr ChannelArguments kChannelArguments[] = {{"publish", false, false},
                                                  {"spublish", false, false},
                                                  {"subscribe", true, false},
                                                  {"ssubscribe", true, false},
                                                  {"psubscribe", true, true}};

size_t PlaceOf(std::string_view key, Args args) {
  const auto found = std::find_if(args.begin(), args.end(), [&](std::string_view arg) {
    return arg.data() == key.data() && arg.size() == key.size();
  });
  return static_cast<size_t>(found - args.begin());
}

}  // namespace

// ---- Rules ----

Result<void> Selector::Apply(std::string_view rule) {
  if (EqualIgnoringCase(rule, "allkeys") || rule == "~*") {
    all_keys_ = true;
    keys_.clear();
  } else if (EqualIgnoringCase(rule, "resetkeys")) {
    all_keys_ = false;
    keys_.clear();
  } else if (EqualIgnoringCase(rule, "allchannels") || rule == "&*") {
    all_channels_ = true;
    channels_.clear();
  } else if (EqualIgnoringCase(rule, "resetchannels")) {
    all_channels_ = false;
    channels_.clear();
  } else if (EqualIgnoringCase(rule, "allcommands")) {
    commands_.AllowAll();
  } else if (EqualIgnoringCase(rule, "nocommands")) {
    commands_.AllowNone();
  } else if (rule.starts_with('~') || rule.starts_with('%')) {
    return AddKeyPattern(rule);
  } else if (rule.starts_with('&')) {
    return AddChannel(rule.substr(1));
  } else if ((rule.starts_with('+') || rule.starts_with('-')) && rule.size() > 1) {
    return commands_.Apply(rule);
  } else {
    return Error{kSyntax};
  }
  return {};
}

// "~pattern", or "%R~pattern" with R, W or both.
Result<void> Selector::AddKeyPattern(std::string_view rule) {
  if (all_keys_) {
    return Error{
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try "
        "'resetkeys' to start with an empty list of patterns"};
  }
  KeyPattern added{"", rule[0] == '~', rule[0] == '~'};
  size_t at = 1;
  if (rule[0] == '%') {
    for (; at < rule.size() && rule[at] != '~'; ++at) {
      const char letter = rule[at];
      if (letter != 'R' && letter != 'r' && letter != 'W' && letter != 'w') return Error{kSyntax};
      added.read = added.read || letter == 'R' || letter == 'r';
      added.write = added.write || letter == 'W' || letter == 'w';
    }
    if (!added.read && !added.write) return Error{kSyntax};
    if (at < rule.size()) ++at;
  }
  added.pattern = rule.substr(at);
  if (HasSpaces(added.pattern)) return Error{kSyntax};
  if (added.pattern == "*" && added.read && added.write) return Apply("allkeys");
  for (KeyPattern& known : keys_) {
    if (known.pattern != added.pattern) continue;
    known.read = known.read || added.read;
    known.write = known.write || added.write;
    return {};
  }
  keys_.push_back(std::move(added));
  return {};
}

Result<void> Selector::AddChannel(std::string_view channel) {
  if (all_channels_) {
    return Error{
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. "
        "Try 'resetchannels' to start with an empty list of channels"};
  }
  if (HasSpaces(channel)) return Error{kSyntax};
  if (std::find(channels_.begin(), channels_.end(), channel) == channels_.end()) channels_.emplace_back(channel);
  return {};
}

// ---- Checks ----

bool Selector::AllowsKey(std::string_view key, uint32_t flags) const {
  const bool reads = (flags & kReads) != 0;
  const bool writes = (flags & kWrites) != 0;
  return std::any_of(keys_.begin(), keys_.end(), [&](const KeyPattern& allowed) {
    return (allowed.read || !reads) && (allowed.write || !writes) && GlobMatch(allowed.pattern, key, false);
  });
}

bool Selector::AllowsChannel(std::string_view channel, bool is_pattern) const {
  return all_channels_ || std::any_of(channels_.begin(), channels_.end(), [&](const std::string& allowed) {
           return is_pattern ? allowed == channel : GlobMatch(allowed, channel, false);
         });
}

bool Selector::MayReadEveryKey() const {
  return all_keys_ || std::any_of(keys_.begin(), keys_.end(),
                                  [](const KeyPattern& allowed) { return allowed.read && allowed.pattern == "*"; });
}

Denial Selector::Check(const CommandSpec& row, Args args) const {
  if (!commands_.Allows(row, args)) return {Denial::Reason::kCommand, 0};
  Denial denial;
  if (!all_keys_) {
    ForEachKey(row, args, [&](std::string_view key, uint32_t flags) {
      if (denial || AllowsKey(key, command_command::KeyFlagsOfCall(row, flags, args))) return;
      denial = {Denial::Reason::kKey, PlaceOf(key, args)};
    });
  }
  if (denial || all_channels_ || (row.flags & kPubsub) == 0) return denial;
  for (const ChannelArguments& channels : kChannelArguments) {
    if (channels.command != row.name) continue;
    const size_t end = channels.all ? args.size() : std::min<size_t>(args.size(), 2);
    for (size_t i = 1; i < end; ++i) {
      if (!AllowsChannel(args[i], channels.are_patterns)) return {Denial::Reason::kChannel, i};
    }
  }
  return {};
}

// ---- Descriptions ----

std::string Selector::DescribeKeys() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& key : keys_) {
    const std::string_view sign = key.read && key.write ? "~" : key.read ? "%R~" : "%W~";
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", sign, key.pattern);
  }
  return text;
}

std::string Selector::DescribeChannels() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& channel : channels_) text += fmt::format("{}&{}", text.empty() ? "" : " ", channel);
  return text;
}

std::string Selector::Describe() const {
  std::string text = DescribeKeys();
  if (!text.empty()) text += ' ';
  if (!all_channels_) text += "resetchannels ";
  text += DescribeChannels();
  if (all_channels_ || !channels_.empty()) text += ' ';
  return text + DescribeCommands();
}

}  // namespace chestbox
