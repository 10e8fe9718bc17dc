#include "server/store_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <memory>
#include <utility>

namespace chestbox {

namespace {

// linux/ioprio.h: class "best effort", lowest level. The idle class could starve a swap-out that writers wait for.
constexpr int kIoPriorityWhoProcess = 1;
constexpr int kIoPriorityLow = (2 << 13) | 7;
constexpr int kNiceLow = 10;

void LowerPriority() {
  (void)setpriority(PRIO_PROCESS, 0, kNiceLow);  // 0: the calling thread, on Linux
  (void)syscall(SYS_ioprio_set, kIoPriorityWhoProcess, 0, kIoPriorityLow);
}

}  // namespace

StoreThread::StoreThread(const char* name, Priority priority, std::function<bool()> idle)
    : name_(name), priority_(priority), idle_(std::move(idle)), thread_([this] { Loop(); }) {}

StoreThread::~StoreThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void StoreThread::Post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void StoreThread::RunAndWait(const std::function<void()>& work) {
  // Shared: this thread may be gone from here before the other one has left set_value.
  auto done = std::make_shared<std::promise<void>>();
  Post([&work, done] {
    work();
    done->set_value();
  });
  done->get_future().wait();
}

void StoreThread::Loop() {
  pthread_setname_np(pthread_self(), name_);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the executor's
  if (priority_ == Priority::kIdle) LowerPriority();
  bool more_idle_work = false;
  std::unique_lock lock(mutex_);
  while (true) {
    if (queue_.empty() && stopping_) return;
    if (queue_.empty() && !more_idle_work) {
      wake_.wait(lock, [this] { return !queue_.empty() || stopping_; });
      continue;
    }
    if (queue_.empty()) {
      lock.unlock();
      more_idle_work = idle_();
      lock.lock();
      continue;
    }
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    more_idle_work = idle_ != nullptr;
    lock.lock();
  }
}

}  // namespace chestbox
