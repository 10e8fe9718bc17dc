// A writer whose closed versions do not reach the readers: never (the Close is taken out), or later than its next steps
// (the fence is taken out: the store still waits in the store buffer). Nothing in the code under test knows of it: an
// observer takes back what Close has stored, right after it.
#pragma once

#include <optional>
#include <vector>

#include "hooks.h"

namespace chestbox::shm {

enum class Fault { kNone, kNeverCloses, kClosesLate };

class FaultyWriter {
 public:
  // `late_until`: the step at which a delayed store arrives; `at` runs just before, at that step, with any fault.
  FaultyWriter(TestStore& store, Fault fault, std::vector<std::atomic<uint64_t>*> versions,
               WriteStep late_until = WriteStep::kBeforeFinish, std::function<void()> at = {})
      : fault_(fault),
        late_until_(late_until),
        at_(std::move(at)),
        observer_(store, [this](WriteStep step) { At(step); }) {
    for (std::atomic<uint64_t>* version : versions) hidden_.push_back({version, 0});
  }

 private:
  struct Hidden {
    std::atomic<uint64_t>* version;
    uint64_t closings;
  };

  void At(WriteStep step) {
    if (step == WriteStep::kClosed && fault_ != Fault::kNone && !arrived_) {
      for (Hidden& each : hidden_) {
        if (each.version->load() % 2 == 0) continue;
        each.version->fetch_sub(1);
        ++each.closings;
      }
    }
    if (step == late_until_ && at_) std::exchange(at_, {})();
    if (step == late_until_ && fault_ == Fault::kClosesLate && !arrived_) {
      arrived_ = true;
      for (Hidden& each : hidden_) each.version->fetch_add(each.closings);
    }
    // Finish adds one for each closing; take that back, so that the version never changes.
    if (step == WriteStep::kBeforeFinish && fault_ == Fault::kNeverCloses) {
      for (Hidden& each : hidden_) each.version->fetch_sub(std::exchange(each.closings, 0));
    }
  }

  Fault fault_;
  WriteStep late_until_;
  std::function<void()> at_;
  bool arrived_ = false;
  std::vector<Hidden> hidden_;
  Observer observer_;
};

}  // namespace chestbox::shm
