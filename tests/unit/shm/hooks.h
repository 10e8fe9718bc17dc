// Deterministic interleavings: a reader's policy that calls back at each step, may have checks taken out, and may delay
// its pin as a processor's store buffer does; and a writer's observer that calls back at each step.
//
// A scenario is written once as a template over the policy, run with Hooked<> (must be right) and with one check taken
// out (must be wrong, or the scenario proves nothing).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/shm/index_reader.h"
#include "test_arena.h"
#include "test_store.h"

namespace chestbox::shm {

struct ReadHooks {
  std::function<void(ReadStep)> at;
  std::function<void()> before_pin;
  std::vector<std::pair<std::atomic<Link>*, Link>> store_buffer;

  void DrainStoreBuffer() {
    for (auto& [slot, link] : store_buffer) slot->store(link, std::memory_order_release);
    store_buffer.clear();
  }
};
inline ReadHooks hooks;

template <ReadCheck... kOff>
struct Hooked {
  static constexpr bool Checks(ReadCheck check) { return ((check != kOff) && ... && true); }
  static void At(ReadStep step) {
    if (hooks.at) hooks.at(step);
  }
  // The store waits in the buffer until the fence.
  static void StorePin(std::atomic<Link>& slot, Link link) {
    if (hooks.before_pin) std::exchange(hooks.before_pin, {})();
    hooks.store_buffer.emplace_back(&slot, link);
  }
  static void PinFence() { hooks.DrainStoreBuffer(); }
};

struct WithoutPinFence : Hooked<> {
  static void PinFence() {}
};

// Runs `action` when the reader comes to `step` for the n-th time.
inline void OnceAt(ReadStep step, std::function<void()> action, int nth = 1) {
  hooks.at = [step, action = std::move(action), left = nth](ReadStep at) mutable {
    if (at == step && --left == 0) action();
  };
}

struct Answer {
  ReadStatus status = ReadStatus::kAskServer;
  std::string value;

  bool Found(std::string_view expected) const { return status == ReadStatus::kFound && value == expected; }
};

template <class Policy>
Answer Read(
    TestArena& arena, TestStore& store, std::string_view key,
    std::function<int64_t()> now_ms = [] { return int64_t{0}; }) {
  std::string buffer(4096, '\0');
  size_t size = 0;
  ReadStamp stamp;
  Answer answer;
  answer.status = ReadString<Policy>(arena.view(), 0, key, store.Hash(key), now_ms, buffer, &size, &stamp);
  if (answer.status == ReadStatus::kFound) answer.value = buffer.substr(0, size);
  hooks = {};
  return answer;
}

// Calls back at each step of the writer.
class Observer : public WriteObserver {
 public:
  Observer(TestStore& store, std::function<void(WriteStep)> at) : store_(store), at_(std::move(at)) {
    store_.scope().set_observer(this);
  }
  ~Observer() override { store_.scope().set_observer(nullptr); }
  void At(WriteStep step) override {
    if (at_) at_(step);
  }

 private:
  TestStore& store_;
  std::function<void(WriteStep)> at_;
};

}  // namespace chestbox::shm
