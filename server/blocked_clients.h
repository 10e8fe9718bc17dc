// BlockedClients: clients whose command found nothing to do and waits for its keys (BLPOP, BLMOVE, BZPOPMIN, XREAD …).
//
// How a family uses it. A blocking command looks for work as its plain sibling does, and asks to wait when there is
// none:
//
//   auto deadline_ms = ParseBlockTimeout(ctx, args.back());  // seconds, "0" for ever; errors as Redis has them
//   if (!deadline_ms) return deadline_ms.error();
//   … something to do: do it, reply, return {} …
//   return ctx.Block({.keys = keys, .type = ValueType::kList, .deadline_ms = *deadline_ms});
//
// Block copies the request and the command's arguments. The handler replies nothing after it and returns what it
// returned. When one of the keys may be ready, the same arguments are executed again from the start (as Redis 7.2
// does): the handler finds its element and replies, or calls Block again, which keeps the client's place in every queue
// and its deadline. ctx.woken tells such an execution. Where nothing may block (EXEC, scripts: !ctx.may_block) Block
// replies as the timeout does; a command whose reply differs there (BLMOVE: Null, not NullArray) looks at ctx.may_block
// first. A row whose command blocks has kBlocking among its flags. Effects are reported as by the plain sibling (LPOP
// …): no command wakes anybody itself.
//
// Invariants
// - Executor thread only. Nobody is served in the middle of a command or of an EXEC.
// - Readiness comes from the effect sink alone: an effect on a key that somebody waits for makes it ready.
// - A key is served when it is there with the type that the client waits for; other types wake nobody, but for requests
// with
//   a gone_error. Keys in the order in which they became ready, a key's clients in the order in which they blocked.
// - Queues are per logical database: SWAPDB moves keys below them, and they stay.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/result.h"
#include "protocol/shm/layout.h"
#include "server/command.h"
#include "server/effects.h"

namespace chestbox {

inline constexpr int64_t kBlockForever = INT64_MAX;

// A timeout in seconds, with a fraction, as an absolute time (Unix ms); kBlockForever for 0.
Result<int64_t> ParseBlockTimeout(const CommandContext& ctx, std::string_view seconds);
// XREAD BLOCK and CLIENT PAUSE: milliseconds.
Result<int64_t> ParseBlockTimeoutMs(const CommandContext& ctx, std::string_view milliseconds);

struct BlockRequest {
  // None: somebody else has the command executed again (WAIT).
  std::span<const std::string_view> keys = {};
  shm::ValueType type = shm::ValueType::kList;
  int64_t deadline_ms = kBlockForever;
  // For a command that depends on its key (XREADGROUP): it is unblocked with this error once the key is missing or of
  // another type. Empty: it goes on waiting. Lives until Block returns, as everything here.
  std::string_view gone_error = {};
  // Arguments to be executed again in place of the command's own (XREAD with `$` resolved to the ID that it means now).
  resp::Args args = {};
  // The reply of a timeout; null: NullArray.
  std::function<void(resp::ReplyWriter& reply)> on_timeout = nullptr;
};

// One blocked client's command. Owned by its Client.
struct BlockedCommand {
  struct Queue;
  struct Place {
    Queue* queue;
    std::list<Client*>::iterator at;
  };
  std::vector<std::string> args;
  uint32_t database = 0;
  shm::ValueType type = shm::ValueType::kList;
  int64_t deadline_ms = kBlockForever;
  std::string gone_error;
  std::function<void(resp::ReplyWriter& reply)> on_timeout;
  const CommandSpec* spec = nullptr;
  std::vector<Place> places;
  bool waiting = true;  // false while it is being executed again
};

class BlockedClients final : public EffectListener {
 public:
  explicit BlockedClients(Server& server);
  ~BlockedClients() override;

  // CommandContext::Block.
  Result<void> Block(CommandContext& ctx, const BlockRequest& request);
  // The command is over, or its client gone: it leaves all queues. Nothing for a client that is not blocked.
  void End(Client& client);

  // Executes again whoever waits for a key that became ready, until nobody is. After every command, EXEC and script.
  void ServeReady() {
    if (!ready_.empty()) [[unlikely]]
      Serve();
  }
  // CLIENT UNBLOCK: ends the waiting with the timeout's reply, or with `error`. False: it does not wait.
  bool Unblock(Client& client, std::string_view error = {});
  // Timeouts up to `now_ms`; then next_deadline_ms is the next one, or kBlockForever.
  void FireDeadlines(int64_t now_ms);
  int64_t next_deadline_ms() const { return deadlines_.empty() ? kBlockForever : deadlines_.begin()->first; }

  // ---- INFO ----
  size_t clients() const { return clients_; }
  size_t clients_with_deadline() const { return deadlines_.size(); }
  size_t keys() const { return queues_.size(); }
  size_t keys_with_gone_error() const;

  // EffectListener
  void OnEffect(const Effect& effect) override {
    if (!queues_.empty()) [[unlikely]]
      MarkReady(effect);
  }

 private:
  using Queue = BlockedCommand::Queue;

  void MarkReady(const Effect& effect);
  void MarkReady(Queue& queue);
  void MarkDatabaseReady(uint32_t database);
  Queue* Find(uint32_t database, std::string_view key);
  void Enter(Client& client, std::string_view key);
  void Serve();
  void ServeKey(const std::string& name);
  enum class Fit { kServe, kGone, kWait };
  Fit FitOf(const Queue& queue, const BlockedCommand& command) const;
  void FinishWaiting(Client& client, std::string_view error);

  Server& server_;
  // By database and key in one string (StateName). Nodes stay where they are; an empty queue is removed.
  std::unordered_map<std::string, std::unique_ptr<Queue>> queues_;
  std::vector<std::string> ready_;                    // names, in the order in which they became ready
  std::set<std::pair<int64_t, uint64_t>> deadlines_;  // and client ids
  size_t clients_ = 0;
  bool serving_ = false;
};

}  // namespace chestbox
