#include "server/blocked_clients.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "protocol/check.h"
#include "server/commands/number_parsing.h"
#include "server/dispatcher.h"
#include "server/effect_keys.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox {

struct BlockedCommand::Queue {
  uint32_t database;
  std::string key;
  std::list<Client*> clients;  // in the order in which they blocked
  size_t with_gone_error = 0;
  bool ready = false;    // its name is in ready_
  bool serving = false;  // must not go away now
};

// ---- Timeouts ----

namespace {

constexpr char kTimeoutOutOfRange[] = "ERR timeout is out of range";

Result<int64_t> DeadlineAfter(const CommandContext& ctx, int64_t delay_ms) {
  if (delay_ms < 0) return Error{"ERR timeout is negative"};
  if (delay_ms == 0) return kBlockForever;
  if (delay_ms > kBlockForever - 1 - ctx.now_ms) return Error{kTimeoutOutOfRange};
  return ctx.now_ms + delay_ms;
}

}  // namespace

Result<int64_t> ParseBlockTimeout(const CommandContext& ctx, std::string_view seconds) {
  const std::optional<long double> value = ParseFloat(seconds);
  if (!value) return Error{"ERR timeout is not a float or out of range"};
  const long double delay_ms = std::ceil(*value * 1000);
  // What does not fit 64 bits, infinities among it.
  if (delay_ms >= 0x1p63L) return Error{kTimeoutOutOfRange};
  return DeadlineAfter(ctx, delay_ms < 0 ? -1 : static_cast<int64_t>(delay_ms));
}

Result<int64_t> ParseBlockTimeoutMs(const CommandContext& ctx, std::string_view milliseconds) {
  auto delay_ms = IntegerArgument(milliseconds, "ERR timeout is not an integer or out of range");
  if (!delay_ms) return delay_ms.error();
  return DeadlineAfter(ctx, *delay_ms);
}

// ---- Entering and leaving ----

Result<void> CommandContext::Block(const BlockRequest& request) { return server.blocked().Block(*this, request); }

BlockedClients::BlockedClients(Server& server) : server_(server) { server_.effects().Add(this); }
BlockedClients::~BlockedClients() { server_.effects().Remove(this); }

Result<void> BlockedClients::Block(CommandContext& ctx, const BlockRequest& request) {
  Client& client = ctx.client;
  if (!ctx.may_block) {
    if (request.on_timeout != nullptr) {
      request.on_timeout(client.reply);
    } else {
      client.reply.NullArray();
    }
    return {};
  }
  if (client.blocked != nullptr) {  // woken, and nothing to do after all
    client.blocked->waiting = true;
    return {};
  }
  auto command = std::make_unique<BlockedCommand>();
  const resp::Args args = request.args.empty() ? ctx.args : request.args;
  command->args.assign(args.begin(), args.end());
  command->database = ctx.db;
  command->type = request.type;
  command->deadline_ms = request.deadline_ms;
  command->gone_error = request.gone_error;
  command->on_timeout = request.on_timeout;
  command->spec = ctx.spec;
  client.blocked = std::move(command);
  for (std::string_view key : request.keys) Enter(client, key);
  ++clients_;
  if (request.deadline_ms != kBlockForever) {
    deadlines_.emplace(request.deadline_ms, client.id);
    server_.RequestAlarm(request.deadline_ms);
  }
  return {};
}

void BlockedClients::Enter(Client& client, std::string_view key) {
  BlockedCommand& command = *client.blocked;
  std::unique_ptr<Queue>& queue = queues_[StateName(command.database, key)];
  if (queue == nullptr) {
    queue = std::make_unique<Queue>();
    queue->database = command.database;
    queue->key = key;
  }
  // A key that is named twice is waited for once; its client is the last one then.
  if (!queue->clients.empty() && queue->clients.back() == &client) return;
  queue->clients.push_back(&client);
  if (!command.gone_error.empty()) ++queue->with_gone_error;
  command.places.push_back({queue.get(), std::prev(queue->clients.end())});
}

void BlockedClients::End(Client& client) {
  if (client.blocked == nullptr) return;
  const std::unique_ptr<BlockedCommand> command = std::move(client.blocked);
  for (const BlockedCommand::Place& place : command->places) {
    Queue* queue = place.queue;
    queue->clients.erase(place.at);
    if (!command->gone_error.empty()) --queue->with_gone_error;
    if (queue->clients.empty() && !queue->serving) queues_.erase(StateName(queue->database, queue->key));
  }
  if (command->deadline_ms != kBlockForever) deadlines_.erase({command->deadline_ms, client.id});
  --clients_;
}

size_t BlockedClients::keys_with_gone_error() const {
  return static_cast<size_t>(std::count_if(queues_.begin(), queues_.end(),
                                           [](const auto& entry) { return entry.second->with_gone_error != 0; }));
}

// ---- Becoming ready ----

BlockedClients::Queue* BlockedClients::Find(uint32_t database, std::string_view key) {
  const auto found = queues_.find(StateName(database, key));
  return found == queues_.end() ? nullptr : found->second.get();
}

void BlockedClients::MarkReady(Queue& queue) {
  if (queue.ready) return;
  queue.ready = true;
  ready_.push_back(StateName(queue.database, queue.key));
}

void BlockedClients::MarkDatabaseReady(uint32_t database) {
  for (auto& [name, queue] : queues_) {
    if (queue->database == database) MarkReady(*queue);
  }
}

void BlockedClients::MarkReady(const Effect& effect) {
  const EffectReach reach =
      ForEachEffectKey(server_.commands(), effect, [this](uint32_t database, std::string_view key) {
        if (Queue* queue = Find(database, key); queue != nullptr) MarkReady(*queue);
      });
  switch (reach) {
    case EffectReach::kKeys:
      return;
    case EffectReach::kDatabase:
      MarkDatabaseReady(effect.database);
      return;
    case EffectReach::kAllDatabases:
      for (uint32_t database = 0; database < shm::kDatabases; ++database) MarkDatabaseReady(database);
      return;
    case EffectReach::kSwappedDatabases:
      for (size_t i = 1; i <= 2; ++i) {
        if (auto database = IntegerArgument(effect.command[i])) MarkDatabaseReady(static_cast<uint32_t>(*database));
      }
      return;
  }
}

// ---- Serving ----

void BlockedClients::Serve() {
  if (serving_) return;  // the outer call goes on with what has become ready meanwhile
  serving_ = true;
  while (!ready_.empty()) {
    for (const std::string& name : std::exchange(ready_, {})) ServeKey(name);
  }
  serving_ = false;
  server_.keys().FinishCommand();  // looking may have deleted an expired key
}

BlockedClients::Fit BlockedClients::FitOf(const Queue& queue, const BlockedCommand& command) const {
  const Swapper* swapper = server_.swapper();
  // What is on disk is loaded by the command itself.
  if (swapper != nullptr && !swapper->InMemory(queue.database, queue.key)) return Fit::kServe;
  const std::optional<StateView> state = server_.keys().Peek(queue.database, queue.key);
  if (state && state->type == command.type) return Fit::kServe;
  return command.gone_error.empty() ? Fit::kWait : Fit::kGone;
}

void BlockedClients::ServeKey(const std::string& name) {
  const auto found = queues_.find(name);
  if (found == queues_.end()) return;
  Queue& queue = *found->second;
  queue.ready = false;
  queue.serving = true;
  // A command that blocks again keeps its place, and nobody enters or leaves but the client whose command runs.
  for (auto at = queue.clients.begin(); at != queue.clients.end();) {
    Client& client = **at;
    ++at;
    // A parked one is on its way already, and looks at the key when its states are there.
    if (client.closing || client.parked || !client.blocked->waiting) continue;
    const Fit fit = FitOf(queue, *client.blocked);
    if (fit == Fit::kServe) {
      server_.dispatcher().ExecuteBlocked(client);
    } else if (fit == Fit::kGone) {
      FinishWaiting(client, std::string(client.blocked->gone_error));
    } else if (queue.with_gone_error == 0 && !server_.keys().Exists(queue.database, queue.key)) {
      break;  // empty again: nothing for the others
    }
  }
  queue.serving = false;
  if (queue.clients.empty()) queues_.erase(found);
}

bool BlockedClients::Unblock(Client& client, std::string_view error) {
  if (client.blocked == nullptr || client.parked) return false;
  FinishWaiting(client, error);
  return true;
}

void BlockedClients::FireDeadlines(int64_t now_ms) {
  for (auto at = deadlines_.begin(); at != deadlines_.end() && at->first <= now_ms;) {
    Client* client = server_.FindClient(at->second);
    ++at;
    if (client != nullptr && !client->parked) FinishWaiting(*client, {});
  }
}

void BlockedClients::FinishWaiting(Client& client, std::string_view error) {
  server_.dispatcher().AnswerBlocked(client, error);
}

}  // namespace chestbox
