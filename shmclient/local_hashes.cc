// Hashes, read locally. Fields that may have expired are the server's to judge.
#include <optional>

#include "protocol/shm/hash_reader.h"
#include "shmclient/local_commands.h"

namespace chestbox::shmclient {

namespace {

using shm::CopiedNodes;
using shm::Looked;
using shm::PackedElement;
using shm::PackedRow;
using shm::StateLook;
using shm::ValueType;

using Reader = shm::HashReader<CopiedNodes>;
constexpr int64_t kBeforeAnyExpiry = 0;

bool ReplyElement(LocalRead& read, const PackedElement& element) {
  shm::ElementDigits digits;
  const std::optional<std::string_view> text = ElementText(read.nodes(), element, &digits);
  if (text) read.reply().Bulk(*text);
  return text.has_value();
}

// answer(const Reader*) -> bool, null for a missing key.
template <class Answer>
bool Hash(LocalRead& read, std::string_view key, Answer&& answer) {
  return read.State(key, [&](const StateLook* look) {
    if (look == nullptr) return answer(static_cast<const Reader*>(nullptr));
    if (look->type() != ValueType::kHash) return ReplyWrongType(read);
    const auto bytes = look->Collection();
    if (!bytes) return false;
    const Reader reader(read.nodes(), look->collection_encoding(), *bytes, read.hash_seed());
    const bool expires = reader.expire_at_ms_min() != shm::kRowNeverExpires;
    if (!reader.valid() || (expires && reader.MayHaveExpired(WallClockMs()))) return false;
    return answer(&reader);
  });
}

bool ReplyValue(LocalRead& read, const Reader* reader, std::string_view field) {
  PackedRow row;
  const Looked looked = reader == nullptr ? Looked::kMissing : reader->Find(field, kBeforeAnyExpiry, &row);
  if (looked == Looked::kFound) return ReplyElement(read, row.value);
  read.reply().Null();
  return looked == Looked::kMissing;
}

// HGET key field
bool HGet(LocalRead& read, Args args) {
  return Hash(read, args[1], [&](const Reader* reader) { return ReplyValue(read, reader, args[2]); });
}

// HMGET key field …
bool HMGet(LocalRead& read, Args args) {
  return Hash(read, args[1], [&](const Reader* reader) {
    read.reply().Array(args.size() - 2);
    for (std::string_view field : args.subspan(2)) {
      if (!ReplyValue(read, reader, field)) return false;
    }
    return true;
  });
}

// HLEN key
bool HLen(LocalRead& read, Args args) {
  return Hash(read, args[1], [&](const Reader* reader) {
    read.reply().Integer(reader == nullptr ? 0 : static_cast<int64_t>(reader->rows()));
    return true;
  });
}

// answer(const PackedRow*) -> bool for one field, null if it is not there.
template <class Answer>
bool Field(LocalRead& read, Args args, Answer&& answer) {
  return Hash(read, args[1], [&](const Reader* reader) {
    PackedRow row;
    const Looked looked = reader == nullptr ? Looked::kMissing : reader->Find(args[2], kBeforeAnyExpiry, &row);
    return looked != Looked::kTorn && answer(looked == Looked::kFound ? &row : nullptr);
  });
}

// HEXISTS key field
bool HExists(LocalRead& read, Args args) {
  return Field(read, args, [&](const PackedRow* row) {
    read.reply().Integer(row != nullptr ? 1 : 0);
    return true;
  });
}

// HSTRLEN key field
bool HStrLen(LocalRead& read, Args args) {
  return Field(read, args, [&](const PackedRow* row) {
    read.reply().Integer(row == nullptr ? 0 : static_cast<int64_t>(ElementTextBytes(row->value)));
    return true;
  });
}

// HGETALL, HKEYS, HVALS key
bool All(LocalRead& read, Args args, bool fields, bool values) {
  return Hash(read, args[1], [&](const Reader* reader) {
    const uint64_t rows = reader == nullptr ? 0 : reader->rows();
    if (rows > kLocalElementsMax) return false;
    if (fields && values) {
      read.reply().Map(rows);
    } else {
      read.reply().Array(rows);
    }
    if (reader == nullptr) return true;
    uint64_t seen = 0;
    const bool walked = reader->ForEach(kBeforeAnyExpiry, [&](const PackedRow& row) {
      ++seen;
      return (!fields || ReplyElement(read, row.key)) && (!values || ReplyElement(read, row.value));
    });
    return walked && seen == rows;
  });
}
bool HGetAll(LocalRead& read, Args args) { return All(read, args, true, true); }
bool HKeys(LocalRead& read, Args args) { return All(read, args, true, false); }
bool HVals(LocalRead& read, Args args) { return All(read, args, false, true); }

constexpr LocalCommand kCommands[] = {
    {"hget", 3, 3, HGet},       {"hmget", 3, 0, HMGet},     {"hlen", 2, 2, HLen},   {"hexists", 3, 3, HExists},
    {"hstrlen", 3, 3, HStrLen}, {"hgetall", 2, 2, HGetAll}, {"hkeys", 2, 2, HKeys}, {"hvals", 2, 2, HVals},
};

}  // namespace

std::span<const LocalCommand> LocalHashCommands() { return kCommands; }

}  // namespace chestbox::shmclient
