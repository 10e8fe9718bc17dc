// EventSet: the descriptors that the executor waits for, in an epoll set.
//
// Level-triggered, so that nothing has to be armed again: a readable connection costs one read, where Asio's
// async_read_some costs two (it tries, fails with EAGAIN, and waits) and its async_wait an epoll_ctl. The end of a
// connection that comes together with its last data cannot be missed either.
//
// What ends a wait by the clock is a timer that is set only when another moment is waited for. A timeout of epoll_wait
// itself sets one each time it sleeps, which is dear on a virtual machine.
//
// Executor thread only, but for Wake.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace chestbox {

class EventSet {
 public:
  class Source {
   public:
    virtual ~Source() = default;
    // `events` as of epoll: EPOLLIN, EPOLLOUT; EPOLLHUP and EPOLLERR come unasked for.
    virtual void OnEvents(uint32_t events) = 0;
  };

  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point kAtOnce = Clock::time_point::min();

  EventSet();
  ~EventSet();
  EventSet(const EventSet&) = delete;
  EventSet& operator=(const EventSet&) = delete;

  // `source` outlives the turn in which its descriptor is closed or removed.
  void Add(int descriptor, uint32_t events, Source* source);
  void Change(int descriptor, uint32_t events, Source* source);
  void Remove(int descriptor);

  // One turn: waits until then at most (kAtOnce: not at all) and hands out what there is. How much that was.
  int Wait(Clock::time_point until);
  // Ends a Wait, this one or the next. Any thread.
  void Wake();

 private:
  // Ends a wait: there is nothing more to an event of it.
  class Timer final : public Source {
   public:
    Timer();
    ~Timer() override;
    void OnEvents(uint32_t events) override;
    void Set(Clock::time_point at);
    int descriptor() const { return descriptor_; }

   private:
    const int descriptor_;            // a timerfd
    Clock::time_point at_ = kAtOnce;  // what it is set to; kAtOnce: to nothing
  };

  void Control(int operation, int descriptor, uint32_t events, Source* source);

  int epoll_ = -1;
  int wake_ = -1;  // an eventfd
  Timer timer_;
  std::atomic<bool> woken_{false};
};

}  // namespace chestbox
