// The state function channel: two rings of plain RESP in a client's own page, one for requests and one for replies, and
// how either side tells the other that it sleeps.
//
// A ring has one writer and one reader. Its positions count bytes since the beginning and never go back; each side
// keeps its own in private memory and only publishes it, so that nothing a peer writes moves it. A peer's position is
// copied once and believed if it lies within one ring of our own; anything else is Corrupt, and the peer is given up.
// The bytes are copied out before they are looked at.
//
// Sleeping. Whoever is about to sleep says so in a word, fence(seq_cst), and looks once more; whoever has published
// something does fence(seq_cst), and looks at the word. Of the two, one at least sees the other's.
// - The executor's word is in the arena's header (executor_sleeps). What wakes it is an eventfd that the client has, too;
//   it never reads that (edge-triggered), so a client may do what it likes to the counter and to the flags.
// - The client's word is Channel::client_sleeps, a futex.
// - The executor with a reply that did not fit sets server_wants_room; a client that has made some treats that like
//   having written.
//
// Pure: no system calls here. One thread a side.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "protocol/shm/pins.h"

namespace chestbox::shm {

// Of each direction: a batch of small commands fits, and an attached client costs the server no more than two of them.
inline constexpr uint32_t kRingBytes = 64 << 10;
static_assert((kRingBytes & (kRingBytes - 1)) == 0);

struct Ring {
  alignas(64) std::atomic<uint64_t> written;  // by the writer: release, pairs with the reader's acquire in Available()
  alignas(64) std::atomic<uint64_t> read;     // by the reader: release, pairs with the writer's acquire in Room()
  alignas(64) char bytes[kRingBytes];
};

// What a client waits for in its sleep.
enum ClientSleeps : uint32_t { kAwake = 0, kForReplies = 1, kForRoom = 2 };

struct Channel {
  alignas(64) std::atomic<uint32_t> client_sleeps;      // a ClientSleeps, and the futex
  alignas(64) std::atomic<uint32_t> server_wants_room;  // in the ring of replies
  Ring requests;
  Ring replies;
};

// The channel lies behind the pins, in the same file.
inline constexpr uint64_t kChannelOffset = kClientPageBytes;
inline constexpr uint64_t kAttachmentBytes = (kChannelOffset + sizeof(Channel) + 4095) & ~uint64_t{4095};

class RingWriter {
 public:
  explicit RingWriter(Ring* ring = nullptr) : ring_(ring) {}

  // Bytes that Write would take. False: the reader's position makes no sense.
  [[nodiscard]] bool Room(size_t* bytes) const {
    const uint64_t used = written_ - ring_->read.load(std::memory_order_acquire);
    *bytes = kRingBytes - static_cast<size_t>(used);
    return used <= kRingBytes;
  }
  // Copies them in, at most Room() of them; nobody sees them before Publish.
  void Write(const char* from, size_t bytes) {
    const size_t at = written_ & (kRingBytes - 1);
    const size_t first = std::min(bytes, kRingBytes - at);
    std::memcpy(ring_->bytes + at, from, first);
    std::memcpy(ring_->bytes, from + first, bytes - first);
    written_ += bytes;
  }
  // Release: the bytes come before the position, which Available() loads with acquire.
  void Publish() { ring_->written.store(written_, std::memory_order_release); }
  uint64_t written() const { return written_; }

 private:
  Ring* ring_;
  uint64_t written_ = 0;
};

class RingReader {
 public:
  explicit RingReader(Ring* ring = nullptr) : ring_(ring) {}

  // Bytes that wait. False: the writer's position makes no sense.
  [[nodiscard]] bool Available(size_t* bytes) const {
    const uint64_t waiting = ring_->written.load(std::memory_order_acquire) - read_;
    *bytes = static_cast<size_t>(waiting);
    return waiting <= kRingBytes;
  }
  // Copies out, at most Available() bytes, and makes room. Release: the copy comes before the room, which Room() loads
  // with acquire.
  void Read(char* to, size_t bytes) {
    const size_t at = read_ & (kRingBytes - 1);
    const size_t first = std::min(bytes, kRingBytes - at);
    std::memcpy(to, ring_->bytes + at, first);
    std::memcpy(to + first, ring_->bytes, bytes - first);
    read_ += bytes;
    ring_->read.store(read_, std::memory_order_release);
  }

 private:
  Ring* ring_;
  uint64_t read_ = 0;
};

}  // namespace chestbox::shm
