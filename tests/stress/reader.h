// A reader of the stress test: one process, which checks what it reads against what workload.h promises.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "protocol/shm/read_set.h"
#include "tests/stress/control.h"
#include "tests/stress/workload.h"

namespace chestbox::shm::stress {

class StressReader {
 public:
  StressReader(ArenaView arena, Control& control, ClientSlot& client, uint64_t seed);

  // Until it is told to stop, or has seen that the writer is dead. Ends its views.
  void Run();

 private:
  struct Held {
    std::string key;
    PinnedString view;
  };

  bool ServerIsGone();
  void One();
  void Count(ReadKind kind, ReadStatus status);
  ReadStatus Copy(uint32_t database, const std::string& key, std::string_view* value);
  void CheckStay(uint64_t i, std::string_view value);
  // The value of a key that is always there.
  bool CheckPresent(ReadKind kind, const std::string& key, std::string_view name, ReadStatus status,
                    std::string_view value, CheckedHeader* header);
  void EndOldestView();
  ReadStatus ReadMembers(std::span<const std::string> keys, SetWants wants);
  std::string_view ValueOf(const SetMember& member) const { return {set_.bytes.data() + member.offset, member.bytes}; }

  void ReadStay();
  void ViewStay();
  void ReadStaySet();
  void ReadPair();
  void ReadTwin();
  void ReadWho();
  void ReadLife();
  void ReadTimed();
  void ReadChurn();

  ArenaView arena_;
  Control& control_;
  ClientSlot& client_;
  PinTable pins_;
  std::mt19937_64 random_;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
  char small_[kInlineValueBytesMax];
  std::deque<Held> views_;
  std::vector<SetMember> members_;
  SetStorage set_{.bytes = {}, .used_bytes = 0, .bytes_max = 32 << 20};
  std::vector<uint64_t> stay_generation_ = std::vector<uint64_t>(kStays);
};

}  // namespace chestbox::shm::stress
