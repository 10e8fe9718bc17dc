#include "protocol/shm/stream_group.h"

#include "protocol/check.h"

namespace chestbox::shm {

namespace {

using Probe = NameProbe<const DirectNodes>;

constexpr uint32_t kNoPayload = 0;

}  // namespace

Link StreamGroups::FindName(const TreeRoot& root, std::string_view name, size_t record_bytes) const {
  TreeCursor<const DirectNodes> cursor(nodes_, root, kNoPayload);
  return cursor.Find(Probe(nodes_, name, record_bytes)) ? Probe::LinkOf(cursor.key()) : 0;
}

bool StreamGroups::FindPending(Link group, const StreamId& id, PendingEntry* entry) const {
  TreeCursor<const DirectNodes> cursor(nodes_, Group(group).pending, sizeof *entry);
  if (!cursor.Find(ProbeOf(id))) return false;
  std::memcpy(static_cast<void*>(entry), cursor.payload(), sizeof *entry);
  return true;
}

StreamId StreamGroups::FirstPending(Link group) const {
  TreeCursor<const DirectNodes> cursor(nodes_, Group(group).pending, sizeof(PendingEntry));
  CHECK(cursor.First());
  return IdOf(cursor.key());
}

StreamId StreamGroups::LastPending(Link group) const {
  TreeCursor<const DirectNodes> cursor(nodes_, Group(group).pending, sizeof(PendingEntry));
  CHECK(cursor.Last());
  return IdOf(cursor.key());
}

// ---- Records ----

template <class Record>
Link StreamGroups::Create(TreeRoot* root, std::string_view name, Record record) {
  record.bytes = static_cast<uint32_t>(sizeof record + name.size());
  record.name_bytes = static_cast<uint32_t>(name.size());
  const Link link = memory_->Allocate(record.bytes);
  if (link == 0) return 0;
  Store(link, record);
  RacyStore(memory_->At(link) + sizeof record, name.data(), name.size());
  TreeWriter tree(*memory_, kNoPayload);
  const TreePath path = tree.Find(*root, Probe(nodes_, name, sizeof record));
  CHECK(!path.found);
  if (tree.Insert(root, path, Probe::KeyFor(name, link), nullptr)) return link;
  memory_->Free(link);
  return 0;
}

Link StreamGroups::CreateGroup(std::string_view name, const StreamId& last_id, int64_t entries_read) {
  StreamGroup group;
  group.last_id = last_id;
  group.entries_read = entries_read;
  return Create(&head_->groups, name, group);
}

Link StreamGroups::CreateConsumer(Link group, std::string_view name, int64_t seen_ms, int64_t active_ms) {
  StreamConsumer consumer;
  consumer.seen_ms = seen_ms;
  consumer.active_ms = active_ms;
  StreamGroup record = Group(group);
  const Link link = Create(&record.consumers, name, consumer);
  if (link != 0) Store(group, record);
  return link;
}

void StreamGroups::SetGroup(Link group, const StreamId& last_id, int64_t entries_read) {
  StreamGroup record = Group(group);
  record.last_id = last_id;
  record.entries_read = entries_read;
  Store(group, record);
}

void StreamGroups::SetTimes(Link consumer, int64_t seen_ms, int64_t active_ms) {
  StreamConsumer record = Consumer(consumer);
  record.seen_ms = seen_ms;
  record.active_ms = active_ms;
  Store(consumer, record);
}

// ---- Pending entries ----

bool StreamGroups::SetPending(Link group, const StreamId& id, const PendingEntry& entry) {
  TreeWriter pending(*memory_, sizeof entry);
  TreeWriter own(*memory_, kNoPayload);
  StreamGroup record = Group(group);
  const TreePath path = pending.FindKey(record.pending, KeyOf(id));
  PendingEntry old;
  if (path.found) std::memcpy(static_cast<void*>(&old), pending.PayloadAt(path), sizeof old);
  if (old.consumer != entry.consumer) {
    StreamConsumer consumer = Consumer(entry.consumer);
    if (!own.Insert(&consumer.pending, own.FindKey(consumer.pending, KeyOf(id)), KeyOf(id), nullptr)) return false;
    if (!path.found && !pending.Insert(&record.pending, path, KeyOf(id), &entry)) {
      own.Erase(&consumer.pending, own.FindKey(consumer.pending, KeyOf(id)));
      Store(entry.consumer, consumer);  // its nodes may have moved
      return false;
    }
    Store(entry.consumer, consumer);
    if (path.found) {
      StreamConsumer loser = Consumer(old.consumer);
      own.Erase(&loser.pending, own.FindKey(loser.pending, KeyOf(id)));
      Store(old.consumer, loser);
    }
  }
  if (path.found) {
    RacyStore(pending.PayloadAt(path), &entry, sizeof entry);
  } else {
    Store(group, record);
  }
  return true;
}

bool StreamGroups::ErasePending(Link group, const StreamId& id) {
  TreeWriter pending(*memory_, sizeof(PendingEntry));
  StreamGroup record = Group(group);
  const TreePath path = pending.FindKey(record.pending, KeyOf(id));
  if (!path.found) return false;
  PendingEntry entry;
  std::memcpy(static_cast<void*>(&entry), pending.PayloadAt(path), sizeof entry);
  pending.Erase(&record.pending, path);
  Store(group, record);
  TreeWriter own(*memory_, kNoPayload);
  StreamConsumer consumer = Consumer(entry.consumer);
  own.Erase(&consumer.pending, own.FindKey(consumer.pending, KeyOf(id)));
  Store(entry.consumer, consumer);
  return true;
}

// ---- Removing ----

void StreamGroups::EraseName(TreeRoot* root, Link link, size_t record_bytes) {
  TreeWriter tree(*memory_, kNoPayload);
  const TreePath path = tree.Find(*root, Probe(nodes_, Name(link, record_bytes), record_bytes));
  CHECK(path.found);
  tree.Erase(root, path);
  memory_->Free(link);
}

void StreamGroups::EraseConsumer(Link group, Link consumer) {
  TreeWriter pending(*memory_, sizeof(PendingEntry));
  StreamGroup record = Group(group);
  StreamConsumer own = Consumer(consumer);
  TreeCursor<const DirectNodes> cursor(nodes_, own.pending, kNoPayload);
  for (bool more = cursor.First(); more; more = cursor.Next()) {
    const TreePath path = pending.FindKey(record.pending, cursor.key());
    CHECK(path.found);
    pending.Erase(&record.pending, path);
  }
  size_t unbounded = SIZE_MAX;
  (void)FreePending(&own.pending, kNoPayload, &unbounded);
  EraseName(&record.consumers, consumer, sizeof own);
  Store(group, record);
}

void StreamGroups::EraseGroup(Link group) {
  size_t unbounded = SIZE_MAX;
  (void)FreeGroup(group, &unbounded);
  EraseName(&head_->groups, group, sizeof(StreamGroup));
}

bool StreamGroups::FreePending(TreeRoot* root, uint32_t payload_bytes, size_t* budget) {
  TreeWriter tree(*memory_, payload_bytes);
  while (root->link != 0) {
    if (*budget == 0) return false;
    if (tree.DropLastItem(root)) --*budget;
  }
  return true;
}

// All but the record itself.
bool StreamGroups::FreeGroup(Link group, size_t* budget) {
  StreamGroup record = Group(group);
  TreeWriter names(*memory_, kNoPayload);
  bool freed = FreePending(&record.pending, sizeof(PendingEntry), budget);
  TreeKey key;
  while (freed && names.LastItem(record.consumers, &key) != nullptr) {
    const Link link = Probe::LinkOf(key);
    StreamConsumer consumer = Consumer(link);
    freed = FreePending(&consumer.pending, kNoPayload, budget) && *budget != 0;
    Store(link, consumer);
    if (!freed) break;
    memory_->Free(link);
    names.DropLastItem(&record.consumers);
    --*budget;
  }
  Store(group, record);
  return freed;
}

bool StreamGroups::FreeSome(size_t* budget) {
  TreeWriter names(*memory_, kNoPayload);
  TreeKey key;
  while (names.LastItem(head_->groups, &key) != nullptr) {
    if (!FreeGroup(Probe::LinkOf(key), budget) || *budget == 0) return false;
    memory_->Free(Probe::LinkOf(key));
    names.DropLastItem(&head_->groups);
    --*budget;
  }
  return true;
}

}  // namespace chestbox::shm
