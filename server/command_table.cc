#include "server/command_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "server/commands/command_parser.h"
#include "server/commands/families.h"

namespace chestbox {

namespace {

// Redis cuts what it echoes of an unknown command: 128 bytes of the name, and about as much of its arguments.
constexpr size_t kEchoedBytesMax = 128;
// Longer than any row's name.
constexpr size_t kNameBytesMax = 32;

std::vector<std::span<const CommandSpec>> Families() {
  return {
      StringCommands(),
      KeyCommands(),
      ExpireCommands(),
      ScanCommands(),
      DatabaseCommands(),
      ConnectionCommands(),
      ClientCommands(),
      ServerCommands(),
      PersistenceCommands(),
      ConfigCommands(),
      CommandCommands(),
      DebugCommands(),
      ChestboxCommands(),
      TransactionCommands(),
      BitCommands(),
      PfCommands(),
      SetCommands(),
      HashCommands(),
      HashExpiryCommands(),
      ListCommands(),
      ListPopCommands(),
      DumpCommands(),
      MigrateCommands(),
      SortedSetMemberCommands(),
      SortedSetRangeCommands(),
      SortedSetCombiningCommands(),
      GeoCommands(),
      GeoSearchCommands(),
      StreamCommands(),
      SortCommands(),
      MemoryCommands(),
      ScriptingCommands(),
      FunctionCommands(),
      AclCommands(),
      ClusterCommands(),
      ModuleCommands(),
      ReplicationCommands(),
      PubSubCommands(),
  };
}

// At most `bytes` bytes, and nothing from a NUL on: Redis prints with %s.
std::string_view Echoed(std::string_view text, size_t bytes) {
  return text.substr(0, std::min(bytes, text.find('\0')));
}

Error UnknownCommand(Args args) {
  std::string echoed;
  for (size_t i = 1; i < args.size() && echoed.size() < kEchoedBytesMax; ++i) {
    echoed += fmt::format("'{}' ", Echoed(args[i], kEchoedBytesMax - echoed.size()));
  }
  return Error{
      fmt::format("ERR unknown command '{}', with args beginning with: {}", Echoed(args[0], kEchoedBytesMax), echoed)};
}

Error UnknownSubcommand(Args args) {
  std::string container(args[0]);
  for (char& c : container) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return Error{fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", Echoed(args[1], kEchoedBytesMax), container)};
}

// Eight bytes at a time, with the bit set that tells a from A: equal for names that differ in case only.
uint64_t HashOf(std::string_view name) {
  constexpr uint64_t kCaseBits = 0x2020202020202020;
  uint64_t hash = name.size();
  while (!name.empty()) {
    uint64_t word = 0;
    const size_t bytes = std::min<size_t>(name.size(), sizeof word);
    std::memcpy(&word, name.data(), bytes);
    hash = (hash ^ (word | kCaseBits)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
    name.remove_prefix(bytes);
  }
  return hash;
}

const CommandSpec* FindSubcommand(const CommandSpec& container, std::string_view name) {
  for (const CommandSpec& sub : container.subcommands) {
    if (EqualIgnoringCase(sub.name, name)) return &sub;
  }
  return nullptr;
}

}  // namespace

bool CommandTable::Insert(std::string_view name, const CommandSpec* spec) {
  if (Find(name) != nullptr) return false;
  Slot slot{std::string(name), spec};
  for (char& c : slot.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  names_.push_back(std::move(slot));
  if (names_.size() * 2 > slots_.size()) {
    slots_.assign(std::bit_ceil(names_.size() * 4), 0);
    for (size_t i = 0; i < names_.size(); ++i) {
      size_t at = HashOf(names_[i].name) & (slots_.size() - 1);
      while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = static_cast<uint16_t>(i + 1);
    }
    return true;
  }
  size_t at = HashOf(name) & (slots_.size() - 1);
  while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = static_cast<uint16_t>(names_.size());
  return true;
}

// The name stays as one that finds nothing, so that probing goes on past it.
void CommandTable::Remove(const CommandSpec* spec) {
  for (Slot& slot : names_) {
    if (slot.spec == spec) slot = Slot{};
  }
}

const CommandSpec* CommandTable::Find(std::string_view name) const {
  if (slots_.empty()) return nullptr;
  for (size_t at = HashOf(name) & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = names_[slots_[at] - 1U];
    if (slot.spec != nullptr && EqualIgnoringCase(slot.name, name)) return slot.spec;
  }
  return nullptr;
}

const CommandSpec* CommandTable::FindFull(std::string_view full_name) const {
  const size_t bar = full_name.find('|');
  const CommandSpec* spec = Find(full_name.substr(0, bar));
  if (bar == std::string_view::npos || spec == nullptr) return spec;
  return FindSubcommand(*spec, full_name.substr(bar + 1));
}

const CommandSpec* CommandTable::FindLeaf(Args args, const CommandSpec** parent, Error* error) const {
  *parent = nullptr;
  const CommandSpec* spec = last_spec_;
  if (spec == nullptr || args[0] != last_name_) {
    spec = Find(args[0]);
    if (spec == nullptr) {
      *error = UnknownCommand(args);
      return nullptr;
    }
    last_name_ = args[0];
    last_spec_ = spec;
  }
  if (spec->subcommands.empty() || args.size() == 1) return spec;
  const CommandSpec* sub = FindSubcommand(*spec, args[1]);
  if (sub == nullptr) {
    *error = UnknownSubcommand(args);
    return nullptr;
  }
  *parent = spec;
  return sub;
}

const CommandSpec* CommandTable::FindOriginalLeaf(Args command) const {
  if (command.empty()) return nullptr;
  char lower[kNameBytesMax];
  const std::string_view name = command[0];
  if (name.size() > sizeof lower) return nullptr;
  std::transform(name.begin(), name.end(), lower,
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto found = originals_.find({lower, name.size()});
  if (found == originals_.end()) return nullptr;
  if (found->second->subcommands.empty() || command.size() == 1) return found->second;
  return FindSubcommand(*found->second, command[1]);
}

void CommandTable::AddFamily(std::span<const CommandSpec> family) {
  for (const CommandSpec& spec : family) {
    CHECK(Insert(spec.name, &spec));
    originals_.emplace(spec.name, &spec);
    order_.push_back(&spec);
    numbers_.emplace(&spec, numbers_.size());
    for (const CommandSpec& sub : spec.subcommands) {
      parents_.emplace(&sub, &spec);
      numbers_.emplace(&sub, numbers_.size());
    }
  }
}

Result<std::unique_ptr<CommandTable>> CommandTable::Create(std::span<const std::pair<std::string, std::string>> renames,
                                                           std::span<const CommandSpec> more) {
  auto table = std::make_unique<CommandTable>();
  for (std::span<const CommandSpec> family : Families()) table->AddFamily(family);
  table->AddFamily(more);
  for (const auto& [from, to] : renames) {
    const CommandSpec* spec = table->Find(from);
    if (spec == nullptr) return Error{fmt::format("No such command in rename-command: '{}'", from)};
    table->Remove(spec);
    if (to.empty()) {
      std::erase(table->order_, spec);
    } else if (!table->Insert(to, spec)) {
      return Error{fmt::format("Target command name already exists: '{}'", to)};
    }
  }
  return table;
}

std::string CommandTable::FullName(const CommandSpec& leaf) const {
  const CommandSpec* parent = ParentOf(leaf);
  return parent == nullptr ? std::string(leaf.name) : fmt::format("{}|{}", parent->name, leaf.name);
}

const CommandSpec* CommandTable::ParentOf(const CommandSpec& leaf) const {
  const auto parent = parents_.find(&leaf);
  return parent == parents_.end() ? nullptr : parent->second;
}

bool ArityFits(const CommandSpec& spec, size_t args) {
  const auto count = static_cast<int>(args);
  return spec.arity >= 0 ? count == spec.arity : count >= -spec.arity;
}

}  // namespace chestbox
