#include "server/dispatcher.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "server/acl/acl.h"
#include "server/blocked_clients.h"
#include "server/client_pause.h"
#include "server/commands/debug.h"
#include "server/keyspace.h"
#include "server/persistence.h"
#include "server/pubsub.h"
#include "server/replication/replication.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox {

namespace {

std::vector<std::string> Copy(Args args) { return {args.begin(), args.end()}; }

// What one command, EXEC or script does goes to replicas in one piece. Not so what SCAN and its like find expired: it
// belongs to nothing that must be seen whole.
class ReplicationUnit {
 public:
  ReplicationUnit(Replication& replication, Client& client, const CommandSpec& spec)
      : replication_(replication), client_(client), spec_(spec) {
    replication_.BeginUnit();
  }
  ~ReplicationUnit() {
    replication_.EndUnit((spec_.flags & kTouchesArbitraryKeys) == 0);
    // A WAIT that waits goes on to wait for what was there when it began.
    if (client_.blocked == nullptr || !client_.blocked->waiting) client_.replication_offset = replication_.offset();
  }
  ReplicationUnit(const ReplicationUnit&) = delete;
  ReplicationUnit& operator=(const ReplicationUnit&) = delete;

 private:
  Replication& replication_;
  Client& client_;
  const CommandSpec& spec_;
};

}  // namespace

void CommandContext::Effect(std::initializer_list<std::string_view> command) { server.effects().Report(db, command); }
void CommandContext::EffectIn(uint32_t database, std::initializer_list<std::string_view> command) {
  server.effects().Report(database, command);
}
void CommandContext::Effect(std::span<const std::string_view> command) { server.effects().Report(db, command); }

Dispatcher::Outcome Dispatcher::Execute(Client& client, Args args) {
  clock_us_ = NowUs();
  return Execute(client, args, false);
}

Dispatcher::Outcome Dispatcher::ExecuteNext(Client& client, Args args) { return Execute(client, args, false); }

Dispatcher::Outcome Dispatcher::Execute(Client& client, Args args, bool admitted) {
  if (beside_script_) [[unlikely]]
    return ExecuteBesideScript(client, args);
  const Outcome outcome = ExecuteOne(client, args, admitted);
  if (client.blocked != nullptr && outcome == Outcome::kDone) server_.blocked().End(client);
  server_.blocked().ServeReady();
  return outcome;
}

// The command's row, which becomes the client's last command. Null: there is none, and the client was told.
const CommandSpec* Dispatcher::RowFor(Client& client, Args args) {
  const CommandSpec* parent = nullptr;
  Error unknown;
  const CommandSpec* spec = server_.commands().FindLeaf(args, &parent, &unknown);
  if (spec == nullptr) {
    Refuse(client, nullptr, unknown);
    return nullptr;
  }
  client.last_command = parent != nullptr ? parent : spec;
  client.last_subcommand = parent != nullptr ? spec : nullptr;
  return spec;
}

Dispatcher::Outcome Dispatcher::ExecuteOne(Client& client, Args args, bool admitted) {
  if (args.empty()) return Outcome::kDone;
  const CommandSpec* spec = RowFor(client, args);
  if (spec == nullptr) return Outcome::kDone;
  start_us_ = clock_us_;
  server_.keys().SetTime(start_us_ / 1000);
  client.last_interaction_ms = start_us_ / 1000;
  if (!admitted && (spec->flags & (kRunsScript | kRunsQueue)) != 0) was_short_of_memory_ = ShortOfMemory();
  if (auto allowed = Check(client, *spec, args, admitted); !allowed) {
    client.walked_names.reset();
    Refuse(client, spec, allowed.error());
    return Outcome::kDone;
  }
  if (client.blocked == nullptr && !client.is_replica && server_.pause().PutsOff(FlagsOf(client, *spec, args))) {
    server_.pause().PutOff(client, args);
    return Outcome::kBlocked;
  }
  if (client.transaction != nullptr && (spec->flags & kNotQueued) == 0) [[unlikely]] {
    if (!admitted && ParkForMemory(client, *spec, args)) return Outcome::kParked;
    Queue(client, *spec, args);
    return Outcome::kDone;
  }
  if (server_.swapper() != nullptr && Park(client, *spec, args, admitted)) return Outcome::kParked;
  return Run(client, *spec, args);
}

// What Redis checks before a command runs, in its order.
Result<void> Dispatcher::Check(Client& client, const CommandSpec& spec, Args args, bool admitted) {
  if (!ArityFits(spec, args.size())) {
    return Error{fmt::format("ERR wrong number of arguments for '{}' command", server_.commands().FullName(spec))};
  }
  if ((spec.flags & kProtected) != 0) {
    if (auto allowed = CheckDebugAllowed(server_, client); !allowed) return allowed;
  }
  if (!client.authenticated && (spec.flags & kNoAuth) == 0 && server_.acl().login_required()) [[unlikely]] {
    return Error{"NOAUTH Authentication required."};
  }
  if (client.transaction != nullptr && (spec.flags & kNoMulti) != 0) {
    return Error{"ERR Command not allowed inside a transaction"};
  }
  if (client.user != nullptr && !client.user->unrestricted) [[unlikely]] {
    const auto context = client.transaction != nullptr ? Acl::Context::kTransaction : Acl::Context::kTopLevel;
    const Denial denial = server_.acl().Check(client, spec, args, context);
    if (denial) return server_.acl().ErrorFor(denial, spec);
  }
  if (server_.persistence().writes_are_denied()) [[unlikely]] {
    if ((FlagsOf(client, spec, args) & kWrite) != 0 || spec.name == "ping") return Persistence::WritesDenied();
  }
  if (!admitted && NeedsMemory(client, spec, args) && ShortOfMemory()) return OutOfMemory();
  if (server_.config().min_replicas_to_write != 0) [[unlikely]] {
    if (auto enough = CheckReplicas(client, spec, args); !enough) return enough;
  }
  if (client.subscriptions != nullptr) [[unlikely]]
    return CheckSubscriber(client, spec);
  return {};
}

// In RESP2 a reply could not be told from a message, but for these.
Result<void> Dispatcher::CheckSubscriber(const Client& client, const CommandSpec& spec) const {
  static constexpr std::string_view kAllowed[] = {
      "ping", "subscribe", "ssubscribe", "unsubscribe", "sunsubscribe", "psubscribe", "punsubscribe", "quit", "reset"};
  if (client.protocol() != 2 || !IsSubscriber(client)) return {};
  const std::string name = server_.commands().FullName(spec);  // of a subcommand, too: LATENCY RESET is no RESET
  if (std::ranges::find(kAllowed, name) != std::end(kAllowed)) return {};
  return Error{
      fmt::format("ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                  "allowed in this context",
                  name)};
}

Result<void> Dispatcher::CheckReplicas(const Client& client, const CommandSpec& spec, Args args) const {
  const bool writes = (FlagsOf(client, spec, args) & kWrite) != 0;
  if (!writes || server_.replication().enough_replicas_to_write()) return {};
  return Error{"NOREPLICAS Not enough good replicas to write."};
}

bool Dispatcher::ShortOfMemory() const {
  const Swapper* swapper = server_.swapper();
  if (swapper != nullptr) return swapper->OverLimit() && !swapper->MakesProgress();
  return server_.maxmemory() != 0 && server_.arena_bytes() > server_.maxmemory();
}

// True if the command has to wait: for states to come back from the store, or for memory.
bool Dispatcher::Park(Client& client, const CommandSpec& spec, Args args, bool admitted) {
  if (!admitted && ParkForMemory(client, spec, args)) return true;
  if ((spec.flags & kRunsQueue) != 0) return ParkForTransaction(client, args);
  if (spec.walk != nullptr && client.walked_names == nullptr) return ParkForNames(client, spec, args);
  if (spec.other_database == nullptr && !server_.swapper()->HasSwappedOut(client.db)) return false;
  return ParkForStates(client, spec, args, admitted);
}

// Queueing takes memory as well.
bool Dispatcher::NeedsMemory(const Client& client, const CommandSpec& spec, Args args) const {
  const bool queued = client.transaction != nullptr && (spec.flags & kNotQueued) == 0;
  return queued || (FlagsOf(client, spec, args) & kDenyOom) != 0;
}

bool Dispatcher::ParkForMemory(Client& client, const CommandSpec& spec, Args args) {
  Swapper* swapper = server_.swapper();
  if (swapper == nullptr || !swapper->OverLimit()) return false;
  // A script that may write waits for memory as well, but runs where there is none to come: it may only read after all.
  const bool may_write = (spec.flags & kRunsScript) != 0 && (FlagsOf(client, spec, args) & kMayReplicate) != 0;
  if (!NeedsMemory(client, spec, args) && !(may_write && swapper->MakesProgress())) return false;
  client.parked = true;
  swapper->WaitForMemory([this, id = client.id, saved = Copy(args)] { Again(id, saved, false); });
  swapper->Regulate();
  return true;
}

bool Dispatcher::ParkForNames(Client& client, const CommandSpec& spec, Args args) {
  Swapper& swapper = *server_.swapper();
  KeyWalk walk;
  CommandContext ctx{server_, client, server_.keys(), client.db, server_.keys().now_ms()};
  if (!spec.walk(ctx, args, &walk) || !swapper.HasSwappedOut(client.db)) return false;
  client.parked = true;
  swapper.ListNames(client.db, walk.from_position, walk.to_position,
                    [this, id = client.id, walk, saved = Copy(args)](Result<std::vector<WalkedName>> names) {
                      Client* parked = server_.FindClient(id);
                      if (parked == nullptr) return;
                      if (!names) {
                        Abandon(*parked, names.error());
                        return;
                      }
                      parked->walked_range = walk;
                      parked->walked_names = std::make_unique<std::vector<WalkedName>>(std::move(*names));
                      Again(id, saved, false);
                    });
  return true;
}

bool Dispatcher::ParkForStates(Client& client, const CommandSpec& spec, Args args, bool admitted) {
  Swapper& swapper = *server_.swapper();
  const int other = spec.other_database != nullptr ? spec.other_database(args) : -1;
  const auto for_each = [&](auto&& visit) {
    ForEachKey(spec, args, [&](std::string_view key, uint32_t) {
      visit(client.db, key);
      if (other >= 0) visit(static_cast<uint32_t>(other), key);
    });
  };
  std::vector<Swapper::StateKey> missing;
  const auto want = [&](uint32_t database, std::string_view key) {
    if (!swapper.InMemory(database, key)) missing.push_back({database, std::string(key)});
  };
  for_each(want);
  if (!missing.empty() && spec.heads_suffice != nullptr && spec.heads_suffice(args)) {
    if (swapper.KnowsAll(missing) || swapper.LookAtOnce(missing)) return false;
    if (!admitted) {  // else that look did not find all of them: they are loaded
      client.parked = true;
      swapper.Look(missing, RunOrAbandon(client, args));
      return true;
    }
  }
  if (!missing.empty() && swapper.LoadAtOnce(missing)) missing.clear();
  std::vector<std::string> named;
  if (missing.empty() && spec.named_keys != nullptr && swapper.HasSwappedOut(client.db)) {
    CommandContext ctx{server_, client, server_.keys(), client.db, server_.keys().now_ms()};
    spec.named_keys(ctx, args, [&](std::string_view key) { named.emplace_back(key); });
    for (const std::string& key : named) want(client.db, key);
    if (!missing.empty() && swapper.LoadAtOnce(missing)) missing.clear();
  }
  if (missing.empty()) return false;
  // All of them, so that none leaves while the others are loaded.
  std::vector<Swapper::StateKey> keys;
  for_each([&](uint32_t database, std::string_view key) { keys.push_back({database, std::string(key)}); });
  for (std::string& key : named) keys.push_back({client.db, std::move(key)});
  client.parked = true;
  swapper.Load(std::move(keys), RunOrAbandon(client, args));
  return true;
}

// What a parked client does once the disk has answered.
std::function<void(const Result<void>&)> Dispatcher::RunOrAbandon(const Client& client, Args args) {
  return [this, id = client.id, saved = Copy(args), is_short = was_short_of_memory_](const Result<void>& outcome) {
    if (outcome) {
      AgainAdmitted(id, saved, is_short);
    } else if (Client* parked = server_.FindClient(id); parked != nullptr) {
      Abandon(*parked, outcome.error());
    }
  };
}

// Executes a parked client's command from the start: the world may have changed.
void Dispatcher::Again(uint64_t client_id, const std::vector<std::string>& saved, bool admitted) {
  Client* client = server_.FindClient(client_id);
  if (client == nullptr) return;
  client->parked = false;
  const std::vector<std::string_view> args(saved.begin(), saved.end());
  clock_us_ = NowUs();
  if (Execute(*client, args, admitted) == Outcome::kDone && on_resumed_) on_resumed_(*client);
}

void Dispatcher::AgainAdmitted(uint64_t client_id, const std::vector<std::string>& saved, bool was_short_of_memory) {
  was_short_of_memory_ = was_short_of_memory;
  Again(client_id, saved, true);
}

void Dispatcher::Abandon(Client& client, const Error& error) {
  client.parked = false;
  server_.blocked().End(client);
  const char* prefix = "ERR";
  if (client.transaction != nullptr) {  // EXEC
    server_.EndTransaction(client);
    prefix = "EXECABORT Transaction discarded because of:";
  }
  ReplyError(client, Error{fmt::format("{} the state could not be read from disk: {}", prefix, error.message)});
  if (on_resumed_) on_resumed_(client);
}

int64_t Dispatcher::NowUs() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
}

// ---- Clients that waited ----

void Dispatcher::ExecuteBlocked(Client& client) {
  BlockedCommand& command = *client.blocked;
  command.waiting = false;
  std::vector<std::string> saved = std::move(command.args);
  const std::vector<std::string_view> args(saved.begin(), saved.end());
  if (Execute(client, args) == Outcome::kDone) {
    ResumeSoon(client);
  } else {
    client.blocked->args = std::move(saved);
  }
}

void Dispatcher::AnswerBlocked(Client& client, std::string_view error) {
  const CommandSpec& spec = *client.blocked->spec;
  const auto on_timeout = client.blocked->on_timeout;
  server_.blocked().End(client);
  Count(spec, !error.empty(), NowUs());
  if (!error.empty()) {
    ReplyError(client, Error{std::string(error)});
  } else {
    const size_t mark = client.output.size();
    if (on_timeout != nullptr) {
      on_timeout(client.reply);
    } else {
      client.reply.NullArray();
    }
    ApplyReplyMode(client, mark);
  }
  ResumeSoon(client);
}

void Dispatcher::ExecuteLater(Client& client, const std::vector<std::string>& saved) {
  const std::vector<std::string_view> args(saved.begin(), saved.end());
  // With what is behind it, before the next client that was put off: as Redis does.
  if (Execute(client, args) == Outcome::kDone && on_resumed_) on_resumed_(client);
}

// Not at once: the requests behind the one that waited would run in the middle of whatever made it go on.
void Dispatcher::ResumeSoon(Client& client) {
  if (resumed_.empty()) {
    server_.host().Post([this] {
      for (uint64_t id : std::exchange(resumed_, {})) {
        if (Client* resumed = server_.FindClient(id); resumed != nullptr && on_resumed_) on_resumed_(*resumed);
      }
    });
  }
  resumed_.push_back(client.id);
}

// ---- Running ----

// Afterwards, as Redis counts; and CONFIG RESETSTAT may have thrown the counters away.
void Dispatcher::Count(const CommandSpec& spec, bool failed, int64_t start_us) {
  ++server_.stats().commands_processed;
  CommandStats& stats = server_.stats().commands.Of(&spec);
  ++stats.calls;
  if (failed) ++stats.failed_calls;
  clock_us_ = NowUs();
  const auto usec = static_cast<uint64_t>(std::max<int64_t>(0, clock_us_ - start_us));
  stats.usec += usec;
  if (server_.config().latency_tracking) stats.latency.Record(usec);
}

Dispatcher::Outcome Dispatcher::Run(Client& client, const CommandSpec& spec, Args args) {
  Keyspace& keys = server_.keys();
  const bool woken = client.blocked != nullptr;
  const PushesBehindReply pushes(client);
  CommandContext ctx{server_, client, keys, client.db, keys.now_ms(), args, &spec, true, woken};
  const size_t mark = client.output.size();
  if (!woken) ++client.commands;
  keys.KeepExpired(server_.pause().active() && (spec.flags & kWrite) == 0);
  Swapper* const swapper = server_.swapper();
  Swapper* const still = (spec.flags & (kRunsQueue | kRunsScript)) != 0 ? swapper : nullptr;
  if (still != nullptr) still->set_standing_still(true);
  // To the end: the stream may go to this very client, and its reply is not complete before.
  const ReplicationUnit unit(server_.replication(), client, spec);
  Result<void> outcome = spec.run(ctx, args, client.reply);
  keys.FinishCommand();
  if (still != nullptr) still->set_standing_still(false);
  if (swapper != nullptr) swapper->ForgetHeads();
  if (client.blocked != nullptr && client.blocked->waiting) return Outcome::kBlocked;
  if (!outcome) {
    client.reply.Truncate(mark);
    ReplyError(client, outcome.error());
  }
  Count(spec, !outcome.ok(), start_us_);
  client.walked_names.reset();
  ApplyReplyMode(client, mark);
  return Outcome::kDone;
}

// CLIENT REPLY: OFF and SKIP swallow what comes after them; the command that sets the mode is judged by the new one.
void Dispatcher::ApplyReplyMode(Client& client, size_t mark) {
  if (client.reply_mode == ReplyMode::kOn) return;
  client.reply.Truncate(mark);
  if (client.reply_mode == ReplyMode::kSkipNext) {
    client.reply_mode = ReplyMode::kSkip;
  } else if (client.reply_mode == ReplyMode::kSkip) {
    client.reply_mode = ReplyMode::kOn;
  }
}

void Dispatcher::CountError(const Error& error) {
  if (std::exchange(error_is_counted_, false)) return;
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
}

void Dispatcher::ReplyError(Client& client, const Error& error) {
  CountError(error);
  if (client.reply_mode == ReplyMode::kOn) client.reply.Error(error.message);
  if (client.reply_mode == ReplyMode::kSkip) client.reply_mode = ReplyMode::kOn;
}

}  // namespace chestbox
