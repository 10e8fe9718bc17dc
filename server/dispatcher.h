// Dispatcher: one request of one client, from arguments to reply. Checks what Redis checks in Redis' order (name,
// arity, authentication, memory), makes sure that the keys are in memory, runs the row, and opens what it closed.
//
// Executor thread only. A client whose command waits for a swapped-out state is parked: the transport feeds no more of
// its requests until Resume was called for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/client.h"
#include "server/command.h"

namespace chestbox {

class Server;
struct QueuedCommand;
struct ScriptRun;

class Dispatcher {
 public:
  enum class Outcome {
    kDone,     // replied
    kParked,   // it waits for states or memory: the client goes on when its resume callback was called
    kBlocked,  // it waits for keys (blocked_clients.h), or was put off by CLIENT PAUSE; the same
  };

  explicit Dispatcher(Server& server) : server_(server) {}

  // Executes one request.
  Outcome Execute(Client& client, Args args);
  // The same for the request right behind another one: it begins when that one ended, so that a pipeline reads the
  // clock once a command.
  Outcome ExecuteNext(Client& client, Args args);

  // For BlockedClients: executes a blocked client's command from the start; or ends it with its timeout's reply, or
  // with `error` if that is not empty. The client is resumed in a moment, when what runs now is over.
  void ExecuteBlocked(Client& client);
  void AnswerBlocked(Client& client, std::string_view error);
  // For ClientPause: executes a request that was put off, and resumes the client.
  void ExecuteLater(Client& client, const std::vector<std::string>& saved);

  // For EXEC: one of its commands, within its reply.
  void RunQueued(Client& client, QueuedCommand& command);

  // For scripts: one of their commands. `client` stands for the script, and gets the reply; an Error is counted
  // already.
  Result<void> RunScripted(ScriptRun& run, Client& client, Args args);
  // While a script takes long: executes what others have sent meanwhile, of which most is refused with BUSY. False: the
  // server was stopped.
  bool ServeBesideScript(Client& caller);
  // Nothing more may be written: there is too little memory, and none to come.
  bool ShortOfMemory() const;
  // Whether it was so when the script or EXEC that runs now was admitted, before its own states were loaded.
  bool was_short_of_memory() const { return was_short_of_memory_; }
  void CountError(const Error& error);
  // The next error to be counted has been counted: a script returns what a command of its failed with.
  void set_error_is_counted() { error_is_counted_ = true; }

  // Called with a waiting client once its command was executed; set by the network.
  void set_on_resumed(std::function<void(Client&)> on_resumed) { on_resumed_ = std::move(on_resumed); }

 private:
  // `admitted`: its states were loaded for it, so it does not wait for memory again (they might not fit any other way).
  Outcome Execute(Client& client, Args args, bool admitted);
  const CommandSpec* RowFor(Client& client, Args args);
  Outcome ExecuteOne(Client& client, Args args, bool admitted);
  Result<void> Check(Client& client, const CommandSpec& spec, Args args, bool admitted);
  Result<void> CheckSubscriber(const Client& client, const CommandSpec& spec) const;
  Result<void> CheckReplicas(const Client& client, const CommandSpec& spec, Args args) const;
  Outcome Run(Client& client, const CommandSpec& spec, Args args);
  static int64_t NowUs();
  void Count(const CommandSpec& spec, bool failed, int64_t start_us);
  void ApplyReplyMode(Client& client, size_t mark);
  bool Park(Client& client, const CommandSpec& spec, Args args, bool admitted);
  bool NeedsMemory(const Client& client, const CommandSpec& spec, Args args) const;
  bool ParkForMemory(Client& client, const CommandSpec& spec, Args args);
  bool ParkForNames(Client& client, const CommandSpec& spec, Args args);
  bool ParkForStates(Client& client, const CommandSpec& spec, Args args, bool admitted);

  // MULTI and EXEC (dispatcher_transactions.cc)
  struct Needs;
  void Queue(Client& client, const CommandSpec& spec, Args args);
  void Refuse(Client& client, const CommandSpec* spec, const Error& error);
  uint64_t FlagsOf(const Client& client, const CommandSpec& spec, Args args) const;
  Needs NeedsOf(Client& client);
  bool ParkForTransaction(Client& client, Args args);
  void ListNames(const std::shared_ptr<Needs>& needs, size_t index);
  void GiveNames(Client& client, uint32_t database, const std::shared_ptr<const std::vector<WalkedName>>& names);

  std::function<void(const Result<void>&)> RunOrAbandon(const Client& client, Args args);
  // Scripts (dispatcher_scripts.cc)
  Outcome ExecuteBesideScript(Client& client, Args args);
  Result<void> CheckScripted(const ScriptRun& run, const CommandSpec* spec, Args args) const;
  Result<void> BringInNow(Client& client, const CommandSpec& spec, Args args);

  void ReplyError(Client& client, const Error& error);
  void Again(uint64_t client_id, const std::vector<std::string>& saved, bool admitted);
  void AgainAdmitted(uint64_t client_id, const std::vector<std::string>& saved, bool was_short_of_memory);
  void Abandon(Client& client, const Error& error);
  void ResumeSoon(Client& client);

  Server& server_;
  int64_t clock_us_ = 0;  // when it was read last
  int64_t start_us_ = 0;
  bool was_short_of_memory_ = false;
  bool beside_script_ = false;  // a script is running, and others are served in the middle of it
  bool error_is_counted_ = false;
  std::function<void(Client&)> on_resumed_;
  std::vector<uint64_t> resumed_;  // ids of clients to be resumed in a moment
};

}  // namespace chestbox
