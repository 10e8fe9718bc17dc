#include "server/channel_link.h"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace chestbox {

namespace {

// A client that takes replies as fast as they come would otherwise keep the executor to itself for the whole of a huge
// one.
constexpr size_t kSentBytesPerTurn = 4 * shm::kRingBytes;

}  // namespace

void WakeSleeper(shm::Channel& rings) {
  // First: one that is about to sleep then does not.
  rings.client_sleeps.store(shm::kAwake, std::memory_order_relaxed);
  // The page is shared between processes, hence not FUTEX_PRIVATE. One client has one thread in here.
  (void)syscall(SYS_futex, &rings.client_sleeps, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

ChannelLink::ChannelLink(shm::Channel& rings)
    : rings_(rings),
      requests_(&rings.requests),
      replies_(&rings.replies),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

ChannelLink::~ChannelLink() {
  if (bell_ >= 0) close(bell_);
}

void ChannelLink::BeginTurn() { turn_bytes_ = kSentBytesPerTurn; }

bool ChannelLink::HasRequests() const {
  size_t bytes = 0;
  return !requests_.Available(&bytes) || bytes > 0;
}

bool ChannelLink::HasRoom() const {
  size_t bytes = 0;
  return !replies_.Room(&bytes) || bytes > 0;
}

// After something was published: the fence pairs with the client's between its word and its last look at the rings.
void ChannelLink::WakeClient(shm::ClientSleeps waiting_for) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (rings_.client_sleeps.load(std::memory_order_relaxed) != waiting_for) return;
  WakeSleeper(rings_);
}

long ChannelLink::Receive(char* to, size_t capacity) {
  size_t bytes = 0;
  if (!requests_.Available(&bytes)) {
    errno = EPROTO;
    return -1;
  }
  bytes = std::min(bytes, capacity);
  if (bytes == 0) {
    errno = EAGAIN;
    return -1;
  }
  requests_.Read(to, bytes);
  WakeClient(shm::kForRoom);
  return static_cast<long>(bytes);
}

long ChannelLink::Send(const char* from, size_t bytes) {
  size_t room = 0;
  bool sensible = replies_.Room(&room);
  if (sensible && room == 0 && !wants_room_) {
    wants_room_ = true;
    rings_.server_wants_room.store(1, std::memory_order_relaxed);
    // Pairs with the client's fence after it has made room: one of us sees the other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    sensible = replies_.Room(&room);
  }
  if (!sensible) {
    errno = EPROTO;
    return -1;
  }
  const size_t taken = std::min({bytes, room, turn_bytes_});
  if (taken == 0) {
    errno = EAGAIN;
    return -1;
  }
  if (wants_room_) {
    wants_room_ = false;
    rings_.server_wants_room.store(0, std::memory_order_relaxed);
  }
  replies_.Write(from, taken);
  replies_.Publish();
  turn_bytes_ -= taken;
  WakeClient(shm::kForReplies);
  return static_cast<long>(taken);
}

}  // namespace chestbox
