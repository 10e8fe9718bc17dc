// DecodeState: builders that are told an object and make a value of it.
#include <memory>
#include <optional>

#include "protocol/rdb/length_codec.h"
#include "protocol/shm/integer_set.h"
#include "protocol/shm/packed_block.h"
#include "server/types/collection_builders.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

using rdb::ObjectKind;

// Hands each piece to the builder of its kind.
class BuildingSink : public rdb::ObjectSink {
 public:
  // `own_type`: the type of one of our own objects, which comes back in the encoding that it had.
  BuildingSink(Keyspace& keys, const Config& config, std::optional<rdb::ObjectType> own_type)
      : keys_(keys), config_(config), own_type_(own_type) {}

  Result<DetachedValue> Finish(bool decoded) {
    if (decoded && whole_) return std::move(*whole_);
    DetachedValue value;
    if (decoded && builder_->Finish(&value)) return value;
    const bool no_memory = builder_ != nullptr && builder_->out_of_memory();
    if (builder_ != nullptr) builder_->Abandon(keys_);
    if (no_memory) return OutOfMemory();
    return rdb::BadData();
  }

  bool Begin(ObjectKind kind) override {
    switch (kind) {
      case ObjectKind::kSet:
        Use(std::make_unique<SetBuilder>(keys_.memory(), config_, own_type_.has_value()), &set_);
        break;
      case ObjectKind::kHash:
        Use(std::make_unique<TableBuilder>(keys_.memory(), ValueType::kHash, HashLimits()), &hash_);
        break;
      case ObjectKind::kStream:
        Use(std::make_unique<StreamBuilder>(keys_.memory()), &stream_);
        break;
      case ObjectKind::kSortedSet:
        Use(std::make_unique<SortedSetBuilder>(keys_.memory(), config_, own_type_.has_value()), &sorted_set_);
        break;
      case ObjectKind::kList:
        Use(std::make_unique<ListBuilder>(keys_.memory(), config_), &list_);
        break;
      case ObjectKind::kString:
        break;
    }
    return true;
  }

  bool String(std::string_view value) override {
    TakeWhole(ValueType::kString, static_cast<uint8_t>(EncodingFor(value)), value);
    return true;
  }
  bool ListElement(std::string_view element) override { return list_->Add(element); }
  bool SetMember(std::string_view member) override { return set_->AddMember(member); }
  bool HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) override {
    return hash_->Add(
        {field, value, std::nullopt, expire_at_ms == rdb::kFieldNeverExpires ? shm::kRowNeverExpires : expire_at_ms});
  }
  bool SortedSetMember(std::string_view member, double score) override { return sorted_set_->Add(member, score); }
  bool StreamNode(const StreamId& id, std::string_view listpack, uint32_t) override {
    return stream_->Node(id, listpack);
  }
  bool StreamEnd(const rdb::StreamInfo& info) override {
    stream_->End(info);
    return true;
  }
  bool Group(const rdb::StreamGroup& group) override { return stream_->Group(group); }

  bool TakePacked(ObjectKind kind, std::string_view listpack, uint32_t elements) override {
    if (!MayBePacked(kind, listpack, elements)) return false;
    constexpr ValueType kTypes[] = {ValueType::kString,    ValueType::kList, ValueType::kSet,
                                    ValueType::kSortedSet, ValueType::kHash, ValueType::kStream};
    TakeWhole(kTypes[static_cast<int>(kind)], static_cast<uint8_t>(CollectionEncoding::kPacked), listpack);
    return true;
  }
  bool TakeIntegers(std::string_view integer_set) override {
    const uint64_t count = shm::IntegerSetReader(integer_set).size();
    if (!own_type_ && !AtMost(count, config_.set_max_intset_entries)) return false;
    TakeWhole(ValueType::kSet, static_cast<uint8_t>(CollectionEncoding::kIntegerSet), integer_set);
    return true;
  }

 private:
  template <class T>
  void Use(std::unique_ptr<T> builder, T** typed) {
    *typed = builder.get();
    builder_ = std::move(builder);
  }

  void TakeWhole(ValueType type, uint8_t encoding, std::string_view bytes) {
    whole_.emplace();
    whole_->type = type;
    whole_->encoding = encoding;
    whole_->bytes = bytes;
  }

  PackedLimits HashLimits() const {
    if (!own_type_) return {config_.hash_max_listpack_entries, config_.hash_max_listpack_value_bytes};
    return own_type_ == rdb::ObjectType::kHashListpackEx ? kAlwaysPacked : kNeverPacked;
  }

  // As Redis: of a payload that is a listpack the elements are counted, and not measured.
  bool MayBePacked(ObjectKind kind, std::string_view listpack, uint32_t elements) const {
    if (own_type_) return true;
    switch (kind) {
      case ObjectKind::kHash:
        return AtMost(elements / 2, config_.hash_max_listpack_entries);
      case ObjectKind::kSortedSet:
        return AtMost(elements / 2, config_.zset_max_listpack_entries);
      case ObjectKind::kSet:
        return AtMost(elements, config_.set_max_listpack_entries) && !IsOfIntegers(listpack);
      case ObjectKind::kList:
        return ListStaysPacked(config_, elements, listpack.size());
      default:
        return false;
    }
  }
  // Such a set is better off as an integer set.
  static bool IsOfIntegers(std::string_view listpack) {
    return ForAll(listpack,
                  [](const shm::PackedElement& element) { return element.kind == shm::PackedElement::Kind::kInteger; });
  }
  template <class Holds>
  static bool ForAll(std::string_view listpack, const Holds& holds) {
    const shm::PackedReader block(listpack);
    shm::PackedElement element;
    for (uint32_t at = block.First(); at != 0;) {
      if (!block.Take(&at, &element) || !holds(element)) return false;
    }
    return true;
  }

  Keyspace& keys_;
  const Config& config_;
  const std::optional<rdb::ObjectType> own_type_;
  std::optional<DetachedValue> whole_;
  std::unique_ptr<CollectionBuilder> builder_;
  SetBuilder* set_ = nullptr;
  TableBuilder* hash_ = nullptr;
  SortedSetBuilder* sorted_set_ = nullptr;
  ListBuilder* list_ = nullptr;
  StreamBuilder* stream_ = nullptr;
};

}  // namespace

ValueType TypeOfObject(uint8_t first_byte) {
  using rdb::ObjectType;
  switch (static_cast<ObjectType>(first_byte)) {
    case ObjectType::kString:
      break;
    case ObjectType::kList:
    case ObjectType::kListZiplist:
    case ObjectType::kListQuicklist:
    case ObjectType::kListQuicklist2:
      return ValueType::kList;
    case ObjectType::kSet:
    case ObjectType::kSetIntegers:
    case ObjectType::kSetListpack:
      return ValueType::kSet;
    case ObjectType::kSortedSetText:
    case ObjectType::kSortedSet:
    case ObjectType::kSortedSetZiplist:
    case ObjectType::kSortedSetListpack:
      return ValueType::kSortedSet;
    case ObjectType::kHash:
    case ObjectType::kHashZipmap:
    case ObjectType::kHashZiplist:
    case ObjectType::kHashListpack:
    case ObjectType::kHashExpiring0:
    case ObjectType::kHashListpackEx0:
    case ObjectType::kHashExpiring:
    case ObjectType::kHashListpackEx:
      return ValueType::kHash;
    case ObjectType::kStream1:
    case ObjectType::kStream2:
    case ObjectType::kStream3:
      return ValueType::kStream;
  }
  return ValueType::kString;
}

Result<DetachedValue> DecodeState(Keyspace& keys, const Config& config, std::string_view object, rdb::Trust trust) {
  std::optional<rdb::ObjectType> own_type;
  if (trust == rdb::Trust::kOwn && !object.empty()) own_type = static_cast<rdb::ObjectType>(object[0]);
  BuildingSink sink(keys, config, own_type);
  return sink.Finish(rdb::DecodeObject(object, trust, sink));
}

// ---- In steps ----

bool IsBuiltByElement(uint8_t object_type) {
  switch (static_cast<rdb::ObjectType>(object_type)) {
    case rdb::ObjectType::kString:
    case rdb::ObjectType::kSetIntegers:
    case rdb::ObjectType::kHashListpack:
    case rdb::ObjectType::kSortedSetListpack:
    case rdb::ObjectType::kSetListpack:
      return false;
    default:
      return true;
  }
}

struct StateBuild::Parts {
  Parts(Keyspace& keys, const Config& config, rdb::ObjectType type, rdb::ObjectTape recorded)
      : sink(keys, config, type), tape(std::move(recorded)) {}

  BuildingSink sink;
  rdb::ObjectTape tape;
  bool decoded = false;
  bool finished = false;
};

StateBuild::StateBuild(Keyspace& keys, const Config& config, rdb::ObjectType type, rdb::ObjectTape tape)
    : parts_(std::make_unique<Parts>(keys, config, type, std::move(tape))) {}

StateBuild::~StateBuild() {
  if (!parts_->finished) (void)parts_->sink.Finish(false);
}

bool StateBuild::Step(size_t elements_max, size_t bytes_max) {
  const rdb::ObjectTape::Played played = parts_->tape.Play(parts_->sink, elements_max, bytes_max);
  parts_->decoded = played == rdb::ObjectTape::Played::kAll;
  return played != rdb::ObjectTape::Played::kMore;
}

Result<DetachedValue> StateBuild::Finish() {
  parts_->finished = true;
  return parts_->sink.Finish(parts_->decoded);
}

}  // namespace chestbox
