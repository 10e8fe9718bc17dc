// Client: the session of one connection, whatever carries it. The transport (connection.h) owns it; commands read and
// change it. Executor thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/reply_buffer.h"
#include "protocol/resp/reply_writer.h"
#include "protocol/result.h"
#include "server/command.h"

namespace chestbox {

namespace shm {
struct Channel;
}

struct BlockedCommand;
struct ClientWatches;
struct Replica;
struct Subscriptions;
struct Transaction;
struct User;

// What a session needs from what carries it. All calls on the executor thread.
class Transport {
 public:
  virtual ~Transport() = default;
  // Closes once what is in the reply buffer has been sent (QUIT, protocol errors), or at once.
  virtual void CloseAfterReply() = 0;
  virtual void CloseNow() = 0;
  // Sends replies that were added outside of a batch of requests (a parked command's, pushes).
  virtual void Flush() = 0;
  // The same at the end of the turn, with those of others. Closes a client that is over its output limit.
  virtual void FlushSoon() = 0;
  // For a replica's full synchronization: replies wait from now on, until a file was sent. Nothing waits to be sent
  // when this is called.
  virtual void HoldReplies() = 0;
  // Sends bytes ahead of the replies that are held. Those of a keepalive are dropped while others wait to be sent.
  virtual void SendAhead(std::string_view bytes, bool is_keepalive) = 0;
  // Sends the file, which is taken over, behind them; then calls `on_sent`, and the replies go on.
  virtual void SendFileAhead(int file_descriptor, uint64_t bytes, std::function<void()> on_sent) = 0;
  // Sends descriptors along with the next bytes of the reply. Unix sockets only; false elsewhere. The descriptors are
  // duplicated or sent before this returns.
  virtual bool QueueDescriptors(const std::vector<int>& descriptors) = 0;
  // From the end of the reply being made on, requests and replies go through the rings of an attached client, and the
  // socket only tells of life and death. Queues the descriptor of the bell (protocol/shm/channel.h) with the reply.
  virtual Result<void> OpenChannel(shm::Channel& rings) = 0;
  virtual bool has_channel() const = 0;
  virtual bool is_unix_socket() const = 0;
  virtual int descriptor() const = 0;            // -1: none
  virtual std::string peer_address() const = 0;  // "127.0.0.1:5000", "/path/to/socket:0"
  virtual std::string local_address() const = 0;
  virtual size_t query_buffer_bytes() const = 0;   // bytes in use
  virtual size_t query_buffer_free() const = 0;    // and free
  virtual size_t output_buffer_bytes() const = 0;  // waiting to be sent
};

enum class ReplyMode { kOn, kOff, kSkipNext, kSkip };

struct Client {
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  uint64_t id = 0;
  std::string name;
  std::string lib_name;
  std::string lib_version;
  uint32_t db = 0;
  bool authenticated = false;
  const User* user = nullptr;  // whose rights it has (acl/acl.h); null for the server's own, which may do everything
  bool no_evict = false;
  bool no_touch = false;
  ReplyMode reply_mode = ReplyMode::kOn;
  bool close_after_reply = false;
  bool closing = false;  // its transport is closed; the session goes away in a moment

  int64_t created_ms = 0;
  int64_t last_interaction_ms = 0;
  const CommandSpec* last_command = nullptr;
  const CommandSpec* last_subcommand = nullptr;
  uint64_t commands = 0;
  uint64_t attached_page = 0;  // 0: not attached; else the number of its page (attach.h)

  // A parked client waits for a state to come back from the store; nothing more of it is executed until then.
  bool parked = false;
  // A blocked client waits for keys; null otherwise. While its command is executed again it may be parked as well.
  std::unique_ptr<BlockedCommand> blocked;
  bool postponed = false;  // by CLIENT PAUSE
  bool is_script = false;  // no session: it stands for a script, whose commands it executes (scripting/scripts.h)

  bool is_replica = false;           // since SYNC or PSYNC
  std::unique_ptr<Replica> replica;  // since REPLCONF, SYNC or PSYNC
  uint64_t replication_offset = 0;   // of the stream, when its last command was over: what WAIT waits for

  std::unique_ptr<Transaction> transaction;  // since MULTI
  std::unique_ptr<ClientWatches> watches;    // WATCH; null: nothing
  bool watch_failed = false;                 // a watched key has changed: the next EXEC does nothing
  // Names of swapped-out keys that a walk (SCAN, KEYS, RANDOMKEY) asked the store for, and the range that it asked for;
  // null otherwise.
  std::unique_ptr<std::vector<WalkedName>> walked_names;
  KeyWalk walked_range;

  std::unique_ptr<Subscriptions> subscriptions;  // pubsub.h; null: it listens to nothing
  bool executing = false;                        // a request of its, which may have written a part of its reply
  std::string pushed;                            // what is to be sent behind that reply

  // Sends a message that is no reply (pub/sub): at the end of the turn, behind the reply of what it executes now.
  // CLIENT REPLY does not swallow it.
  void Push(std::string_view bytes);

  resp::ReplyBuffer output;
  resp::ReplyWriter reply{output};
  Transport* transport = nullptr;  // null in tests

  // No request of its is executed now.
  bool is_waiting() const { return parked || postponed || blocked != nullptr; }
  int protocol() const { return reply.protocol(); }
};

// While a request is executed and its reply written: what is pushed meanwhile follows the reply.
class PushesBehindReply {
 public:
  explicit PushesBehindReply(Client& client) : client_(client) { client.executing = true; }
  ~PushesBehindReply() {
    client_.executing = false;
    if (client_.pushed.empty()) [[likely]]
      return;
    client_.output.Append(client_.pushed);
    std::string().swap(client_.pushed);
  }
  PushesBehindReply(const PushesBehindReply&) = delete;
  PushesBehindReply& operator=(const PushesBehindReply&) = delete;

 private:
  Client& client_;
};

}  // namespace chestbox
