// The writer of the stress test, and the keys with what is always true of them. One process, at full speed.
//
//   db 0  stay:i     always there; overwritten, changed in place, flushed and put back in one command. Generations only
//   rise
//         pair:x:i   exactly one of x = a, b is there; RENAMEd to and fro
//         twin:x:i   x = a, b: both there, of one generation; written in one command
//         life:i     always there though it has an expiry: renewed before the clock passes it
//         timed:i    dies; the value's tag is its expiry
//   db 2  churn:i    come and go in thousands: splits, merges, FLUSHDB, swapped-out entries
//   db 4, 5  who     its tag is the database; SWAPDB 4 5 rewrites both in the same command
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "tests/stress/control.h"
#include "tests/unit/shm/checked_value.h"
#include "tests/unit/shm/test_store.h"

namespace chestbox::shm::stress {

inline constexpr uint64_t kHashSeed = 0x5eed;
inline constexpr uint64_t kStays = 200;
inline constexpr uint64_t kPairs = 40;
inline constexpr uint64_t kTwins = 40;
inline constexpr uint64_t kLives = 20;
inline constexpr uint64_t kTimed = 50;
inline constexpr uint64_t kChurn = 30000;
inline constexpr uint32_t kChurnDatabase = 2;
inline constexpr uint32_t kWhoDatabase = 4;  // and the next

inline std::string Stay(uint64_t i) { return "stay:" + std::to_string(i); }
inline std::string Pair(uint64_t i, bool b) { return (b ? "pair:b:" : "pair:a:") + std::to_string(i); }
inline std::string Twin(uint64_t i, bool b) { return (b ? "twin:b:" : "twin:a:") + std::to_string(i); }
inline std::string Life(uint64_t i) { return "life:" + std::to_string(i); }
inline std::string Timed(uint64_t i) { return "timed:" + std::to_string(i); }
inline std::string Churn(uint64_t i) { return "churn:" + std::to_string(i); }

int64_t NowMs();

class StressWriter {
 public:
  StressWriter(ArenaMemory& memory, Control& control, uint64_t seed);

  void Command();
  // FLUSHALL, and everything freed but what clients pin.
  void EraseAll();

 private:
  size_t RandomSize();
  void Put(uint32_t database, const std::string& key, uint64_t tag, size_t bytes, int64_t expire_at_ms = -1);
  void PutAll();
  void Tick();
  void RenamePair();
  void PutTwins(uint64_t i);
  void ChurnSome();
  void FlushAll();
  void FlushDatabase();
  void SwapWhoDatabases();
  void End(WriteKind kind);

  Control& control_;
  TestStore store_;
  std::mt19937_64 random_;
  uint64_t generation_ = 0;
  uint64_t commands_ = 0;
  uint64_t churned_ = 0;
  bool churn_grows_ = true;
  std::vector<bool> pair_is_b_ = std::vector<bool>(kPairs);
  std::vector<int64_t> life_expiry_ms_ = std::vector<int64_t>(kLives);
  std::vector<int64_t> timed_expiry_ms_ = std::vector<int64_t>(kTimed);
  int64_t clock_ms_ = 0;
  std::deque<IndexWriter::Detached> detached_;
};

}  // namespace chestbox::shm::stress
