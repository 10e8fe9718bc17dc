// StoreThread: runs calls of the swap store, one after the other, away from the executor. At idle I/O priority for
// writing; reads are what a client waits for.
//
// Post from the executor; the work reports back through Host::Post.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace chestbox {

class StoreThread {
 public:
  enum class Priority { kNormal, kIdle };
  // `idle` (may be null) runs whenever the queue is empty, until it returns false.
  StoreThread(const char* name, Priority priority, std::function<bool()> idle);
  // Runs everything queued, then ends.
  ~StoreThread();
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

  void Post(std::function<void()> work);
  // Runs `work` after everything posted so far, and waits for its end. Idle work may go on after that.
  void RunAndWait(const std::function<void()>& work);

 private:
  void Loop();

  const char* name_;
  const Priority priority_;
  const std::function<bool()> idle_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace chestbox
