#include "server/types/collection_builders.h"

#include <algorithm>

#include "protocol/canonical_integer.h"
#include "protocol/shm/integer_set.h"
#include "protocol/shm/packed_block.h"
#include "protocol/shm/sorted_set_order.h"

namespace chestbox {

namespace {

DetachedValue Collection(ValueType type, CollectionEncoding encoding, std::string_view bytes) {
  DetachedValue value;
  value.type = type;
  value.encoding = static_cast<uint8_t>(encoding);
  value.bytes = bytes;
  return value;
}

// Beyond this a packed block costs more to change than a structure, whatever the settings say.
constexpr uint64_t kPackedListBytesMax = 8 << 10;

}  // namespace

std::string PackedOf(std::string_view elements, uint64_t count) {
  const std::string empty = shm::EmptyPacked();
  std::string whole(empty.size() + elements.size(), '\0');
  const shm::PackedSplice all{shm::kPackedHeaderBytes, shm::kPackedHeaderBytes, elements, static_cast<int>(count)};
  shm::CopySpliced(empty.data(), all, whole.data());
  return whole;
}

bool ListStaysPacked(const Config& config, uint64_t elements, uint64_t bytes) {
  const int64_t setting = config.list_max_listpack_size;
  if (setting >= 0) return bytes <= kPackedListBytesMax && (elements <= 1 || AtMost(elements, setting));
  return bytes <= (setting == -1 ? kPackedListBytesMax / 2 : kPackedListBytesMax);
}

// ---- Hashes and sets ----

bool TableBuilder::Add(const shm::NewRow& row) {
  if (table_) return AddToTable(row);
  const std::string_view value = row.value.value_or(std::string_view());
  if (!seen_.emplace(row.key).second) return false;  // twice
  rows_.push_back({std::string(row.key), std::string(value), row.expire_at_ms});
  bytes_ += row.key.size() + value.size();
  longest_ = std::max({longest_, row.key.size(), value.size()});
  return StillSmall() || MakeTable();
}

bool TableBuilder::IsPacked() const {
  return AtMost(rows_.size(), limits_.entries_max) && AtMost(longest_, limits_.value_bytes_max) &&
         bytes_ < shm::kPackedBytesMax / 2;
}

bool TableBuilder::Finish(DetachedValue* value) {
  if (!table_ && !IsPacked() && !MakeTable()) return false;
  *value = table_ ? Collection(type_, CollectionEncoding::kTable, shm::TableHeadBytes(head_))
                  : Collection(type_, CollectionEncoding::kPacked, Packed());
  return true;
}

void TableBuilder::Abandon(Keyspace& keys) {
  if (table_) keys.Discard(Collection(type_, CollectionEncoding::kTable, shm::TableHeadBytes(head_)));
}

std::string TableBuilder::Packed() const {
  std::string elements;
  uint64_t count = 0;
  int64_t earliest_ms = shm::kRowNeverExpires;
  for (const Row& row : rows_) {
    shm::AppendElement(row.key, &elements);
    if (row_elements() == 2) shm::AppendElement(row.value, &elements);
    count += row_elements();
    if (row.expire_at_ms == shm::kRowNeverExpires) continue;
    shm::AppendExpiry(row.expire_at_ms, &elements);
    ++count;
    if (earliest_ms == shm::kRowNeverExpires || row.expire_at_ms < earliest_ms) earliest_ms = row.expire_at_ms;
  }
  if (earliest_ms == shm::kRowNeverExpires) return PackedOf(elements, count);
  // hash_reader.h: the earliest expiry stands before the first row.
  std::string whole;
  shm::AppendExpiry(earliest_ms, &whole);
  return PackedOf(whole + elements, count + 1);
}

bool TableBuilder::MakeTable() {
  if (!shm::HashTable::Create(memory_, row_elements(), &head_)) return NoMemory();
  table_.emplace(memory_, &head_);
  for (const Row& row : rows_) {
    shm::NewRow moved;
    moved.key = row.key;
    if (row_elements() == 2) moved.value = row.value;
    moved.expire_at_ms = row.expire_at_ms;
    if (!AddToTable(moved)) return false;
  }
  rows_.clear();
  seen_.clear();
  return true;
}

bool TableBuilder::AddToTable(const shm::NewRow& row) {
  const shm::TablePlace place = table_->Find(row.key);
  if (place.found) return false;  // twice
  return table_->Insert(place, row) || NoMemory();
}

bool SetBuilder::AddMember(std::string_view member) {
  all_integers_ = all_integers_ && ParseInteger(member).has_value();
  shm::NewRow row;
  row.key = member;
  return Add(row);
}

bool SetBuilder::Finish(DetachedValue* value) {
  if (is_table() || !FitsIntegers()) return TableBuilder::Finish(value);
  std::vector<int64_t> integers;
  for (const Row& row : rows()) integers.push_back(*ParseInteger(row.key));
  std::sort(integers.begin(), integers.end());
  *value = Collection(ValueType::kSet, CollectionEncoding::kIntegerSet, shm::MakeIntegerSet(integers));
  return true;
}

// ---- Sorted sets ----

bool SortedSetBuilder::IsPacked() const {
  uint64_t bytes = 0;
  for (const Member& each : members_) {
    if (!AtMost(each.text.size(), limits_.value_bytes_max)) return false;
    bytes += each.text.size();
  }
  return AtMost(members_.size(), limits_.entries_max) && bytes < shm::kPackedBytesMax / 2;
}

bool SortedSetBuilder::MakeIndex() {
  if (!index_.Create()) return NoMemory();
  has_index_ = true;
  for (const Member& each : members_) {
    if (index_.Find(each.text).found) return false;  // twice
    if (!index_.PushBack(each.text, each.score)) return NoMemory();
  }
  return true;
}

bool SortedSetBuilder::Finish(DetachedValue* value) {
  const auto comes_before = [](const Member& a, const Member& b) {
    return shm::ComesBefore(a.score, a.text, b.score, b.text);
  };
  if (!std::is_sorted(members_.begin(), members_.end(), comes_before)) {
    std::sort(members_.begin(), members_.end(), comes_before);
  }
  if (!IsPacked()) {
    if (!MakeIndex()) return false;
    *value = Collection(ValueType::kSortedSet, CollectionEncoding::kTableTree, shm::BytesOf(index_.head()));
    return true;
  }
  std::string elements;
  std::unordered_set<std::string_view> seen;
  for (const Member& each : members_) {
    if (!seen.insert(each.text).second) return false;  // twice
    shm::AppendElement(each.text, &elements);
    shm::AppendPackedScore(each.score, &elements);
  }
  *value = Collection(ValueType::kSortedSet, CollectionEncoding::kPacked, PackedOf(elements, 2 * members_.size()));
  return true;
}

void SortedSetBuilder::Abandon(Keyspace& keys) {
  if (!has_index_) return;
  keys.Discard(Collection(ValueType::kSortedSet, CollectionEncoding::kTableTree, shm::BytesOf(index_.head())));
}

// ---- Lists ----

bool ListBuilder::Add(std::string_view element) {
  if (element.size() > shm::kPackedBytesMax / 2) return false;
  if (is_tree_) return AddToTree(element);
  // An element that is too large for a block of its own kind is not encoded for nothing.
  if (element.size() <= kPackedListBytesMax) {
    const size_t bytes_before = elements_.size();
    shm::AppendElement(element, &elements_);
    if (ListStaysPacked(config_, count_ + 1, elements_.size() + shm::kPackedEmptyBytes)) {
      ++count_;
      return true;
    }
    elements_.resize(bytes_before);
  }
  return MakeTree() && AddToTree(element);
}

bool ListBuilder::AddToTree(std::string_view element) {
  row_.clear();
  if (!tree_.AddText(element, &row_)) return NoMemory();
  if (tree_.PushBack(row_)) return true;
  tree_.DropTexts(row_);
  return NoMemory();
}

bool ListBuilder::MakeTree() {
  is_tree_ = true;
  const std::string packed = PackedOf(elements_, count_);
  const shm::PackedReader block(packed);
  shm::PackedElement element;
  char digits[shm::kIntegerTextBytesMax];
  for (uint32_t at = block.First(); at != 0;) {
    if (!block.Take(&at, &element) || !AddToTree(TextOf(element, digits))) return false;
  }
  elements_.clear();
  return true;
}

bool ListBuilder::Finish(DetachedValue* value) {
  *value = is_tree_ ? Collection(ValueType::kList, CollectionEncoding::kTree, shm::BytesOf(head_))
                    : Collection(ValueType::kList, CollectionEncoding::kPacked, PackedOf(elements_, count_));
  return true;
}

void ListBuilder::Abandon(Keyspace& keys) {
  if (is_tree_) keys.Discard(Collection(ValueType::kList, CollectionEncoding::kTree, shm::BytesOf(head_)));
}

// ---- Streams ----

void StreamBuilder::End(const rdb::StreamInfo& info) {
  head_.length = info.length;
  head_.entries_added = info.entries_added;
  head_.last_id = info.last_id;
  head_.max_deleted_id = info.max_deleted_id;
  writer_.FindFirst();
}

bool StreamBuilder::Group(const rdb::StreamGroup& group) {
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

bool StreamBuilder::Finish(DetachedValue* value) {
  *value = Collection(ValueType::kStream, CollectionEncoding::kStream, shm::BytesOf(head_));
  return true;
}

void StreamBuilder::Abandon(Keyspace& keys) {
  keys.Discard(Collection(ValueType::kStream, CollectionEncoding::kStream, shm::BytesOf(head_)));
}

}  // namespace chestbox
