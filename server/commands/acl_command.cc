// ACL: users and their rights, as clients ask for and change them. What they mean is in server/acl/.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/acl/acl.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/commands/number_parsing.h"
#include "server/commands/subcommand_error.h"
#include "server/keyspace.h"
#include "server/random_hex.h"
#include "server/server.h"

namespace chestbox {

namespace {

constexpr int64_t kPasswordBits = 256;
constexpr int64_t kPasswordBitsMax = 4096;
constexpr size_t kLogEntriesShown = 10;

constexpr const char* kNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
    "users "
    "in the Redis configuration.";

// ACL CAT [category] -> the categories, or the commands of one, subcommands too
Result<void> Cat(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 3) return SubcommandSyntaxError(args);
  if (args.size() == 2) {
    reply.Array(AllCategories().size());
    for (std::string_view category : AllCategories()) reply.Bulk(category);
    return {};
  }
  if (!IsCategoryName(args[2])) return Error{fmt::format("ERR Unknown category '{}'", AsEchoed(args[2]))};
  const CommandTable& table = ctx.server.commands();
  const size_t mark = reply.BeginDeferredArray();
  size_t count = 0;
  const auto offer = [&](const CommandSpec& row) {
    const std::vector<std::string> categories = CategoryNames(row);
    const bool is_member = std::any_of(categories.begin(), categories.end(), [&](const std::string& category) {
      return EqualIgnoringCase(std::string_view(category).substr(1), args[2]);
    });
    if (!is_member) return;
    reply.Bulk(table.FullName(row));
    ++count;
  };
  for (const CommandSpec* row : table.All()) {
    offer(*row);
    for (const CommandSpec& sub : row->subcommands) offer(sub);
  }
  reply.EndDeferredArray(mark, count);
  return {};
}

// ACL DELUSER username … -> how many were deleted; their connections are closed
Result<void> DelUser(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const Args names = args.subspan(2);
  if (std::find(names.begin(), names.end(), kDefaultUser) != names.end()) {
    return Error{"ERR The 'default' user cannot be removed"};
  }
  int64_t deleted = 0;
  for (std::string_view name : names) deleted += ctx.server.acl().DeleteUser(name, &ctx.client) ? 1 : 0;
  reply.Integer(deleted);
  return {};
}

std::string WhyNot(const CommandTable& table, const Denial& denial, const CommandSpec& row, Args call) {
  switch (denial.reason) {
    case Denial::Reason::kKey:
      return fmt::format("This user has no permissions to access the '{}' key", call[denial.argument]);
    case Denial::Reason::kChannel:
      return fmt::format("This user has no permissions to access the '{}' channel", call[denial.argument]);
    default:
      return fmt::format("This user has no permissions to run the '{}' command", table.FullName(row));
  }
}

// ACL DRYRUN username command [arg …] -> OK, or why the user may not run it
Result<void> DryRun(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const User* user = ctx.server.acl().Find(args[2]);
  if (user == nullptr) return Error{fmt::format("ERR User '{}' not found", AsEchoed(args[2]))};
  const Args call = args.subspan(3);
  const CommandTable& table = ctx.server.commands();
  const CommandSpec* parent = nullptr;
  Error unknown;
  const CommandSpec* row = table.FindLeaf(call, &parent, &unknown);
  if (row == nullptr) return Error{fmt::format("ERR Command '{}' not found", AsEchoed(call[0]))};
  if (!ArityFits(*row, call.size())) {
    return Error{fmt::format("ERR wrong number of arguments for '{}' command", table.FullName(*row))};
  }
  if (const Denial denial = user->Check(*row, call)) {
    reply.Bulk(WhyNot(table, denial, *row, call));
  } else {
    reply.Ok();
  }
  return {};
}

// ACL GENPASS [bits] -> random hexadecimal digits
Result<void> GenPass(CommandContext&, Args args, ReplyWriter& reply) {
  if (args.size() > 3) return SubcommandSyntaxError(args);
  int64_t bits = kPasswordBits;
  if (args.size() == 3) {
    auto asked = IntegerArgument(args[2]);
    if (!asked) return asked.error();
    bits = *asked;
    if (bits <= 0 || bits > kPasswordBitsMax) {
      return Error{
          fmt::format("ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
                      "number up to {}",
                      kPasswordBitsMax)};
    }
  }
  reply.Bulk(RandomHex(static_cast<size_t>((bits + 3) / 4)));
  return {};
}

void ReplySelector(const Selector& selector, ReplyWriter& reply) {
  reply.Bulk("commands");
  reply.Bulk(selector.DescribeCommands());
  reply.Bulk("keys");
  reply.Bulk(selector.DescribeKeys());
  reply.Bulk("channels");
  reply.Bulk(selector.DescribeChannels());
}

// ACL GETUSER username -> a map of what the user may do; null when there is none
Result<void> GetUser(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const User* user = ctx.server.acl().Find(args[2]);
  if (user == nullptr) {
    reply.Null();
    return {};
  }
  reply.Map(6);
  reply.Bulk("flags");
  const std::vector<std::string_view> flags = user->Flags();
  reply.Set(flags.size());
  for (std::string_view flag : flags) reply.Bulk(flag);
  reply.Bulk("passwords");
  reply.Array(user->passwords.size());
  for (const std::string& hash : user->passwords) reply.Bulk(hash);
  ReplySelector(user->selectors.front(), reply);
  reply.Bulk("selectors");
  reply.Array(user->selectors.size() - 1);
  for (const Selector& selector : std::span(user->selectors).subspan(1)) {
    reply.Map(3);
    ReplySelector(selector, reply);
  }
  return {};
}

// ACL LIST -> a line for each user, as in a file
Result<void> List(CommandContext& ctx, Args, ReplyWriter& reply) {
  const Acl::Users& users = ctx.server.acl().users();
  reply.Array(users.size());
  for (const auto& [name, user] : users) reply.Bulk(fmt::format("user {} {}", name, user->Describe()));
  return {};
}

// ACL LOAD -> OK; the users are those of the file
Result<void> Load(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (ctx.server.config().aclfile.empty()) return Error{kNoFile};
  if (auto loaded = ctx.server.acl().LoadFile(&ctx.client); !loaded) {
    return Error{fmt::format("ERR {}", loaded.error().message)};
  }
  reply.Ok();
  return {};
}

// ACL SAVE -> OK; the file has the users as they are
Result<void> Save(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (ctx.server.config().aclfile.empty()) return Error{kNoFile};
  if (!ctx.server.acl().SaveFile()) {
    return Error{"ERR There was an error trying to save the ACLs. Please check the server logs for more information"};
  }
  reply.Ok();
  return {};
}

void ReplyLogEntry(const AclLogEntry& entry, int64_t now_ms, ReplyWriter& reply) {
  const std::pair<std::string_view, std::string_view> texts[] = {
      {"reason", entry.reason}, {"context", entry.context}, {"object", entry.object}, {"username", entry.username}};
  reply.Map(10);
  reply.Bulk("count");
  reply.Integer(entry.count);
  for (const auto& [name, text] : texts) {
    reply.Bulk(name);
    reply.Bulk(text);
  }
  reply.Bulk("age-seconds");
  reply.Double(static_cast<double>(now_ms - entry.updated_ms) / 1000);
  reply.Bulk("client-info");
  reply.Bulk(entry.client_info);
  const std::pair<std::string_view, int64_t> numbers[] = {{"entry-id", static_cast<int64_t>(entry.id)},
                                                          {"timestamp-created", entry.created_ms},
                                                          {"timestamp-last-updated", entry.updated_ms}};
  for (const auto& [name, number] : numbers) {
    reply.Bulk(name);
    reply.Integer(number);
  }
}

// ACL LOG [count | RESET] -> what was refused lately, the newest first
Result<void> Log(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 3) return SubcommandSyntaxError(args);
  AclLog& log = ctx.server.acl().log();
  size_t count = kLogEntriesShown;
  if (args.size() == 3 && EqualIgnoringCase(args[2], "reset")) {
    log.Clear();
    reply.Ok();
    return {};
  }
  if (args.size() == 3) {
    auto asked = IntegerArgument(args[2]);
    if (!asked) return asked.error();
    count = static_cast<size_t>(std::max<int64_t>(0, *asked));
  }
  count = std::min(count, log.entries().size());
  reply.Array(count);
  for (size_t i = 0; i < count; ++i) ReplyLogEntry(log.entries()[i], ctx.now_ms, reply);
  return {};
}

// ACL SETUSER username [rule …] -> OK; all rules were applied, or none
Result<void> SetUser(CommandContext& ctx, Args args, ReplyWriter& reply) {
  Result<void> done = CheckUserName(args[2]);
  if (done) done = ctx.server.acl().SetUser(args[2], args.subspan(3));
  if (!done) return Error{fmt::format("ERR {}", done.error().message)};
  reply.Ok();
  return {};
}

// ACL USERS -> the names of all users
Result<void> Users(CommandContext& ctx, Args, ReplyWriter& reply) {
  const Acl::Users& users = ctx.server.acl().users();
  reply.Array(users.size());
  for (const auto& [name, user] : users) reply.Bulk(name);
  return {};
}

// ACL WHOAMI -> the name of the connection's user
Result<void> WhoAmI(CommandContext& ctx, Args, ReplyWriter& reply) {
  if (ctx.client.user != nullptr) {
    reply.Bulk(ctx.client.user->name);
  } else {
    reply.Null();
  }
  return {};
}

// ACL HELP -> what the subcommands do
Result<void> Help(CommandContext&, Args args, ReplyWriter& reply) {
  static constexpr std::string_view kLines[] = {
      "CAT [<category>]",
      "    List all commands that belong to <category>, or all command categories",
      "    when no category is specified.",
      "DELUSER <username> [<username> ...]",
      "    Delete a list of users.",
      "DRYRUN <username> <command> [<arg> ...]",
      "    Returns whether the user can execute the given command without executing the command.",
      "GETUSER <username>",
      "    Get the user's details.",
      "GENPASS [<bits>]",
      "    Generate a secure 256-bit user password. The optional `bits` argument can",
      "    be used to specify a different size.",
      "LIST",
      "    Show users details in config file format.",
      "LOAD",
      "    Reload users from the ACL file.",
      "LOG [<count> | RESET]",
      "    Show the ACL log entries.",
      "SAVE",
      "    Save the current config to the ACL file.",
      "SETUSER <username> <attribute> [<attribute> ...]",
      "    Create or modify a user with the specified attributes.",
      "USERS",
      "    List all the registered usernames.",
      "WHOAMI",
      "    Return the current connection username.",
  };
  ReplyHelp(reply, args[0], kLines);
  return {};
}

using Type = ArgumentSpec::Type;
constexpr uint64_t kOpen = kNoScript | kLoading | kStale;
constexpr uint64_t kAdministrative = kAdmin | kOpen;

constexpr ArgumentSpec kCatArguments[] = {{.name = "categoryname", .flags = ArgumentSpec::kOptional}};
constexpr ArgumentSpec kDelUserArguments[] = {{.name = "username", .flags = ArgumentSpec::kMultiple}};
constexpr ArgumentSpec kDryRunArguments[] = {
    {.name = "username"},
    {.name = "command"},
    {.name = "arg", .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple},
};
constexpr ArgumentSpec kGenPassArguments[] = {
    {.name = "bits", .type = Type::kInteger, .flags = ArgumentSpec::kOptional}};
constexpr ArgumentSpec kGetUserArguments[] = {{.name = "username"}};
constexpr ArgumentSpec kLogOperation[] = {
    {.name = "count", .type = Type::kInteger},
    {.name = "reset", .type = Type::kPureToken, .token = "RESET"},
};
constexpr ArgumentSpec kLogArguments[] = {
    {.name = "operation", .type = Type::kOneOf, .flags = ArgumentSpec::kOptional, .arguments = kLogOperation}};
constexpr ArgumentSpec kSetUserArguments[] = {
    {.name = "username"},
    {.name = "rule", .flags = ArgumentSpec::kOptional | ArgumentSpec::kMultiple},
};

constexpr std::string_view kUsersComplexity = "O(N). Where N is the number of configured users.";

constexpr CommandSpec kSubcommands[] = {
    {.name = "cat",
     .run = Cat,
     .arity = -2,
     .flags = kOpen,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1) since the categories and commands are a fixed set.",
     .summary = "Lists the categories, or the commands of one.",
     .arguments = kCatArguments},
    {.name = "deluser",
     .run = DelUser,
     .arity = -3,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1) amortized time considering the typical user.",
     .summary = "Deletes users and closes their connections.",
     .arguments = kDelUserArguments},
    {.name = "dryrun",
     .run = DryRun,
     .arity = -4,
     .flags = kAdministrative,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(1).",
     .summary = "Tells whether a user may run a command, without running it.",
     .arguments = kDryRunArguments},
    {.name = "genpass",
     .run = GenPass,
     .arity = -2,
     .flags = kOpen,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Makes a random password.",
     .arguments = kGenPassArguments},
    {.name = "getuser",
     .run = GetUser,
     .arity = 3,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of password, command and pattern rules that the user has.",
     .summary = "Describes a user.",
     .arguments = kGetUserArguments},
    {.name = "help",
     .run = Help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Describes the subcommands."},
    {.name = "list",
     .run = List,
     .arity = 2,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = kUsersComplexity,
     .summary = "Lists all users with their rules, as in a file."},
    {.name = "load",
     .run = Load,
     .arity = 2,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = kUsersComplexity,
     .summary = "Takes the users from the ACL file."},
    {.name = "log",
     .run = Log,
     .arity = -2,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(N) with N being the number of entries shown.",
     .summary = "Lists what was refused lately.",
     .arguments = kLogArguments},
    {.name = "save",
     .run = Save,
     .arity = 2,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = kUsersComplexity,
     .summary = "Writes the users to the ACL file."},
    {.name = "setuser",
     .run = SetUser,
     .arity = -3,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of rules provided.",
     .summary = "Makes or changes a user.",
     .arguments = kSetUserArguments},
    {.name = "users",
     .run = Users,
     .arity = 2,
     .flags = kAdministrative,
     .group = "server",
     .since = "6.0.0",
     .complexity = kUsersComplexity,
     .summary = "Lists the names of all users."},
    {.name = "whoami",
     .run = WhoAmI,
     .arity = 2,
     .flags = kOpen,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Returns the name of the connection's user."},
};

constexpr CommandSpec kCommands[] = {
    {.name = "acl",
     .arity = -2,
     .group = "server",
     .since = "6.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands about users and their rights.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> AclCommands() { return kCommands; }

}  // namespace chestbox
