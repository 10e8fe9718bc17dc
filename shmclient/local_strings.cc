// Strings, read locally.
#include <algorithm>
#include <vector>

#include "protocol/bits.h"
#include "protocol/canonical_integer.h"
#include "shmclient/local_commands.h"

namespace chestbox::shmclient {

namespace {

using shm::StateLook;
using shm::ValueType;

// A larger one is beyond any string, and the server's to refuse.
constexpr int64_t kBitOffsetMax = (int64_t{1} << 32) - 1;

bool IsString(const StateLook& look) { return look.type() == ValueType::kString; }

bool ReplyPart(LocalRead& read, const StateLook& look, uint64_t offset, uint64_t bytes) {
  const auto part = look.Copy(offset, bytes);
  if (!part) return false;
  read.reply().Bulk(*part);
  return true;
}

// GET key
bool Get(LocalRead& read, Args args) {
  return read.State(args[1], [&](const StateLook* look) {
    if (look == nullptr) {
      read.reply().Null();
      return true;
    }
    return IsString(*look) ? ReplyPart(read, *look, 0, look->value_bytes()) : ReplyWrongType(read);
  });
}

// STRLEN key
bool StrLen(LocalRead& read, Args args) {
  return read.State(args[1], [&](const StateLook* look) {
    if (look != nullptr && !IsString(*look)) return ReplyWrongType(read);
    read.reply().Integer(look == nullptr ? 0 : look->value_bytes());
    return true;
  });
}

// GETRANGE key start end
bool GetRange(LocalRead& read, Args args) {
  const auto first = ParseInteger(args[2]);
  const auto last = ParseInteger(args[3]);
  if (!first || !last) return false;
  return read.State(args[1], [&](const StateLook* look) {
    if (look != nullptr && !IsString(*look)) return ReplyWrongType(read);
    const int64_t bytes = look == nullptr ? 0 : look->value_bytes();
    const bool backwards = *first < 0 && *last < 0 && *first > *last;
    const int64_t start = *first < 0 ? std::max<int64_t>(*first + bytes, 0) : *first;
    const int64_t end = std::min(*last < 0 ? std::max<int64_t>(*last + bytes, 0) : *last, bytes - 1);
    if (look == nullptr || backwards || start > end) {
      read.reply().Bulk("");
      return true;
    }
    return ReplyPart(read, *look, static_cast<uint64_t>(start), static_cast<uint64_t>(end - start + 1));
  });
}

// MGET key …: all at one moment; a key of another type reads as null
bool MGet(LocalRead& read, Args args) {
  std::vector<shm::SetMember> members(args.size() - 1);
  for (size_t i = 0; i < members.size(); ++i) {
    members[i].key = args[i + 1];
    members[i].hash = shm::HashKey(args[i + 1], read.hash_seed());
  }
  if (!read.Set(members, shm::SetWants::kStrings)) return false;
  read.reply().Array(members.size());
  for (const shm::SetMember& member : members) {
    if (member.status == shm::ReadStatus::kFound) {
      read.reply().Bulk({read.values().bytes.data() + member.offset, member.bytes});
    } else {
      read.reply().Null();
    }
  }
  return true;
}

// answer(std::string_view bytes) -> void for the whole string, empty for a missing key.
template <class Answer>
bool Whole(LocalRead& read, std::string_view key, Answer&& answer) {
  return read.State(key, [&](const StateLook* look) {
    if (look != nullptr && !IsString(*look)) return ReplyWrongType(read);
    const auto bytes = look == nullptr ? std::string_view() : look->Copy(0, look->value_bytes());
    if (bytes) answer(*bytes);
    return bytes.has_value();
  });
}

// GETBIT key offset
bool GetBit(LocalRead& read, Args args) {
  const auto offset = ParseInteger(args[2]);
  if (!offset || *offset < 0 || *offset > kBitOffsetMax) return false;
  return read.State(args[1], [&](const StateLook* look) {
    if (look != nullptr && !IsString(*look)) return ReplyWrongType(read);
    const auto byte = static_cast<uint64_t>(*offset >> 3);
    if (look == nullptr || byte >= look->value_bytes()) {
      read.reply().Integer(0);
      return true;
    }
    const auto copy = look->Copy(byte, 1);
    if (copy) read.reply().Integer(bits::Get(*copy, static_cast<uint64_t>(*offset & 7)) ? 1 : 0);
    return copy.has_value();
  });
}

// BITCOUNT key [start end [BYTE | BIT]]
bool BitCount(LocalRead& read, Args args) {
  if (args.size() == 3) return false;
  const auto start = args.size() > 2 ? ParseInteger(args[2]) : 0;
  const auto end = args.size() > 2 ? ParseInteger(args[3]) : -1;
  const bool by_bit = args.size() > 4 && EqualsWord(args[4], "bit");
  if (!start || !end || (args.size() > 4 && !by_bit && !EqualsWord(args[4], "byte"))) return false;
  return Whole(read, args[1], [&](std::string_view bytes) {
    const bits::Unit unit = by_bit ? bits::Unit::kBit : bits::Unit::kByte;
    const uint64_t count = args.size() == 2 ? bits::Count(bytes) : bits::CountRange(bytes, *start, *end, unit);
    read.reply().Integer(static_cast<int64_t>(count));
  });
}

constexpr LocalCommand kCommands[] = {
    {"get", 2, 2, Get},   {"strlen", 2, 2, StrLen}, {"getrange", 4, 4, GetRange}, {"substr", 4, 4, GetRange},
    {"mget", 2, 0, MGet}, {"getbit", 3, 3, GetBit}, {"bitcount", 2, 5, BitCount},
};

}  // namespace

std::span<const LocalCommand> LocalStringCommands() { return kCommands; }

}  // namespace chestbox::shmclient
