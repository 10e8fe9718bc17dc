#include "protocol/rdb/stream_codec.h"

#include <algorithm>
#include <unordered_set>

#include "protocol/rdb/length_codec.h"
#include "protocol/rdb/object_writer.h"
#include "protocol/rdb/string_codec.h"
#include "protocol/shm/packed_block.h"
#include "protocol/shm/stream_node.h"

namespace chestbox::rdb {
namespace {

constexpr int64_t kDeletedFlag = 1;
constexpr int64_t kSameFieldsFlag = 2;
// Flags, two halves of the ID, and the count at the end.
constexpr int64_t kElementsBesideFields = 3;
constexpr size_t kIdBytes = 16;
// An ID, a time and a count.
constexpr size_t kPendingBytesMin = kIdBytes + 8 + 1;

// Steps over the elements of a listpack that is known to be sound.
class NodeWalk {
 public:
  explicit NodeWalk(std::string_view listpack) : block_(listpack), at_(block_.First()) {}

  bool done() const { return at_ == 0; }
  bool Integer(int64_t* value) {
    shm::PackedElement element;
    if (!block_.Take(&at_, &element) || element.kind != shm::PackedElement::Kind::kInteger) return false;
    *value = element.integer;
    return true;
  }
  bool Skip(int64_t elements) {
    shm::PackedElement element;
    for (; elements > 0; --elements) {
      if (!block_.Take(&at_, &element)) return false;
    }
    return elements == 0;
  }

 private:
  shm::PackedReader block_;
  uint32_t at_;
};

bool WalkEntry(NodeWalk& walk, int64_t node_fields, const StreamId& node_id, StreamId* id, bool* deleted) {
  int64_t flags = 0;
  int64_t ms = 0;
  int64_t seq = 0;
  if (!walk.Integer(&flags) || !walk.Integer(&ms) || !walk.Integer(&seq)) return false;
  int64_t elements = kElementsBesideFields;
  if ((flags & kSameFieldsFlag) != 0) {
    if (!walk.Skip(node_fields)) return false;
    elements += node_fields;
  } else {
    int64_t fields = 0;
    // Each is at least two bytes of a listpack, whose size is below 2^32: no product overflows.
    if (!walk.Integer(&fields) || fields < 0 || fields > INT32_MAX || !walk.Skip(2 * fields)) return false;
    elements += 2 * fields + 1;
  }
  int64_t count = 0;
  *deleted = (flags & kDeletedFlag) != 0;
  *id = {node_id.ms + static_cast<uint64_t>(ms), node_id.seq + static_cast<uint64_t>(seq)};
  return walk.Integer(&count) && count == elements;
}

bool ReadId(PayloadReader& in, StreamId* id) { return in.Length(&id->ms) && in.Length(&id->seq); }

uint64_t BigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

StreamId RawId(std::string_view bytes) { return {BigEndian(bytes.substr(0, 8)), BigEndian(bytes.substr(8, 8))}; }

void AppendRawId(const StreamId& id, std::string& out) {
  for (const uint64_t half : {id.ms, id.seq}) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(half >> shift));
  }
}

bool ReadRawId(PayloadReader& in, StreamId* id) {
  std::string_view bytes;
  if (!in.Bytes(kIdBytes, &bytes)) return false;
  *id = RawId(bytes);
  return true;
}

// Who has not been told a consumer yet.
constexpr uint32_t kNobody = UINT32_MAX;

bool ReadPending(PayloadReader& in, StreamGroup* group) {
  uint64_t count = 0;
  if (!in.Count(kPendingBytesMin, &count)) return false;
  for (; count > 0; --count) {
    StreamPending entry;
    entry.consumer = kNobody;
    if (!ReadRawId(in, &entry.id) || !in.Milliseconds(&entry.delivered_ms) || !in.Length(&entry.deliveries))
      return false;
    if (!group->pending.empty() && group->pending.back().id >= entry.id) return false;
    group->pending.push_back(entry);
  }
  return true;
}

bool ReadConsumer(ObjectType type, PayloadReader& in, StreamGroup* group, std::unordered_set<std::string>* names) {
  StringPart name;
  StreamConsumer consumer;
  if (!in.String(&name) || !in.Milliseconds(&consumer.seen_ms)) return false;
  consumer.name = name.view();
  consumer.active_ms = consumer.seen_ms;
  if (type >= ObjectType::kStream3 && !in.Milliseconds(&consumer.active_ms)) return false;
  if (!names->insert(consumer.name).second) return false;
  const auto number = static_cast<uint32_t>(group->consumers.size());
  group->consumers.push_back(std::move(consumer));
  uint64_t count = 0;
  if (!in.Count(kIdBytes, &count)) return false;
  for (; count > 0; --count) {
    StreamId id;
    if (!ReadRawId(in, &id)) return false;
    const auto found =
        std::lower_bound(group->pending.begin(), group->pending.end(), id,
                         [](const StreamPending& entry, const StreamId& wanted) { return entry.id < wanted; });
    // One consumer for each.
    if (found == group->pending.end() || found->id != id || found->consumer != kNobody) return false;
    found->consumer = number;
  }
  return true;
}

// How many entries a group has read that says only up to where, if that can be told, of a stream as old as its format.
int64_t EntriesReadUpTo(const StreamId& id, const StreamInfo& info) {
  if (info.length == 0 || id < info.first_id) return 0;
  if (id == info.first_id) return 1;
  return id == info.last_id ? static_cast<int64_t>(info.length) : -1;
}

bool ReadGroup(ObjectType type, const StreamInfo& info, PayloadReader& in, StreamGroup* group) {
  StringPart name;
  if (!in.String(&name) || !ReadId(in, &group->last_id)) return false;
  group->name = name.view();
  group->entries_read = EntriesReadUpTo(group->last_id, info);
  if (type >= ObjectType::kStream2) {
    uint64_t entries_read = 0;
    if (!in.Length(&entries_read)) return false;
    group->entries_read = static_cast<int64_t>(entries_read);
  }
  if (!ReadPending(in, group)) return false;
  uint64_t consumers = 0;
  // A name and a time and a count.
  if (!in.Count(1 + 8 + 1, &consumers)) return false;
  std::unordered_set<std::string> names;
  for (; consumers > 0; --consumers) {
    if (!ReadConsumer(type, in, group, &names)) return false;
  }
  return std::none_of(group->pending.begin(), group->pending.end(),
                      [](const StreamPending& entry) { return entry.consumer == kNobody; });
}

}  // namespace

bool WalkStreamNode(const StreamId& node_id, std::string_view listpack, StreamSpan* span, uint32_t* entries) {
  const shm::PackedReader block(listpack);
  uint32_t elements = 0;
  if (block.bytes() != listpack.size() || !block.IsSound(&elements)) return false;
  if (!shm::IsSoundStreamNode(listpack, node_id)) return false;  // what the stream's own code relies on
  NodeWalk walk(listpack);
  int64_t live = 0;
  int64_t deleted = 0;
  int64_t fields = 0;
  int64_t terminator = 0;
  if (!walk.Integer(&live) || !walk.Integer(&deleted) || !walk.Integer(&fields)) return false;
  if (live < 0 || deleted < 0 || live > elements || deleted > elements || fields < 0) return false;
  if (!walk.Skip(fields) || !walk.Integer(&terminator) || terminator != 0) return false;
  int64_t live_found = 0;
  for (int64_t left = live + deleted; left > 0; --left) {
    StreamId id;
    bool is_deleted = false;
    if (!WalkEntry(walk, fields, node_id, &id, &is_deleted)) return false;
    if (is_deleted) continue;
    if (id < node_id || (span->last && id <= *span->last)) return false;
    span->last = id;
    if (!span->first) span->first = id;
    ++live_found;
  }
  *entries = static_cast<uint32_t>(live);
  return walk.done() && live_found == live;
}

bool DecodeStream(ObjectType type, PayloadReader& in, ObjectSink& sink) {
  uint64_t nodes = 0;
  if (!sink.Begin(ObjectKind::kStream) || !in.Count(kIdBytes, &nodes)) return false;
  StreamSpan span;
  std::optional<StreamId> last_node;
  uint64_t length = 0;
  for (; nodes > 0; --nodes) {
    StringPart key;
    StringPart listpack;
    uint32_t entries = 0;
    if (!in.String(&key) || key.view().size() != kIdBytes || !in.String(&listpack)) return false;
    const StreamId id = RawId(key.view());
    if ((span.last && id <= *span.last) || (last_node && id <= *last_node)) return false;
    last_node = id;
    if (!WalkStreamNode(id, listpack.view(), &span, &entries)) return false;
    length += entries;
    if (!sink.StreamNode(id, listpack.view(), entries)) return false;
  }
  StreamInfo info;
  if (!in.Length(&info.length) || info.length != length || !ReadId(in, &info.last_id)) return false;
  if (span.last && info.last_id < *span.last) return false;
  if (type >= ObjectType::kStream2) {
    if (!ReadId(in, &info.first_id) || !ReadId(in, &info.max_deleted_id) || !in.Length(&info.entries_added))
      return false;
  } else {
    // As Redis guesses it.
    info.entries_added = length;
    if (span.first) info.first_id = *span.first;
  }
  if (!sink.StreamEnd(info)) return false;
  uint64_t groups = 0;
  // A name, an ID, and two counts.
  if (!in.Count(5, &groups)) return false;
  std::unordered_set<std::string> names;
  for (; groups > 0; --groups) {
    StreamGroup group;
    if (!ReadGroup(type, info, in, &group) || !names.insert(group.name).second || !sink.Group(group)) return false;
  }
  return true;
}

void AppendStreamNode(const StreamId& node_id, std::string_view listpack, std::string& out) {
  AppendLength(kIdBytes, out);
  AppendRawId(node_id, out);
  AppendBlob(listpack, out);
}

void AppendStreamInfo(const StreamInfo& info, std::string& out) {
  for (const uint64_t number : {info.length, info.last_id.ms, info.last_id.seq, info.first_id.ms, info.first_id.seq,
                                info.max_deleted_id.ms, info.max_deleted_id.seq, info.entries_added}) {
    AppendLength(number, out);
  }
}

void AppendStreamGroup(ObjectType type, const StreamGroup& group, std::string& out) {
  AppendString(group.name, out);
  AppendLength(group.last_id.ms, out);
  AppendLength(group.last_id.seq, out);
  AppendLength(static_cast<uint64_t>(group.entries_read), out);
  AppendLength(group.pending.size(), out);
  for (const StreamPending& entry : group.pending) {
    AppendRawId(entry.id, out);
    AppendMilliseconds(entry.delivered_ms, out);
    AppendLength(entry.deliveries, out);
  }
  std::vector<std::vector<StreamId>> owned(group.consumers.size());
  for (const StreamPending& entry : group.pending) owned[entry.consumer].push_back(entry.id);
  AppendLength(group.consumers.size(), out);
  for (size_t i = 0; i < owned.size(); ++i) {
    const StreamConsumer& consumer = group.consumers[i];
    AppendString(consumer.name, out);
    AppendMilliseconds(consumer.seen_ms, out);
    if (type >= ObjectType::kStream3) AppendMilliseconds(consumer.active_ms, out);
    AppendLength(owned[i].size(), out);
    for (const StreamId& id : owned[i]) AppendRawId(id, out);
  }
}

}  // namespace chestbox::rdb
