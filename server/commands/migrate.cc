// MIGRATE: sends states to another server, and erases them here once it has them.
//
// Redis stands still meanwhile. Here only the client waits, so a state may change while its copy is under way: then it
// stays, and the client is told.
#include <algorithm>

#include "protocol/rdb/dump.h"
#include "server/blocked_clients.h"
#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/migrator.h"
#include "server/server.h"
#include "server/swapper.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

constexpr int64_t kDefaultTimeoutMs = 1000;
constexpr char kChangedError[] = "IOERR a key was changed while it was migrated, and stays here as well";

struct MigrateOptions {
  bool copy = false;
  Migration migration;
  Args keys;
};

// What follows the timeout.
Result<void> ParseOptions(Args args, MigrateOptions* options) {
  Migration& migration = options->migration;
  options->keys = args.subspan(3, 1);
  for (size_t i = 6; i < args.size(); ++i) {
    const auto is = [&](std::string_view name) { return EqualIgnoringCase(args[i], name); };
    if (is("copy")) {
      options->copy = true;
    } else if (is("replace")) {
      migration.replace = true;
    } else if (is("auth") && i + 1 < args.size()) {
      migration.authenticate = true;
      migration.password = args[++i];
    } else if (is("auth2") && i + 2 < args.size()) {
      migration.authenticate = true;
      migration.username = args[++i];
      migration.password = args[++i];
    } else if (is("keys")) {
      if (!args[3].empty()) {
        return Error{"ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"};
      }
      options->keys = args.subspan(i + 1);
      break;
    } else {
      return SyntaxError();
    }
  }
  return {};
}

Result<MigrateOptions> ParseMigrate(Args args) {
  MigrateOptions options;
  if (auto parsed = ParseOptions(args, &options); !parsed) return parsed.error();
  const auto timeout_ms = IntegerArgument(args[5]);
  if (!timeout_ms) return timeout_ms.error();
  const auto database = IntegerArgument(args[4]);
  if (!database) return database.error();
  options.migration.host = args[1];
  options.migration.port = args[2];
  options.migration.database = *database;
  options.migration.timeout_ms = *timeout_ms > 0 ? *timeout_ms : kDefaultTimeoutMs;
  return options;
}

std::string DumpOf(Keyspace& keys, const StateView& state) {
  std::string payload = EncodeState(keys.memory(), state, ObjectReader::kRedis7);
  rdb::AppendFooter(payload);
  return payload;
}

void TakeStates(CommandContext& ctx, MigrateOptions* options) {
  for (const std::string_view key : options->keys) {
    const std::optional<StateView> state = ReadState(ctx, key);
    if (!state) continue;
    const int64_t ttl_ms = state->expire_at_ms == kNoExpiry ? 0 : state->expire_at_ms - ctx.now_ms;
    options->migration.items.push_back({std::string(key), DumpOf(ctx.keys, *state), ttl_ms});
  }
}

// Erases what has arrived there and is still the same here. False: something was not the same.
bool EraseMigrated(Server& server, uint32_t database, const Migration& migration, const MigrationOutcome& outcome) {
  bool all_same = true;
  Keyspace& keys = server.keys();
  for (size_t i = 0; i < migration.items.size(); ++i) {
    const MigrationItem& item = migration.items[i];
    const std::optional<StateView> state = outcome.accepted[i] ? keys.Peek(database, item.key) : std::nullopt;
    if (!state) continue;
    if (DumpOf(keys, *state) != item.payload) {
      all_same = false;
      continue;
    }
    keys.Erase(database, item.key);
    server.effects().Report(database, {"DEL", item.key});
  }
  return all_same;
}

std::string ErrorOf(Server& server, uint32_t database, bool copy, const Migration& migration,
                    const MigrationOutcome& outcome) {
  const bool all_same = copy || EraseMigrated(server, database, migration, outcome);
  return !outcome.error.empty() || all_same ? outcome.error : kChangedError;
}

// A command of its own, as far as readers and other clients are concerned.
void Complete(Server& server, uint64_t client_id, uint32_t database, bool copy, const Migration& migration,
              const MigrationOutcome& outcome) {
  const std::string error = ErrorOf(server, database, copy, migration, outcome);
  server.keys().FinishCommand();
  server.blocked().ServeReady();
  if (Client* client = server.FindClient(client_id); client != nullptr) (void)server.blocked().Unblock(*client, error);
}

// MIGRATE host port key | "" database timeout [COPY] [REPLACE] [AUTH password | AUTH2 username password] [KEYS key …]
//   -> OK, or NOKEY when there is nothing to send
Result<void> Migrate(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseMigrate(args);
  if (!options) return options.error();
  TakeStates(ctx, &*options);
  if (options->migration.items.empty()) {
    reply.SimpleString("NOKEY");
    return {};
  }
  const bool copy = options->copy;
  const auto migration = std::make_shared<const Migration>(std::move(options->migration));
  if (!ctx.may_block) {
    const std::string error = ErrorOf(ctx.server, ctx.db, copy, *migration, Migrator::SendNow(*migration));
    if (!error.empty()) {
      reply.Error(error);
    } else {
      reply.Ok();
    }
    return {};
  }
  ctx.server.migrator().Send(migration, [&server = ctx.server, client_id = ctx.client.id, database = ctx.db, copy,
                                         migration](const MigrationOutcome& outcome) {
    const auto complete = [&server, client_id, database, copy, migration, outcome](const Result<void>&) {
      Complete(server, client_id, database, copy, *migration, outcome);
    };
    if (server.swapper() == nullptr || copy) {
      complete({});
      return;
    }
    std::vector<Swapper::StateKey> keys;
    for (const MigrationItem& item : migration->items) keys.push_back({database, item.key});
    server.swapper()->Load(std::move(keys), complete);
  });
  BlockRequest until_complete;
  until_complete.on_timeout = [](ReplyWriter& writer) { writer.Ok(); };
  return ctx.Block(until_complete);
}

using Type = ArgumentSpec::Type;
constexpr uint8_t kOptional = ArgumentSpec::kOptional;

constexpr ArgumentSpec kKeyOrEmptyArguments[] = {
    {.name = "key", .type = Type::kKey, .key_spec = 0},
    {.name = "empty_string", .type = Type::kPureToken, .token = "\"\""},
};
constexpr ArgumentSpec kUserArguments[] = {{.name = "username"}, {.name = "password"}};
constexpr ArgumentSpec kAuthenticationArguments[] = {
    {.name = "password", .token = "AUTH", .flags = kOptional, .since = "4.0.7"},
    {.name = "username_password",
     .type = Type::kBlock,
     .token = "AUTH2",
     .flags = kOptional,
     .since = "6.0.0",
     .arguments = kUserArguments},
};
constexpr ArgumentSpec kMigrateArguments[] = {
    {.name = "host"},
    {.name = "port", .type = Type::kInteger},
    {.name = "key_or_empty_string", .type = Type::kOneOf, .arguments = kKeyOrEmptyArguments},
    {.name = "destination-db", .type = Type::kInteger},
    {.name = "timeout", .type = Type::kInteger},
    {.name = "copy", .type = Type::kPureToken, .token = "COPY", .flags = kOptional, .since = "3.0.0"},
    {.name = "replace", .type = Type::kPureToken, .token = "REPLACE", .flags = kOptional, .since = "3.0.0"},
    {.name = "authentication", .type = Type::kOneOf, .flags = kOptional, .arguments = kAuthenticationArguments},
    {.name = "key",
     .type = Type::kKey,
     .token = "KEYS",
     .flags = kOptional | ArgumentSpec::kMultiple,
     .key_spec = 1,
     .since = "3.0.6"},
};

constexpr std::string_view kNondeterministicOutputTips[] = {"nondeterministic_output"};

constexpr CommandSpec kCommands[] = {
    {.name = "migrate",
     .run = Migrate,
     .arity = -6,
     .flags = kWrite,
     .categories = kCatKeyspace | kCatDangerous,
     .keys = {{3, 3, 1, kKeyRW | kKeyAccess | kKeyDelete},
              {-2, -1, 1, kKeyRW | kKeyAccess | kKeyDelete | kKeyIncomplete, KeyRange::Place::kKeyword, "KEYS", 0}},
     .group = "generic",
     .since = "2.6.0",
     .complexity =
         "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See "
         "the pages of these commands for time complexity. Also an O(N) data transfer between the two instances is "
         "performed.",
     .summary = "Sends states to another server and deletes them here.",
     .arguments = kMigrateArguments,
     .tips = kNondeterministicOutputTips},
};

}  // namespace

std::span<const CommandSpec> MigrateCommands() { return kCommands; }

}  // namespace chestbox
