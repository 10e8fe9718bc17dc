// Dispatcher, the part about MULTI and EXEC: queueing, bringing in everything that a transaction needs, running it.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "server/acl/acl.h"
#include "server/client_pause.h"
#include "server/commands/databases.h"
#include "server/dispatcher.h"
#include "server/keyspace.h"
#include "server/scripting/scripts.h"
#include "server/server.h"
#include "server/swapper.h"
#include "server/transaction.h"
#include "server/watched_keys.h"

namespace chestbox {

namespace {

// What the containers of an argument cost beside its bytes.
constexpr size_t kArgumentOverheadBytes = sizeof(std::string);

// Where queued commands will find their databases: SELECT and SWAPDB are among them.
class DatabaseTracker {
 public:
  explicit DatabaseTracker(uint32_t selected) : selected_(selected) {
    for (uint32_t i = 0; i < shm::kDatabases; ++i) now_[i] = i;
  }
  // The number that has today what the command will find in the selected database, or in `logical`.
  uint32_t selected() const { return now_[selected_]; }
  uint32_t Of(int logical) const { return now_[static_cast<size_t>(logical)]; }

  void Follow(const QueuedCommand& command) {
    if (command.spec->name == "select") {
      if (const int number = DatabaseOrNone(command.args[1]); number >= 0) selected_ = static_cast<uint32_t>(number);
    } else if (command.spec->name == "swapdb") {
      const int a = DatabaseOrNone(command.args[1]);
      const int b = DatabaseOrNone(command.args[2]);
      if (a >= 0 && b >= 0) std::swap(now_[a], now_[b]);
    }
  }

 private:
  uint32_t selected_;
  uint32_t now_[shm::kDatabases];
};

std::vector<std::string_view> Views(const std::vector<std::string>& words) { return {words.begin(), words.end()}; }

}  // namespace

// What an EXEC waits for before it runs.
struct Dispatcher::Needs {
  struct Walk {
    uint32_t database;
    KeyWalk range;  // of all walks over this database
  };
  std::vector<Swapper::StateKey> keys;
  std::vector<Walk> walks;
  bool missing = false;  // some key is not in memory
  uint64_t client_id = 0;
  bool was_short_of_memory = false;
  std::vector<std::string> saved;  // EXEC's arguments
  std::vector<std::string> held;
};

// ---- Queueing ----

void Dispatcher::Queue(Client& client, const CommandSpec& spec, Args args) {
  Transaction& transaction = *client.transaction;
  const size_t mark = client.output.size();
  if (!transaction.failed && !client.watch_failed) {  // else EXEC will not run them anyway
    size_t bytes = sizeof(QueuedCommand);
    for (std::string_view arg : args) bytes += arg.size() + kArgumentOverheadBytes;
    const int64_t bytes_max = server_.config().client_query_buffer_limit_bytes;
    if (bytes_max > 0 && transaction.bytes + bytes > static_cast<size_t>(bytes_max)) {
      Refuse(client, &spec, Error{"ERR Transaction is larger than client-query-buffer-limit"});
      return;
    }
    transaction.commands.push_back({&spec, {args.begin(), args.end()}, {}, nullptr});
    transaction.bytes += bytes;
    transaction.flags |= FlagsOf(client, spec, args);
  }
  client.reply.SimpleString("QUEUED");
  ApplyReplyMode(client, mark);
}

// A command that was refused before it ran: the transaction that it was meant for fails, and so does a refused EXEC.
void Dispatcher::Refuse(Client& client, const CommandSpec* spec, const Error& error) {
  if (spec != nullptr) ++server_.stats().commands.Of(spec).rejected_calls;
  if (client.transaction != nullptr) client.transaction->failed = true;
  if (spec == nullptr || (spec->flags & kRunsQueue) == 0) {
    ReplyError(client, error);
    return;
  }
  server_.EndTransaction(client);
  std::string_view reason = error.message;
  if (reason.starts_with("ERR ")) reason.remove_prefix(4);
  ReplyError(client, Error{fmt::format("EXECABORT Transaction discarded because of: {}", reason)});
}

uint64_t Dispatcher::FlagsOf(const Client& client, const CommandSpec& spec, Args args) const {
  if ((spec.flags & kRunsScript) != 0) [[unlikely]]
    return server_.scripts().FlagsOf(spec, args);
  const bool runs_queue = (spec.flags & kRunsQueue) != 0 && client.transaction != nullptr;
  return runs_queue ? spec.flags | client.transaction->flags : spec.flags;
}

// ---- Before it runs ----

Dispatcher::Needs Dispatcher::NeedsOf(Client& client) {
  const Swapper& swapper = *server_.swapper();
  Needs needs;
  const auto add_key = [&](uint32_t database, std::string_view key) {
    needs.missing = needs.missing || !swapper.InMemory(database, key);
    needs.keys.push_back({database, std::string(key)});
  };
  if (client.watches != nullptr) {  // they may have expired
    for (const auto& watch : client.watches->keys) add_key(watch->database, watch->key);
  }
  DatabaseTracker databases(client.db);
  for (QueuedCommand& command : client.transaction->commands) {
    const std::vector<std::string_view> args = Views(command.args);
    const uint32_t database = databases.selected();
    const int other = command.spec->other_database != nullptr ? command.spec->other_database(args) : -1;
    ForEachKey(*command.spec, args, [&](std::string_view key, uint32_t) {
      add_key(database, key);
      if (other >= 0) add_key(databases.Of(other), key);
    });
    CommandContext ctx{server_, client, server_.keys(), database, server_.keys().now_ms()};
    // As far as its keys tell now: they may be missing yet, and earlier commands may change them (BringInNow).
    if (command.spec->named_keys != nullptr && swapper.HasSwappedOut(database) && swapper.InMemory(database, args[1])) {
      command.spec->named_keys(ctx, args, [&](std::string_view key) { add_key(database, key); });
    }
    KeyWalk range;
    if (command.spec->walk != nullptr && command.walked_names == nullptr && swapper.HasSwappedOut(database) &&
        command.spec->walk(ctx, args, &range)) {
      command.walked_range = range;
      auto walk = std::find_if(needs.walks.begin(), needs.walks.end(),
                               [&](const Needs::Walk& known) { return known.database == database; });
      if (walk == needs.walks.end()) walk = needs.walks.insert(walk, {database, range});
      walk->range.from_position = std::min(walk->range.from_position, range.from_position);
      walk->range.to_position = std::max(walk->range.to_position, range.to_position);
    }
    databases.Follow(command);
  }
  return needs;
}

// All states first, which then stay; then names, because whatever leaves memory after they were listed is not among
// them.
bool Dispatcher::ParkForTransaction(Client& client, Args args) {
  if (client.transaction == nullptr || client.transaction->failed || client.watch_failed) return false;
  const auto needs = std::make_shared<Needs>(NeedsOf(client));
  if (!needs->missing && needs->walks.empty()) return false;
  for (QueuedCommand& command : client.transaction->commands) command.walked_names = nullptr;  // too old by now
  needs->walks = NeedsOf(client).walks;
  needs->client_id = client.id;
  needs->was_short_of_memory = was_short_of_memory_;
  needs->saved.assign(args.begin(), args.end());
  client.parked = true;
  server_.swapper()->Load(needs->keys, [this, needs](const Result<void>& loaded) {
    Client* parked = server_.FindClient(needs->client_id);
    if (parked == nullptr) return;
    if (!loaded) {
      Abandon(*parked, loaded.error());
    } else if (needs->walks.empty()) {
      AgainAdmitted(needs->client_id, needs->saved, needs->was_short_of_memory);
    } else {
      needs->held = server_.swapper()->Hold(needs->keys);
      ListNames(needs, 0);
    }
  });
  return true;
}

// One database after the other; the last listing's callback runs the transaction. A transaction that walks over several
// databases may miss states of an earlier one that leave memory during a later one's listing.
void Dispatcher::ListNames(const std::shared_ptr<Needs>& needs, size_t index) {
  const Needs::Walk& walk = needs->walks[index];
  const auto on_listed = [this, needs, index, database = walk.database](Result<std::vector<WalkedName>> names) {
    Client* client = server_.FindClient(needs->client_id);
    if (client != nullptr && !names) {
      Abandon(*client, names.error());
    } else if (client != nullptr) {
      GiveNames(*client, database, std::make_shared<const std::vector<WalkedName>>(std::move(*names)));
      if (index + 1 < needs->walks.size()) {
        ListNames(needs, index + 1);
        return;
      }
      AgainAdmitted(needs->client_id, needs->saved, needs->was_short_of_memory);
    }
    server_.swapper()->Release(needs->held);
  };
  server_.swapper()->ListNames(walk.database, walk.range.from_position, walk.range.to_position, on_listed);
}

void Dispatcher::GiveNames(Client& client, uint32_t database,
                           const std::shared_ptr<const std::vector<WalkedName>>& names) {
  DatabaseTracker databases(client.db);
  for (QueuedCommand& command : client.transaction->commands) {
    if (command.spec->walk != nullptr && databases.selected() == database) command.walked_names = names;
    databases.Follow(command);
  }
}

// ---- Running ----

namespace {

Error RightsChanged(const Denial& denial) {
  constexpr std::string_view kReasons[] = {
      "no permission", "no permission to execute the command or subcommand",
      "no permission to touch the specified keys",
      "no permission to access one of the channels used as arguments to the command"};
  return Error{fmt::format(
      "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This "
      "command is no longer allowed for the following reason: {}",
      kReasons[static_cast<size_t>(denial.reason)])};
}

}  // namespace

// One of EXEC's commands. Everything that it closes stays closed, and nothing leaves memory, until EXEC is over.
void Dispatcher::RunQueued(Client& client, QueuedCommand& command) {
  const CommandSpec& spec = *command.spec;
  const std::vector<std::string_view> args = Views(command.args);
  Keyspace& keys = server_.keys();
  CommandContext ctx{server_, client, keys, client.db, keys.now_ms(), args, &spec};
  const size_t mark = client.output.size();
  const int64_t start_us = NowUs();
  if (client.user != nullptr && !client.user->unrestricted) [[unlikely]] {
    if (const Denial denial = server_.acl().Check(client, spec, args, Acl::Context::kTransaction)) {
      const Error error = RightsChanged(denial);
      CountError(error);
      client.reply.Error(error.message);
      return;
    }
  }
  if (command.walked_names != nullptr) {
    client.walked_names = std::make_unique<std::vector<WalkedName>>(*command.walked_names);
    client.walked_range = command.walked_range;
  }
  keys.KeepExpired(server_.pause().active() && (spec.flags & kWrite) == 0);
  // What elements of earlier commands name, for SORT, showed only now.
  Result<void> outcome = spec.named_keys != nullptr ? BringInNow(client, spec, args) : Result<void>{};
  if (outcome) outcome = spec.run(ctx, args, client.reply);
  client.walked_names.reset();
  if (!outcome) {
    client.reply.Truncate(mark);
    CountError(outcome.error());
    client.reply.Error(outcome.error().message);
  }
  Count(spec, !outcome.ok(), start_us);
}

}  // namespace chestbox
