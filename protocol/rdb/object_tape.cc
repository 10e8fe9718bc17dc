#include "protocol/rdb/object_tape.h"

#include <cstring>
#include <type_traits>

#include "protocol/check.h"

namespace chestbox::rdb {

// ---- Recording ----

template <class T>
void ObjectTape::Put(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  bytes_.append(bytes, sizeof value);
}

void ObjectTape::PutText(std::string_view text) {
  Put(static_cast<uint64_t>(text.size()));
  bytes_.append(text);
}

void ObjectTape::Start(Piece piece) { bytes_.push_back(static_cast<char>(piece)); }

bool ObjectTape::Begin(ObjectKind kind) {
  Start(Piece::kBegin);
  Put(kind);
  return true;
}

bool ObjectTape::String(std::string_view value) {
  Start(Piece::kString);
  PutText(value);
  return true;
}

bool ObjectTape::ListElement(std::string_view element) {
  Start(Piece::kListElement);
  PutText(element);
  return true;
}

bool ObjectTape::SetMember(std::string_view member) {
  Start(Piece::kSetMember);
  PutText(member);
  return true;
}

bool ObjectTape::HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) {
  Start(Piece::kHashField);
  PutText(field);
  PutText(value);
  Put(expire_at_ms);
  return true;
}

bool ObjectTape::SortedSetMember(std::string_view member, double score) {
  Start(Piece::kSortedSetMember);
  PutText(member);
  Put(score);
  return true;
}

bool ObjectTape::StreamNode(const StreamId& master_id, std::string_view listpack, uint32_t entries) {
  Start(Piece::kStreamNode);
  Put(master_id);
  PutText(listpack);
  Put(entries);
  return true;
}

bool ObjectTape::StreamEnd(const StreamInfo& info) {
  Start(Piece::kStreamEnd);
  Put(info);
  return true;
}

bool ObjectTape::Group(const StreamGroup& group) {
  Start(Piece::kGroup);
  PutText(group.name);
  Put(group.last_id);
  Put(group.entries_read);
  Put(static_cast<uint64_t>(group.consumers.size()));
  for (const StreamConsumer& consumer : group.consumers) {
    PutText(consumer.name);
    Put(consumer.seen_ms);
    Put(consumer.active_ms);
  }
  Put(static_cast<uint64_t>(group.pending.size()));
  for (const StreamPending& pending : group.pending) Put(pending);
  return true;
}

bool ObjectTape::TakePacked(ObjectKind kind, std::string_view listpack, uint32_t elements) {
  Start(Piece::kPacked);
  Put(kind);
  PutText(listpack);
  Put(elements);
  return true;
}

bool ObjectTape::TakeIntegers(std::string_view integer_set) {
  Start(Piece::kIntegers);
  PutText(integer_set);
  return true;
}

// ---- Playing ----

template <class T>
T ObjectTape::Take() {
  T value;
  CHECK(bytes_.size() - played_ >= sizeof value);
  std::memcpy(static_cast<void*>(&value), bytes_.data() + played_, sizeof value);
  played_ += sizeof value;
  return value;
}

std::string_view ObjectTape::TakeText() {
  const auto size = Take<uint64_t>();
  CHECK(bytes_.size() - played_ >= size);
  const std::string_view text(bytes_.data() + played_, size);
  played_ += size;
  return text;
}

StreamGroup ObjectTape::TakeGroup() {
  StreamGroup group;
  group.name = TakeText();
  group.last_id = Take<StreamId>();
  group.entries_read = Take<int64_t>();
  for (auto left = Take<uint64_t>(); left > 0; --left) {
    StreamConsumer& consumer = group.consumers.emplace_back();
    consumer.name = TakeText();
    consumer.seen_ms = Take<int64_t>();
    consumer.active_ms = Take<int64_t>();
  }
  for (auto left = Take<uint64_t>(); left > 0; --left) group.pending.push_back(Take<StreamPending>());
  return group;
}

bool ObjectTape::PlayOne(ObjectSink& sink) {
  switch (Take<Piece>()) {
    case Piece::kBegin:
      return sink.Begin(Take<ObjectKind>());
    case Piece::kString:
      return sink.String(TakeText());
    case Piece::kListElement:
      return sink.ListElement(TakeText());
    case Piece::kSetMember:
      return sink.SetMember(TakeText());
    case Piece::kHashField: {
      const std::string_view field = TakeText();
      const std::string_view value = TakeText();
      return sink.HashField(field, value, Take<int64_t>());
    }
    case Piece::kSortedSetMember: {
      const std::string_view member = TakeText();
      return sink.SortedSetMember(member, Take<double>());
    }
    case Piece::kStreamNode: {
      const auto id = Take<StreamId>();
      const std::string_view listpack = TakeText();
      return sink.StreamNode(id, listpack, Take<uint32_t>());
    }
    case Piece::kStreamEnd:
      return sink.StreamEnd(Take<StreamInfo>());
    case Piece::kGroup:
      return sink.Group(TakeGroup());
    case Piece::kPacked: {
      const auto kind = Take<ObjectKind>();
      const std::string_view listpack = TakeText();
      return sink.TakePacked(kind, listpack, Take<uint32_t>());
    }
    case Piece::kIntegers:
      return sink.TakeIntegers(TakeText());
  }
  return false;
}

ObjectTape::Played ObjectTape::Play(ObjectSink& sink, size_t pieces_max, size_t bytes_max) {
  const size_t begin = played_;
  for (size_t pieces = 0; played_ < bytes_.size(); ++pieces) {
    if (pieces == pieces_max || played_ - begin >= bytes_max) return Played::kMore;
    if (!PlayOne(sink)) return Played::kRefused;
  }
  return Played::kAll;
}

}  // namespace chestbox::rdb
