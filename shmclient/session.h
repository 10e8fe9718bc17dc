// Session: what the server knows about this connection, as far as it decides where a read goes. Fed with every command
// that the program sends by itself and with its reply. Pure; one thread.
//
// Invariant: whenever the server would not answer GET as the memory says (inside MULTI, under tracking, as another
// user), or might not, allows_local_reads() is false. In doubt it is false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shmclient/reply.h"

namespace chestbox::shmclient {

using Args = std::span<const std::string_view>;

class Session {
 public:
  explicit Session(uint32_t database = 0) : database_(database) {}

  // Why a command cannot be sent by a program that waits for exactly one reply: the error to answer with.
  static std::optional<std::string> Refusal(Args args);

  void OnReply(Args args, const redisReply& reply);
  // A new connection: everything is as at the beginning, but for the database, which the client selects again.
  void OnNewConnection();

  uint32_t database() const { return database_; }
  bool in_multi() const { return in_multi_; }
  bool allows_local_reads() const { return !in_multi_ && !tracking_ && !other_user_; }
  // QUIT was answered: the server ends the connection.
  bool has_quit() const { return has_quit_; }
  // Whether losing the connection loses something that a program counts on.
  bool has_state() const { return in_multi_ || watching_ || tracking_; }

 private:
  struct QueuedSelect {
    size_t index;  // among the queued commands
    uint32_t database;
  };
  void OnQueued(Args args);
  void OnExec(const redisReply& reply);
  void EndTransaction();
  void OnClient(Args args, const redisReply& reply);

  uint32_t database_;
  bool in_multi_ = false;
  bool watching_ = false;
  bool tracking_ = false;
  bool other_user_ = false;
  bool has_quit_ = false;
  size_t queued_ = 0;
  std::vector<QueuedSelect> queued_selects_;
};

}  // namespace chestbox::shmclient
