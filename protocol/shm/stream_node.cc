#include "protocol/shm/stream_node.h"

#include "protocol/check.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

namespace {

// Flags and the two parts of the ID.
constexpr int64_t kEntryFixedElements = 3;

bool SameFields(const StreamNodeReader& node, resp::Args pairs) {
  if (static_cast<int64_t>(pairs.size() / 2) != node.master_fields()) return false;
  uint32_t position = node.master_fields_position();
  PackedElement element;
  char digits[kIntegerTextBytesMax];
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (!node.block().Take(&position, &element) || TextOf(element, digits) != pairs[i]) return false;
  }
  return true;
}

int64_t Difference(uint64_t a, uint64_t b) { return static_cast<int64_t>(a - b); }

int AppendEntry(int64_t flags, const StreamId& id, const StreamId& master, resp::Args pairs, std::string* out) {
  const bool same = (flags & StreamEntry::kSameFields) != 0;
  const auto fields = static_cast<int64_t>(pairs.size() / 2);
  AppendInteger(flags, out);
  AppendInteger(Difference(id.ms, master.ms), out);
  AppendInteger(Difference(id.seq, master.seq), out);
  if (!same) AppendInteger(fields, out);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (!same) AppendElement(pairs[i], out);
    AppendElement(pairs[i + 1], out);
  }
  const int64_t elements = kEntryFixedElements + fields + (same ? 0 : fields + 1);
  AppendInteger(elements, out);
  return static_cast<int>(elements) + 1;
}

void ReplaceInteger(char* block, uint32_t position, int64_t value, uint64_t room) {
  const PackedReader reader({block, room});
  PackedElement element;
  CHECK(reader.Get(position, &element));
  if (element.integer == value) return;
  std::string bytes;
  AppendInteger(value, &bytes);
  if (bytes.size() == element.next - position) {  // as a rule, and then nothing moves
    RacyStore(block + position, bytes.data(), bytes.size());
    return;
  }
  const PackedSplice splice{position, element.next, bytes, 0};
  CHECK(static_cast<int64_t>(reader.bytes()) + splice.size_change() <= static_cast<int64_t>(room));
  ApplySplice(block, splice);
}

}  // namespace

StreamNodeReader::StreamNodeReader(std::string_view block, const StreamId& master_id)
    : block_(block), master_id_(master_id) {
  uint32_t position = block_.First();
  if (position == 0 || !TakeInteger(&position, &live_)) return;
  deleted_position_ = position;
  if (!TakeInteger(&position, &deleted_) || !TakeInteger(&position, &master_fields_)) return;
  if (live_ < 0 || deleted_ < 0 || master_fields_ < 0) return;
  master_fields_position_ = position;
  for (int64_t i = 0; i < master_fields_ && position != 0; ++i) position = block_.Next(position);
  int64_t zero = 0;
  if (!TakeInteger(&position, &zero) || zero != 0) return;
  first_entry_ = position;
}

bool StreamNodeReader::TakeInteger(uint32_t* position, int64_t* value) const {
  PackedElement element;
  if (!block_.Take(position, &element) || element.kind != PackedElement::Kind::kInteger) return false;
  *value = element.integer;
  return true;
}

bool StreamNodeReader::Load(uint32_t position, StreamEntry* entry) const {
  StreamEntry loaded;
  loaded.flags_position = position;
  int64_t ms = 0;
  int64_t seq = 0;
  if (position == 0 || !TakeInteger(&position, &loaded.flags) || !TakeInteger(&position, &ms) ||
      !TakeInteger(&position, &seq)) {
    return false;
  }
  loaded.id = {master_id_.ms + static_cast<uint64_t>(ms), master_id_.seq + static_cast<uint64_t>(seq)};
  if (loaded.same_fields()) {
    loaded.fields = master_fields_;
    loaded.fields_position = master_fields_position_;
    loaded.values_position = position;
  } else {
    if (!TakeInteger(&position, &loaded.fields) || loaded.fields < 0) return false;
    loaded.fields_position = position;
    loaded.values_position = position;
  }
  *entry = loaded;
  return true;
}

bool StreamNodeReader::Next(StreamEntry* entry) const {
  int64_t elements = entry->same_fields() ? entry->fields : entry->fields * 2;
  uint32_t position = entry->values_position;
  for (; elements > 0 && position != 0; --elements) position = block_.Next(position);
  if (position != 0) position = block_.Next(position);  // `elements`
  return Load(position, entry);
}

bool StreamNodeReader::LoadBefore(uint32_t position, StreamEntry* entry) const {
  uint32_t at = block_.Previous(position);
  uint32_t ahead = at;
  int64_t elements = 0;
  if (at == 0 || !TakeInteger(&ahead, &elements) || elements < kEntryFixedElements) return false;
  for (; elements > 0 && at >= first_entry_ && at != 0; --elements) at = block_.Previous(at);
  return at >= first_entry_ && Load(at, entry);
}

bool IsSoundStreamNode(std::string_view block, const StreamId& master_id) {
  uint32_t elements = 0;
  if (!PackedReader(block).IsSound(&elements)) return false;
  const StreamNodeReader node(block, master_id);
  if (!node.valid()) return false;
  int64_t live = 0;
  int64_t deleted = 0;
  StreamEntry entry;
  StreamId last;
  bool first = true;
  for (bool more = node.First(&entry); more; more = node.Next(&entry)) {
    if (!first && entry.id <= last) return false;
    if (first && entry.id < master_id) return false;
    // Flags are one byte, so that marking moves nothing.
    if (entry.flags < 0 || entry.flags > (StreamEntry::kDeleted | StreamEntry::kSameFields)) return false;
    if (node.block().Next(entry.flags_position) != entry.flags_position + 2) return false;
    first = false;
    last = entry.id;
    ++(entry.deleted() ? deleted : live);
    if (!node.ForEachField(entry, [](const PackedElement&, const PackedElement&) {})) return false;
    // The way back agrees with the way there.
    const int64_t own =
        entry.same_fields() ? entry.fields + kEntryFixedElements : entry.fields * 2 + kEntryFixedElements + 1;
    if (own > elements) return false;
    uint32_t position = entry.flags_position;
    for (int64_t i = 0; i < own && position != 0; ++i) position = node.block().Next(position);
    PackedElement count;
    if (!node.block().Get(position, &count) || count.kind != PackedElement::Kind::kInteger || count.integer != own) {
      return false;
    }
    elements -= static_cast<uint32_t>(own) + 1;
  }
  return live == node.live() && deleted == node.deleted() && elements == node.master_fields() + 4;
}

void BuildStreamNode(resp::Args pairs, std::string* block) {
  *block = EmptyPacked();
  std::string elements;
  AppendInteger(1, &elements);
  AppendInteger(0, &elements);
  AppendInteger(static_cast<int64_t>(pairs.size() / 2), &elements);
  for (size_t i = 0; i < pairs.size(); i += 2) AppendElement(pairs[i], &elements);
  AppendInteger(0, &elements);
  int count = static_cast<int>(pairs.size() / 2) + 4;
  count += AppendEntry(StreamEntry::kSameFields, {}, {}, pairs, &elements);
  block->resize(kPackedEmptyBytes + elements.size());
  ApplySplice(block->data(), {kPackedHeaderBytes, kPackedHeaderBytes, elements, count});
}

int BuildStreamEntry(const StreamNodeReader& node, const StreamId& id, resp::Args pairs, std::string* elements) {
  return AppendEntry(SameFields(node, pairs) ? StreamEntry::kSameFields : 0, id, node.master_id(), pairs, elements);
}

void StoreStreamCounters(char* block, int64_t live, int64_t deleted, uint64_t room) {
  ReplaceInteger(block, kPackedHeaderBytes, live, room);
  ReplaceInteger(block, PackedReader({block, room}).Next(kPackedHeaderBytes), deleted, room);
}

void MarkStreamEntryDeleted(char* block, const StreamEntry& entry) {
  ReplaceInteger(block, entry.flags_position, entry.flags | StreamEntry::kDeleted,
                 PackedReader({block, UINT32_MAX}).bytes());  // NOLINT(bugprone-string-constructor): the header knows
}

}  // namespace chestbox::shm
