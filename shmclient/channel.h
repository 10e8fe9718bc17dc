// Channel: the client's end of the rings in its page (protocol/shm/channel.h), with the interface of a blocking socket.
// Spins for as long as the server's setting allows and the last waits have shown to be of use, then sleeps on the
// futex; the sleep is cut into slices, after each of which it looks whether the server still is there.
//
// Does not own the page: it goes before its attachment does. One thread. A child process may only destroy it.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "protocol/shm/adaptive_spin.h"
#include "protocol/shm/channel.h"
#include "shmclient/attachment.h"
#include "shmclient/socket.h"

namespace chestbox::shmclient {

class Channel {
 public:
  // `bell` is the server's eventfd for this client.
  Channel(const Attachment& attachment, Socket bell);

  void SetTimeout(int timeout_ms) { timeout_ms_ = timeout_ms; }
  // As Socket's: all pieces, which are changed; some bytes. `socket` is the connection's, which the server closes when
  // it ends. 0 or a code: DISCONNECTED, TIMEOUT, PROTOCOL.
  int SendAll(std::span<iovec> pieces, const Socket& socket, std::string* error);
  int Receive(char* to, size_t capacity, size_t* received, const Socket& socket, std::string* error);
  // Whether nothing waits to be received. No system call.
  bool IsIdle() const;

 private:
  bool HasEnded() const { return attachment_.is_detached() || attachment_.server_is_dead(); }
  bool IsReady(shm::ClientSleeps wait) const;
  int WaitFor(shm::ClientSleeps wait, const Socket& socket, std::string* error);
  int SleepFor(shm::ClientSleeps wait, const Socket& socket, std::string* error);
  void RingIfAsleep() const;

  const Attachment& attachment_;
  shm::Channel& rings_;
  shm::RingWriter requests_;
  shm::RingReader replies_;
  shm::AdaptiveSpin spin_;
  int timeout_ms_ = 0;
  Socket bell_;
};

}  // namespace chestbox::shmclient
