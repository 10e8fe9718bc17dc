#include "shmclient/channel.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

#include "shmclient/include/chestbox/chestbox.h"

namespace chestbox::shmclient {

namespace {

using Clock = std::chrono::steady_clock;

// After so long a sleep the client looks whether its server still lives: what a killed server leaves is a word that the
// kernel sets without waking anybody.
constexpr auto kSleepSlice = std::chrono::milliseconds(100);

}  // namespace

Channel::Channel(const Attachment& attachment, Socket bell)
    : attachment_(attachment),
      rings_(attachment.channel()),
      requests_(&rings_.requests),
      replies_(&rings_.replies),
      spin_(sysconf(_SC_NPROCESSORS_ONLN)),
      bell_(std::move(bell)) {}

// After bytes or room were published: the fence pairs with the server's between its word and its last look at the
// rings.
void Channel::RingIfAsleep() const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (attachment_.arena().header().executor_sleeps.load(std::memory_order_relaxed) == 0) return;
  const uint64_t one = 1;
  (void)!write(bell_.descriptor(), &one, sizeof one);
}

// True as well for positions that make no sense, which the caller then finds.
bool Channel::IsReady(shm::ClientSleeps wait) const {
  size_t bytes = 0;
  return wait == shm::kForReplies ? !replies_.Available(&bytes) || bytes > 0 : !requests_.Room(&bytes) || bytes > 0;
}

bool Channel::IsIdle() const { return !HasEnded() && !IsReady(shm::kForReplies); }

int Channel::SleepFor(shm::ClientSleeps wait, const Socket& socket, std::string* error) {
  const auto deadline =
      timeout_ms_ > 0 ? Clock::now() + std::chrono::milliseconds(timeout_ms_) : Clock::time_point::max();
  bool slept_long = false;
  for (;;) {
    rings_.client_sleeps.store(wait, std::memory_order_relaxed);
    // Pairs with the server's fence after it has published: it sees the word, or we what it published.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const bool ended = HasEnded();  // before the last look: what came before the end is still received
    if (IsReady(wait)) break;
    if (ended || (slept_long && !socket.IsIdle())) {
      rings_.client_sleeps.store(shm::kAwake, std::memory_order_relaxed);
      *error = "the server closed the connection";
      return CHESTBOX_DISCONNECTED;
    }
    const auto now = Clock::now();
    if (now >= deadline) {
      rings_.client_sleeps.store(shm::kAwake, std::memory_order_relaxed);
      *error = "waiting for the server: timed out";
      return CHESTBOX_TIMEOUT;
    }
    const auto slice = std::min<Clock::duration>(kSleepSlice, deadline - now);
    const auto slice_ns = std::chrono::nanoseconds(slice).count();
    const timespec limit{slice_ns / 1'000'000'000, slice_ns % 1'000'000'000};
    // Returns at once if the server has taken the word away meanwhile.
    slept_long =
        syscall(SYS_futex, &rings_.client_sleeps, FUTEX_WAIT, wait, &limit, nullptr, 0) != 0 && errno == ETIMEDOUT;
  }
  rings_.client_sleeps.store(shm::kAwake, std::memory_order_relaxed);
  return CHESTBOX_OK;
}

int Channel::WaitFor(shm::ClientSleeps wait, const Socket& socket, std::string* error) {
  const int64_t limit_ns = int64_t{1000} * attachment_.arena().header().channel_spin_us.load(std::memory_order_relaxed);
  const auto begin = Clock::now();
  const auto waited_ns = [&] { return std::chrono::nanoseconds(Clock::now() - begin).count(); };
  const int64_t spin_ns = spin_.NanosecondsToSpin(limit_ns);
  do {
    if (IsReady(wait)) {
      spin_.OnFound(limit_ns);
      return CHESTBOX_OK;
    }
    shm::RelaxProcessor();
  } while (waited_ns() < spin_ns);
  const int code = SleepFor(wait, socket, error);
  spin_.OnSlept(waited_ns(), limit_ns);
  return code;
}

int Channel::SendAll(std::span<iovec> pieces, const Socket& socket, std::string* error) {
  for (iovec& piece : pieces) {
    while (piece.iov_len > 0) {
      size_t room = 0;
      if (!requests_.Room(&room)) {
        *error = "the ring of requests makes no sense";
        return CHESTBOX_PROTOCOL;
      }
      if (room == 0) {
        requests_.Publish();
        RingIfAsleep();
        if (const int code = WaitFor(shm::kForRoom, socket, error); code != CHESTBOX_OK) return code;
        continue;
      }
      const size_t bytes = std::min(room, piece.iov_len);
      requests_.Write(static_cast<const char*>(piece.iov_base), bytes);
      piece.iov_base = static_cast<char*>(piece.iov_base) + bytes;
      piece.iov_len -= bytes;
    }
  }
  requests_.Publish();
  RingIfAsleep();
  return CHESTBOX_OK;
}

int Channel::Receive(char* to, size_t capacity, size_t* received, const Socket& socket, std::string* error) {
  for (;;) {
    size_t waiting = 0;
    if (!replies_.Available(&waiting)) {
      *error = "the ring of replies makes no sense";
      return CHESTBOX_PROTOCOL;
    }
    if (waiting > 0) {
      *received = std::min(waiting, capacity);
      replies_.Read(to, *received);
      // The fence in between pairs with the server's after it has said that it wants room.
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (rings_.server_wants_room.load(std::memory_order_relaxed) != 0) RingIfAsleep();
      return CHESTBOX_OK;
    }
    if (const int code = WaitFor(shm::kForReplies, socket, error); code != CHESTBOX_OK) return code;
  }
}

}  // namespace chestbox::shmclient
