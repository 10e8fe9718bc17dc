#include "tests/unit/rdb/object_model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "protocol/check.h"
#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/object_writer.h"
#include "protocol/rdb/stream_codec.h"
#include "protocol/rdb/string_codec.h"
#include "protocol/shm/integer_set.h"
#include "protocol/shm/packed_block.h"

namespace chestbox::rdb::testing {

namespace {

std::string NumberText(double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

std::string IdText(const StreamId& id) { return std::to_string(id.ms) + "-" + std::to_string(id.seq); }

constexpr const char* kKindNames[] = {"string", "list", "set", "zset", "hash", "stream"};

}  // namespace

bool ObjectModel::Begin(ObjectKind kind) {
  CHECK(!begun_);
  begun_ = true;
  kind_ = kind;
  return true;
}

bool ObjectModel::String(std::string_view value) {
  CHECK(kind_ == ObjectKind::kString && items_.empty());
  items_.push_back({std::string(value), {}});
  return true;
}

bool ObjectModel::ListElement(std::string_view element) {
  CHECK(kind_ == ObjectKind::kList);
  items_.push_back({std::string(element), {}});
  return true;
}

bool ObjectModel::SetMember(std::string_view member) {
  CHECK(kind_ == ObjectKind::kSet);
  items_.push_back({std::string(member), {}});
  return true;
}

bool ObjectModel::HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) {
  CHECK(kind_ == ObjectKind::kHash);
  CHECK(expire_at_ms == kFieldNeverExpires || (expire_at_ms >= 0 && expire_at_ms <= kFieldExpiryMax));
  items_.push_back({std::string(field), std::string(value), expire_at_ms});
  return true;
}

bool ObjectModel::SortedSetMember(std::string_view member, double score) {
  CHECK(kind_ == ObjectKind::kSortedSet && !std::isnan(score));
  items_.push_back({std::string(member), {}, kFieldNeverExpires, score});
  return true;
}

bool ObjectModel::StreamNode(const StreamId& master_id, std::string_view listpack, uint32_t entries) {
  CHECK(kind_ == ObjectKind::kStream && entries <= INT32_MAX);
  CHECK(nodes_.empty() || nodes_.back().id < master_id);
  nodes_.push_back({master_id, std::string(listpack), entries});
  return true;
}

bool ObjectModel::StreamEnd(const StreamInfo& info) {
  info_ = info;
  return true;
}

bool ObjectModel::Group(const StreamGroup& group) {
  for (const StreamPending& entry : group.pending) CHECK(entry.consumer < group.consumers.size());
  groups_.push_back(group);
  return true;
}

bool ObjectModel::TakePacked(ObjectKind kind, std::string_view listpack, uint32_t elements) {
  CHECK(begun_ && kind == kind_);
  if (!takes_whole_) return false;
  const shm::PackedReader block(listpack);
  uint32_t found = 0;
  CHECK(block.bytes() == listpack.size() && block.IsSound(&found) && found == elements);
  std::vector<std::string> texts;
  shm::PackedElement element;
  char digits[shm::kIntegerTextBytesMax];
  for (uint32_t at = block.First(); block.Take(&at, &element);) texts.emplace_back(TextOf(element, digits));
  CHECK(texts.size() == elements);
  const size_t step = kind == ObjectKind::kHash || kind == ObjectKind::kSortedSet ? 2 : 1;
  for (size_t i = 0; i < texts.size(); i += step) {
    Item item{texts[i], kind == ObjectKind::kHash ? texts[i + 1] : std::string()};
    if (kind == ObjectKind::kSortedSet) CHECK(ParseScore(texts[i + 1], &item.score));
    items_.push_back(std::move(item));
  }
  taken_whole_ = true;
  return true;
}

bool ObjectModel::TakeIntegers(std::string_view integer_set) {
  CHECK(begun_ && kind_ == ObjectKind::kSet);
  if (!takes_whole_) return false;
  const shm::IntegerSetReader set(integer_set);
  for (uint32_t i = 0; i < set.size(); ++i) items_.push_back({std::to_string(set.At(i)), {}});
  taken_whole_ = true;
  return true;
}

std::string ObjectModel::StreamText() const {
  std::string text;
  for (const Node& node : nodes_) {
    text += " " + IdText(node.id) + "(" + std::to_string(node.entries);
    const shm::PackedReader block(node.listpack);
    shm::PackedElement element;
    char digits[shm::kIntegerTextBytesMax];
    for (uint32_t at = block.First(); block.Take(&at, &element);) text += ":" + std::string(TextOf(element, digits));
    text += ")";
  }
  text += " length=" + std::to_string(info_.length) + " last=" + IdText(info_.last_id) +
          " first=" + IdText(info_.first_id) + " deleted=" + IdText(info_.max_deleted_id) +
          " added=" + std::to_string(info_.entries_added);
  for (const StreamGroup& group : groups_) {
    text += " group " + group.name + " last=" + IdText(group.last_id) + " read=" + std::to_string(group.entries_read);
    for (const StreamConsumer& consumer : group.consumers) {
      text += " [" + consumer.name + " " + std::to_string(consumer.seen_ms) + " " + std::to_string(consumer.active_ms) +
              "]";
    }
    for (const StreamPending& entry : group.pending) {
      text += " {" + IdText(entry.id) + " " + std::to_string(entry.delivered_ms) + " " +
              std::to_string(entry.deliveries) + " " + std::to_string(entry.consumer) + "}";
    }
  }
  return text;
}

std::string ObjectModel::Text() const {
  std::string text = kKindNames[static_cast<int>(kind_)];
  if (kind_ == ObjectKind::kStream) return text + StreamText();
  for (const Item& item : items_) {
    text += " " + item.name;
    if (kind_ == ObjectKind::kHash) text += "=" + item.value;
    if (kind_ == ObjectKind::kSortedSet) text += "=" + NumberText(item.score);
    if (item.expire_at_ms != kFieldNeverExpires) text += "@" + std::to_string(item.expire_at_ms);
  }
  return text;
}

void ObjectModel::WriteHash(std::string& out) const {
  int64_t earliest_ms = kFieldExpiryMax;
  bool expires = false;
  for (const Item& item : items_) {
    if (item.expire_at_ms == kFieldNeverExpires) continue;
    expires = true;
    earliest_ms = std::min(earliest_ms, item.expire_at_ms);
  }
  AppendType(expires ? ObjectType::kHashExpiring : ObjectType::kHash, out);
  if (expires) AppendMilliseconds(earliest_ms, out);
  AppendLength(items_.size(), out);
  for (const Item& item : items_) {
    if (expires) AppendFieldExpiry(item.expire_at_ms, earliest_ms, out);
    AppendString(item.name, out);
    AppendString(item.value, out);
  }
}

void ObjectModel::WriteStream(std::string& out) const {
  AppendType(ObjectType::kStream3, out);
  AppendLength(nodes_.size(), out);
  for (const Node& node : nodes_) AppendStreamNode(node.id, node.listpack, out);
  AppendStreamInfo(info_, out);
  AppendLength(groups_.size(), out);
  for (const StreamGroup& group : groups_) AppendStreamGroup(ObjectType::kStream3, group, out);
}

std::string ObjectModel::Write() const {
  std::string out;
  ListWriter list;
  switch (kind_) {
    case ObjectKind::kString:
      return EncodeStringObject(items_.at(0).name);
    case ObjectKind::kList:
      for (const Item& item : items_) list.Element(item.name);
      list.Finish(out);
      break;
    case ObjectKind::kHash:
      WriteHash(out);
      break;
    case ObjectKind::kStream:
      WriteStream(out);
      break;
    case ObjectKind::kSet:
    case ObjectKind::kSortedSet:
      AppendType(kind_ == ObjectKind::kSet ? ObjectType::kSet : ObjectType::kSortedSet, out);
      AppendLength(items_.size(), out);
      for (const Item& item : items_) {
        AppendString(item.name, out);
        if (kind_ == ObjectKind::kSortedSet) AppendScore(item.score, out);
      }
      break;
  }
  return out;
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string Decoded(std::string_view object, bool takes_whole) {
  ObjectModel model(takes_whole);
  return DecodeObject(object, Trust::kForeign, model) ? model.Text() : "bad";
}

}  // namespace chestbox::rdb::testing
