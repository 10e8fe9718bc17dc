// CommandRights: which commands one selector of a user may run, and the rules that say so.
//
// The rules are kept, because ACL LIST, GETUSER and files show them; the bits, one a row of the command table, follow
// from them and are what is looked at. A rule that changes nothing (any more) is dropped, as Redis 7.0 shows users:
// "+memory" swallows "+memory|doctor". Executor thread only.
#pragma once

#include <bitset>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/command.h"
#include "server/command_table.h"

namespace chestbox {

// More than there are rows in the command table; Sets checks it.
inline constexpr size_t kCommandRowsMax = 1024;
using CommandBits = std::bitset<kCommandRowsMax>;

// What rules speak about: the rows by name, and each category's. One for all users.
class CommandSets {
 public:
  explicit CommandSets(const CommandTable& table);
  const CommandTable& table() const { return table_; }
  // Every row, and those of a category (without '@', in any case); null: there is no such category.
  const CommandBits& all() const { return all_; }
  const CommandBits* Category(std::string_view name) const;

 private:
  const CommandTable& table_;
  CommandBits all_;
  std::map<std::string, CommandBits, std::less<>> categories_;
};

class CommandRights {
 public:
  explicit CommandRights(const CommandSets& sets) : sets_(&sets) {}

  // "+get", "-config|set", "+select|0", "+@read", "-@all". An Error is the reason in Redis' words and changes nothing.
  Result<void> Apply(std::string_view rule);
  void AllowAll() { Reset(true); }
  void AllowNone() { Reset(false); }

  bool allows_all() const { return allows_future_ && rules_.empty(); }
  bool Allows(const CommandSpec& row, Args args) const;
  // "-@all +get +config|get"
  std::string Describe() const;

 private:
  struct Rule {
    bool allows;
    std::string name;  // lower case: "get", "config|get", "select|0" (a first argument keeps its case), "@read"
  };
  struct Effect {
    CommandBits bits;
    std::map<size_t, std::vector<std::string>> first_arguments;  // by row: allowed although its bit is not set
    bool operator==(const Effect&) const = default;
  };

  void Reset(bool all);
  // The row that the rule names; *argument: what follows it where that is a first argument.
  const CommandSpec* RowOf(std::string_view name, std::string_view* argument) const;
  Result<void> Check(bool allows, std::string_view name) const;
  void ApplyTo(Effect* effect, const Rule& rule) const;
  Effect EffectOf(const std::vector<Rule>& rules) const;
  void DropIdleRules();

  const CommandSets* sets_;
  bool allows_future_ = false;  // begins with +@all
  std::vector<Rule> rules_;
  Effect effect_;
};

}  // namespace chestbox
