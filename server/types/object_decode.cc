// DecodeState: builders that are told an object and make a value of it.
#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "protocol/canonical_integer.h"
#include "protocol/rdb/integer_set.h"
#include "protocol/rdb/length_codec.h"
#include "protocol/shm/hash_table.h"
#include "protocol/shm/packed_block.h"
#include "protocol/shm/sorted_set_order.h"
#include "protocol/shm/stream_group.h"
#include "server/config/config.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

using rdb::ObjectKind;

bool AtMost(uint64_t value, int64_t limit) { return limit >= 0 && value <= static_cast<uint64_t>(limit); }

std::string PackedOf(std::string_view elements, uint64_t count) {
  std::string block = shm::EmptyPacked();
  std::string whole(block.size() + elements.size(), '\0');
  shm::CopySpliced(block.data(), {shm::kPackedHeaderBytes, shm::kPackedHeaderBytes, elements, static_cast<int>(count)},
                   whole.data());
  return whole;
}

// A builder of one kind. False from any call: bad data, unless out_of_memory() says otherwise.
class Builder {
 public:
  explicit Builder(shm::ArenaMemory& memory) : memory_(memory) {}
  virtual ~Builder() = default;
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // The value; nothing of it is this builder's any more. False: there was no memory for the last step.
  virtual bool Finish(DetachedValue* value) = 0;
  // Frees what was built, instead of Finish or after its failure.
  virtual void Abandon(Keyspace& keys) = 0;
  bool out_of_memory() const { return out_of_memory_; }

 protected:
  bool NoMemory() {
    out_of_memory_ = true;
    return false;
  }
  static void DiscardHead(Keyspace& keys, CollectionEncoding encoding, std::string_view head) {
    DetachedValue value;
    value.type = ValueType::kHash;  // of any collection
    value.encoding = static_cast<uint8_t>(encoding);
    value.bytes = head;
    keys.Discard(value);
  }

  shm::ArenaMemory& memory_;

 private:
  bool out_of_memory_ = false;
};

// Hashes and sets: packed as long as they fit, then a table.
class TableBuilder : public Builder {
 public:
  TableBuilder(shm::ArenaMemory& memory, ValueType type, int64_t entries_max, int64_t value_bytes_max)
      : Builder(memory), type_(type), entries_max_(entries_max), value_bytes_max_(value_bytes_max) {}

  bool Add(const shm::NewRow& row) {
    if (table_) return AddToTable(row);
    const std::string_view value = row.value.value_or(std::string_view());
    if (!seen_.emplace(row.key).second) return false;  // twice
    rows_.push_back({std::string(row.key), std::string(value), row.expire_at_ms});
    bytes_ += row.key.size() + value.size();
    longest_ = std::max({longest_, row.key.size(), value.size()});
    return StillSmall() || MakeTable();
  }

  bool Finish(DetachedValue* value) override {
    if (!table_ && !IsPacked() && !MakeTable()) return false;
    value->type = type_;
    if (table_) {
      value->encoding = static_cast<uint8_t>(CollectionEncoding::kTable);
      value->bytes = shm::TableHeadBytes(head_);
      return true;
    }
    value->encoding = static_cast<uint8_t>(CollectionEncoding::kPacked);
    value->bytes = Packed();
    return true;
  }
  void Abandon(Keyspace& keys) override {
    if (table_) DiscardHead(keys, CollectionEncoding::kTable, shm::TableHeadBytes(head_));
  }

 protected:
  struct Row {
    std::string key;
    std::string value;
    int64_t expire_at_ms;
  };

  // Whether it may still become something else than a table.
  virtual bool StillSmall() const { return IsPacked(); }
  bool IsPacked() const {
    return AtMost(rows_.size(), entries_max_) && AtMost(longest_, value_bytes_max_) &&
           bytes_ < shm::kPackedBytesMax / 2;
  }
  bool is_table() const { return table_.has_value(); }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  uint32_t row_elements() const { return type_ == ValueType::kHash ? 2 : 1; }

  std::string Packed() const {
    std::string elements;
    uint64_t count = 0;
    for (const Row& row : rows_) {
      shm::AppendElement(row.key, &elements);
      if (row_elements() == 2) shm::AppendElement(row.value, &elements);
      if (row.expire_at_ms != shm::kRowNeverExpires) {
        shm::AppendExpiry(row.expire_at_ms, &elements);
        ++count;
      }
      count += row_elements();
    }
    return PackedOf(elements, count);
  }

  bool MakeTable() {
    if (!shm::HashTable::Create(memory_, row_elements(), &head_)) return NoMemory();
    table_.emplace(memory_, &head_);
    for (const Row& row : rows_) {
      shm::NewRow moved{row.key, std::nullopt, std::nullopt, row.expire_at_ms};
      if (row_elements() == 2) moved.value = row.value;
      if (!AddToTable(moved)) return false;
    }
    rows_.clear();
    seen_.clear();
    return true;
  }

  bool AddToTable(const shm::NewRow& row) {
    const shm::TablePlace place = table_->Find(row.key);
    if (place.found) return false;
    return table_->Insert(place, row) || NoMemory();
  }

  const ValueType type_;
  const int64_t entries_max_;
  const int64_t value_bytes_max_;
  std::vector<Row> rows_;
  std::unordered_set<std::string> seen_;
  uint64_t bytes_ = 0;
  size_t longest_ = 0;
  shm::HashTableHead head_;
  std::optional<shm::HashTable> table_;
};

// Sets, which may also be integer sets.
class SetBuilder : public TableBuilder {
 public:
  SetBuilder(shm::ArenaMemory& memory, const Config& config)
      : TableBuilder(memory, ValueType::kSet, config.set_max_listpack_entries, config.set_max_listpack_value_bytes),
        integers_max_(config.set_max_intset_entries) {}

  bool Add(std::string_view member) {
    all_integers_ = all_integers_ && ParseInteger(member).has_value();
    return TableBuilder::Add({member, std::nullopt, std::nullopt, shm::kRowNeverExpires});
  }

  bool Finish(DetachedValue* value) override {
    if (is_table() || !FitsIntegers()) return TableBuilder::Finish(value);
    std::vector<int64_t> integers;
    for (const Row& row : rows()) integers.push_back(*ParseInteger(row.key));
    std::sort(integers.begin(), integers.end());
    value->type = ValueType::kSet;
    value->encoding = static_cast<uint8_t>(CollectionEncoding::kIntegerSet);
    value->bytes = rdb::MakeIntegerSet(integers);
    return true;
  }

 protected:
  bool StillSmall() const override { return FitsIntegers() || IsPacked(); }

 private:
  bool FitsIntegers() const { return all_integers_ && AtMost(rows().size(), integers_max_); }

  const int64_t integers_max_;
  bool all_integers_ = true;
};

// Sorted sets: gathered, then put in order.
class SortedSetBuilder : public Builder {
 public:
  SortedSetBuilder(shm::ArenaMemory& memory, const Config& config) : Builder(memory), config_(config) {}

  bool Add(std::string_view member, double score) {
    members_.push_back({std::string(member), score});
    return true;
  }

  bool Finish(DetachedValue* value) override {
    if (!PutInOrder()) return false;
    std::string elements;
    for (const Member& each : members_) {
      shm::AppendElement(each.text, &elements);
      shm::AppendPackedScore(each.score, &elements);
    }
    value->type = ValueType::kSortedSet;
    value->encoding = static_cast<uint8_t>(CollectionEncoding::kPacked);
    value->bytes = PackedOf(elements, 2 * members_.size());
    return true;
  }
  void Abandon(Keyspace&) override {}

 private:
  struct Member {
    std::string text;
    double score;
  };

  // False: a member is there twice.
  bool PutInOrder() {
    const auto by_name = [](const Member& a, const Member& b) { return a.text < b.text; };
    std::sort(members_.begin(), members_.end(), by_name);
    const auto same_name = [](const Member& a, const Member& b) { return a.text == b.text; };
    if (std::adjacent_find(members_.begin(), members_.end(), same_name) != members_.end()) return false;
    std::stable_sort(members_.begin(), members_.end(),
                     [](const Member& a, const Member& b) { return a.score < b.score; });
    return true;
  }

  const Config& config_;
  std::vector<Member> members_;
};

class ListBuilder : public Builder {
 public:
  ListBuilder(shm::ArenaMemory& memory, const Config& config) : Builder(memory), config_(config) {}

  bool Add(std::string_view element) {
    shm::AppendElement(element, &elements_);
    ++count_;
    return true;
  }

  bool Finish(DetachedValue* value) override {
    value->type = ValueType::kList;
    value->encoding = static_cast<uint8_t>(CollectionEncoding::kPacked);
    value->bytes = PackedOf(elements_, count_);
    return true;
  }
  void Abandon(Keyspace&) override {}

 private:
  const Config& config_;
  std::string elements_;
  uint64_t count_ = 0;
};

class StreamBuilder : public Builder {
 public:
  explicit StreamBuilder(shm::ArenaMemory& memory)
      : Builder(memory), writer_(memory, &head_), groups_(memory, &head_) {}

  bool Node(const StreamId& id, std::string_view listpack) { return writer_.AppendNode(id, listpack) || NoMemory(); }

  void End(const rdb::StreamInfo& info) {
    head_.length = info.length;
    head_.entries_added = info.entries_added;
    head_.last_id = info.last_id;
    head_.max_deleted_id = info.max_deleted_id;
    writer_.FindFirst();
  }

  bool Group(const rdb::StreamGroup& group) {
    const shm::Link link = groups_.CreateGroup(group.name, group.last_id, group.entries_read);
    if (link == 0) return NoMemory();
    std::vector<shm::Link> consumers;
    for (const rdb::StreamConsumer& consumer : group.consumers) {
      consumers.push_back(groups_.CreateConsumer(link, consumer.name, consumer.seen_ms, consumer.active_ms));
      if (consumers.back() == 0) return NoMemory();
    }
    for (const rdb::StreamPending& entry : group.pending) {
      const shm::PendingEntry pending{entry.delivered_ms, entry.deliveries, consumers[entry.consumer], 0};
      if (!groups_.SetPending(link, entry.id, pending)) return NoMemory();
    }
    return true;
  }

  bool Finish(DetachedValue* value) override {
    value->type = ValueType::kStream;
    value->encoding = static_cast<uint8_t>(CollectionEncoding::kStream);
    value->bytes = shm::BytesOf(head_);
    return true;
  }
  void Abandon(Keyspace& keys) override { DiscardHead(keys, CollectionEncoding::kStream, shm::BytesOf(head_)); }

 private:
  shm::StreamHead head_;
  shm::StreamWriter writer_;
  shm::StreamGroups groups_;
};

// Hands each piece to the builder of its kind.
class BuildingSink : public rdb::ObjectSink {
 public:
  BuildingSink(Keyspace& keys, const Config& config) : keys_(keys), config_(config) {}

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
        Use(std::make_unique<SetBuilder>(keys_.memory(), config_), &set_);
        break;
      case ObjectKind::kHash:
        Use(std::make_unique<TableBuilder>(keys_.memory(), ValueType::kHash, config_.hash_max_listpack_entries,
                                           config_.hash_max_listpack_value_bytes),
            &hash_);
        break;
      case ObjectKind::kStream:
        Use(std::make_unique<StreamBuilder>(keys_.memory()), &stream_);
        break;
      case ObjectKind::kSortedSet:
        Use(std::make_unique<SortedSetBuilder>(keys_.memory(), config_), &sorted_set_);
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
  bool SetMember(std::string_view member) override { return set_->Add(member); }
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
    if (!AtMost(rdb::IntegerSetView(integer_set).count(), config_.set_max_intset_entries)) return false;
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

  bool MayBePacked(ObjectKind kind, std::string_view listpack, uint32_t elements) const {
    switch (kind) {
      case ObjectKind::kHash:
        return AtMost(elements / 2, config_.hash_max_listpack_entries) &&
               NoneIsLonger(listpack, config_.hash_max_listpack_value_bytes);
      case ObjectKind::kSortedSet:
        return AtMost(elements / 2, config_.zset_max_listpack_entries) &&
               NoneIsLonger(listpack, config_.zset_max_listpack_value_bytes);
      case ObjectKind::kSet:
        return AtMost(elements, config_.set_max_listpack_entries) &&
               NoneIsLonger(listpack, config_.set_max_listpack_value_bytes) && !IsOfIntegers(listpack);
      default:
        return false;
    }
  }
  static bool NoneIsLonger(std::string_view listpack, int64_t bytes_max) {
    return ForAll(listpack, [&](const shm::PackedElement& element) { return AtMost(element.text.size(), bytes_max); });
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
  std::optional<DetachedValue> whole_;
  std::unique_ptr<Builder> builder_;
  SetBuilder* set_ = nullptr;
  TableBuilder* hash_ = nullptr;
  SortedSetBuilder* sorted_set_ = nullptr;
  ListBuilder* list_ = nullptr;
  StreamBuilder* stream_ = nullptr;
};

}  // namespace

Result<DetachedValue> DecodeState(Keyspace& keys, const Config& config, std::string_view object, rdb::Trust trust) {
  BuildingSink sink(keys, config);
  return sink.Finish(rdb::DecodeObject(object, trust, sink));
}

}  // namespace chestbox
