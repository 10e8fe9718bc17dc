#include "server/command_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "server/commands/families.h"

namespace chestbox {

namespace {

// Redis cuts what it echoes of an unknown command: 128 bytes of the name, and about as much of its arguments.
constexpr size_t kEchoedBytesMax = 128;

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::array<std::span<const CommandSpec>, 12> Families() {
  return {StringCommands(), KeyCommands(),    ExpireCommands(), ScanCommands(),    DatabaseCommands(), ConnectionCommands(),
          ClientCommands(), ServerCommands(), ConfigCommands(), CommandCommands(), DebugCommands(),    ChestboxCommands()};
}

Error UnknownCommand(Args args) {
  std::string echoed;
  for (size_t i = 1; i < args.size() && echoed.size() < kEchoedBytesMax; ++i) {
    echoed += fmt::format("'{}' ", args[i].substr(0, kEchoedBytesMax - echoed.size()));
  }
  return Error{fmt::format("ERR unknown command '{}', with args beginning with: {}", args[0].substr(0, kEchoedBytesMax), echoed)};
}

std::string Upper(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return text;
}

}  // namespace

// FNV-1a over the lower-cased bytes: names are a few bytes long.
size_t CommandTable::Hash::operator()(std::string_view name) const {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(Lower(c))) * 0x100000001b3;
  return hash;
}

bool CommandTable::Equal::operator()(std::string_view a, std::string_view b) const { return EqualIgnoringCase(a, b); }

Result<std::unique_ptr<CommandTable>> CommandTable::Create(std::span<const std::pair<std::string, std::string>> renames) {
  auto table = std::make_unique<CommandTable>();
  for (std::span<const CommandSpec> family : Families()) {
    for (const CommandSpec& spec : family) {
      table->by_name_.emplace(spec.name, &spec);
      table->order_.push_back(&spec);
      for (const CommandSpec& sub : spec.subcommands) table->parents_.emplace(&sub, &spec);
    }
  }
  for (const auto& [from, to] : renames) {
    const auto found = table->by_name_.find(from);
    if (found == table->by_name_.end()) return Error{fmt::format("No such command in rename-command: '{}'", from)};
    const CommandSpec* spec = found->second;
    table->by_name_.erase(found);
    if (to.empty()) continue;
    if (!table->by_name_.emplace(to, spec).second) {
      return Error{fmt::format("Target command name already exists: '{}'", to)};
    }
  }
  return table;
}

const CommandSpec* CommandTable::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const CommandSpec* CommandTable::FindLeaf(Args args, const CommandSpec** parent, Error* error) const {
  *parent = nullptr;
  const CommandSpec* spec = Find(args[0]);
  if (spec == nullptr) {
    *error = UnknownCommand(args);
    return nullptr;
  }
  if (spec->subcommands.empty() || args.size() == 1) return spec;
  for (const CommandSpec& sub : spec->subcommands) {
    if (!EqualIgnoringCase(sub.name, args[1])) continue;
    *parent = spec;
    return &sub;
  }
  if (spec->run != nullptr) return spec;
  *error = Error{fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", args[1].substr(0, kEchoedBytesMax), Upper(spec->name))};
  return nullptr;
}

std::vector<const CommandSpec*> CommandTable::All() const { return order_; }

std::string CommandTable::FullName(const CommandSpec& leaf) const {
  const auto parent = parents_.find(&leaf);
  return parent == parents_.end() ? std::string(leaf.name) : fmt::format("{}|{}", parent->second->name, leaf.name);
}

bool ArityFits(const CommandSpec& spec, size_t args) {
  const auto count = static_cast<int>(args);
  return spec.arity >= 0 ? count == spec.arity : count >= -spec.arity;
}

std::vector<std::string_view> FlagNames(uint64_t flags) {
  // In the order in which Redis lists them.
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
      {kMayReplicate, "may_replicate"},
      {kNoMulti, "no_multi"},
      {kMovableKeys, "movablekeys"},
      {kAllowBusy, "allow_busy"},
      {kNoAsyncLoading, "no_async_loading"},
      {kNoMandatoryKeys, "no_mandatory_keys"},
      {kTouchesArbitraryKeys, "touches_arbitrary_keys"},
  };
  std::vector<std::string_view> names;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) names.push_back(name);
  }
  return names;
}

std::vector<std::string> CategoryNames(const CommandSpec& spec) {
  // In the order of Redis' category bits.
  constexpr uint64_t kNone = 0;
  const bool admin = (spec.flags & kAdmin) != 0;
  const std::pair<bool, std::string_view> categories[] = {
      {(spec.categories & kCatKeyspace) != kNone, "@keyspace"},
      {(spec.flags & kReadOnly) != 0 && (spec.categories & kCatScripting) == 0, "@read"},
      {(spec.flags & kWrite) != 0, "@write"},
      {(spec.categories & kCatSet) != kNone, "@set"},
      {(spec.categories & kCatSortedSet) != kNone, "@sortedset"},
      {(spec.categories & kCatList) != kNone, "@list"},
      {(spec.categories & kCatHash) != kNone, "@hash"},
      {(spec.categories & kCatString) != kNone, "@string"},
      {(spec.categories & kCatBitmap) != kNone, "@bitmap"},
      {(spec.categories & kCatHyperloglog) != kNone, "@hyperloglog"},
      {(spec.categories & kCatGeo) != kNone, "@geo"},
      {(spec.categories & kCatStream) != kNone, "@stream"},
      {(spec.flags & kPubsub) != 0, "@pubsub"},
      {admin || (spec.categories & kCatAdmin) != kNone, "@admin"},
      {(spec.flags & kFast) != 0, "@fast"},
      {(spec.flags & kFast) == 0, "@slow"},
      {(spec.flags & kBlocking) != 0, "@blocking"},
      {admin || (spec.categories & kCatDangerous) != kNone, "@dangerous"},
      {(spec.categories & kCatConnection) != kNone, "@connection"},
      {(spec.categories & kCatTransaction) != kNone, "@transaction"},
      {(spec.categories & kCatScripting) != kNone, "@scripting"},
  };
  std::vector<std::string> names;
  for (const auto& [member, name] : categories) {
    if (member) names.emplace_back(name);
  }
  return names;
}

}  // namespace chestbox
