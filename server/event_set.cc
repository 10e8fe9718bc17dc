#include "server/event_set.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "protocol/check.h"

namespace chestbox {

namespace {

// Handed out in one turn; the rest come first in the next.
constexpr int kEventsPerTurn = 128;

}  // namespace

EventSet::Timer::Timer() : descriptor_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  CHECK(descriptor_ >= 0);
}

EventSet::Timer::~Timer() { close(descriptor_); }

void EventSet::Timer::Set(Clock::time_point at) {
  if (at == at_) return;
  at_ = at;
  constexpr int64_t kNsPerSecond = 1'000'000'000;
  // Of 0 it would never go off.
  const int64_t at_ns = std::max<int64_t>(1, std::chrono::nanoseconds(at.time_since_epoch()).count());
  itimerspec when{};
  when.it_value.tv_sec = at_ns / kNsPerSecond;
  when.it_value.tv_nsec = at_ns % kNsPerSecond;
  CHECK(timerfd_settime(descriptor_, TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

void EventSet::Timer::OnEvents(uint32_t /*events*/) {
  uint64_t ignored = 0;
  (void)!read(descriptor_, &ignored, sizeof ignored);
  at_ = kAtOnce;
}

EventSet::EventSet() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(epoll_ >= 0 && wake_ >= 0);
  Add(wake_, EPOLLIN, nullptr);
  Add(timer_.descriptor(), EPOLLIN, &timer_);
}

EventSet::~EventSet() {
  close(wake_);
  close(epoll_);
}

void EventSet::Control(int operation, int descriptor, uint32_t events, Source* source) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = source;
  CHECK(epoll_ctl(epoll_, operation, descriptor, &event) == 0);
}

void EventSet::Add(int descriptor, uint32_t events, Source* source) {
  Control(EPOLL_CTL_ADD, descriptor, events, source);
}

void EventSet::Change(int descriptor, uint32_t events, Source* source) {
  Control(EPOLL_CTL_MOD, descriptor, events, source);
}

void EventSet::Remove(int descriptor) { Control(EPOLL_CTL_DEL, descriptor, 0, nullptr); }

int EventSet::Wait(Clock::time_point until) {
  if (until != kAtOnce) timer_.Set(until);
  epoll_event events[kEventsPerTurn];
  const int count = epoll_wait(epoll_, events, kEventsPerTurn, until == kAtOnce ? 0 : -1);
  CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    if (auto* source = static_cast<Source*>(events[i].data.ptr); source != nullptr) {
      source->OnEvents(events[i].events);
      continue;
    }
    uint64_t ignored = 0;
    (void)!read(wake_, &ignored, sizeof ignored);
    woken_.store(false);  // before the caller looks for what it was woken for
  }
  return count;
}

void EventSet::Wake() {
  if (woken_.exchange(true)) return;
  const uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
}

}  // namespace chestbox
