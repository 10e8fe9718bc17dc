// Several keys read as one atomic snapshot (MGET, EXISTS k k …).
//
// Every key is read with a stamp of its own; then, behind one fence, all stamps are checked again. If all hold, every
// answer was true at the moment of that fence, together; otherwise only what changed is read again. (A global sequence
// instead would starve beside a busy writer.) After kReadSetRounds, or if any key is for the server to answer, the
// server answers the whole command.
//
// Expiry is judged after the reads and before the check, with one clock for all keys: what the stamps prove is the
// state at that moment, so an earlier `now` could call a key alive beside a value that was written after its death was
// seen.
//
// Any thread, as index_reader.h. Bytes are copied to storage of the caller, which grows by validated lengths only.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/shm/index_reader.h"

namespace chestbox::shm {

inline constexpr int kReadSetRounds = 3;

enum class SetWants { kStrings, kExistence };

struct SetMember {
  std::string_view key;
  uint64_t hash = 0;

  // The answer, once ReadSet has returned kFound: kFound, kMissing, or (kStrings) kWrongType.
  ReadStatus status = ReadStatus::kMissing;
  size_t offset = 0;  // of the value in `values` (kStrings, kFound)
  size_t bytes = 0;

  // What the read has got so far.
  ReadStatus before_expiry = ReadStatus::kMissing;
  int64_t expire_at_ms = -1;
  size_t room_bytes = 0;  // at `offset`, from an earlier round
  bool fresh = false;
  ReadStamp stamp{};
};

// Where the values go. `bytes` keeps its size between reads, so that a client that reuses it allocates seldom.
struct SetStorage {
  std::vector<char> bytes;
  size_t used_bytes = 0;
  size_t bytes_max = 0;  // more than this is the server's to send

  bool Take(size_t wanted_bytes, size_t* offset) {
    if (wanted_bytes > bytes_max - used_bytes) return false;
    *offset = used_bytes;
    used_bytes += wanted_bytes;
    if (bytes.size() < used_bytes) bytes.resize(std::min(bytes_max, std::max(used_bytes, 2 * bytes.size())));
    return true;
  }
};

namespace internal {

// Copies the value. kFound: done. kTooSmall: the length was not true any more, try again. kAskServer: over the cap.
template <class Policy>
ReadStatus CopyMember(const ArenaView& arena, const FoundKey& found, SetStorage* values, SetMember* member) {
  const size_t size = found.header.value_bytes;
  if (size > member->room_bytes) {
    if (!Validate<Policy>(arena, member->stamp)) return ReadStatus::kTooSmall;
    if (!values->Take(size, &member->offset)) return ReadStatus::kAskServer;
    member->room_bytes = size;
  }
  member->bytes = size;
  RacyLoad(values->bytes.data() + member->offset, found.value, size);
  Policy::At(ReadStep::kValueCopied);
  return ReadStatus::kFound;
}

// One key, not validated yet. kFound: `member` says what was seen; kAskServer: not to be had here.
template <class Policy>
ReadStatus ReadMember(const ArenaView& arena, uint32_t database, SetWants wants, SetStorage* values,
                      SetMember* member) {
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    FoundKey found;
    const Attempt outcome = FindOnce<Policy>(arena, database, member->key, member->hash, &member->stamp, &found);
    if (outcome == Attempt::kRetry) {
      CpuRelax();
      continue;
    }
    member->expire_at_ms = -1;
    member->before_expiry = ReadStatus::kMissing;
    if (outcome == Attempt::kMissing) {
      if (member->stamp.index->complete.load(std::memory_order_relaxed) == 0) return ReadStatus::kAskServer;
      return ReadStatus::kFound;
    }
    if (outcome == Attempt::kSwapped) {
      if (Validate<Policy>(arena, member->stamp)) return ReadStatus::kAskServer;
      continue;
    }
    member->expire_at_ms = found.expire_at_ms;
    member->before_expiry = ReadStatus::kFound;
    if (wants == SetWants::kExistence) return ReadStatus::kFound;
    if (found.header.type() != ValueType::kString) {
      member->before_expiry = ReadStatus::kWrongType;
      return ReadStatus::kFound;
    }
    const ReadStatus copied = CopyMember<Policy>(arena, found, values, member);
    if (copied != ReadStatus::kTooSmall) return copied;
  }
  return ReadStatus::kAskServer;
}

// Settles every member's status at one moment. False: a key is neither surely alive nor surely dead.
template <class Clock>
bool JudgeMembers(const ArenaView& arena, std::span<SetMember> members, Clock&& now_ms) {
  bool any_expires = false;
  for (SetMember& member : members) {
    member.status = member.before_expiry;
    any_expires = any_expires || member.expire_at_ms >= 0;
  }
  if (!any_expires) return true;
  const int64_t own_now_ms = now_ms();
  // Acquire: as in JudgeExpiry.
  const int64_t clock_ms = arena.header().clock_ms.load(std::memory_order_acquire);
  for (SetMember& member : members) {
    if (member.expire_at_ms < 0) continue;
    if (clock_ms >= member.expire_at_ms) {
      member.status = ReadStatus::kMissing;
    } else if (own_now_ms >= member.expire_at_ms) {
      return false;
    }
  }
  return true;
}

}  // namespace internal

// kFound: every member's status (and value) is set, all true at one moment. kAskServer: nothing is.
template <class Policy = ReadPolicy, class Clock>
ReadStatus ReadSet(const ArenaView& arena, uint32_t database, std::span<SetMember> members, SetWants wants,
                   Clock&& now_ms, SetStorage* values) {
  values->used_bytes = 0;
  for (SetMember& member : members) {
    member.fresh = false;
    member.room_bytes = 0;
  }
  for (int round = 0; round < kReadSetRounds; ++round) {
    for (SetMember& member : members) {
      if (member.fresh) continue;
      if (internal::ReadMember<Policy>(arena, database, wants, values, &member) != ReadStatus::kFound) {
        return ReadStatus::kAskServer;
      }
      Policy::At(ReadStep::kSetMemberRead);
    }
    const bool judged = internal::JudgeMembers(arena, members, now_ms);
    // Pairs with the writer's fence after each version that it makes odd (Validate), for all members at once.
    std::atomic_thread_fence(std::memory_order_acquire);
    bool all_hold = true;
    for (SetMember& member : members) {
      member.fresh = !Policy::Checks(ReadCheck::kSetRecheck) || StampHolds<Policy>(arena, member.stamp);
      all_hold = all_hold && member.fresh;
    }
    if (all_hold) return judged ? ReadStatus::kFound : ReadStatus::kAskServer;
  }
  return ReadStatus::kAskServer;
}

}  // namespace chestbox::shm
