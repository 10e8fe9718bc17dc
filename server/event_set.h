// EventSet: the descriptors that the executor waits for, in an epoll set.
//
// Level-triggered, so that nothing has to be armed again: a readable connection costs one read, where Asio's
// async_read_some costs two (it tries, fails with EAGAIN, and waits) and its async_wait an epoll_ctl. The end of a
// connection that comes together with its last data cannot be missed either.
//
// Executor thread only, but for Wake.
#pragma once

#include <atomic>
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

  EventSet();
  ~EventSet();
  EventSet(const EventSet&) = delete;
  EventSet& operator=(const EventSet&) = delete;

  // `source` outlives the turn in which its descriptor is closed or removed.
  void Add(int descriptor, uint32_t events, Source* source);
  void Change(int descriptor, uint32_t events, Source* source);
  void Remove(int descriptor);

  // One turn: waits at most `timeout_ms` (0: not at all) and hands out what there is.
  void Wait(int timeout_ms);
  // Ends a Wait, this one or the next. Any thread.
  void Wake();

 private:
  void Control(int operation, int descriptor, uint32_t events, Source* source);

  int epoll_ = -1;
  int wake_ = -1;  // an eventfd
  std::atomic<bool> woken_{false};
};

}  // namespace chestbox
