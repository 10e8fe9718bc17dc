// LocalCommands: the read commands that an attached client answers itself, with the replies that the server would give
// byte for byte.
//
// Invariants
// - A command is answered here or not at all: arguments that are wrong, options that are not known here, a state that
// is
//   swapped out or contended all leave the command to the server, which has the words for it.
// - A reply rests on one moment of the state, or of all states of a command that reads several (ReadSet).
// One thread at a time; keeps its buffers between calls.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/resp/reply_buffer.h"
#include "protocol/resp/reply_writer.h"
#include "protocol/shm/hash.h"
#include "protocol/shm/read_set.h"
#include "protocol/shm/state_reader.h"
#include "shmclient/attachment.h"
#include "shmclient/reply.h"
#include "shmclient/session.h"

namespace chestbox::shmclient {

int64_t WallClockMs();

// One command on its way to being answered.
class LocalRead {
 public:
  // `touches`: what is read is used, as LRU and LFU understand it.
  LocalRead(const Attachment& local, uint32_t database, bool touches, shm::CopiedNodes& nodes,
            resp::ReplyBuffer& buffer, shm::SetStorage& values)
      : local_(local), database_(database), touches_(touches), nodes_(nodes), reply_(buffer), values_(values) {}

  // Makes the reply from one consistent look at the state: answer(const StateLook*) -> bool, null for a missing key,
  // false where what it sees cannot be or is the server's to answer. False: ask the server.
  template <class Answer>
  bool State(std::string_view key, Answer&& answer) {
    const uint64_t hash = shm::HashKey(key, hash_seed());
    bool present = false;
    const shm::ReadStatus status =
        shm::ReadState(local_.arena(), database_, key, hash, WallClockMs, nodes_, [&](const shm::StateLook* look) {
          reply_.Truncate(0);
          present = look != nullptr;
          return answer(look);
        });
    if (status != shm::ReadStatus::kFound) return false;
    Log(hash, present);
    return true;
  }
  // Several keys at one moment. False: ask the server.
  bool Set(std::span<shm::SetMember> members, shm::SetWants wants) {
    if (shm::ReadSet(local_.arena(), database_, members, wants, WallClockMs, &values_) != shm::ReadStatus::kFound) {
      return false;
    }
    for (const shm::SetMember& member : members) Log(member.hash, member.status != shm::ReadStatus::kMissing);
    return true;
  }

  uint64_t hash_seed() const { return local_.hash_seed(); }
  shm::CopiedNodes& nodes() { return nodes_; }
  resp::ReplyWriter& reply() { return reply_; }
  shm::SetStorage& values() { return values_; }

 private:
  void Log(uint64_t hash, bool present) {
    shm::HitLog& log = local_.hit_log();
    if (!present) {
      shm::CountMiss(log);
    } else if (touches_) {
      shm::LogHit(log, database_, hash);
    } else {
      shm::CountHit(log);
    }
  }

  const Attachment& local_;
  const uint32_t database_;
  const bool touches_;
  shm::CopiedNodes& nodes_;
  resp::ReplyWriter reply_;
  shm::SetStorage& values_;
};

struct LocalCommand {
  std::string_view name;  // lower case
  size_t args_min = 0;    // with the name
  size_t args_max = 0;    // 0: any number
  bool (*answer)(LocalRead& read, Args args) = nullptr;
  bool touches = true;  // as the server's command of that name does, see server/commands/lookup.h
};

// The families' tables.
std::span<const LocalCommand> LocalStringCommands();
std::span<const LocalCommand> LocalKeyCommands();
std::span<const LocalCommand> LocalHashCommands();
std::span<const LocalCommand> LocalListCommands();
std::span<const LocalCommand> LocalSetCommands();
std::span<const LocalCommand> LocalSortedSetCommands();
std::span<const LocalCommand> LocalStreamCommands();

// Elements of a reply that is made here: a longer one takes so long that the server is as fast, and a state under
// change would not hold still for it.
inline constexpr uint64_t kLocalElementsMax = 4096;

// In any case; `word` is in lower case.
bool EqualsWord(std::string_view text, std::string_view word);

// "WRONGTYPE …" as the reply.
bool ReplyWrongType(LocalRead& read);

class LocalCommands {
 public:
  LocalCommands();
  LocalCommands(const LocalCommands&) = delete;
  LocalCommands& operator=(const LocalCommands&) = delete;

  // The reply in RESP2, or null: ask the server.
  ReplyPtr Answer(const Attachment& local, uint32_t database, Args args);

 private:
  const LocalCommand* Find(std::string_view name) const;

  std::vector<const LocalCommand*> slots_;  // open addressing by name, a power of two
  std::unique_ptr<shm::CopiedNodes> nodes_;
  uint64_t nodes_arena_ = 0;  // the arena that nodes_ copies from
  resp::ReplyBuffer buffer_;
  shm::SetStorage values_;
  ReplyMaker replies_;
};

}  // namespace chestbox::shmclient
