// Dispatcher: one request of one client, from arguments to reply. Checks what Redis checks in Redis' order (name,
// arity, authentication, memory), makes sure that the keys are in memory, runs the row, and opens what it closed.
//
// Executor thread only. A client whose command waits for a swapped-out state is parked: the transport feeds no more of
// its requests until Resume was called for it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/client.h"
#include "server/command.h"

namespace chestbox {

class Server;

class Dispatcher {
 public:
  enum class Outcome {
    kDone,    // replied
    kParked,  // the arguments were copied; the client goes on when its resume callback was called
  };

  explicit Dispatcher(Server& server) : server_(server) {}

  // Executes one request.
  Outcome Execute(Client& client, Args args);

  // Called with a parked client once its command was executed; set by the network.
  void set_on_resumed(std::function<void(Client&)> on_resumed) { on_resumed_ = std::move(on_resumed); }

 private:
  // `admitted`: its states were loaded for it, so it does not wait for memory again (they might not fit any other way).
  Outcome Execute(Client& client, Args args, bool admitted);
  Result<void> Check(Client& client, const CommandSpec& spec, Args args, bool admitted);
  void Run(Client& client, const CommandSpec& spec, Args args);
  bool Park(Client& client, const CommandSpec& spec, Args args, bool admitted);
  bool ParkForNames(Client& client, const CommandSpec& spec, Args args);
  bool ParkForStates(Client& client, const CommandSpec& spec, Args args);
  void ReplyError(Client& client, const Error& error);
  void Again(uint64_t client_id, const std::vector<std::string>& saved, bool admitted);
  void Abandon(Client& client, const Error& error);

  Server& server_;
  int64_t start_us_ = 0;
  std::function<void(Client&)> on_resumed_;
};

}  // namespace chestbox
