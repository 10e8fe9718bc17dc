// TellState: every encoding, element by element.
#include <unordered_map>

#include "protocol/check.h"
#include "protocol/shm/hash_reader.h"
#include "protocol/shm/integer_set.h"
#include "protocol/shm/list_reader.h"
#include "protocol/shm/sorted_set_reader.h"
#include "protocol/shm/stream_group.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

using shm::ElementDigits;
using shm::ElementText;
using shm::PackedElement;
using shm::PackedReader;
using shm::PackedRow;

constexpr rdb::ObjectKind KindOf(ValueType type) {
  switch (type) {
    case ValueType::kList:
      return rdb::ObjectKind::kList;
    case ValueType::kSet:
      return rdb::ObjectKind::kSet;
    case ValueType::kSortedSet:
      return rdb::ObjectKind::kSortedSet;
    case ValueType::kHash:
      return rdb::ObjectKind::kHash;
    case ValueType::kStream:
      return rdb::ObjectKind::kStream;
    default:
      return rdb::ObjectKind::kString;
  }
}

// Elements a row, without the expiry.
uint32_t RowElements(ValueType type) { return type == ValueType::kHash || type == ValueType::kSortedSet ? 2 : 1; }

class Teller {
 public:
  Teller(const shm::ArenaMemory& memory, const StateView& state, rdb::ObjectSink& sink)
      : memory_(memory), nodes_(memory), state_(state), sink_(sink) {}

  bool Tell() {
    if (!sink_.Begin(KindOf(state_.type))) return false;
    if (state_.type == ValueType::kString) return sink_.String(state_.value);
    switch (state_.collection_encoding()) {
      case CollectionEncoding::kPacked:
        return TellPacked();
      case CollectionEncoding::kIntegerSet:
        return TellIntegers();
      case CollectionEncoding::kTable:
        return TellTable();
      case CollectionEncoding::kTree:
        return TellTree();
      case CollectionEncoding::kTableTree:
        return TellSortedSet();
      case CollectionEncoding::kStream:
        return TellStream();
    }
    return false;
  }

 private:
  // Every row of a packed block.
  bool TellRows(std::string_view bytes) {
    const PackedReader block(bytes);
    PackedRow row;
    int64_t earliest_ms = 0;
    const bool is_hash = state_.type == ValueType::kHash;
    for (uint32_t position = is_hash ? shm::FirstHashRow(block, &earliest_ms) : block.First(); position != 0;) {
      CHECK(shm::TakeRow(block, &position, RowElements(state_.type), &row));
      if (!TellRow(row)) return false;
    }
    return true;
  }

  bool TellRow(const PackedRow& row) {
    ElementDigits key_digits;
    ElementDigits value_digits;
    const std::string_view key = *ElementText(nodes_, row.key, &key_digits);
    switch (state_.type) {
      case ValueType::kList:
        return sink_.ListElement(key);
      case ValueType::kSet:
        return sink_.SetMember(key);
      case ValueType::kHash:
        return sink_.HashField(key, *ElementText(nodes_, row.value, &value_digits),
                               row.expire_at_ms == shm::kRowNeverExpires ? rdb::kFieldNeverExpires : row.expire_at_ms);
      case ValueType::kSortedSet:
        return sink_.SortedSetMember(key, shm::ScoreOf(row.value));
      default:
        CHECK(false);
    }
    return false;
  }

  bool TellPacked() {
    const PackedReader block(state_.value);
    const std::string_view bytes = state_.value.substr(0, block.bytes());
    // Expiries stand only beside a hash's fields.
    uint32_t elements = 0;
    const bool plain = state_.type != ValueType::kHash || block.IsSound(&elements);
    if (plain && sink_.TakePacked(KindOf(state_.type), bytes, block.count())) return true;
    return TellRows(bytes);
  }

  bool TellIntegers() {
    const shm::IntegerSetReader set(state_.value);
    if (sink_.TakeIntegers(state_.value)) return true;
    ElementDigits digits;
    for (uint32_t i = 0; i < set.size(); ++i) {
      PackedElement element;
      element.kind = PackedElement::Kind::kInteger;
      element.integer = set.At(i);
      if (!sink_.SetMember(shm::TextOf(element, digits.bytes))) return false;
    }
    return true;
  }

  bool TellTable() {
    const shm::HashTableReader<const shm::DirectNodes> table(nodes_, state_.value);
    bool told = true;
    CHECK(table.ForEach([&](const PackedRow& row) { return told = TellRow(row); }));
    return told;
  }

  bool TellTree() {
    const shm::ListReader<const shm::DirectNodes> list(nodes_, CollectionEncoding::kTree, state_.value);
    bool told = true;
    char digits[shm::kIntegerTextBytesMax];
    CHECK(list.ForEach(0, UINT64_MAX, false, [&](const PackedElement& element) {
      std::string_view text;
      CHECK(list.Text(element, digits, &text));
      return told = sink_.ListElement(text);
    }));
    return told;
  }

  bool TellSortedSet() {
    shm::SortedSetReader<const shm::DirectNodes> set(nodes_, CollectionEncoding::kTableTree, state_.value,
                                                     memory_.header().hash_seed);
    bool told = true;
    set.ForEach(0, UINT64_MAX, false,
                [&](const shm::ScoredMember& each) { return told = sink_.SortedSetMember(each.member, each.score); });
    CHECK(set.ok());
    return told;
  }

  bool TellStream() {
    shm::StreamHead head;
    CHECK(shm::LoadStreamHead(state_.value, &head));
    shm::TreeCursor<const shm::DirectNodes> cursor(nodes_, head.nodes, sizeof(shm::Link));
    for (bool more = cursor.First(); more; more = cursor.Next()) {
      shm::Link link;
      std::memcpy(&link, cursor.payload(), sizeof link);
      const char* bytes = memory_.At(link);
      const StreamId id = shm::IdOf(cursor.key());
      const std::string_view block(bytes, shm::RacyLoad32(bytes));
      const shm::StreamNodeReader node(block, id);
      if (!sink_.StreamNode(id, block, static_cast<uint32_t>(node.live()))) return false;
    }
    const rdb::StreamInfo info{head.length, head.last_id, head.first_id, head.max_deleted_id, head.entries_added};
    if (!sink_.StreamEnd(info)) return false;
    // Looking changes nothing.
    const shm::StreamGroups groups(const_cast<shm::ArenaMemory&>(memory_), &head);
    bool told = true;
    groups.ForEachGroup([&](shm::Link group) { told = told && TellGroup(groups, group); });
    return told;
  }

  bool TellGroup(const shm::StreamGroups& groups, shm::Link link) {
    const shm::StreamGroup record = groups.Group(link);
    rdb::StreamGroup group;
    group.name = groups.GroupName(link);
    group.last_id = record.last_id;
    group.entries_read = record.entries_read;
    std::unordered_map<shm::Link, uint32_t> numbers;
    groups.ForEachConsumer(link, [&](shm::Link each) {
      const shm::StreamConsumer consumer = groups.Consumer(each);
      numbers[each] = static_cast<uint32_t>(group.consumers.size());
      group.consumers.push_back({std::string(groups.ConsumerName(each)), consumer.seen_ms, consumer.active_ms});
    });
    groups.ForEachPending(link, 0, {}, [&](const StreamId& id, const shm::PendingEntry& entry) {
      group.pending.push_back({id, entry.delivered_ms, entry.deliveries, numbers[entry.consumer]});
      return true;
    });
    return sink_.Group(group);
  }

  const shm::ArenaMemory& memory_;
  const shm::DirectNodes nodes_;
  const StateView& state_;
  rdb::ObjectSink& sink_;
};

}  // namespace

bool TellState(const shm::ArenaMemory& memory, const StateView& state, rdb::ObjectSink& sink) {
  return Teller(memory, state, sink).Tell();
}

}  // namespace chestbox
