// The consumer groups of a stream.
//
// A group and a consumer are a block each: a record and behind it the name. What finds them is an ID tree in the order
// of their names: a key is the name's first twelve bytes and the record's link, so that two names are compared in full
// only when those are equal. A group's pending entries are an ID tree of PendingEntry by entry ID, and each consumer
// has one of bare IDs, its own share of them.
//
// Invariants
// - An ID is in the tree of exactly the consumer that its PendingEntry names, and of no other.
// - Records do not move, so a link names a group or consumer while it lives.
// Reading: any thread, over Nodes. Writing: the executor, with the key's bucket closed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/shm/stream.h"

namespace chestbox::shm {

// entries_read of a group for which it is not known.
inline constexpr int64_t kEntriesReadUnknown = -1;

struct StreamGroup {
  uint32_t bytes = 0;
  uint32_t name_bytes = 0;
  StreamId last_id;  // delivered
  int64_t entries_read = kEntriesReadUnknown;
  TreeRoot pending;
  TreeRoot consumers;
};
static_assert(sizeof(StreamGroup) == 48);

struct StreamConsumer {
  uint32_t bytes = 0;
  uint32_t name_bytes = 0;
  int64_t seen_ms = 0;    // when it last asked for anything
  int64_t active_ms = 0;  // when it last got something; -1: never
  TreeRoot pending;
};
static_assert(sizeof(StreamConsumer) == 32);

struct PendingEntry {
  int64_t delivered_ms = 0;
  uint64_t deliveries = 0;
  Link consumer = 0;
  uint32_t reserved = 0;
};
static_assert(sizeof(PendingEntry) == kTreePayloadBytesMax);

// Compares with a name; `kRecordBytes` is where the names of such records begin.
template <class Nodes>
class NameProbe {
 public:
  NameProbe(Nodes& nodes, std::string_view name, size_t record_bytes)
      : nodes_(&nodes), name_(name), record_bytes_(record_bytes), key_(KeyFor(name, 0)) {}

  static TreeKey KeyFor(std::string_view name, Link link) {
    unsigned char prefix[16] = {};
    if (!name.empty()) std::memcpy(prefix, name.data(), std::min(name.size(), size_t{kPrefixBytes}));
    const auto word = [&](int from) {
      uint64_t value = 0;
      for (int i = 0; i < 8; ++i) value = value << 8 | prefix[from + i];
      return value;
    };
    return {word(0), word(8) | link};
  }
  static Link LinkOf(const TreeKey& key) { return static_cast<Link>(key.low); }

  int operator()(const TreeKey& stored) const {
    if (stored.high != key_.high) return stored.high < key_.high ? -1 : 1;
    const uint64_t low = stored.low >> 32;
    if (low != key_.low >> 32) return low < key_.low >> 32 ? -1 : 1;
    const int order = NameAt(*nodes_, LinkOf(stored), record_bytes_).compare(name_);
    return order < 0 ? -1 : order == 0 ? 0 : 1;
  }

  // Empty if it is torn.
  static std::string_view NameAt(Nodes& nodes, Link link, size_t record_bytes) {
    uint64_t bytes = 0;
    const char* record = nodes.Node(link, record_bytes, &bytes);
    if (record == nullptr) return {};
    uint32_t name_bytes;
    std::memcpy(&name_bytes, record + 4, sizeof name_bytes);
    if (bytes - record_bytes < name_bytes) return {};
    return {record + record_bytes, name_bytes};
  }

 private:
  static constexpr uint32_t kPrefixBytes = 12;

  Nodes* nodes_;
  std::string_view name_;
  size_t record_bytes_;
  TreeKey key_;
};

// The server's view and hand. Names and records that it returns are valid until the next write to that stream.
class StreamGroups {
 public:
  StreamGroups(ArenaMemory& memory, StreamHead* head) : memory_(&memory), nodes_(memory), head_(head) {}

  // ---- Looking; link 0: there is none ----
  Link FindGroup(std::string_view name) const { return FindName(head_->groups, name, sizeof(StreamGroup)); }
  Link FindConsumer(Link group, std::string_view name) const {
    return FindName(Group(group).consumers, name, sizeof(StreamConsumer));
  }
  StreamGroup Group(Link link) const { return Load<StreamGroup>(link); }
  StreamConsumer Consumer(Link link) const { return Load<StreamConsumer>(link); }
  std::string_view GroupName(Link link) const { return Name(link, sizeof(StreamGroup)); }
  std::string_view ConsumerName(Link link) const { return Name(link, sizeof(StreamConsumer)); }
  bool FindPending(Link group, const StreamId& id, PendingEntry* entry) const;
  // Of a group that has any.
  StreamId FirstPending(Link group) const;
  StreamId LastPending(Link group) const;

  // In the order of names: visit(link) for each.
  template <class Visit>
  void ForEachGroup(Visit&& visit) const {
    ForEachName(head_->groups, visit);
  }
  template <class Visit>
  void ForEachConsumer(Link group, Visit&& visit) const {
    ForEachName(Group(group).consumers, visit);
  }
  // From `from` on: visit(id, entry) -> bool, whether to go on. Of a group, or of one consumer of it (else 0).
  template <class Visit>
  void ForEachPending(Link group, Link consumer, const StreamId& from, Visit&& visit) const;

  // ---- Changing. False or 0: no memory, and nothing has changed ----
  // The name is new.
  [[nodiscard]] Link CreateGroup(std::string_view name, const StreamId& last_id, int64_t entries_read);
  [[nodiscard]] Link CreateConsumer(Link group, std::string_view name, int64_t seen_ms, int64_t active_ms);
  void SetGroup(Link group, const StreamId& last_id, int64_t entries_read);
  void SetTimes(Link consumer, int64_t seen_ms, int64_t active_ms);
  // Makes the entry pending, or changes whose it is and what is known of its delivery.
  [[nodiscard]] bool SetPending(Link group, const StreamId& id, const PendingEntry& entry);
  bool ErasePending(Link group, const StreamId& id);  // false: it was not pending
  void EraseConsumer(Link group, Link consumer);      // with its pending entries
  void EraseGroup(Link group);
  // Frees about *budget nodes and records, and counts them off; true: all are free.
  bool FreeSome(size_t* budget);

 private:
  template <class Record>
  Record Load(Link link) const {
    Record record;
    std::memcpy(static_cast<void*>(&record), memory_->At(link), sizeof record);
    return record;
  }
  template <class Record>
  void Store(Link link, const Record& record) {
    RacyStore(memory_->At(link), &record, sizeof record);
  }
  Link FindName(const TreeRoot& root, std::string_view name, size_t record_bytes) const;
  std::string_view Name(Link link, size_t record_bytes) const {
    return NameProbe<const DirectNodes>::NameAt(nodes_, link, record_bytes);
  }
  template <class Record>
  Link Create(TreeRoot* root, std::string_view name, Record record);
  void EraseName(TreeRoot* root, Link link, size_t record_bytes);
  template <class Visit>
  void ForEachName(const TreeRoot& root, Visit&& visit) const {
    TreeCursor<const DirectNodes> cursor(nodes_, root, 0);
    for (bool more = cursor.First(); more; more = cursor.Next()) {
      visit(NameProbe<const DirectNodes>::LinkOf(cursor.key()));
    }
  }
  bool FreePending(TreeRoot* root, uint32_t payload_bytes, size_t* budget);
  bool FreeGroup(Link group, size_t* budget);

  ArenaMemory* memory_;
  DirectNodes nodes_;
  StreamHead* head_;
};

template <class Visit>
void StreamGroups::ForEachPending(Link group, Link consumer, const StreamId& from, Visit&& visit) const {
  if (consumer == 0) {
    TreeCursor<const DirectNodes> cursor(nodes_, Group(group).pending, sizeof(PendingEntry));
    for (bool more = cursor.SeekAtLeast(ProbeOf(from)); more; more = cursor.Next()) {
      PendingEntry entry;
      std::memcpy(static_cast<void*>(&entry), cursor.payload(), sizeof entry);
      if (!visit(IdOf(cursor.key()), entry)) return;
    }
    return;
  }
  TreeCursor<const DirectNodes> cursor(nodes_, Consumer(consumer).pending, 0);
  for (bool more = cursor.SeekAtLeast(ProbeOf(from)); more; more = cursor.Next()) {
    PendingEntry entry;
    const StreamId id = IdOf(cursor.key());
    if (!FindPending(group, id, &entry) || !visit(id, entry)) return;
  }
}

// Copies everything behind `from`: *to is the head of the copy. False: no memory, and nothing was kept.
[[nodiscard]] bool CopyStream(ArenaMemory& memory, const StreamHead& from, StreamHead* to);
// Frees about *budget blocks behind `head`, which remembers what is left, and counts them off; true: nothing is left.
bool FreeStream(ArenaMemory& memory, StreamHead* head, size_t* budget);

}  // namespace chestbox::shm
