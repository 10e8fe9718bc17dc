// Streams, read locally.
#include <optional>

#include "protocol/canonical_integer.h"
#include "protocol/shm/stream_reader.h"
#include "protocol/stream_id.h"
#include "shmclient/local_commands.h"

namespace chestbox::shmclient {

namespace {

using shm::PackedElement;
using shm::StateLook;
using shm::ValueType;

using Reader = shm::StreamReader<shm::CopiedNodes>;

// answer(const StreamHead*) -> bool, null for a missing key.
template <class Answer>
bool Stream(LocalRead& read, std::string_view key, Answer&& answer) {
  return read.State(key, [&](const StateLook* look) {
    if (look == nullptr) return answer(static_cast<const shm::StreamHead*>(nullptr));
    if (look->type() != ValueType::kStream) return ReplyWrongType(read);
    const auto bytes = look->Collection();
    shm::StreamHead head;
    return bytes && LoadStreamHead(*bytes, &head) && answer(&head);
  });
}

// XLEN key
bool XLen(LocalRead& read, Args args) {
  return Stream(read, args[1], [&](const shm::StreamHead* head) {
    read.reply().Integer(head == nullptr ? 0 : static_cast<int64_t>(head->length));
    return true;
  });
}

bool ReplyEntry(LocalRead& read, const Reader& reader) {
  if (reader.entry().fields < 0 || static_cast<uint64_t>(reader.entry().fields) > kLocalElementsMax) return false;
  read.reply().Array(2);
  read.reply().Bulk(StreamIdText(reader.entry().id));
  read.reply().Array(static_cast<size_t>(reader.entry().fields) * 2);
  char digits[shm::kIntegerTextBytesMax];
  return reader.ForEachField([&](const PackedElement& field, const PackedElement& value) {
    read.reply().Bulk(TextOf(field, digits));
    read.reply().Bulk(TextOf(value, digits));
  });
}

// XRANGE key start end [COUNT count], and XREVRANGE with the ends exchanged. Open ends are the server's.
bool Range(LocalRead& read, Args args, bool reverse) {
  const auto start = ParseStreamBound(args[reverse ? 3 : 2], 0);
  const auto end = ParseStreamBound(args[reverse ? 2 : 3], kStreamIdMax.seq);
  if (!start || !end || args.size() == 5) return false;
  uint64_t count = kLocalElementsMax + 1;
  if (args.size() == 6) {
    const auto given = ParseInteger(args[5]);
    if (!EqualsWord(args[4], "count") || !given || *given < 1) return false;
    count = static_cast<uint64_t>(*given);
  }
  return Stream(read, args[1], [&](const shm::StreamHead* head) {
    if (head == nullptr) {
      read.reply().Array(0);
      return true;
    }
    Reader reader(*head, read.nodes());
    const size_t mark = read.reply().BeginDeferredArray();
    uint64_t replied = 0;
    for (bool more = reader.Begin({*start, *end, reverse}); more && replied < count; more = reader.Next()) {
      if (replied == kLocalElementsMax || !ReplyEntry(read, reader)) return false;
      ++replied;
    }
    read.reply().EndDeferredArray(mark, replied);
    return !reader.torn();
  });
}
bool XRange(LocalRead& read, Args args) { return Range(read, args, false); }
bool XRevRange(LocalRead& read, Args args) { return Range(read, args, true); }

constexpr LocalCommand kCommands[] = {{"xlen", 2, 2, XLen}, {"xrange", 4, 6, XRange}, {"xrevrange", 4, 6, XRevRange}};

}  // namespace

std::span<const LocalCommand> LocalStreamCommands() { return kCommands; }

}  // namespace chestbox::shmclient
