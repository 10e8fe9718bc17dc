// Connection: one client's socket, or its channel. Reads into a buffer that requests are slices of, executes everything
// complete in it, and sends all replies with one write; what the socket does not take is sent when it can, within
// client-output-buffer-limit.
//
// With a channel (OpenChannel) the bytes come and go by the rings, which Network looks at every turn (PollChannel); the
// socket then only tells that the client has gone, and a byte that it sends there is the end of the connection.
//
// Executor thread only. Kept alive by Network until the turn after its Close; `closed_` ends everything.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/resp/request_parser.h"
#include "server/channel_link.h"
#include "server/client.h"
#include "server/event_set.h"
#include "server/reply_hold.h"

namespace chestbox {

class Network;

class Connection final : public Transport, public EventSet::Source {
 public:
  // Takes over a connected, non-blocking socket.
  Connection(Network& network, int descriptor, bool is_unix_socket, std::string peer, std::string local);
  ~Connection() override;

  void Start();
  void OnEvents(uint32_t events) override;
  // A parked command was answered: goes on with the requests behind it.
  void Resume();
  // Once a second or so: idle timeout, soft output limit, shrinking of an idle read buffer.
  void Cron(int64_t now_ms);
  Client& client() { return *client_; }
  // A turn for the channel: one read, and what waits to be sent. HasChannelWork: whether that would do anything.
  void PollChannel();
  bool HasChannelWork() const;

  // Transport
  void CloseAfterReply() override { client_->close_after_reply = true; }
  void CloseNow() override;
  void Flush() override;
  void FlushSoon() override;
  void HoldReplies() override;
  void SendAhead(std::string_view bytes, bool is_keepalive) override;
  void SendFileAhead(int file_descriptor, uint64_t bytes, std::function<void()> on_sent) override;
  bool QueueDescriptors(const std::vector<int>& descriptors) override;
  Result<void> OpenChannel(shm::Channel& rings) override;
  bool has_channel() const override { return channel_ != nullptr || next_channel_ != nullptr; }
  bool is_unix_socket() const override { return is_unix_socket_; }
  int descriptor() const override { return descriptor_; }
  std::string peer_address() const override { return peer_; }
  std::string local_address() const override { return local_; }
  size_t query_buffer_bytes() const override { return filled_ - consumed_; }
  size_t query_buffer_free() const override { return capacity_ - (filled_ - consumed_); }
  size_t output_buffer_bytes() const override { return client_->output.size() + client_->pushed.size() - sent_; }

 private:
  void SetInterest(uint32_t events);
  void Read();
  void ReadBesideChannel();
  void StartChannel();
  void Process();
  bool OverQueryLimit();
  void MakeRoom();
  void ResizeBuffer(size_t bytes);
  void Send();
  void OnWritable();
  void AwaitRoom();
  long SendSome();
  bool SendWhatIsAhead();
  void CountSent(uint64_t bytes);
  bool OverOutputLimit();
  void Close();

  Network& network_;
  int descriptor_;         // -1: closed
  uint32_t interest_ = 0;  // the events waited for; 0: not in the set
  const bool is_unix_socket_;
  const std::string peer_;
  const std::string local_;
  Client* client_ = nullptr;

  resp::RequestParser parser_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t filled_ = 0;      // bytes received
  size_t consumed_ = 0;    // … of which executed
  size_t peak_bytes_ = 0;  // largest use since the last shrinking
  bool processing_ = false;
  bool protocol_failed_ = false;

  size_t sent_ = 0;  // of client_->output
  bool sending_ = false;
  bool send_soon_ = false;
  std::unique_ptr<ReplyHold> hold_;  // null: replies are not held back
  std::vector<int> descriptors_;
  std::unique_ptr<ChannelLink> channel_;       // null: the bytes go by the socket
  std::unique_ptr<ChannelLink> next_channel_;  // opened, once the socket has taken everything up to OpenChannel's reply
  int64_t soft_limit_since_ms_ = 0;
  bool closed_ = false;
};

}  // namespace chestbox
