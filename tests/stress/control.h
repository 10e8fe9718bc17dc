// What the processes of the stress test share beside the arena: one anonymous mapping, made before they are forked.
#pragma once

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "protocol/shm/pins.h"

namespace chestbox::shm::stress {

inline constexpr int kReaders = 4;

enum class ReadKind { kCopy, kView, kOldView, kStaySet, kPair, kTwin, kWho, kLife, kTimed, kChurn };
inline constexpr size_t kReadKinds = 10;
inline constexpr const char* kReadNames[kReadKinds] = {"copy", "view", "view at its end", "set of 20", "pair renamed",
                                                       "twin", "who",  "renewed",         "timed",     "churn"};
enum class WriteKind {
  kPut,
  kInPlace,
  kRename,
  kTwin,
  kChurn,
  kFlushAll,
  kFlushDatabase,
  kSwapDatabases,
  kSwapOut,
  kTick
};
inline constexpr size_t kWriteKinds = 10;
inline constexpr const char* kWriteNames[kWriteKinds] = {"overwrite", "in place", "rename", "two keys", "insert/erase",
                                                         "FLUSHALL",  "FLUSHDB",  "SWAPDB", "swap out", "clock tick"};

// Of one client; written by it alone, but for `detach`.
struct ClientSlot {
  ClientPage page;
  std::atomic<uint32_t> detach;  // 1: the client is gone, the writer clears its page and sets 0
  std::array<std::atomic<uint64_t>, kReadKinds> answered;
  std::array<std::atomic<uint64_t>, kReadKinds> asked;  // left to the server
  std::atomic<uint64_t> wrong;
  char first_wrong[256];

  template <class... Args>
  void Wrong(const char* format, Args... args) {
    if (wrong.fetch_add(1) == 0) std::snprintf(first_wrong, sizeof first_wrong, format, args...);
  }
};

struct Control {
  std::atomic<uint32_t> writer_ready;
  std::atomic<uint32_t> readers_stop;
  std::atomic<uint32_t> writer_stop;
  std::atomic<uint32_t> writer_killed;  // set after its death was seen
  std::array<std::atomic<uint64_t>, kWriteKinds> written;
  uint64_t baseline_resident_bytes;
  uint64_t peak_resident_bytes;
  uint64_t final_resident_bytes;
  std::array<ClientSlot, kReaders> clients;
};

}  // namespace chestbox::shm::stress
