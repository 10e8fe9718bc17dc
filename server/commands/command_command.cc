// COMMAND: the rows of the command table, as clients ask for them.
#include "server/commands/command_command.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "protocol/glob.h"
#include "server/commands/bits.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/server.h"

namespace chestbox {

namespace command_command {

namespace {

void ReplyTypeAndSpec(std::string_view type, ReplyWriter& reply) {
  reply.Map(2);
  reply.Bulk("type");
  reply.Bulk(type);
  reply.Bulk("spec");
}

void ReplyKeyFlags(uint32_t flags, ReplyWriter& reply) {
  const auto names = KeyFlagNames(flags);
  reply.Set(names.size());
  for (std::string_view name : names) reply.SimpleString(name);
}

void ReplyNumbers(std::initializer_list<std::pair<std::string_view, int>> numbers, ReplyWriter& reply) {
  reply.Map(numbers.size());
  for (const auto& [name, value] : numbers) {
    reply.Bulk(name);
    reply.Integer(value);
  }
}

void ReplyKeyRange(const KeyRange& range, ReplyWriter& reply) {
  reply.Map(3);
  reply.Bulk("flags");
  ReplyKeyFlags(range.flags, reply);
  reply.Bulk("begin_search");
  if (range.place == KeyRange::Place::kKeyword) {
    ReplyTypeAndSpec("keyword", reply);
    reply.Map(2);
    reply.Bulk("keyword");
    reply.Bulk(range.keyword);
    reply.Bulk("startfrom");
    reply.Integer(range.first);
  } else {
    ReplyTypeAndSpec("index", reply);
    ReplyNumbers({{"index", range.first}}, reply);
  }
  reply.Bulk("find_keys");
  if (range.place == KeyRange::Place::kCounted) {
    ReplyTypeAndSpec("keynum", reply);
    ReplyNumbers({{"keynumidx", 0}, {"firstkey", 1}, {"keystep", 1}}, reply);
    return;
  }
  const bool absolute = range.place == KeyRange::Place::kFixed && range.last >= 0;
  ReplyTypeAndSpec("range", reply);
  ReplyNumbers(
      {{"lastkey", absolute ? range.last - range.first : range.last}, {"keystep", range.step}, {"limit", range.limit}},
      reply);
}

size_t KeyRanges(const CommandSpec& spec) {
  size_t count = 0;
  for (const KeyRange& range : spec.keys) count += range.first != 0 ? 1 : 0;
  return count;
}

}  // namespace

void ReplyInfo(const CommandTable& table, const CommandSpec& spec, ReplyWriter& reply) {
  reply.Array(10);
  reply.Bulk(table.FullName(spec));
  reply.Integer(spec.arity);
  const bool movable = std::any_of(std::begin(spec.keys), std::end(spec.keys),
                                   [](const KeyRange& range) { return range.place != KeyRange::Place::kFixed; });
  const auto flags = FlagNames(movable ? spec.flags | kMovableKeys : spec.flags);
  reply.Set(flags.size());
  for (std::string_view flag : flags) reply.SimpleString(flag);
  const KeyRange keys = LegacyRange(spec);
  reply.Integer(keys.first);
  reply.Integer(keys.last);
  reply.Integer(keys.step);
  const auto categories = CategoryNames(spec);
  reply.Set(categories.size());
  for (const std::string& category : categories) reply.SimpleString(category);
  reply.Set(spec.tips.size());
  for (std::string_view tip : spec.tips) reply.Bulk(tip);
  reply.Set(KeyRanges(spec));
  for (const KeyRange& range : spec.keys) {
    if (range.first != 0) ReplyKeyRange(range, reply);
  }
  if (spec.subcommands.empty()) {
    reply.Set(0);
    return;
  }
  reply.Array(spec.subcommands.size());
  for (const CommandSpec& sub : spec.subcommands) ReplyInfo(table, sub, reply);
}

uint32_t KeyFlagsOfCall(const CommandSpec& spec, uint32_t flags, Args call) {
  if ((flags & kKeyVariableFlags) == 0) return flags;
  if (spec.run == bits::BitField) return bits::BitFieldKeyFlags(call);
  for (size_t i = 3; i < call.size(); ++i) {
    if (EqualIgnoringCase(call[i], "get")) return kKeyRW | kKeyAccess | kKeyUpdate;
  }
  return kKeyOW | kKeyUpdate;
}

}  // namespace command_command

namespace {

using command_command::ReplyDocs;
using command_command::ReplyInfo;

void ReplyAll(const CommandTable& table, ReplyWriter& reply) {
  const auto rows = table.All();
  reply.Array(rows.size());
  for (const CommandSpec* spec : rows) ReplyInfo(table, *spec, reply);
}

// COMMAND -> every row, as COMMAND INFO
Result<void> Command(CommandContext& ctx, Args, ReplyWriter& reply) {
  ReplyAll(ctx.server.commands(), reply);
  return {};
}

// COMMAND COUNT -> how many rows; subcommands do not count
Result<void> Count(CommandContext& ctx, Args, ReplyWriter& reply) {
  reply.Integer(static_cast<int64_t>(ctx.server.commands().size()));
  return {};
}

// COMMAND INFO [command-name …] -> the rows, null for names that there are not
Result<void> Info(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const CommandTable& table = ctx.server.commands();
  if (args.size() == 2) {
    ReplyAll(table, reply);
    return {};
  }
  reply.Array(args.size() - 2);
  for (std::string_view name : args.subspan(2)) {
    const CommandSpec* spec = table.FindFull(name);
    if (spec == nullptr) {
      reply.Null();
    } else {
      ReplyInfo(table, *spec, reply);
    }
  }
  return {};
}

// COMMAND DOCS [command-name …] -> a map of names and what to know about them
Result<void> Docs(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const CommandTable& table = ctx.server.commands();
  std::vector<const CommandSpec*> rows;
  if (args.size() == 2) {
    rows = table.All();
  } else {
    for (std::string_view name : args.subspan(2)) {
      const CommandSpec* spec = table.FindFull(name);
      if (spec != nullptr) rows.push_back(spec);
    }
  }
  reply.Map(rows.size());
  for (const CommandSpec* spec : rows) {
    reply.Bulk(table.FullName(*spec));
    ReplyDocs(table, *spec, reply);
  }
  return {};
}

struct ListFilter {
  enum class Kind { kNone, kModule, kCategory, kPattern } kind = Kind::kNone;
  std::string_view value;

  bool Fits(const CommandTable& table, const CommandSpec& spec) const {
    switch (kind) {
      case Kind::kNone:
        return true;
      case Kind::kModule:
        return false;  // no command comes from a module
      case Kind::kPattern:
        return GlobMatch(value, table.FullName(spec), true);
      case Kind::kCategory:
        for (const std::string& category : CategoryNames(spec)) {
          if (EqualIgnoringCase(std::string_view(category).substr(1), value)) return true;
        }
        return false;
    }
    return false;
  }
};

Result<ListFilter> ParseFilter(Args args) {
  ListFilter filter;
  if (args.size() == 2) return filter;
  if (args.size() != 5 || !EqualIgnoringCase(args[2], "filterby")) return SyntaxError();
  filter.value = args[4];
  if (EqualIgnoringCase(args[3], "module")) {
    filter.kind = ListFilter::Kind::kModule;
  } else if (EqualIgnoringCase(args[3], "aclcat")) {
    filter.kind = ListFilter::Kind::kCategory;
  } else if (EqualIgnoringCase(args[3], "pattern")) {
    filter.kind = ListFilter::Kind::kPattern;
  } else {
    return SyntaxError();
  }
  return filter;
}

// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern] -> names, of subcommands too
Result<void> List(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto filter = ParseFilter(args);
  if (!filter) return filter.error();
  const CommandTable& table = ctx.server.commands();
  const size_t mark = reply.BeginDeferredArray(100);
  size_t count = 0;
  const auto offer = [&](const CommandSpec& spec) {
    if (!filter->Fits(table, spec)) return;
    reply.Bulk(table.FullName(spec));
    ++count;
  };
  for (const CommandSpec* spec : table.All()) {
    offer(*spec);
    for (const CommandSpec& sub : spec->subcommands) offer(sub);
  }
  reply.EndDeferredArray(mark, count);
  return {};
}

// Whether a call has no keys where its row has some: a count that is none, nothing behind STREAMS, or a second range
// that the command can go without (PFMERGE without sources). Redis takes that for an error here, though PFMERGE itself
// does not; but not where scripts have no keys.
bool LacksRange(const CommandSpec& spec, Args call) {
  if ((spec.flags & kRunsScript) != 0) return false;
  for (const KeyRange& range : spec.keys) {
    const bool counted = range.place == KeyRange::Place::kCounted;
    const bool streams = range.place == KeyRange::Place::kKeyword && range.limit > 1;
    if ((counted || streams) && LocateKeys(range, call).first == 0) return true;
  }
  const KeyRange& second = spec.keys[1];
  return second.place == KeyRange::Place::kFixed && second.last < 0 &&
         static_cast<int>(call.size()) + second.last < second.first;
}

Result<void> ReplyKeys(CommandContext& ctx, Args call, bool with_flags, ReplyWriter& reply) {
  const CommandSpec* parent = nullptr;
  Error unknown;
  const CommandSpec* spec = ctx.server.commands().FindLeaf(call, &parent, &unknown);
  if (spec == nullptr) return Error{"ERR Invalid command specified"};
  if (spec->keys[0].first == 0) return Error{"ERR The command has no key arguments"};
  if (!ArityFits(*spec, call.size())) return Error{"ERR Invalid number of arguments specified for command"};
  if (LacksRange(*spec, call)) return Error{"ERR Invalid arguments specified for command"};
  const size_t mark = reply.BeginDeferredArray(1);
  size_t count = 0;
  ForEachKey(*spec, call, [&](std::string_view key, uint32_t flags) {
    ++count;
    if (with_flags) reply.Array(2);
    reply.Bulk(key);
    if (with_flags) command_command::ReplyKeyFlags(command_command::KeyFlagsOfCall(*spec, flags, call), reply);
  });
  reply.EndDeferredArray(mark, count);
  return {};
}

// COMMAND GETKEYS command [arg …] -> the keys among the arguments
Result<void> GetKeys(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyKeys(ctx, args.subspan(2), false, reply);
}

// COMMAND GETKEYSANDFLAGS command [arg …] -> the same, each with what the command does to it
Result<void> GetKeysAndFlags(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyKeys(ctx, args.subspan(2), true, reply);
}

// COMMAND HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "(no subcommand)",
      "    Return details about all Redis commands.",
      "COUNT",
      "    Return the total number of commands in this Redis server.",
      "LIST",
      "    Return a list of all commands in this Redis server.",
      "INFO [<command-name> ...]",
      "    Return details about multiple Redis commands.",
      "    If no command names are given, documentation details for all",
      "    commands are returned.",
      "DOCS [<command-name> ...]",
      "    Return documentation details about multiple Redis commands.",
      "    If no command names are given, documentation details for all",
      "    commands are returned.",
      "GETKEYS <full-command>",
      "    Return the keys from a full Redis command.",
      "GETKEYSANDFLAGS <full-command>",
      "    Return the keys and the access flags from a full Redis command.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kCommandDocsArguments[] = {
    {.name = "command-name", .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple}};
constexpr ArgumentSpec kCommandListFilterbyArguments[] = {
    {.name = "module-name", .token = "MODULE"},
    {.name = "category", .token = "ACLCAT"},
    {.name = "pattern", .type = Type::kPattern, .token = "PATTERN"},
};
constexpr ArgumentSpec kCommandListArguments[] = {{.name = "filterby",
                                                   .type = Type::kOneOf,
                                                   .token = "FILTERBY",
                                                   .flags = ArgumentSpec::kOptional,
                                                   .arguments = kCommandListFilterbyArguments}};

constexpr std::string_view kNondeterministicOutputOrderTips[] = {"nondeterministic_output_order"};

constexpr CommandSpec kCommandSubcommands[] = {
    {.name = "count",
     .run = Count,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Counts the commands."},
    {.name = "docs",
     .run = Docs,
     .arity = -2,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of commands to look up",
     .summary = "Documents commands.",
     .arguments = kCommandDocsArguments,
     .tips = kNondeterministicOutputOrderTips},
    {.name = "getkeys",
     .run = GetKeys,
     .arity = -4,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(N) where N is the number of arguments to the command",
     .summary = "Finds the keys in the arguments of a command."},
    {.name = "getkeysandflags",
     .run = GetKeysAndFlags,
     .arity = -4,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of arguments to the command",
     .summary = "Finds the keys in the arguments of a command, and what it does to them."},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells what the COMMAND subcommands do."},
    {.name = "info",
     .run = Info,
     .arity = -2,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(N) where N is the number of commands to look up",
     .summary = "Describes commands.",
     .arguments = kCommandDocsArguments,
     .tips = kNondeterministicOutputOrderTips},
    {.name = "list",
     .run = List,
     .arity = -2,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(N) where N is the total number of Redis commands",
     .summary = "Lists the names of the commands.",
     .arguments = kCommandListArguments,
     .tips = kNondeterministicOutputOrderTips},
};

constexpr CommandSpec kCommands[] = {
    {.name = "command",
     .run = Command,
     .arity = -1,
     .flags = kLoading | kStale,
     .categories = kCatConnection,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(N) where N is the total number of Redis commands",
     .summary = "Describes all commands.",
     .tips = kNondeterministicOutputOrderTips,
     .subcommands = kCommandSubcommands},
};

}  // namespace

std::span<const CommandSpec> CommandCommands() { return kCommands; }

}  // namespace chestbox
