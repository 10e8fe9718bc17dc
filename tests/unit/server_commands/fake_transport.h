// A connection that is not there: what CLIENT LIST and KILL see of one, and whether it was closed.
#pragma once

#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "server/client.h"

namespace chestbox::testing {

class FakeTransport final : public Transport {
 public:
  FakeTransport(std::string peer, std::string local, bool unix_socket = false)
      : peer_(std::move(peer)), local_(std::move(local)), unix_socket_(unix_socket) {}
  void CloseAfterReply() override {}
  void CloseNow() override { closed = true; }
  void Flush() override {}
  void FlushSoon() override {}
  void HoldReplies() override { holds_replies = true; }
  void SendAhead(std::string_view bytes, bool) override { sent_ahead += bytes; }
  void SendFileAhead(int file_descriptor, uint64_t, std::function<void()> on_sent) override {
    close(file_descriptor);
    on_file_sent = std::move(on_sent);
  }
  bool QueueDescriptors(const std::vector<int>&) override { return false; }
  Result<void> OpenChannel(shm::Channel&) override { return Error{"ERR channel: none in tests"}; }
  bool has_channel() const override { return false; }
  bool is_unix_socket() const override { return unix_socket_; }
  int descriptor() const override { return 8; }
  std::string peer_address() const override { return peer_; }
  std::string local_address() const override { return local_; }
  size_t query_buffer_bytes() const override { return 26; }
  size_t query_buffer_free() const override { return 16358; }
  size_t output_buffer_bytes() const override { return 0; }

  bool closed = false;
  bool holds_replies = false;
  std::string sent_ahead;
  std::function<void()> on_file_sent;

 private:
  std::string peer_;
  std::string local_;
  bool unix_socket_;
};

}  // namespace chestbox::testing
