// All commands by name: merges the families' tables (server/commands/families.h), applies rename-command, and knows how to
// talk about rows. Built once at start; executor thread only.
#pragma once

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
  static Result<std::unique_ptr<CommandTable>> Create(std::span<const std::pair<std::string, std::string>> renames);

  // Case-insensitive. Null: no such command. Names of containers ("client") find the container's row.
  const CommandSpec* Find(std::string_view name) const;
  // The row that runs for these arguments: the subcommand's for a container. Null and *error set when there is none.
  // Error texts are Redis' ("ERR unknown command 'x', with args beginning with: 'a' ", "ERR unknown subcommand …").
  const CommandSpec* FindLeaf(Args args, const CommandSpec** parent, Error* error) const;

  std::vector<const CommandSpec*> All() const;  // every top-level row, in table order
  size_t size() const { return order_.size(); }
  // "client|list" for a subcommand's row, "get" for others.
  std::string FullName(const CommandSpec& leaf) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
  };
  std::unordered_map<std::string, const CommandSpec*, Hash, Equal> by_name_;
  std::unordered_map<const CommandSpec*, const CommandSpec*> parents_;
  std::vector<const CommandSpec*> order_;
};

// True if `args` (with the name) has as many arguments as the row wants.
bool ArityFits(const CommandSpec& spec, size_t args);
// The keys of a call: calls visit(key, flags) for each. Arity has been checked.
template <class Visit>
void ForEachKey(const CommandSpec& spec, Args args, Visit&& visit) {
  for (const KeyRange& range : spec.keys) {
    if (range.first == 0 || (range.flags & kKeyNotKey) != 0) continue;
    const int count = static_cast<int>(args.size());
    const int last = range.last < 0 ? count + range.last : range.last;
    for (int i = range.first; i <= last && i < count; i += range.step) visit(args[static_cast<size_t>(i)], range.flags);
  }
}

// Row helpers for COMMAND and ACL.
std::vector<std::string_view> FlagNames(uint64_t flags);       // "write", "denyoom", "readonly", … (no '@', no '+')
std::vector<std::string> CategoryNames(const CommandSpec& spec);  // "@keyspace", "@write", "@slow", … as Redis derives them

}  // namespace chestbox
