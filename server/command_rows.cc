// What rows say in the words of COMMAND, ACL and the documentation.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "protocol/canonical_integer.h"
#include "server/command_table.h"
#include "server/commands/command_parser.h"

namespace chestbox {

namespace {

constexpr std::string_view kCategories[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

template <class Flags, size_t kCount>
std::vector<std::string_view> NamesOf(Flags flags, const std::pair<Flags, std::string_view> (&names)[kCount]) {
  std::vector<std::string_view> found;
  for (const auto& [flag, name] : names) {
    if ((flags & flag) != 0) found.push_back(name);
  }
  return found;
}

}  // namespace

// In the order in which Redis lists them; the flags that it keeps to itself are missing here too.
std::vector<std::string_view> FlagNames(uint64_t flags) {
  constexpr std::pair<uint64_t, std::string_view> kNames[] = {
      {kWrite, "write"},
      {kReadOnly, "readonly"},
      {kDenyOom, "denyoom"},
      {kAdmin, "admin"},
      {kPubsub, "pubsub"},
      {kNoScript, "noscript"},
      {kBlocking, "blocking"},
      {kLoading, "loading"},
      {kStale, "stale"},
      {kSkipMonitor, "skip_monitor"},
      {kSkipSlowlog, "skip_slowlog"},
      {kFast, "fast"},
      {kNoAuth, "no_auth"},
      {kNoMandatoryKeys, "no_mandatory_keys"},
      {kNoAsyncLoading, "no_async_loading"},
      {kNoMulti, "no_multi"},
      {kMovableKeys, "movablekeys"},
      {kAllowBusy, "allow_busy"},
  };
  return NamesOf(flags, kNames);
}

std::vector<std::string_view> KeyFlagNames(uint32_t flags) {
  constexpr std::pair<uint32_t, std::string_view> kNames[] = {
      {kKeyRO, "RO"},
      {kKeyRW, "RW"},
      {kKeyOW, "OW"},
      {kKeyRM, "RM"},
      {kKeyAccess, "access"},
      {kKeyUpdate, "update"},
      {kKeyInsert, "insert"},
      {kKeyDelete, "delete"},
      {kKeyNotKey, "not_key"},
      {kKeyVariableFlags, "variable_flags"},
      {kKeyIncomplete, "incomplete"},
  };
  return NamesOf(flags, kNames);
}

std::vector<std::string> CategoryNames(const CommandSpec& spec) {
  const uint64_t flags = spec.flags;
  const uint64_t categories = spec.categories;
  const bool admin = (flags & kAdmin) != 0;
  // In the order of kCategories, which is that of Redis' bits.
  const bool members[] = {
      (categories & kCatKeyspace) != 0,
      (flags & kReadOnly) != 0 && (categories & kCatScripting) == 0,
      (flags & kWrite) != 0,
      (categories & kCatSet) != 0,
      (categories & kCatSortedSet) != 0,
      (categories & kCatList) != 0,
      (categories & kCatHash) != 0,
      (categories & kCatString) != 0,
      (categories & kCatBitmap) != 0,
      (categories & kCatHyperloglog) != 0,
      (categories & kCatGeo) != 0,
      (categories & kCatStream) != 0,
      (flags & kPubsub) != 0,
      admin || (categories & kCatAdmin) != 0,
      (flags & kFast) != 0,
      (flags & kFast) == 0,
      (flags & kBlocking) != 0,
      admin || (categories & kCatDangerous) != 0,
      (categories & kCatConnection) != 0,
      (categories & kCatTransaction) != 0,
      (categories & kCatScripting) != 0,
  };
  static_assert(std::size(members) == std::size(kCategories));
  std::vector<std::string> names;
  for (size_t i = 0; i < std::size(members); ++i) {
    if (members[i]) names.push_back(fmt::format("@{}", kCategories[i]));
  }
  return names;
}

std::span<const std::string_view> AllCategories() { return kCategories; }

bool IsCategoryName(std::string_view name) {
  return std::any_of(std::begin(kCategories), std::end(kCategories),
                     [&](std::string_view category) { return EqualIgnoringCase(category, name); });
}

KeyRange LegacyRange(const CommandSpec& spec) {
  KeyRange legacy;
  for (const KeyRange& range : spec.keys) {
    if (range.first == 0 || range.place != KeyRange::Place::kFixed) continue;
    if (legacy.first == 0) {
      legacy = range;
    } else if (legacy.step == 1 && range.step == 1 && legacy.last + 1 == range.first) {
      legacy.last = range.last;
    } else {
      return {};
    }
  }
  return legacy;
}

KeyRange LocateKeys(const KeyRange& range, Args args) {
  const int count = static_cast<int>(args.size());
  switch (range.place) {
    case KeyRange::Place::kFixed:
      return range;
    case KeyRange::Place::kCounted: {
      if (range.first >= count) return {};
      const std::optional<int64_t> keys = ParseInteger(args[static_cast<size_t>(range.first)]);
      if (!keys || *keys < 1 || *keys > count - range.first - 1) return {};
      return {range.first + 1, range.first + static_cast<int>(*keys), 1, range.flags};
    }
    case KeyRange::Place::kKeyword:
      break;
  }
  KeyRange found;
  const int step = range.first < 0 ? -1 : 1;  // from the end: a negative `first`
  for (int i = range.first < 0 ? count + range.first : range.first; i > 0 && i + 1 < count; i += step) {
    if (!EqualIgnoringCase(args[static_cast<size_t>(i)], range.keyword)) continue;
    if (range.last < 0 && range.limit > 1) {
      const int keys = (count - i - 1) / range.limit;
      return keys == 0 ? KeyRange{} : KeyRange{i + 1, i + keys, 1, range.flags};
    }
    if (range.last < 0) return {i + 1, range.last, 1, range.flags};
    found = {i + 1, i + 1, 1, range.flags};  // of several, as for the command itself, the last one counts
  }
  return found;
}

namespace {

std::string Row(const CommandTable& table, const CommandSpec& spec) {
  std::string name = table.FullName(spec);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c == '|' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  std::string note;
  if (!spec.replaced_by.empty()) note = fmt::format(" Deprecated: {}.", spec.replaced_by);
  return fmt::format("| {} | {} | {}{} |\n", name, spec.since, spec.summary, note);
}

}  // namespace

std::string CommandsMarkdown(const CommandTable& table) {
  std::vector<std::pair<std::string_view, std::vector<const CommandSpec*>>> groups;
  for (const CommandSpec* spec : table.All()) {
    auto group =
        std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.first == spec->group; });
    if (group == groups.end()) group = groups.insert(groups.end(), {spec->group, {}});
    if (spec->subcommands.empty() || spec->run != nullptr) group->second.push_back(spec);
    for (const CommandSpec& sub : spec->subcommands) group->second.push_back(&sub);
  }
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (auto& [group, rows] : groups) {
    std::sort(rows.begin(), rows.end(),
              [&](const CommandSpec* a, const CommandSpec* b) { return table.FullName(*a) < table.FullName(*b); });
    text += fmt::format("\n### {}\n\n| command | since | what it does |\n|---|---|---|\n", group);
    for (const CommandSpec* spec : rows) text += Row(table, *spec);
  }
  return text;
}

}  // namespace chestbox
