// Keys of any type, read locally.
#include <algorithm>
#include <vector>

#include "protocol/shm/type_name.h"
#include "shmclient/local_commands.h"

namespace chestbox::shmclient {

namespace {

using shm::StateLook;

// EXISTS key …: how many of them, at one moment; a key named twice counts twice
bool Exists(LocalRead& read, Args args) {
  std::vector<shm::SetMember> members(args.size() - 1);
  for (size_t i = 0; i < members.size(); ++i) {
    members[i].key = args[i + 1];
    members[i].hash = shm::HashKey(args[i + 1], read.hash_seed());
  }
  if (!read.Set(members, shm::SetWants::kExistence)) return false;
  int64_t found = 0;
  for (const shm::SetMember& member : members) found += member.status == shm::ReadStatus::kFound ? 1 : 0;
  read.reply().Integer(found);
  return true;
}

// TYPE key
bool Type(LocalRead& read, Args args) {
  return read.State(args[1], [&](const StateLook* look) {
    const std::string_view name = look == nullptr ? "none" : TypeName(look->type());
    if (name.empty()) return false;
    read.reply().SimpleString(name);
    return true;
  });
}

// What is left of a life; a state that was alive a moment ago has at least nothing left.
int64_t LeftMs(int64_t expire_at_ms) { return std::max<int64_t>(expire_at_ms - WallClockMs(), 0); }

// TTL and its kin: -2 without the key, -1 without an expiry, else `of` its expiry
template <class Of>
bool Expiry(LocalRead& read, Args args, Of&& of) {
  return read.State(args[1], [&](const StateLook* look) {
    read.reply().Integer(look == nullptr ? -2 : look->expire_at_ms() < 0 ? -1 : of(look->expire_at_ms()));
    return true;
  });
}

bool Ttl(LocalRead& read, Args args) {
  return Expiry(read, args, [](int64_t expire_at_ms) { return (LeftMs(expire_at_ms) + 500) / 1000; });
}
bool PTtl(LocalRead& read, Args args) { return Expiry(read, args, LeftMs); }
bool ExpireTime(LocalRead& read, Args args) {
  return Expiry(read, args, [](int64_t expire_at_ms) { return (expire_at_ms + 500) / 1000; });
}
bool PExpireTime(LocalRead& read, Args args) {
  return Expiry(read, args, [](int64_t expire_at_ms) { return expire_at_ms; });
}

constexpr bool kOnlyLooks = false;

constexpr LocalCommand kCommands[] = {
    {"exists", 2, 0, Exists, kOnlyLooks},
    {"type", 2, 2, Type, kOnlyLooks},
    {"ttl", 2, 2, Ttl, kOnlyLooks},
    {"pttl", 2, 2, PTtl, kOnlyLooks},
    {"expiretime", 2, 2, ExpireTime, kOnlyLooks},
    {"pexpiretime", 2, 2, PExpireTime, kOnlyLooks},
};

}  // namespace

std::span<const LocalCommand> LocalKeyCommands() { return kCommands; }

}  // namespace chestbox::shmclient
