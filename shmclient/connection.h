// Connection: one socket to a server, or a channel beside it, a request and its reply at a time. RESP2.
//
// Invariant: between calls nothing of a reply is pending, or the connection is broken: whoever fails in the middle
// leaves it so, and no reply is ever taken for another's. A broken connection is of use to nobody but for its socket
// (TakeSocket). One thread.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shmclient/channel.h"
#include "shmclient/reply.h"
#include "shmclient/request.h"
#include "shmclient/socket.h"

namespace chestbox::shmclient {

// Where ReceiveValue puts a string: room for exactly `bytes` bytes, or null to have them dropped.
class ValuePlace {
 public:
  virtual char* Room(size_t bytes) = 0;

 protected:
  ~ValuePlace() = default;
};

class Connection {
 public:
  Connection();

  // 0, or a code and error(): DISCONNECTED, TIMEOUT, INVALID_ARGUMENT.
  int Open(const Endpoint& endpoint, int timeout_ms);
  void Close();
  // For whoever cannot tell whether a reply is pending.
  void Break() { broken_ = true; }
  bool is_open() const { return socket_.is_open() && !broken_; }
  // Whether it can be used: the server has neither closed it nor sent anything unasked.
  bool IsIdle() const { return is_open() && (channel_ != nullptr ? channel_->IsIdle() : socket_.IsIdle()); }
  void SetTimeout(int timeout_ms);
  // From now on requests and replies go there; the socket stays open beside it.
  void UseChannel(std::unique_ptr<Channel> channel) { channel_ = std::move(channel); }
  // The socket alone, for whoever has to keep it open; the connection is closed then.
  Socket TakeSocket();

  // Sends a request and receives its reply. 0, or a code and error(), with the connection broken.
  int Command(std::span<const std::string_view> args, ReplyPtr* reply, std::vector<Socket>* descriptors = nullptr);
  int Command(std::initializer_list<std::string_view> args, ReplyPtr* reply) {
    return Command({args.begin(), args.size()}, reply);
  }
  // The same for a command that is answered with a string: its bytes go straight to `place`, and `*reply` stays null.
  // Any other reply ("missing" is REDIS_REPLY_NIL) is in `*reply`.
  int CommandForValue(std::initializer_list<std::string_view> args, ValuePlace& place, ReplyPtr* reply);

  // Sends all requests, and then receives a reply to each, in order: `replies` has room for them. Sends and receives
  // at one time only as far as the server goes on reading while nobody takes its replies, as it does.
  int Commands(std::span<const std::span<const std::string_view>> requests, ReplyPtr* replies);

  const std::string& error() const { return error_; }

 private:
  struct ReaderDeleter {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };
  int Send(std::span<const std::string_view> args);
  int Receive(std::vector<Socket>* descriptors);
  int ReceiveSome(char* to, size_t capacity, size_t* received, std::vector<Socket>* descriptors);
  int SendPieces(std::span<iovec> pieces);
  // `is_last`: nothing may come behind it.
  int ReceiveReply(ReplyPtr* reply, std::vector<Socket>* descriptors, bool is_last = true);
  int ReceiveBody(size_t bytes, char* to);
  int Fail(int code);
  int ProtocolError(const char* what);

  Socket socket_;
  std::unique_ptr<Channel> channel_;  // null: by the socket
  Request request_;
  std::unique_ptr<redisReader, ReaderDeleter> reader_;
  std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0;  // of the bytes received and not consumed
  size_t end_ = 0;
  bool broken_ = false;
  std::string error_;
};

}  // namespace chestbox::shmclient
