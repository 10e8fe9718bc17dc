// ClientPause: CLIENT PAUSE. While it lasts, requests of clients (all, or those that may write) are put off; afterwards
// they run in the order in which they came. Nothing expires meanwhile, so that the dataset stands still.
//
// A pause of everything also sends co-located readers to the server, which puts them off: the arena's header says so.
// Executor thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "server/client.h"
#include "server/command.h"

namespace chestbox {

class ClientPause {
 public:
  enum class Kind { kNone, kWrites, kAll };

  explicit ClientPause(Server& server) : server_(server) {}

  // With a pause under way, the longer end and the stricter kind hold.
  void Pause(Kind kind, int64_t end_ms);
  void Unpause();
  bool active() const { return kind_ != Kind::kNone; }
  int64_t end_ms() const { return active() ? end_ms_ : INT64_MAX; }
  // Ends the pause if it is over.
  void OnTime(int64_t now_ms);

  // `flags` of the row, for EXEC those of its commands too.
  bool PutsOff(uint64_t flags) const {
    if (kind_ == Kind::kNone) [[likely]]
      return false;
    return kind_ == Kind::kAll || (flags & (kWrite | kMayReplicate)) != 0;
  }
  // Copies the request; the client waits until it is executed.
  void PutOff(Client& client, Args args);
  // The client is gone.
  void Forget(Client& client);
  size_t clients() const { return requests_.size(); }

 private:
  struct Request {
    uint64_t client_id;
    std::vector<std::string> args;
  };
  void RunRequests();

  Server& server_;
  Kind kind_ = Kind::kNone;
  int64_t end_ms_ = 0;
  std::deque<Request> requests_;
};

}  // namespace chestbox
