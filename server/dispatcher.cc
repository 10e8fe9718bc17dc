#include "server/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/commands/debug.h"
#include "server/keyspace.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox {

namespace {

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string> Copy(Args args) { return {args.begin(), args.end()}; }

}  // namespace

void CommandContext::Effect(std::initializer_list<std::string_view> command) { server.effects().Report(db, command); }
void CommandContext::EffectIn(uint32_t database, std::initializer_list<std::string_view> command) {
  server.effects().Report(database, command);
}
void CommandContext::Effect(std::span<const std::string_view> command) { server.effects().Report(db, command); }

Dispatcher::Outcome Dispatcher::Execute(Client& client, Args args) { return Execute(client, args, false); }

Dispatcher::Outcome Dispatcher::Execute(Client& client, Args args, bool admitted) {
  if (args.empty()) return Outcome::kDone;
  const CommandSpec* parent = nullptr;
  Error unknown;
  const CommandSpec* spec = server_.commands().FindLeaf(args, &parent, &unknown);
  if (spec == nullptr) {
    ReplyError(client, unknown);
    return Outcome::kDone;
  }
  client.last_command = parent != nullptr ? parent : spec;
  client.last_subcommand = parent != nullptr ? spec : nullptr;
  start_us_ = NowUs();
  server_.keys().SetTime(start_us_ / 1000);
  client.last_interaction_ms = start_us_ / 1000;
  if (auto allowed = Check(client, *spec, args, admitted); !allowed) {
    client.walked_names.reset();
    ++server_.stats().commands[spec].rejected_calls;
    ReplyError(client, allowed.error());
    return Outcome::kDone;
  }
  if (server_.swapper() != nullptr && Park(client, *spec, args, admitted)) return Outcome::kParked;
  Run(client, *spec, args);
  return Outcome::kDone;
}

// What Redis checks before a command runs, in its order.
Result<void> Dispatcher::Check(Client& client, const CommandSpec& spec, Args args, bool admitted) {
  if (!ArityFits(spec, args.size())) {
    return Error{fmt::format("ERR wrong number of arguments for '{}' command", server_.commands().FullName(spec))};
  }
  if ((spec.flags & kProtected) != 0) {
    if (auto allowed = CheckDebugAllowed(server_, client); !allowed) return allowed;
  }
  if (!client.authenticated && (spec.flags & kNoAuth) == 0) return Error{"NOAUTH Authentication required."};
  if ((spec.flags & kDenyOom) != 0 && !admitted) {
    const Swapper* swapper = server_.swapper();
    const bool over = swapper != nullptr ? swapper->OverLimit() && !swapper->MakesProgress()
                                         : server_.maxmemory() != 0 && server_.arena_bytes() > server_.maxmemory();
    if (over) return OutOfMemory();
  }
  return {};
}

// True if the command has to wait: for states to come back from the store, or for memory.
bool Dispatcher::Park(Client& client, const CommandSpec& spec, Args args, bool admitted) {
  Swapper& swapper = *server_.swapper();
  if ((spec.flags & kDenyOom) != 0 && !admitted && swapper.OverLimit()) {
    client.parked = true;
    swapper.WaitForMemory([this, id = client.id, saved = Copy(args)] { Again(id, saved, false); });
    swapper.Regulate();
    return true;
  }
  if (spec.walk != nullptr && client.walked_names == nullptr) return ParkForNames(client, spec, args);
  return ParkForStates(client, spec, args);
}

bool Dispatcher::ParkForNames(Client& client, const CommandSpec& spec, Args args) {
  Swapper& swapper = *server_.swapper();
  KeyWalk walk;
  CommandContext ctx{server_, client, server_.keys(), client.db, server_.keys().now_ms()};
  if (!spec.walk(ctx, args, &walk) || !swapper.HasSwappedOut(client.db)) return false;
  client.parked = true;
  swapper.ListNames(client.db, walk.from_position, walk.to_position,
                    [this, id = client.id, walk, saved = Copy(args)](Result<std::vector<std::string>> names) {
                      Client* parked = server_.FindClient(id);
                      if (parked == nullptr) return;
                      if (!names) {
                        Abandon(*parked, names.error());
                        return;
                      }
                      parked->walked_range = walk;
                      parked->walked_names = std::make_unique<std::vector<std::string>>(std::move(*names));
                      Again(id, saved, false);
                    });
  return true;
}

bool Dispatcher::ParkForStates(Client& client, const CommandSpec& spec, Args args) {
  Swapper& swapper = *server_.swapper();
  const int other = spec.other_database != nullptr ? spec.other_database(args) : -1;
  const auto for_each = [&](auto&& visit) {
    ForEachKey(spec, args, [&](std::string_view key, uint32_t) {
      visit(client.db, key);
      if (other >= 0) visit(static_cast<uint32_t>(other), key);
    });
  };
  std::vector<Swapper::StateKey> missing;
  for_each([&](uint32_t database, std::string_view key) {
    if (!swapper.InMemory(database, key)) missing.push_back({database, std::string(key)});
  });
  if (missing.empty() || swapper.LoadAtOnce(missing)) return false;
  // All of them, so that none leaves while the others are loaded.
  std::vector<Swapper::StateKey> keys;
  for_each([&](uint32_t database, std::string_view key) { keys.push_back({database, std::string(key)}); });
  client.parked = true;
  swapper.Load(std::move(keys), [this, id = client.id, saved = Copy(args)](const Result<void>& loaded) {
    if (loaded) {
      Again(id, saved, true);
    } else if (Client* parked = server_.FindClient(id); parked != nullptr) {
      Abandon(*parked, loaded.error());
    }
  });
  return true;
}

// Executes a parked client's command from the start: the world may have changed.
void Dispatcher::Again(uint64_t client_id, const std::vector<std::string>& saved, bool admitted) {
  Client* client = server_.FindClient(client_id);
  if (client == nullptr) return;
  client->parked = false;
  const std::vector<std::string_view> args(saved.begin(), saved.end());
  if (Execute(*client, args, admitted) == Outcome::kDone && on_resumed_) on_resumed_(*client);
}

void Dispatcher::Abandon(Client& client, const Error& error) {
  client.parked = false;
  ReplyError(client, Error{fmt::format("ERR the state could not be read from disk: {}", error.message)});
  if (on_resumed_) on_resumed_(client);
}

void Dispatcher::Run(Client& client, const CommandSpec& spec, Args args) {
  Keyspace& keys = server_.keys();
  CommandContext ctx{server_, client, keys, client.db, keys.now_ms()};
  const size_t mark = client.output.size();
  const ReplyMode mode = client.reply_mode;
  ++client.commands;
  Result<void> outcome = spec.run(ctx, args, client.reply);
  keys.FinishCommand();
  // Counted afterwards, as Redis counts; and CONFIG RESETSTAT may have thrown the counters away.
  ++server_.stats().commands_processed;
  CommandStats& stats = server_.stats().commands[&spec];
  ++stats.calls;
  if (!outcome) {
    client.reply.Truncate(mark);
    ++stats.failed_calls;
    ReplyError(client, outcome.error());
  }
  const auto usec = static_cast<uint64_t>(std::max<int64_t>(0, NowUs() - start_us_));
  stats.usec += usec;
  if (server_.config().latency_tracking) stats.latency.Record(usec);
  client.walked_names.reset();
  // CLIENT REPLY: OFF and SKIP swallow what comes after them; the command that sets the mode is judged by the new one.
  if (mode == ReplyMode::kOn && client.reply_mode == ReplyMode::kOn) return;
  if (client.reply_mode == ReplyMode::kOn) return;
  client.reply.Truncate(mark);
  if (client.reply_mode == ReplyMode::kSkipNext) {
    client.reply_mode = ReplyMode::kSkip;
  } else if (client.reply_mode == ReplyMode::kSkip) {
    client.reply_mode = ReplyMode::kOn;
  }
}

void Dispatcher::ReplyError(Client& client, const Error& error) {
  Stats& stats = server_.stats();
  ++stats.error_replies;
  const std::string_view message = error.message;
  const std::string_view code = message.substr(0, message.find(' '));
  auto known = stats.errors.find(code);
  if (known != stats.errors.end()) {
    ++known->second;
  } else if (stats.errors.size() < kErrorCodesMax) {
    stats.errors.emplace(code, 1);
  }
  if (client.reply_mode == ReplyMode::kOn) client.reply.Error(message);
  if (client.reply_mode == ReplyMode::kSkip) client.reply_mode = ReplyMode::kOn;
}

}  // namespace chestbox
