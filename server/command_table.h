// All commands by name: merges the families' tables (server/commands/families.h), applies rename-command, and knows how
// to talk about rows. Built once at start; executor thread only.
//
// Find is on the path of every command: open addressing over lower-cased names, nothing allocated.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/result.h"
#include "server/command.h"

namespace chestbox {

class CommandTable {
 public:
  // `renames`: rename-command lines in order; an empty new name removes the command. An unknown old name is an Error.
  // `more`: rows beyond those of the families, for tests.
  static Result<std::unique_ptr<CommandTable>> Create(std::span<const std::pair<std::string, std::string>> renames,
                                                      std::span<const CommandSpec> more = {});

  // Case-insensitive. Null: no such command. Names of containers ("client") find the container's row.
  const CommandSpec* Find(std::string_view name) const;
  // By full name: "get", "client|list".
  const CommandSpec* FindFull(std::string_view full_name) const;
  // The row that runs for these arguments: the subcommand's for a container, or the container's own when it stands
  // alone. Null when there is none; *error says so in Redis' words. *parent: the container, if the row is a
  // subcommand's.
  const CommandSpec* FindLeaf(Args args, const CommandSpec** parent, Error* error) const;

  // The row of an effect, which has Redis' own names whatever rename-command says.
  const CommandSpec* FindOriginalLeaf(Args command) const;

  // Every top-level row that was not removed, in table order.
  std::vector<const CommandSpec*> All() const { return order_; }
  size_t size() const { return order_.size(); }
  // "client|list" for a subcommand's row, "get" for others; whatever rename-command says.
  std::string FullName(const CommandSpec& leaf) const;
  // The container of a subcommand's row; null for others.
  const CommandSpec* ParentOf(const CommandSpec& leaf) const;
  // A number below row_count() for each row, those of subcommands and of removed commands included.
  size_t NumberOf(const CommandSpec& row) const { return numbers_.at(&row); }
  size_t row_count() const { return numbers_.size(); }

 private:
  struct Slot {
    std::string name;  // lower case
    const CommandSpec* spec = nullptr;
  };

  void AddFamily(std::span<const CommandSpec> family);
  bool Insert(std::string_view name, const CommandSpec* spec);
  void Remove(const CommandSpec* spec);

  std::vector<Slot> names_;
  std::vector<uint16_t> slots_;  // open addressing: 1 + index into names_, 0 is free; a power of two, at most half full
  std::unordered_map<std::string_view, const CommandSpec*> originals_;
  std::unordered_map<const CommandSpec*, const CommandSpec*> parents_;
  std::unordered_map<const CommandSpec*, size_t> numbers_;
  std::vector<const CommandSpec*> order_;
  // What FindLeaf found last, as it was written: pipelines repeat themselves.
  mutable std::string last_name_;
  mutable const CommandSpec* last_spec_ = nullptr;
};

// True if `args` (with the name) has as many arguments as the row wants.
bool ArityFits(const CommandSpec& spec, size_t args);
// Where the keys of one range are in a call: a range with place kFixed, and first 0 if there are none.
KeyRange LocateKeys(const KeyRange& range, Args args);
// The keys of a call: calls visit(key, flags) for each. Arity has been checked.
template <class Visit>
void ForEachKey(const CommandSpec& spec, Args args, Visit&& visit) {
  for (const KeyRange& given : spec.keys) {
    if (given.first == 0 || (given.flags & kKeyNotKey) != 0) continue;
    const KeyRange range = given.place == KeyRange::Place::kFixed ? given : LocateKeys(given, args);
    if (range.first == 0) continue;
    const int count = static_cast<int>(args.size());
    const int last = range.last < 0 ? count + range.last : range.last;
    for (int i = range.first; i <= last && i < count; i += range.step) visit(args[static_cast<size_t>(i)], range.flags);
  }
}

// Row helpers for COMMAND and ACL.
std::vector<std::string_view> FlagNames(uint64_t flags);  // "write", "denyoom", "readonly", … (no '@', no '+')
std::vector<std::string> CategoryNames(
    const CommandSpec& spec);  // "@keyspace", "@write", "@slow", … as Redis derives them
std::vector<std::string_view> KeyFlagNames(uint32_t flags);  // "RO", "access", …
// True for the name of a category, without '@', in any case ("keyspace", "all" is none).
bool IsCategoryName(std::string_view name);
// The names of all categories, without '@', in Redis' order.
std::span<const std::string_view> AllCategories();
// First key, last key and step of COMMAND INFO: both ranges in one where they adjoin. All 0: no keys.
KeyRange LegacyRange(const CommandSpec& spec);

// The table of commands as Markdown, for docs/compatibility.md.
std::string CommandsMarkdown(const CommandTable& table);

}  // namespace chestbox
