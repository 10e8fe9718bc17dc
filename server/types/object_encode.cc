// EncodeState: a sink that writes what it is told.
#include <algorithm>

#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/object_writer.h"
#include "protocol/rdb/stream_codec.h"
#include "protocol/rdb/string_codec.h"
#include "protocol/shm/hash_table_reader.h"
#include "protocol/shm/packed_block.h"
#include "server/types/collection_builders.h"
#include "server/types/object_codec.h"
#include "server/types/object_tell.h"

namespace chestbox {

namespace {

using rdb::ObjectKind;
using rdb::ObjectType;

// Finds the earliest expiry of a hash's fields.
class ExpiryFinder : public rdb::ObjectSink {
 public:
  bool Begin(ObjectKind kind) override { return kind == ObjectKind::kHash; }
  bool String(std::string_view) override { return false; }
  bool ListElement(std::string_view) override { return false; }
  bool SetMember(std::string_view) override { return false; }
  bool HashField(std::string_view, std::string_view, int64_t expire_at_ms) override {
    if (expire_at_ms != rdb::kFieldNeverExpires) {
      earliest_ms = earliest_ms == rdb::kFieldNeverExpires ? expire_at_ms : std::min(earliest_ms, expire_at_ms);
    }
    return true;
  }
  bool SortedSetMember(std::string_view, double) override { return false; }
  bool StreamNode(const StreamId&, std::string_view, uint32_t) override { return false; }
  bool StreamEnd(const rdb::StreamInfo&) override { return false; }
  bool Group(const rdb::StreamGroup&) override { return false; }
  // A listpack that can be offered has none.
  bool TakePacked(ObjectKind, std::string_view, uint32_t) override { return true; }

  int64_t earliest_ms = rdb::kFieldNeverExpires;
};

class Encoder : public rdb::ObjectSink {
 public:
  // `packs_fields`: a packed hash whose fields expire, for ourselves.
  Encoder(ObjectReader reader, int64_t earliest_ms, bool packs_fields)
      : reader_(reader), earliest_ms_(earliest_ms), packs_fields_(packs_fields) {}

  // Everything, once all is told.
  std::string Finish() {
    if (!whole_.empty()) return std::move(whole_);
    std::string out;
    if (kind_ == ObjectKind::kList) {
      list_.Finish(out);
      return out;
    }
    if (packs_fields_) {
      rdb::AppendType(ObjectType::kHashListpackEx, out);
      rdb::AppendMilliseconds(earliest_ms_, out);
      rdb::AppendBlob(PackedOf(body_, 3 * elements_), out);
      return out;
    }
    rdb::AppendType(TypeOfElements(), out);
    if (earliest_ms_ != rdb::kFieldNeverExpires) rdb::AppendMilliseconds(earliest_ms_, out);
    rdb::AppendLength(elements_, out);
    out.append(body_);
    if (kind_ == ObjectKind::kStream) {
      rdb::AppendLength(groups_, out);
      out.append(groups_body_);
    }
    return out;
  }

  // So that what grows is never copied, step by step.
  void Reserve(uint64_t bytes) {
    body_.reserve(bytes);
    list_.Reserve(bytes);
  }
  size_t bytes() const { return body_.size() + groups_body_.size() + list_.bytes(); }

  bool Begin(ObjectKind kind) override {
    kind_ = kind;
    return true;
  }
  bool String(std::string_view value) override {
    whole_ = rdb::EncodeStringObject(value);
    return true;
  }
  bool ListElement(std::string_view element) override {
    list_.Element(element);
    return true;
  }
  bool SetMember(std::string_view member) override {
    ++elements_;
    rdb::AppendString(member, body_);
    return true;
  }
  bool HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) override {
    ++elements_;
    if (packs_fields_) {
      shm::AppendElement(field, &body_);
      shm::AppendElement(value, &body_);
      shm::AppendInteger(expire_at_ms == rdb::kFieldNeverExpires ? 0 : expire_at_ms, &body_);
      return true;
    }
    if (earliest_ms_ != rdb::kFieldNeverExpires) rdb::AppendFieldExpiry(expire_at_ms, earliest_ms_, body_);
    rdb::AppendString(field, body_);
    rdb::AppendString(value, body_);
    return true;
  }
  bool SortedSetMember(std::string_view member, double score) override {
    ++elements_;
    rdb::AppendString(member, body_);
    rdb::AppendScore(score, body_);
    return true;
  }
  bool StreamNode(const StreamId& id, std::string_view listpack, uint32_t) override {
    ++elements_;
    rdb::AppendStreamNode(id, listpack, body_);
    return true;
  }
  bool StreamEnd(const rdb::StreamInfo& info) override {
    rdb::AppendStreamInfo(info, body_);
    return true;
  }
  bool Group(const rdb::StreamGroup& group) override {
    ++groups_;
    rdb::AppendStreamGroup(StreamType(), group, groups_body_);
    return true;
  }

  bool TakePacked(ObjectKind kind, std::string_view listpack, uint32_t) override {
    switch (kind) {
      case ObjectKind::kHash:
        rdb::AppendType(ObjectType::kHashListpack, whole_);
        break;
      case ObjectKind::kSortedSet:
        rdb::AppendType(ObjectType::kSortedSetListpack, whole_);
        break;
      case ObjectKind::kSet:
        if (reader_ == ObjectReader::kRedis7) return false;  // came with 7.2
        rdb::AppendType(ObjectType::kSetListpack, whole_);
        break;
      case ObjectKind::kList:
        rdb::AppendType(ObjectType::kListQuicklist2, whole_);
        rdb::AppendListOfOne(whole_);
        break;
      default:
        return false;
    }
    rdb::AppendBlob(listpack, whole_);
    return true;
  }
  bool TakeIntegers(std::string_view integer_set) override {
    rdb::AppendType(ObjectType::kSetIntegers, whole_);
    rdb::AppendBlob(integer_set, whole_);
    return true;
  }

 private:
  ObjectType StreamType() const { return reader_ == ObjectReader::kOwn ? ObjectType::kStream3 : ObjectType::kStream2; }
  ObjectType TypeOfElements() const {
    switch (kind_) {
      case ObjectKind::kSet:
        return ObjectType::kSet;
      case ObjectKind::kSortedSet:
        return ObjectType::kSortedSet;
      case ObjectKind::kStream:
        return StreamType();
      default:
        return earliest_ms_ != rdb::kFieldNeverExpires ? ObjectType::kHashExpiring : ObjectType::kHash;
    }
  }

  const ObjectReader reader_;
  const int64_t earliest_ms_;  // of the fields of a hash
  const bool packs_fields_;
  ObjectKind kind_ = ObjectKind::kString;
  std::string whole_;
  rdb::ListWriter list_;
  uint64_t elements_ = 0;
  std::string body_;
  uint64_t groups_ = 0;
  std::string groups_body_;
};

}  // namespace

std::string EncodeState(const shm::ArenaMemory& memory, const StateView& state, ObjectReader reader) {
  ExpiryFinder expiry;
  if (state.type == ValueType::kHash) (void)TellState(memory, state, expiry);
  const bool packs_fields = reader == ObjectReader::kOwn && expiry.earliest_ms != rdb::kFieldNeverExpires &&
                            state.collection_encoding() == CollectionEncoding::kPacked;
  Encoder encoder(reader, expiry.earliest_ms, packs_fields);
  (void)TellState(memory, state, encoder);
  return encoder.Finish();
}

std::optional<std::string> ForRedis7(std::string own_object) {
  if (own_object.empty()) return std::nullopt;
  const auto type = static_cast<ObjectType>(own_object[0]);
  if (type != ObjectType::kSetListpack && type != ObjectType::kStream3 && type != ObjectType::kHashListpackEx) {
    return own_object;
  }
  ExpiryFinder expiry;
  if (type == ObjectType::kHashListpackEx) (void)rdb::DecodeObject(own_object, rdb::Trust::kOwn, expiry);
  Encoder encoder(ObjectReader::kRedis7, expiry.earliest_ms, false);
  if (!rdb::DecodeObject(own_object, rdb::Trust::kOwn, encoder)) return std::nullopt;
  return encoder.Finish();
}

// ---- In steps ----

namespace {

// The encoder looks at how much it has written after so many elements.
constexpr size_t kElementsPerLook = 32;

// Of a hash with nodes, at most the earliest expiry of its fields, in O(1); no field has one before the first ms.
int64_t EarliestExpiry(const StateView& state) {
  shm::HashTableHead head;
  if (state.type != ValueType::kHash || !shm::LoadTableHead(state.value, &head)) return rdb::kFieldNeverExpires;
  return head.expiring_rows == 0 ? rdb::kFieldNeverExpires : std::max<int64_t>(1, head.earliest_expiry_ms());
}

}  // namespace

struct StateEncoding::Parts {
  Parts(const shm::ArenaMemory& memory, const StateView& state)
      : teller(memory, state), encoder(ObjectReader::kOwn, EarliestExpiry(state), false) {}

  StateTeller teller;
  Encoder encoder;
};

StateEncoding::StateEncoding(const shm::ArenaMemory& memory, const StateView& state)
    : parts_(std::make_unique<Parts>(memory, state)) {
  parts_->encoder.Reserve(NodesBytes(memory, state.collection_encoding(), state.value));
}

StateEncoding::~StateEncoding() = default;

bool StateEncoding::Step(size_t elements_max, size_t bytes_max) {
  const size_t begin = bytes();
  for (size_t told = 0; told < elements_max && bytes() - begin < bytes_max; told += kElementsPerLook) {
    if (parts_->teller.Step(parts_->encoder, kElementsPerLook) != Told::kMore) return true;
  }
  return false;
}

std::string StateEncoding::Finish() { return parts_->encoder.Finish(); }

size_t StateEncoding::bytes() const { return parts_->encoder.bytes(); }

}  // namespace chestbox
