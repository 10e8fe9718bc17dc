// Dispatcher, the part about scripts: their commands, and others' requests while one takes long.
#include <string>
#include <utility>
#include <vector>

#include "server/acl/acl.h"
#include "server/client_pause.h"
#include "server/dispatcher.h"
#include "server/keyspace.h"
#include "server/persistence.h"
#include "server/replication/replication.h"
#include "server/scripting/script_run.h"
#include "server/scripting/scripts.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox {

namespace {

// In Redis' words for scripts.
Error ScriptDenied(const Denial& denial) {
  switch (denial.reason) {
    case Denial::Reason::kKey:
      return Error{
          "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments"};
    case Denial::Reason::kChannel:
      return Error{"ERR The user executing the script can't publish to the channel mentioned in the command"};
    default:
      return Error{"ERR The user executing the script can't run this command or subcommand"};
  }
}

}  // namespace

// ---- A script's commands ----

// What Redis checks, in its order and words.
Result<void> Dispatcher::CheckScripted(const ScriptRun& run, const CommandSpec* spec, Args args) const {
  if (spec == nullptr) return Error{"ERR Unknown Redis command called from script"};
  if (!ArityFits(*spec, args.size())) return Error{"ERR Wrong number of args calling Redis command from script"};
  if ((spec->flags & kNoScript) != 0 && !server_.scripts().allows_everything()) {
    return Error{"ERR This Redis command is not allowed from script"};
  }
  if (run.caller.user != nullptr && !run.caller.user->unrestricted) [[unlikely]] {
    if (const Denial denial = server_.acl().Check(run.caller, *spec, args, Acl::Context::kScript)) {
      return ScriptDenied(denial);
    }
  }
  if (run.read_only && (spec->flags & (kWrite | kMayReplicate)) != 0) {
    return Error{"ERR Write commands are not allowed from read-only scripts."};
  }
  const bool writes = (spec->flags & kWrite) != 0;
  if (writes && server_.persistence().writes_are_denied()) return Persistence::WritesDenied();
  if (writes && !run.wrote && !server_.replication().enough_replicas_to_write()) {
    return Error{"NOREPLICAS Not enough good replicas to write."};
  }
  // A script that has written already cannot be stopped in the middle.
  if (run.short_of_memory && !run.allow_oom && !run.wrote && (spec->flags & kDenyOom) != 0) return OutOfMemory();
  return {};
}

Result<void> Dispatcher::RunScripted(ScriptRun& run, Client& client, Args args) {
  const CommandSpec* parent = nullptr;
  Error unknown;
  const CommandSpec* spec = server_.commands().FindLeaf(args, &parent, &unknown);
  if (auto allowed = CheckScripted(run, spec, args); !allowed) {
    if (spec != nullptr) ++server_.stats().commands.Of(spec).rejected_calls;
    CountError(allowed.error());
    return allowed;
  }
  client.user = run.caller.user;  // each time: a command may delete it
  const bool writes = (spec->flags & kWrite) != 0;
  run.wrote = run.wrote || writes;
  const int64_t start_us = NowUs();
  Result<void> outcome = BringInNow(client, *spec, args);
  if (outcome) {
    Keyspace& keys = server_.keys();
    keys.KeepExpired(server_.pause().active() && !writes);
    CommandContext ctx{server_, client, keys, client.db, keys.now_ms(), args, spec};
    outcome = spec->run(ctx, args, client.reply);
  }
  client.walked_names.reset();
  if (!outcome) CountError(outcome.error());
  Count(*spec, !outcome.ok(), start_us);
  return outcome;
}

// Keys that the script did not name at its call may be on disk: it, and everybody else, waits for them here.
Result<void> Dispatcher::BringInNow(Client& client, const CommandSpec& spec, Args args) {
  Swapper* swapper = server_.swapper();
  if (swapper == nullptr) return {};
  Result<void> outcome;
  const auto load = [&](uint32_t database, std::string_view key) {
    if (!outcome || swapper->InMemory(database, key)) return;
    if (auto loaded = swapper->LoadNow(database, key); !loaded) {
      outcome = Error{"ERR the state could not be read from disk: " + loaded.error().message};
    }
  };
  const int other = spec.other_database != nullptr ? spec.other_database(args) : -1;
  ForEachKey(spec, args, [&](std::string_view key, uint32_t) {
    load(client.db, key);
    if (other >= 0) load(static_cast<uint32_t>(other), key);
  });
  if (!outcome || (spec.named_keys == nullptr && spec.walk == nullptr)) return outcome;
  if (!swapper->HasSwappedOut(client.db)) return outcome;
  CommandContext ctx{server_, client, server_.keys(), client.db, server_.keys().now_ms()};
  if (spec.named_keys != nullptr) {
    std::vector<std::string> named;
    spec.named_keys(ctx, args, [&](std::string_view key) { named.emplace_back(key); });
    for (const std::string& key : named) load(client.db, key);
  }
  if (KeyWalk walk; outcome && spec.walk != nullptr && spec.walk(ctx, args, &walk)) {
    auto names = swapper->ListNamesNow(client.db, walk.from_position, walk.to_position);
    if (!names) return Error{"ERR the state could not be read from disk: " + names.error().message};
    client.walked_range = walk;
    client.walked_names = std::make_unique<std::vector<WalkedName>>(std::move(*names));
  }
  return outcome;
}

// ---- Others, while a script takes long ----

bool Dispatcher::ServeBesideScript(Client& caller) {
  caller.parked = true;  // what it has sent behind the script stays in its socket
  beside_script_ = true;
  const bool goes_on = server_.host().ServeOthers();
  beside_script_ = false;
  caller.parked = false;
  return goes_on;
}

// Time stands still, and what the script has closed stays closed. Nobody's waiting ends.
Dispatcher::Outcome Dispatcher::ExecuteBesideScript(Client& client, Args args) {
  if (args.empty()) return Outcome::kDone;
  const CommandSpec* spec = RowFor(client, args);
  if (spec == nullptr) return Outcome::kDone;
  client.last_interaction_ms = server_.keys().now_ms();
  Result<void> allowed = Check(client, *spec, args, true);
  if (allowed && (spec->flags & kAllowBusy) == 0) allowed = server_.scripts().Busy();
  if (!allowed) {
    Refuse(client, spec, allowed.error());
    return Outcome::kDone;
  }
  if (client.transaction != nullptr && (spec->flags & kNotQueued) == 0) {
    Queue(client, *spec, args);
    return Outcome::kDone;
  }
  ++client.commands;
  const PushesBehindReply pushes(client);
  const size_t mark = client.output.size();
  const int64_t start_us = NowUs();
  CommandContext ctx{server_, client, server_.keys(), client.db, server_.keys().now_ms(), args, spec};
  const Result<void> outcome = spec->run(ctx, args, client.reply);
  if (!outcome) {
    client.reply.Truncate(mark);
    ReplyError(client, outcome.error());
  }
  Count(*spec, !outcome.ok(), start_us);
  ApplyReplyMode(client, mark);
  return Outcome::kDone;
}

}  // namespace chestbox
