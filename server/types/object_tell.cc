// TellState and StateTeller: every encoding, element by element.
#include "server/types/object_tell.h"

#include <algorithm>
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

constexpr size_t kElementsPerStreamNode = 64;

}  // namespace

StateTeller::StateTeller(const shm::ArenaMemory& memory, const StateView& state)
    : memory_(memory),
      nodes_(memory),
      type_(state.type),
      encoding_(state.type == ValueType::kString ? CollectionEncoding::kPacked : state.collection_encoding()),
      head_(HasNodes(encoding_) ? state.value : std::string_view()),
      bytes_(HasNodes(encoding_) ? std::string_view(head_) : state.value) {}

Told StateTeller::Step(rdb::ObjectSink& sink, size_t elements_max) {
  if (!begun_ && !sink.Begin(KindOf(type_))) return Told::kRefused;
  const Told told = StepPart(sink, elements_max);
  begun_ = true;
  return told;
}

Told StateTeller::StepPart(rdb::ObjectSink& sink, size_t elements_max) {
  const auto all_if = [](bool told) { return told ? Told::kAll : Told::kRefused; };
  if (type_ == ValueType::kString) return all_if(sink.String(bytes_));
  switch (encoding_) {
    case CollectionEncoding::kPacked:
      return all_if(TellPacked(sink));
    case CollectionEncoding::kIntegerSet:
      return all_if(TellIntegers(sink));
    case CollectionEncoding::kTable:
      return StepTable(sink, elements_max);
    case CollectionEncoding::kTree:
      return StepList(sink, elements_max);
    case CollectionEncoding::kTableTree:
      return StepSortedSet(sink, elements_max);
    case CollectionEncoding::kStream:
      return StepStream(sink, elements_max);
  }
  return Told::kRefused;
}

// ---- Rows ----

// Every row of a packed block, which of a packed hash may begin with an expiry.
bool StateTeller::TellBlock(rdb::ObjectSink& sink, std::string_view block_bytes, bool with_expiry_in_front) {
  const PackedReader block(block_bytes);
  PackedRow row;
  int64_t earliest_ms = 0;
  for (uint32_t position = with_expiry_in_front ? shm::FirstHashRow(block, &earliest_ms) : block.First();
       position != 0;) {
    CHECK(shm::TakeRow(block, &position, RowElements(type_), &row));
    if (!TellRow(sink, row)) return false;
  }
  return true;
}

bool StateTeller::TellRow(rdb::ObjectSink& sink, const PackedRow& row) const {
  ElementDigits key_digits;
  ElementDigits value_digits;
  const std::string_view key = *ElementText(nodes_, row.key, &key_digits);
  switch (type_) {
    case ValueType::kList:
      return sink.ListElement(key);
    case ValueType::kSet:
      return sink.SetMember(key);
    case ValueType::kHash:
      return sink.HashField(key, *ElementText(nodes_, row.value, &value_digits),
                            row.expire_at_ms == shm::kRowNeverExpires ? rdb::kFieldNeverExpires : row.expire_at_ms);
    case ValueType::kSortedSet:
      return sink.SortedSetMember(key, shm::ScoreOf(row.value));
    default:
      CHECK(false);
  }
  return false;
}

// ---- Without nodes ----

bool StateTeller::TellPacked(rdb::ObjectSink& sink) {
  const PackedReader block(bytes_);
  const std::string_view bytes = bytes_.substr(0, block.bytes());
  // Expiries stand only beside a hash's fields.
  uint32_t elements = 0;
  const bool plain = type_ != ValueType::kHash || block.IsSound(&elements);
  if (plain && sink.TakePacked(KindOf(type_), bytes, block.count())) return true;
  return TellBlock(sink, bytes, type_ == ValueType::kHash);
}

bool StateTeller::TellIntegers(rdb::ObjectSink& sink) const {
  const shm::IntegerSetReader set(bytes_);
  if (sink.TakeIntegers(bytes_)) return true;
  ElementDigits digits;
  for (uint32_t i = 0; i < set.size(); ++i) {
    PackedElement element;
    element.kind = PackedElement::Kind::kInteger;
    element.integer = set.At(i);
    if (!sink.SetMember(shm::TextOf(element, digits.bytes))) return false;
  }
  return true;
}

// ---- With nodes ----

// In the order of the buckets, so that whoever builds a table of this fills all its buckets evenly.
Told StateTeller::StepTable(rdb::ObjectSink& sink, size_t elements_max) {
  const shm::HashTableReader<Nodes> table(nodes_, bytes_);
  const uint32_t row_elements = RowElements(type_);
  uint32_t bucket = bucket_;
  for (size_t told = 0; bucket < table.head().buckets; ++bucket) {
    if (told >= elements_max) {
      bucket_ = bucket;
      return Told::kMore;
    }
    std::string_view leaf;
    CHECK(table.LoadLeaf(bucket, &leaf));
    ++told;  // empty ones take their time, too
    if (leaf.empty()) continue;
    const PackedReader block(leaf);
    PackedRow row;
    for (uint32_t position = block.First(); position != 0; ++told) {
      CHECK(shm::TakeRow(block, &position, row_elements, &row));
      if (!TellRow(sink, row)) return Told::kRefused;
    }
  }
  return Told::kAll;
}

Told StateTeller::StepList(rdb::ObjectSink& sink, size_t elements_max) {
  const shm::ListReader<Nodes> list(nodes_, encoding_, bytes_);
  bool told = true;
  char digits[shm::kIntegerTextBytesMax];
  CHECK(list.ForEach(next_, elements_max, false, [&](const PackedElement& element) {
    std::string_view text;
    CHECK(list.Text(element, digits, &text));
    ++next_;
    return told = sink.ListElement(text);
  }));
  if (!told) return Told::kRefused;
  return next_ < list.size() ? Told::kMore : Told::kAll;
}

Told StateTeller::StepSortedSet(rdb::ObjectSink& sink, size_t elements_max) {
  shm::SortedSetReader<Nodes> set(nodes_, encoding_, bytes_, memory_.header().hash_seed);
  bool told = true;
  set.ForEach(next_, elements_max, false, [&](const shm::ScoredMember& each) {
    ++next_;
    return told = sink.SortedSetMember(each.member, each.score);
  });
  CHECK(set.ok());
  if (!told) return Told::kRefused;
  return next_ < set.size() ? Told::kMore : Told::kAll;
}

Told StateTeller::StepStream(rdb::ObjectSink& sink, size_t elements_max) {
  shm::StreamHead head;
  CHECK(shm::LoadStreamHead(bytes_, &head));
  shm::TreeCursor<Nodes> cursor(nodes_, head.nodes, sizeof(shm::Link));
  bool more = begun_ ? cursor.SeekAtLeast(shm::ProbeOf(next_node_)) : cursor.First();
  for (size_t told = 0; more; more = cursor.Next()) {
    const StreamId id = shm::IdOf(cursor.key());
    if (told >= elements_max) {
      next_node_ = id;
      return Told::kMore;
    }
    told += std::min(kElementsPerStreamNode, elements_max);
    shm::Link link;
    std::memcpy(&link, cursor.payload(), sizeof link);
    const char* bytes = memory_.At(link);
    const std::string_view block(bytes, shm::RacyLoad32(bytes));
    const shm::StreamNodeReader node(block, id);
    if (!sink.StreamNode(id, block, static_cast<uint32_t>(node.live()))) return Told::kRefused;
  }
  const rdb::StreamInfo info{head.length, head.last_id, head.first_id, head.max_deleted_id, head.entries_added};
  return sink.StreamEnd(info) && TellGroups(sink, head) ? Told::kAll : Told::kRefused;
}

bool StateTeller::TellGroups(rdb::ObjectSink& sink, const shm::StreamHead& head) const {
  // Looking changes nothing.
  shm::StreamHead looked_at = head;
  const shm::StreamGroups groups(const_cast<shm::ArenaMemory&>(memory_), &looked_at);
  bool told = true;
  groups.ForEachGroup([&](shm::Link group) { told = told && TellGroup(sink, groups, group); });
  return told;
}

bool StateTeller::TellGroup(rdb::ObjectSink& sink, const shm::StreamGroups& groups, shm::Link link) const {
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
  return sink.Group(group);
}

bool TellState(const shm::ArenaMemory& memory, const StateView& state, rdb::ObjectSink& sink) {
  return StateTeller(memory, state).Step(sink, SIZE_MAX) == Told::kAll;
}

}  // namespace chestbox
