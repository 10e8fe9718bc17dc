#include "test_store.h"

#include <algorithm>

#include "protocol/check.h"

namespace chestbox::shm {

TestStore::TestStore(ArenaMemory& memory, IndexWriter::HashFunction hash_of)
    : memory_(memory), hash_of_(hash_of), scope_(memory) {
  for (uint32_t i = 0; i < kDatabases; ++i) {
    indexes_[i] = std::make_unique<IndexWriter>(memory_, scope_, segments_, i, hash_of_);
    CHECK(indexes_[i]->Create());
  }
}

uint32_t TestStore::Physical(uint32_t database) const {
  return PhysicalDatabase(memory_.header().database_map.load(std::memory_order_relaxed), database);
}

namespace {

uint64_t EntryFlags(int64_t expire_at_ms, size_t value_bytes) {
  return kEntryLive | EntryTypeBits(ValueType::kString) | (expire_at_ms >= 0 ? kEntryExpires : 0) |
         (value_bytes > kInlineValueBytesMax ? kEntryExternal : 0);
}

int64_t ExpiryBound(int64_t expire_at_ms) { return expire_at_ms < 0 ? kNeverMs : expire_at_ms; }

}  // namespace

Link TestStore::NewKeyBlock(std::string_view key, std::string_view value, int64_t expire_at_ms, Link value_link) {
  const bool expires = expire_at_ms >= 0;
  const Link link = memory_.Allocate(KeyBlockBytes(expires, key.size(), value.size()));
  if (link == 0) return 0;
  char* block = memory_.At(link);
  StoreHeader(block, {MakeMeta(ValueType::kString, 0, 0), static_cast<uint32_t>(key.size()),
                      static_cast<uint32_t>(value.size())});
  if (expires) StoreExpiry(block, expire_at_ms);
  RacyStore(block + KeyOffset(expires), key.data(), key.size());
  if (value_link != 0) {
    RacyStore32(block + ValueLinkOffset(expires, key.size()), value_link);
  } else {
    RacyStore(block + ValueOffset(expires, key.size()), value.data(), value.size());
  }
  return link;
}

Link TestStore::ValueLinkOf(uint64_t entry) const {
  if ((entry & kEntryExternal) == 0) return 0;
  const char* block = memory_.At(EntryLink(entry));
  return RacyLoad32(block + ValueLinkOffset((entry & kEntryExpires) != 0, LoadHeader(block).key_bytes));
}

void TestStore::FreeBlocks(uint64_t entry, bool keep_value) {
  if ((entry & kEntryLive) == 0) return;
  const Link value = ValueLinkOf(entry);
  if (value != 0 && !keep_value) retired_.Retire(value, memory_.UsableBytes(value));
  memory_.Free(EntryLink(entry));
}

bool TestStore::Put(uint32_t database, std::string_view key, std::string_view value, int64_t expire_at_ms) {
  Link value_link = 0;
  if (value.size() > kInlineValueBytesMax) {
    value_link = memory_.Allocate(value.size());
    if (value_link == 0) return false;
    RacyStore(memory_.At(value_link), value.data(), value.size());
  }
  const uint64_t hash = Hash(key);
  const Link block = NewKeyBlock(key, value, expire_at_ms, value_link);
  const uint64_t entry = EntryFlags(expire_at_ms, value.size()) | EntryTag(hash) | block;
  bool stored = block != 0;
  if (stored) {
    SlotRef ref = index(database).Find(key, hash);
    if (ref) {
      const uint64_t old = ref.entry;
      index(database).Replace(ref, entry, ExpiryBound(expire_at_ms));
      FreeBlocks(old);
    } else {
      stored = index(database).Insert(hash, entry, ExpiryBound(expire_at_ms));
    }
  }
  if (stored) return true;
  if (block != 0) memory_.Free(block);
  if (value_link != 0) memory_.Free(value_link);
  return false;
}

bool TestStore::Erase(uint32_t database, std::string_view key) {
  const uint64_t hash = Hash(key);
  const SlotRef ref = index(database).Find(key, hash);
  if (!ref) return false;
  index(database).Erase(ref, hash);
  FreeBlocks(ref.entry);
  return true;
}

bool TestStore::Rename(uint32_t database, std::string_view from, std::string_view to) {
  IndexWriter& target = index(database);
  const SlotRef source = target.Find(from, Hash(from));
  if (!source || (source.entry & kEntryLive) == 0 || from == to) return false;
  const char* old = memory_.At(EntryLink(source.entry));
  const bool expires = (source.entry & kEntryExpires) != 0;
  const int64_t expire_at_ms = expires ? LoadExpiry(old) : -1;
  const std::string_view value(old + ValueOffset(expires, from.size()), LoadHeader(old).value_bytes);
  const Link block = NewKeyBlock(to, value, expire_at_ms, ValueLinkOf(source.entry));
  if (block == 0) return false;
  const uint64_t flags = source.entry & (kEntryLive | kEntryExpires | kEntryMutable | kEntryExternal);
  const uint64_t entry = flags | EntryTypeBits(ValueType::kString) | EntryTag(Hash(to)) | block;
  SlotRef destination = target.Find(to, Hash(to));
  if (destination) {
    const uint64_t overwritten = destination.entry;
    target.Replace(destination, entry, ExpiryBound(expire_at_ms));
    FreeBlocks(overwritten);
  } else if (!target.Insert(Hash(to), entry, ExpiryBound(expire_at_ms))) {
    memory_.Free(block);
    return false;
  }
  const SlotRef gone = target.Find(from, Hash(from));  // the insert may have split its segment
  target.Erase(gone, Hash(from));
  FreeBlocks(gone.entry, /*keep_value=*/true);
  return true;
}

bool TestStore::IsPinned(Link link) const {
  bool pinned = false;
  for (const ClientPage* page : pages_) ScanPins(*page, [&](Link other) { pinned = pinned || other == link; });
  return pinned;
}

bool TestStore::ChangeInPlace(uint32_t database, std::string_view key, std::string_view value) {
  SlotRef ref = Find(database, key);
  if (!ref || (ref.entry & kEntryLive) == 0) return false;
  const bool expires = (ref.entry & kEntryExpires) != 0;
  char* block = memory_.At(EntryLink(ref.entry));
  const Link value_link = ValueLinkOf(ref.entry);
  const bool fits =
      value_link != 0 ? value.size() > kInlineValueBytesMax && value.size() <= memory_.UsableBytes(value_link)
                      : KeyBlockBytes(expires, key.size(), value.size()) <= memory_.UsableBytes(EntryLink(ref.entry)) &&
                            value.size() <= kInlineValueBytesMax;
  const int64_t expire_at_ms = expires ? LoadExpiry(block) : -1;
  if (!fits) return Put(database, key, value, expire_at_ms);
  scope_.Close(ref.home->version);
  if (value_link != 0 && (ref.entry & kEntryMutable) == 0) {
    const bool pinned = !faults.changes_without_scan && IsPinned(value_link);
    scope_.Step(WriteStep::kPinsScanned);
    if (pinned) return Put(database, key, value, expire_at_ms);
    index(database).Replace(ref, ref.entry | kEntryMutable, ExpiryBound(expire_at_ms));
  }
  KeyBlockHeader header = LoadHeader(block);
  char* to = value_link != 0 ? memory_.At(value_link) : block + ValueOffset(expires, key.size());
  const size_t half = value.size() / 2;
  RacyStore(to, value.data(), half);
  scope_.Step(WriteStep::kChanged);
  RacyStore(to + half, value.data() + half, value.size() - half);
  header.value_bytes = static_cast<uint32_t>(value.size());
  StoreHeader(block, header);
  return true;
}

void TestStore::Freeze(uint32_t database, std::string_view key) {
  SlotRef ref = Find(database, key);
  if (!ref || (ref.entry & kEntryMutable) == 0) return;
  const char* block = memory_.At(EntryLink(ref.entry));
  const int64_t bound = (ref.entry & kEntryExpires) != 0 ? LoadExpiry(block) : kNeverMs;
  index(database).Replace(ref, ref.entry & ~kEntryMutable, bound);
}

void TestStore::SwapOut(uint32_t database, std::string_view key) {
  SlotRef ref = Find(database, key);
  if (!ref || (ref.entry & kEntryLive) == 0) return;
  const uint64_t old = ref.entry;
  const uint64_t entry =
      kEntrySwapped | (old & kEntryExpires) | EntryTypeBits(ValueType::kString) | SwappedHash(Hash(key));
  index(database).Replace(ref, entry, kNeverMs);
  FreeBlocks(old);
}

void TestStore::Flush(uint32_t database) {
  IndexWriter::Detached detached;
  Detach(database, &detached);
  FreeDetached(&detached, detached.segments.size());
}

void TestStore::FreeDetached(IndexWriter::Detached* detached, size_t segments) {
  for (; segments > 0 && !detached->segments.empty(); --segments) {
    indexes_[0]->TakeDetached(detached->segments.back(), &detached->entries);
    detached->segments.pop_back();
  }
  for (uint64_t entry : detached->entries) FreeBlocks(entry);
  detached->entries.clear();
}

void TestStore::SwapDatabases(uint32_t a, uint32_t b) {
  // Both stay closed to the end of the command.
  scope_.Close(index(a).header().epoch);
  scope_.Close(index(b).header().epoch);
  const uint64_t map = memory_.header().database_map.load(std::memory_order_relaxed);
  const uint64_t difference = ((map >> (4 * a)) ^ (map >> (4 * b))) & 0xf;
  // Release: whoever reads by the new map sees all that was written before.
  memory_.header().database_map.store(map ^ (difference << (4 * a)) ^ (difference << (4 * b)),
                                      std::memory_order_release);
}

void TestStore::Drain() {
  if (faults.frees_without_scan) {
    retired_.Drain(memory_, std::vector<const ClientPage*>{});
  } else {
    retired_.Drain(memory_, pages_);
  }
}

bool TestStore::Get(uint32_t database, std::string_view key, std::string* value) {
  const SlotRef ref = Find(database, key);
  if (!ref || (ref.entry & kEntryLive) == 0) return false;
  const char* block = memory_.At(EntryLink(ref.entry));
  const Link value_link = ValueLinkOf(ref.entry);
  const char* bytes =
      value_link != 0 ? memory_.At(value_link) : block + ValueOffset((ref.entry & kEntryExpires) != 0, key.size());
  value->assign(bytes, LoadHeader(block).value_bytes);
  return true;
}

}  // namespace chestbox::shm
