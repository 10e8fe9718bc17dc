// Network's waiting: for sockets in epoll, and for channels, whose rings are looked at before the executor sleeps.
#include <algorithm>
#include <chrono>

#include "server/arena/arena_allocator.h"
#include "server/connection.h"
#include "server/network.h"

namespace chestbox {

namespace {

// While channels have work the sockets wait for so many turns at most, each a read of every channel.
constexpr int kChannelTurnsMax = 16;
// While nobody has any, they are looked at that often: an epoll_wait costs a third of a microsecond or so.
constexpr auto kSocketsInterval = std::chrono::microseconds(5);

}  // namespace

// Until the next thing is due, rounded up.
Network::Clock::time_point Network::WaitsUntil() {
  std::lock_guard lock(posted_mutex_);
  return posted_.empty() ? std::min(cron_at_, alarm_at_) : EventSet::kAtOnce;
}

bool Network::ChannelsHaveWork() const {
  return std::any_of(channels_.begin(), channels_.end(), [](const Connection* c) { return c->HasChannelWork(); });
}

// By number: a turn may add channels (their ends are posted), and a script in it may come here again.
void Network::PollChannels() {
  for (size_t i = 0; i < channels_.size() && !stopped_; ++i) channels_[i]->PollChannel();
}

// One wait of the event loop. Channels that have work are served without any system call; the sockets get their turn
// every now and then.
void Network::WaitForWork() {
  const Clock::time_point until = WaitsUntil();
  if (channels_.empty()) {
    events_.Wait(until);
    return;
  }
  if (until == EventSet::kAtOnce || ++turns_without_sockets_ >= kChannelTurnsMax) {
    turns_without_sockets_ = 0;
    events_.Wait(EventSet::kAtOnce);
  } else if (!ChannelsHaveWork() && !SpinForWork(until)) {
    turns_without_sockets_ = 0;
    SleepForWork(until);
  }
  if (!stopped_) PollChannels();
}

// True: there is something to do. Looks at the sockets too, so that they do not wait for the spin's end.
bool Network::SpinForWork(Clock::time_point until) {
  const int64_t spin_ns = spin_.NanosecondsToSpin(config().channel_spin_us * 1000);
  if (spin_ns == 0) return false;
  const auto begin = Clock::now();
  const auto end = std::min(until, begin + std::chrono::nanoseconds(spin_ns));
  auto sockets_at = begin + kSocketsInterval;
  for (auto now = begin; now < end; now = Clock::now()) {
    if (ChannelsHaveWork()) {
      spin_.OnFound(config().channel_spin_us * 1000);
      return true;
    }
    if (now >= sockets_at) {
      if (events_.Wait(EventSet::kAtOnce) > 0) {
        spin_.OnInterrupted();
        return true;
      }
      sockets_at = now + kSocketsInterval;
    }
    shm::RelaxProcessor();
  }
  return false;
}

// A client publishes bytes, fence(seq_cst), and then looks at executor_sleeps: it rings its bell, or we see the bytes.
void Network::SleepForWork(Clock::time_point until) {
  const auto begin = Clock::now();
  std::atomic<uint32_t>& sleeps = server_->arena().header().executor_sleeps;
  sleeps.store(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  events_.Wait(ChannelsHaveWork() ? EventSet::kAtOnce : until);
  // Relaxed: who reads the old value rings for nothing.
  sleeps.store(0, std::memory_order_relaxed);
  if (ChannelsHaveWork()) {
    spin_.OnSlept(std::chrono::nanoseconds(Clock::now() - begin).count(), config().channel_spin_us * 1000);
  } else {
    spin_.OnInterrupted();
  }
}

void Network::PublishSpin() {
  server_->arena().header().channel_spin_us.store(static_cast<uint32_t>(config().channel_spin_us),
                                                  std::memory_order_relaxed);
}

}  // namespace chestbox
