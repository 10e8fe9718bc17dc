#include "protocol/shm/hash_table.h"

#include <algorithm>
#include <vector>

#include "protocol/check.h"
#include "protocol/shm/hash.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

namespace {

// Rows a bucket on average: a split above, a merge below. Just split buckets hold half of what the others do.
constexpr uint64_t kRowsPerBucketMax = 12;
constexpr uint64_t kRowsPerBucketMin = 4;
// A leaf's block is left for a smaller one when more than half of it is empty, and it is worth it.
constexpr uint64_t kLeafSlackFactor = 2;
constexpr uint64_t kLeafShrunkBytesMin = 64;

// A packed block that is being put together.
class LeafBuilder {
 public:
  explicit LeafBuilder(std::string* bytes) : bytes_(bytes) { bytes_->assign(kPackedHeaderBytes, '\0'); }
  void Append(std::string_view row, int elements) {
    bytes_->append(row);
    elements_ += elements;
  }
  bool empty() const { return elements_ == 0; }
  std::string_view Finish() {
    bytes_->push_back(static_cast<char>(0xff));
    const auto total = static_cast<uint32_t>(bytes_->size());
    const auto count = static_cast<uint16_t>(std::min<int64_t>(elements_, kPackedCountUnknown));
    std::memcpy(bytes_->data(), &total, sizeof total);
    std::memcpy(bytes_->data() + sizeof total, &count, sizeof count);
    return *bytes_;
  }

 private:
  std::string* bytes_;
  int64_t elements_ = 0;
};

uint64_t Slack(const ArenaMemory& memory, Link link, uint64_t needed) {
  const uint64_t usable = memory.UsableBytes(link);
  return usable < needed ? 0 : usable - needed;
}

}  // namespace

// A row as bytes, with what was allocated for it.
struct HashTable::Encoded {
  std::string bytes;
  int elements = 0;
  int externals = 0;
  Link external[2] = {};
  uint64_t external_bytes = 0;
};

HashTable::HashTable(ArenaMemory& memory, HashTableHead* head, HashFunction hash_of)
    : memory_(memory), head_(head), hash_of_(hash_of != nullptr ? hash_of : &HashKey), nodes_(memory) {}

bool HashTable::Create(ArenaMemory& memory, uint32_t row_elements, HashTableHead* head) {
  *head = {};
  head->row_elements = row_elements;
  return HashTable(memory, head).AddBucket();
}

uint64_t HashTable::HashOf(const PackedRow& row) const {
  ElementDigits digits;
  return HashOf(*ElementText(nodes_, row.key, &digits));
}

Link* HashTable::Slot(uint32_t bucket) const {
  Link chunk = head_->directory;
  if (head_->buckets > kTableChunkLinks) chunk = reinterpret_cast<Link*>(memory_.At(chunk))[bucket / kTableChunkLinks];
  return reinterpret_cast<Link*>(memory_.At(chunk)) + bucket % kTableChunkLinks;
}

PackedReader HashTable::LeafAt(Link link) const {
  const char* leaf = memory_.At(link);
  return PackedReader({leaf, RacyLoad32(leaf)});
}

int HashTable::ElementsOf(const PackedRow& row) const {
  return static_cast<int>(head_->row_elements) + (row.expire_at_ms != kRowNeverExpires ? 1 : 0);
}

// ---- Rows ----

TablePlace HashTable::Find(std::string_view key) const {
  TablePlace place;
  place.hash = HashOf(key);
  place.bucket = BucketOf(head_->buckets, place.hash);
  place.found = reader().Find(key, place.hash, &place.row) == Looked::kFound;
  return place;
}

bool HashTable::EncodeText(std::string_view text, Encoded* encoded) {
  ++encoded->elements;
  if (text.size() <= kInlineElementBytesMax) {
    AppendElement(text, &encoded->bytes);
    return true;
  }
  CHECK(text.size() <= kPackedBytesMax);
  const Link link = memory_.Allocate(text.size());
  if (link == 0) return false;
  RacyStore(memory_.At(link), text.data(), text.size());
  encoded->external[encoded->externals++] = link;
  encoded->external_bytes += text.size();
  AppendExternal(link, static_cast<uint32_t>(text.size()), &encoded->bytes);
  return true;
}

bool HashTable::Encode(const NewRow& row, Encoded* encoded) {
  encoded->bytes.clear();
  encoded->elements = encoded->externals = 0;
  encoded->external_bytes = 0;
  if (!EncodeText(row.key, encoded) || (row.value && !EncodeText(*row.value, encoded))) {
    FreeExternal(*encoded);
    return false;
  }
  if (row.score) {
    AppendScore(*row.score, &encoded->bytes);
    ++encoded->elements;
  }
  CHECK(encoded->elements == static_cast<int>(head_->row_elements));
  if (row.expire_at_ms != kRowNeverExpires) {
    AppendExpiry(row.expire_at_ms, &encoded->bytes);
    ++encoded->elements;
  }
  return true;
}

void HashTable::FreeExternal(const Encoded& encoded) {
  for (int i = 0; i < encoded.externals; ++i) memory_.Free(encoded.external[i]);
}

void HashTable::FreeExternal(const PackedRow& row) {
  if (row.key.kind == PackedElement::Kind::kExternal) memory_.Free(row.key.link);
  if (head_->row_elements == 2 && row.value.kind == PackedElement::Kind::kExternal) memory_.Free(row.value.link);
}

// What the head tells about a row that leaves.
void HashTable::Count(const PackedRow& row, int change) {
  const auto add = [&](uint64_t* counter, uint64_t amount) { *counter += change < 0 ? 0 - amount : amount; };
  const auto count_external = [&](const PackedElement& element) {
    if (element.kind != PackedElement::Kind::kExternal) return;
    add(&head_->external_elements, 1);
    add(&head_->bytes, element.bytes);
  };
  add(&head_->rows, 1);
  count_external(row.key);
  if (head_->row_elements == 2) count_external(row.value);
  if (row.expire_at_ms != kRowNeverExpires) add(&head_->expiring_rows, 1);
  if (head_->expiring_rows == 0) NoteNoExpiry();
}

void HashTable::NoteNoExpiry() {
  head_->expire_at_ms_min = kRowNeverExpires;
  head_->sweep = 0;
}

void HashTable::NoteNewRow(const NewRow& row, const Encoded& encoded) {
  ++head_->rows;
  head_->external_elements += static_cast<uint64_t>(encoded.externals);
  head_->bytes += encoded.external_bytes;
  NoteExpiry(row.expire_at_ms);
}

void HashTable::NoteExpiry(int64_t expire_at_ms) {
  if (expire_at_ms == kRowNeverExpires) return;
  ++head_->expiring_rows;
  if (head_->expire_at_ms_min == kRowNeverExpires || expire_at_ms < head_->expire_at_ms_min) {
    head_->expire_at_ms_min = expire_at_ms;
  }
}

void HashTable::NoteLeafRows(uint32_t bucket) {
  const uint32_t rows = CountRows(LeafAt(*Slot(bucket)), head_->row_elements, head_->expiring_rows != 0);
  head_->leaf_rows_max = std::max(head_->leaf_rows_max, rows);
}

bool HashTable::Insert(const TablePlace& place, const NewRow& row) {
  thread_local Encoded encoded;
  if (!Encode(row, &encoded)) return false;
  const Link leaf = *Slot(place.bucket);
  const uint32_t end = leaf == 0 ? kPackedHeaderBytes : LeafAt(leaf).end();
  if (!SpliceLeaf(place.bucket, {end, end, encoded.bytes, encoded.elements})) {
    FreeExternal(encoded);
    return false;
  }
  NoteNewRow(row, encoded);
  NoteLeafRows(place.bucket);
  if (head_->rows > kRowsPerBucketMax * head_->buckets) Split();
  return true;
}

bool HashTable::Replace(const TablePlace& place, const NewRow& row) {
  thread_local Encoded encoded;
  if (!Encode(row, &encoded)) return false;
  const PackedSplice splice{place.row.from, place.row.to, encoded.bytes, encoded.elements - ElementsOf(place.row)};
  if (!SpliceLeaf(place.bucket, splice)) {
    FreeExternal(encoded);
    return false;
  }
  FreeExternal(place.row);
  // The new one first, so that the earliest expiry of a table with one expiring row stays.
  NoteNewRow(row, encoded);
  Count(place.row, -1);
  return true;
}

bool HashTable::SetExpiry(const TablePlace& place, int64_t expire_at_ms) {
  const bool had = place.row.expire_at_ms != kRowNeverExpires;
  const bool has = expire_at_ms != kRowNeverExpires;
  thread_local std::string element;
  element.clear();
  if (has) AppendExpiry(expire_at_ms, &element);
  const uint32_t from = head_->row_elements == 2 ? place.row.value.next : place.row.key.next;
  if (!SpliceLeaf(place.bucket, {from, place.row.to, element, (has ? 1 : 0) - (had ? 1 : 0)})) return false;
  NoteExpiry(expire_at_ms);
  if (had && --head_->expiring_rows == 0) NoteNoExpiry();
  return true;
}

void HashTable::Erase(const TablePlace& place) {
  CHECK(SpliceLeaf(place.bucket, {place.row.from, place.row.to, {}, -ElementsOf(place.row)}));
  FreeExternal(place.row);
  Count(place.row, -1);
  if (head_->buckets > 1 && head_->rows < kRowsPerBucketMin * head_->buckets) Merge();
  if (head_->rows == 0) head_->leaf_rows_max = 0;
}

bool HashTable::Erase(std::string_view key) {
  const TablePlace place = Find(key);
  if (place.found) Erase(place);
  return place.found;
}

// ---- Leaves ----

// A splice that does not grow the leaf never fails.
bool HashTable::SpliceLeaf(uint32_t bucket, const PackedSplice& splice) {
  Link* slot = Slot(bucket);
  const bool fresh = *slot == 0;
  const uint64_t old_bytes = fresh ? kPackedEmptyBytes : RacyLoad32(memory_.At(*slot));
  const auto bytes = static_cast<uint64_t>(static_cast<int64_t>(old_bytes) + splice.size_change());
  if (bytes > kPackedBytesMax) return false;
  if (bytes == kPackedEmptyBytes) {
    FreeLeaf(slot);
    return true;
  }
  const uint64_t usable = fresh ? 0 : memory_.UsableBytes(*slot);
  const bool fits = bytes <= usable;
  if (fits && (usable <= kLeafShrunkBytesMin || usable <= kLeafSlackFactor * bytes)) {
    ApplySplice(memory_.At(*slot), splice);
  } else {
    const Link link = memory_.Allocate(bytes);
    if (link == 0 && !fits) return false;
    if (link == 0) {
      ApplySplice(memory_.At(*slot), splice);
    } else if (fresh) {
      char empty[kPackedEmptyBytes];
      InitPacked(empty);
      CopySpliced(empty, splice, memory_.At(link));
      RacyStore32(slot, link);
    } else {
      CopySpliced(memory_.At(*slot), splice, memory_.At(link));
      memory_.Free(*slot);
      RacyStore32(slot, link);
    }
  }
  head_->bytes += bytes - (fresh ? 0 : old_bytes);
  return true;
}

void HashTable::FreeLeaf(Link* slot) {
  head_->bytes -= RacyLoad32(memory_.At(*slot));
  memory_.Free(*slot);
  RacyStore32(slot, 0);
}

// ---- Buckets ----

void HashTable::Split() {
  thread_local std::string stays;
  thread_local std::string moves;
  const uint32_t fresh = head_->buckets;
  const uint32_t from = fresh - std::bit_floor(fresh);
  const uint64_t bit = std::bit_floor(fresh);
  const Link leaf = *Slot(from);
  LeafBuilder low(&stays);
  LeafBuilder high(&moves);
  if (leaf != 0) {
    const PackedReader block = LeafAt(leaf);
    PackedRow row;
    for (uint32_t position = block.First(); position != 0;) {
      CHECK(TakeRow(block, &position, head_->row_elements, &row));
      const std::string_view bytes(memory_.At(leaf) + row.from, row.to - row.from);
      ((HashOf(row) & bit) == 0 ? low : high).Append(bytes, ElementsOf(row));
    }
  }
  const std::string_view high_block = high.Finish();
  const std::string_view low_block = low.Finish();
  Link high_link = 0;
  if (low.empty()) high_link = leaf;
  if (!low.empty() && !high.empty()) {
    high_link = memory_.Allocate(high_block.size());
    if (high_link == 0) return;
  }
  if (!AddBucket()) {
    if (high_link != 0 && high_link != leaf) memory_.Free(high_link);
    return;
  }
  RacyStore32(Slot(fresh), high_link);
  if (low.empty()) {
    RacyStore32(Slot(from), 0);
  } else if (!high.empty()) {
    RacyStore(memory_.At(high_link), high_block.data(), high_block.size());
    head_->bytes += kPackedEmptyBytes;
    // Its old block unless a smaller one will do.
    const Link low_link =
        Slack(memory_, leaf, low_block.size()) > low_block.size() / 4 ? memory_.Allocate(low_block.size()) : leaf;
    RacyStore(memory_.At(low_link == 0 ? leaf : low_link), low_block.data(), low_block.size());
    if (low_link != 0 && low_link != leaf) {
      RacyStore32(Slot(from), low_link);
      memory_.Free(leaf);
    }
  }
}

void HashTable::Merge() {
  const uint32_t last = head_->buckets - 1;
  const uint32_t into = last - std::bit_floor(last);
  Link* from_slot = Slot(last);
  Link* into_slot = Slot(into);
  if (*from_slot != 0 && *into_slot != 0) {
    const PackedReader block = LeafAt(*from_slot);
    const std::string_view rows(memory_.At(*from_slot) + kPackedHeaderBytes, block.bytes() - kPackedEmptyBytes);
    const uint32_t end = LeafAt(*into_slot).end();
    if (!SpliceLeaf(into, {end, end, rows, static_cast<int>(block.count())})) return;
    FreeLeaf(from_slot);
  } else if (*from_slot != 0) {
    RacyStore32(into_slot, *from_slot);
    RacyStore32(from_slot, 0);
  }
  RemoveBucket();
  if (*Slot(into) != 0) NoteLeafRows(into);
}

// ---- The directory ----

namespace {

constexpr uint32_t kDirectoryLinksMin = 16;

// A copy of a link array with more or less room; 0: no memory.
Link ResizeLinks(ArenaMemory& memory, Link old, uint32_t links, uint32_t room) {
  const Link fresh = memory.Allocate(uint64_t{room} * sizeof(Link));
  if (fresh == 0) return 0;
  RacyStore(memory.At(fresh), memory.At(old), uint64_t{links} * sizeof(Link));
  RacyFill(memory.At(fresh) + uint64_t{links} * sizeof(Link), 0, uint64_t{room - links} * sizeof(Link));
  return fresh;
}

Link NewLinks(ArenaMemory& memory, uint32_t room) {
  const Link fresh = memory.Allocate(uint64_t{room} * sizeof(Link));
  if (fresh != 0) RacyFill(memory.At(fresh), 0, uint64_t{room} * sizeof(Link));
  return fresh;
}

}  // namespace

// One more bucket, empty. False: no memory, nothing changed.
bool HashTable::AddBucket() {
  const uint32_t fresh = head_->buckets;
  if (fresh < kTableChunkLinks) {
    if (fresh == head_->directory_links) {
      const uint32_t room = std::max(kDirectoryLinksMin, fresh * 2);
      const Link chunk = fresh == 0 ? NewLinks(memory_, room) : ResizeLinks(memory_, head_->directory, fresh, room);
      if (chunk == 0) return false;
      if (fresh != 0) memory_.Free(head_->directory);
      head_->directory = chunk;
      head_->directory_links = room;
    }
  } else if (fresh % kTableChunkLinks == 0) {
    const uint32_t chunks = fresh / kTableChunkLinks;
    const Link chunk = NewLinks(memory_, kTableChunkLinks);
    if (chunk == 0) return false;
    const bool first_root = fresh == kTableChunkLinks;
    if (first_root || chunks == head_->directory_links) {
      const uint32_t room = std::max(kDirectoryLinksMin, chunks * 2);
      const Link root = first_root ? NewLinks(memory_, room) : ResizeLinks(memory_, head_->directory, chunks, room);
      if (root == 0) {
        memory_.Free(chunk);
        return false;
      }
      if (first_root) {
        RacyStore32(memory_.At(root), head_->directory);
      } else {
        memory_.Free(head_->directory);
      }
      head_->directory = root;
      head_->directory_links = room;
    }
    RacyStore32(memory_.At(head_->directory) + chunks * sizeof(Link), chunk);
  }
  ++head_->buckets;
  return true;
}

// The last bucket, which is empty, goes.
void HashTable::RemoveBucket() {
  const uint32_t last = head_->buckets - 1;
  char* directory = memory_.At(head_->directory);
  if (last >= kTableChunkLinks) {
    if (last % kTableChunkLinks == 0) {
      char* slot = directory + (last / kTableChunkLinks) * sizeof(Link);
      memory_.Free(RacyLoad32(slot));
      RacyStore32(slot, 0);
    }
    if (last == kTableChunkLinks) {
      const Link only = RacyLoad32(directory);
      memory_.Free(head_->directory);
      head_->directory = only;
      head_->directory_links = kTableChunkLinks;
    }
  } else if (last == 0) {
    memory_.Free(head_->directory);
    head_->directory = 0;
    head_->directory_links = 0;
  } else if (head_->directory_links > kDirectoryLinksMin && last <= head_->directory_links / 4) {
    const uint32_t room = head_->directory_links / 2;
    if (const Link smaller = ResizeLinks(memory_, head_->directory, last, room); smaller != 0) {
      memory_.Free(head_->directory);
      head_->directory = smaller;
      head_->directory_links = room;
    }
  }
  head_->buckets = last;
}

}  // namespace chestbox::shm
