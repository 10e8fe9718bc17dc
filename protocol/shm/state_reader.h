// Reads of a whole state of any type by a co-located client: one consistent look at it, from which a command's reply is
// made.
//
// `answer` is called with private copies only and makes the reply; whatever it made counts only when ReadState returns
// kFound, so it begins anew each time it is called. It may be called several times, and also with copies that were
// torn: it checks what it reads and says false where that cannot be. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/shm/encoding.h"
#include "protocol/shm/index_reader.h"
#include "protocol/shm/nodes.h"

namespace chestbox::shm {

// A collection under constant change must not starve its reader: after so many looks that a change spoilt the server is
// asked. (Attempts that found a change under way cost little and do not count here, but in ReadKey.)
inline constexpr int kStateLooksMax = 8;
// A larger packed block is the server's to read: copying it takes longer than asking.
inline constexpr uint32_t kPackedCopiedBytesMax = 128 << 10;

class StateLook {
 public:
  StateLook(const FoundKey& found, CopiedNodes& nodes) : found_(found), nodes_(nodes) {}

  ValueType type() const { return found_.header.type(); }
  uint8_t encoding() const { return found_.header.encoding(); }
  CollectionEncoding collection_encoding() const { return static_cast<CollectionEncoding>(encoding()); }
  int64_t expire_at_ms() const { return found_.expire_at_ms; }  // -1: never
  uint32_t value_bytes() const { return found_.header.value_bytes; }
  // Where nodes come from.
  CopiedNodes& nodes() const { return nodes_; }

  // A copy of a part of the value; nothing when it is too much.
  std::optional<std::string_view> Copy(uint64_t offset, uint64_t bytes) const {
    if (offset > value_bytes() || bytes > value_bytes() - offset) return std::nullopt;
    const char* copy = nodes_.CopyBytes(found_.value + offset, bytes);
    if (copy == nullptr) return std::nullopt;
    return std::string_view(copy, bytes);
  }
  // A collection's bytes: its packed block, or its head.
  std::optional<std::string_view> Collection() const {
    if (value_bytes() > kPackedCopiedBytesMax) return std::nullopt;
    return Copy(0, value_bytes());
  }

 private:
  const FoundKey& found_;
  CopiedNodes& nodes_;
};

// kFound: `answer(const StateLook*)`, null for a missing key, has made its reply from what was true at one moment.
// kAskServer: it has not.
template <class Policy = ReadPolicy, class Clock, class Answer>
ReadStatus ReadState(const ArenaView& arena, uint32_t database, std::string_view key, uint64_t hash, Clock&& now_ms,
                     CopiedNodes& nodes, Answer&& answer) {
  ReadStamp stamp;
  int looks = 0;
  const ReadStatus status = ReadKey<Policy>(
      arena, database, key, hash, now_ms,
      [&](const FoundKey& found) {
        if (++looks > kStateLooksMax) return ReadStatus::kAskServer;
        nodes.Reset();
        const StateLook look(found, nodes);
        if (!answer(&look)) return ReadStatus::kRetry;
        Policy::At(ReadStep::kValueCopied);
        return ReadStatus::kFound;
      },
      &stamp);
  if (status != ReadStatus::kMissing) return status;
  return answer(static_cast<const StateLook*>(nullptr)) ? ReadStatus::kFound : ReadStatus::kAskServer;
}

}  // namespace chestbox::shm
