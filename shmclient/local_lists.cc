// Lists, read locally.
#include <algorithm>

#include "protocol/canonical_integer.h"
#include "protocol/shm/list_reader.h"
#include "protocol/shm/sorted_set_order.h"
#include "shmclient/local_commands.h"

namespace chestbox::shmclient {

namespace {

using shm::PackedElement;
using shm::StateLook;
using shm::ValueType;

using Reader = shm::ListReader<shm::CopiedNodes>;

template <class Answer>
bool List(LocalRead& read, std::string_view key, Answer&& answer) {
  return read.State(key, [&](const StateLook* look) {
    if (look == nullptr) return answer(static_cast<const Reader*>(nullptr));
    if (look->type() != ValueType::kList) return ReplyWrongType(read);
    const auto bytes = look->Collection();
    if (!bytes) return false;
    const Reader reader(read.nodes(), look->collection_encoding(), *bytes);
    return reader.size() != 0 && answer(&reader);  // an empty list does not exist
  });
}

bool ReplyElement(LocalRead& read, const Reader& reader, const PackedElement& element) {
  char digits[shm::kIntegerTextBytesMax];
  std::string_view text;
  if (!reader.Text(element, digits, &text)) return false;
  read.reply().Bulk(text);
  return true;
}

// LLEN key
bool LLen(LocalRead& read, Args args) {
  return List(read, args[1], [&](const Reader* reader) {
    read.reply().Integer(reader == nullptr ? 0 : static_cast<int64_t>(reader->size()));
    return true;
  });
}

// LINDEX key index
bool LIndex(LocalRead& read, Args args) {
  const auto index = ParseInteger(args[2]);
  if (!index) return false;
  return List(read, args[1], [&](const Reader* reader) {
    const int64_t size = reader == nullptr ? 0 : static_cast<int64_t>(reader->size());
    const int64_t at = *index < 0 ? *index + size : *index;
    if (at < 0 || at >= size) {
      read.reply().Null();
      return true;
    }
    PackedElement element;
    return reader->At(static_cast<uint64_t>(at), &element) && ReplyElement(read, *reader, element);
  });
}

// LRANGE key start stop
bool LRange(LocalRead& read, Args args) {
  const auto start = ParseInteger(args[2]);
  const auto stop = ParseInteger(args[3]);
  if (!start || !stop) return false;
  return List(read, args[1], [&](const Reader* reader) {
    const shm::RankRange range = shm::RankRangeOf(*start, *stop, reader == nullptr ? 0 : reader->size());
    if (range.count() > kLocalElementsMax) return false;
    read.reply().Array(range.count());
    if (range.count() == 0) return true;
    uint64_t seen = 0;
    const bool walked = reader->ForEach(range.first, range.count(), false, [&](const PackedElement& element) {
      ++seen;
      return ReplyElement(read, *reader, element);
    });
    return walked && seen == range.count();
  });
}

constexpr LocalCommand kCommands[] = {{"llen", 2, 2, LLen}, {"lindex", 3, 3, LIndex}, {"lrange", 4, 4, LRange}};

}  // namespace

std::span<const LocalCommand> LocalListCommands() { return kCommands; }

}  // namespace chestbox::shmclient
