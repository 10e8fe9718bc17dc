// ChannelLink: the server's end of one client's channel (protocol/shm/channel.h), with the interface of a non-blocking
// socket: what a Connection reads from and writes to. Everything that the client can write is hostile.
//
// Executor thread only.
#pragma once

#include <cstddef>

#include "protocol/shm/channel.h"
#include "server/event_set.h"

namespace chestbox {

class ChannelLink final : public EventSet::Source {
 public:
  // `rings` stay mapped while any of these is called; the destructor does not touch them.
  explicit ChannelLink(shm::Channel& rings);
  ~ChannelLink() override;
  ChannelLink(const ChannelLink&) = delete;
  ChannelLink& operator=(const ChannelLink&) = delete;

  // The eventfd with which the client wakes the executor; -1: the system had none.
  int bell() const { return bell_; }
  // Nothing to do: after every wait the executor looks at the rings themselves.
  void OnEvents(uint32_t /*events*/) override {}

  // A turn of the event loop begins: Send takes so and so many bytes in each.
  void BeginTurn();
  // Whether Receive would give anything but EAGAIN, or Send take anything. True as well for nonsense in the rings.
  bool HasRequests() const;
  bool HasRoom() const;
  // As recv and send: bytes, or -1 and errno, EAGAIN or EPROTO (nonsense in the rings: the client is to be given up).
  long Receive(char* to, size_t capacity);
  long Send(const char* from, size_t bytes);

 private:
  void WakeClient(shm::ClientSleeps waiting_for);

  shm::Channel& rings_;
  shm::RingReader requests_;
  shm::RingWriter replies_;
  size_t turn_bytes_ = 0;  // that Send may still take in this turn
  bool wants_room_ = false;
  const int bell_;
};

// Wakes whoever sleeps on the channel's futex, so that it sees that the server has ended the attachment.
void WakeSleeper(shm::Channel& rings);

}  // namespace chestbox
