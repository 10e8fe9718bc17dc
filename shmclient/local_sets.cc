// Sets, read locally.
#include "protocol/shm/set_reader.h"
#include "shmclient/local_commands.h"

namespace chestbox::shmclient {

namespace {

using shm::StateLook;
using shm::ValueType;

using Reader = shm::SetReader<shm::CopiedNodes>;

template <class Answer>
bool Set(LocalRead& read, std::string_view key, Answer&& answer) {
  return read.State(key, [&](const StateLook* look) {
    if (look == nullptr) return answer(static_cast<const Reader*>(nullptr));
    if (look->type() != ValueType::kSet) return ReplyWrongType(read);
    const auto bytes = look->Collection();
    if (!bytes) return false;
    const Reader reader(look->collection_encoding(), *bytes, read.nodes(), read.hash_seed());
    return answer(&reader);
  });
}

bool ReplyContains(LocalRead& read, const Reader* reader, std::string_view member) {
  bool found = false;
  if (reader != nullptr && !reader->Contains(member, &found)) return false;
  read.reply().Integer(found ? 1 : 0);
  return true;
}

// SCARD key
bool SCard(LocalRead& read, Args args) {
  return Set(read, args[1], [&](const Reader* reader) {
    read.reply().Integer(reader == nullptr ? 0 : static_cast<int64_t>(reader->size()));
    return true;
  });
}

// SISMEMBER key member
bool SIsMember(LocalRead& read, Args args) {
  return Set(read, args[1], [&](const Reader* reader) { return ReplyContains(read, reader, args[2]); });
}

// SMISMEMBER key member …
bool SMIsMember(LocalRead& read, Args args) {
  return Set(read, args[1], [&](const Reader* reader) {
    read.reply().Array(args.size() - 2);
    for (std::string_view member : args.subspan(2)) {
      if (!ReplyContains(read, reader, member)) return false;
    }
    return true;
  });
}

// SMEMBERS key
bool SMembers(LocalRead& read, Args args) {
  return Set(read, args[1], [&](const Reader* reader) {
    const uint64_t size = reader == nullptr ? 0 : reader->size();
    if (size > kLocalElementsMax) return false;
    read.reply().Set(size);
    if (reader == nullptr) return true;
    uint64_t seen = 0;
    const bool walked = reader->ForEach([&](std::string_view member) {
      ++seen;
      read.reply().Bulk(member);
      return seen <= size;
    });
    return walked && seen == size;
  });
}

constexpr LocalCommand kCommands[] = {{"scard", 2, 2, SCard},
                                      {"sismember", 3, 3, SIsMember},
                                      {"smismember", 3, 0, SMIsMember},
                                      {"smembers", 2, 2, SMembers}};

}  // namespace

std::span<const LocalCommand> LocalSetCommands() { return kCommands; }

}  // namespace chestbox::shmclient
