// One node of a stream: a packed block of entries, laid out as Redis' own stream nodes (so that DUMP, RESTORE and the
// swap copy it):
//
//   master   count | deleted | fields | field … | 0
//   entry    flags | ms less the master ID's | seq less the master ID's | [fields] | [field] value … | elements
//
// The fields of the master are those of the node's first entry; an entry with the same ones (kSameFields) has only
// values. `elements` is how many elements the entry has before it, for walking backwards. Deleted entries stay,
// marked.
//
// Invariant: readers check every step, so a torn copy reads as a shorter node. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/resp/request_parser.h"
#include "protocol/shm/packed_block.h"
#include "protocol/stream_id.h"

namespace chestbox::shm {

// What a node may hold, whatever the settings say.
inline constexpr uint64_t kStreamNodeBytesMax = kPackedBytesMax;
// So many bytes behind a node are kept free: marking entries as deleted may lengthen a counter, and needs no memory.
inline constexpr uint32_t kStreamNodeSlackBytes = 8;

struct StreamEntry {
  static constexpr int64_t kDeleted = 1;
  static constexpr int64_t kSameFields = 2;

  StreamId id;
  int64_t flags = 0;
  int64_t fields = 0;            // pairs
  uint32_t flags_position = 0;   // where it begins
  uint32_t fields_position = 0;  // its first field (of the master with kSameFields) …
  uint32_t values_position =
      0;  // … and its first value; without kSameFields fields and values alternate from the former

  bool deleted() const { return (flags & kDeleted) != 0; }
  bool same_fields() const { return (flags & kSameFields) != 0; }
};

class StreamNodeReader {
 public:
  StreamNodeReader() : block_(std::string_view()) {}
  StreamNodeReader(std::string_view block, const StreamId& master_id);

  // False: the block has no sound master entry.
  bool valid() const { return first_entry_ != 0; }
  int64_t live() const { return live_; }
  int64_t deleted() const { return deleted_; }
  int64_t master_fields() const { return master_fields_; }
  uint32_t master_fields_position() const { return master_fields_position_; }
  uint32_t deleted_position() const { return deleted_position_; }
  const StreamId& master_id() const { return master_id_; }
  const PackedReader& block() const { return block_; }

  // The entries one by one, deleted ones too; false: no more. A backward walk begins behind the last one.
  bool First(StreamEntry* entry) const { return Load(first_entry_, entry); }
  bool Next(StreamEntry* entry) const;
  bool Last(StreamEntry* entry) const { return LoadBefore(block_.end(), entry); }
  bool Previous(StreamEntry* entry) const { return LoadBefore(entry->flags_position, entry); }

  // Calls visit(field, value) for each pair of elements; false: the entry is torn.
  template <class Visit>
  bool ForEachField(const StreamEntry& entry, Visit&& visit) const {
    uint32_t field_at = entry.fields_position;
    uint32_t value_at = entry.values_position;
    PackedElement field;
    PackedElement value;
    for (int64_t i = 0; i < entry.fields; ++i) {
      if (!block_.Take(&field_at, &field) || !IsText(field)) return false;
      if (!entry.same_fields()) value_at = field_at;
      if (!block_.Take(&value_at, &value) || !IsText(value)) return false;
      if (!entry.same_fields()) field_at = value_at;
      visit(field, value);
    }
    return true;
  }

 private:
  static bool IsText(const PackedElement& element) {
    return element.kind == PackedElement::Kind::kString || element.kind == PackedElement::Kind::kInteger;
  }
  bool TakeInteger(uint32_t* position, int64_t* value) const;
  bool Load(uint32_t position, StreamEntry* entry) const;
  bool LoadBefore(uint32_t position, StreamEntry* entry) const;

  PackedReader block_;
  StreamId master_id_;
  int64_t live_ = 0;
  int64_t deleted_ = 0;
  int64_t master_fields_ = 0;
  uint32_t deleted_position_ = 0;
  uint32_t master_fields_position_ = 0;
  uint32_t first_entry_ = 0;
};

// True if `block` is what a writer makes, here or in Redis (for blocks from outside): counts, fields and back
// references agree, and IDs ascend.
bool IsSoundStreamNode(std::string_view block, const StreamId& master_id);

// ---- Writing ----

// The whole block of a node whose only entry has the master's ID; `pairs` are field, value, field, value …
void BuildStreamNode(resp::Args pairs, std::string* block);
// The elements of one more entry for a node, and how many they are; appended to *elements.
int BuildStreamEntry(const StreamNodeReader& node, const StreamId& id, resp::Args pairs, std::string* elements);
// Writes the master's two counters; `room` bytes are there for the block.
void StoreStreamCounters(char* block, int64_t live, int64_t deleted, uint64_t room);
// Marks the entry as deleted. The counters are the caller's.
void MarkStreamEntryDeleted(char* block, const StreamEntry& entry);

}  // namespace chestbox::shm
