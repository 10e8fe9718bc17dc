#include "server/keyspace.h"

#include <algorithm>
#include <cstring>

#include "protocol/check.h"
#include "protocol/shm/hash.h"

namespace chestbox {

using shm::EntryLink;
using shm::kEntryClean;
using shm::kEntryExpires;
using shm::kEntryExternal;
using shm::kEntryLive;
using shm::kEntryMutable;
using shm::kEntryStored;
using shm::kInlineValueBytesMax;
using shm::SlotRef;

namespace {

// About 20 us.
constexpr size_t kNodesFreedAtOnce = 128;

}  // namespace

Error OutOfMemory() { return Error{"OOM command not allowed when used memory > 'maxmemory'."}; }
Error WrongType() { return Error{"WRONGTYPE Operation against a key holding the wrong kind of value"}; }

Keyspace::Keyspace(shm::ArenaMemory& memory, EffectSink& effects, HashFunction hash_of)
    : memory_(memory), effects_(effects), hash_of_(hash_of), scope_(memory) {
  for (uint32_t i = 0; i < shm::kDatabases; ++i) {
    indexes_.push_back(std::make_unique<shm::IndexWriter>(memory_, scope_, segments_, i, hash_of_));
  }
}

Keyspace::~Keyspace() = default;

bool Keyspace::Create() {
  for (auto& index : indexes_) {
    if (!index->Create()) return false;
    index->header().complete.store(1, std::memory_order_relaxed);
  }
  return true;
}

void Keyspace::SetTime(int64_t now_ms) {
  if (now_ms <= now_ms_) return;
  now_ms_ = now_ms;
  // Release: pairs with JudgeExpiry's acquire. From here on no command evaluates expiry at an earlier time.
  memory_.header().clock_ms.store(now_ms, std::memory_order_release);
}

uint64_t Keyspace::HashOf(std::string_view key) const { return hash_of_(key, memory_.header().hash_seed); }

uint32_t Keyspace::LogicalOf(uint32_t physical) const {
  for (uint32_t i = 0; i < shm::kDatabases; ++i) {
    if (Physical(i) == physical) return i;
  }
  CHECK(false);
}

// ---- What an entry leads to ----

int64_t Keyspace::ExpiryOf(uint64_t entry) const {
  return (entry & kEntryExpires) != 0 ? shm::LoadExpiry(memory_.At(EntryLink(entry))) : kNoExpiry;
}

std::string_view Keyspace::KeyOf(uint64_t live_entry) const {
  const char* block = memory_.At(EntryLink(live_entry));
  return {block + shm::KeyOffset((live_entry & kEntryExpires) != 0), shm::LoadHeader(block).key_bytes};
}

shm::Link Keyspace::ValueLinkOf(uint64_t entry) const {
  const char* block = memory_.At(EntryLink(entry));
  return shm::RacyLoad32(block + shm::ValueLinkOffset((entry & kEntryExpires) != 0, shm::LoadHeader(block).key_bytes));
}

char* Keyspace::ValueBytesOf(uint64_t entry) const {
  if ((entry & kEntryExternal) != 0) return memory_.At(ValueLinkOf(entry));
  char* block = memory_.At(EntryLink(entry));
  return block + shm::ValueOffset((entry & kEntryExpires) != 0, shm::LoadHeader(block).key_bytes);
}

std::string_view Keyspace::ValueOf(uint64_t live_entry) const {
  const char* block = memory_.At(EntryLink(live_entry));
  const shm::KeyBlockHeader header = shm::LoadHeader(block);
  const bool expires = (live_entry & kEntryExpires) != 0;
  if ((live_entry & kEntryExternal) == 0) {
    return {block + shm::ValueOffset(expires, header.key_bytes), header.value_bytes};
  }
  const shm::Link link = shm::RacyLoad32(block + shm::ValueLinkOffset(expires, header.key_bytes));
  return {memory_.At(link), header.value_bytes};
}

StateView Keyspace::ViewOf(uint64_t live_entry) const {
  const shm::KeyBlockHeader header = shm::LoadHeader(memory_.At(EntryLink(live_entry)));
  StateView view;
  view.type = header.type();
  view.encoding = static_cast<StringEncoding>(header.encoding());
  view.value = ValueOf(live_entry);
  view.expire_at_ms = ExpiryOf(live_entry);
  view.access = header.access();
  return view;
}

// ---- Looking ----

SlotRef Keyspace::FindLive(uint32_t database, std::string_view key, uint64_t hash) {
  SlotRef ref = indexes_[Physical(database)]->Find(key, hash);
  if (!ref) return ref;
  CHECK((ref.entry & kEntryLive) != 0);  // the dispatcher brings swapped-out keys in first
  if ((ref.entry & kEntryExpires) != 0 && now_ms_ >= ExpiryOf(ref.entry)) {
    if (keep_expired_) {
      ref.slot = nullptr;
      return ref;
    }
    Expire(database, ref, hash, key);
    ref.slot = nullptr;
    return indexes_[Physical(database)]->Find(key, hash);  // the home bucket may have moved
  }
  return ref;
}

// For a caller that replaces the whole state: also the entry of one that is swapped out, if it is this key's.
SlotRef Keyspace::FindToReplace(uint32_t database, std::string_view key, uint64_t hash) {
  SlotRef ref = indexes_[Physical(database)]->Find(key, hash);
  if (!ref || (ref.entry & kEntryLive) != 0) return FindLive(database, key, hash);
  CHECK(stored_listener_ != nullptr);
  const std::optional<bool> is_out = stored_listener_->IsOut(Physical(database), key);
  CHECK(is_out);
  if (!*is_out) ref.slot = nullptr;  // another key's
  return ref;
}

void Keyspace::Expire(uint32_t database, const SlotRef& ref, uint64_t hash, std::string_view key) {
  ++stats_.expired_keys;
  EraseRef(Physical(database), ref, hash, key);
  effects_.Report(database, {"DEL", key});
}

std::optional<StateView> Keyspace::Read(uint32_t database, std::string_view key) {
  const SlotRef ref = FindLive(database, key, HashOf(key));
  if (!ref) {
    ++stats_.misses;
    return std::nullopt;
  }
  ++stats_.hits;
  TouchEntry(ref.entry);
  return ViewOf(ref.entry);
}

std::optional<StateView> Keyspace::Peek(uint32_t database, std::string_view key) {
  const SlotRef ref = FindLive(database, key, HashOf(key));
  if (!ref) return std::nullopt;
  return ViewOf(ref.entry);
}

std::optional<StateView> Keyspace::PeekToChange(uint32_t database, std::string_view key) {
  const SlotRef ref = FindLive(database, key, HashOf(key));
  if (!ref) return std::nullopt;
  TouchEntry(ref.entry);
  return ViewOf(ref.entry);
}

bool Keyspace::MayLive(uint32_t database, std::string_view key) const {
  const shm::IndexWriter& index = *indexes_[Physical(database)];
  const SlotRef ref = index.Find(key, HashOf(key));
  if (!ref) return index.header().complete.load(std::memory_order_relaxed) == 0;
  if ((ref.entry & kEntryLive) == 0) return true;
  return (ref.entry & kEntryExpires) == 0 || now_ms_ < ExpiryOf(ref.entry);
}

bool Keyspace::Touch(uint32_t database, std::string_view key) { return Read(database, key).has_value(); }

void Keyspace::TouchHashed(uint32_t database, uint64_t hash, uint32_t uses) {
  indexes_[Physical(database)]->VisitTagged(hash, [&](uint64_t entry) { TouchEntry(entry, uses); });
}

// ---- Blocks ----

uint64_t Keyspace::NewEntryAround(const NewState& state, uint32_t value_bytes, shm::Link value_link,
                                  std::string_view inline_value) {
  const bool expires = state.expire_at_ms != kNoExpiry;
  const uint64_t bytes = value_link != 0 ? shm::ValueLinkOffset(expires, state.key.size()) + sizeof(shm::Link)
                                         : shm::ValueOffset(expires, state.key.size()) + value_bytes;
  const shm::Link link = memory_.Allocate(bytes);
  if (link == 0) return 0;
  char* block = memory_.At(link);
  shm::StoreHeader(block, {shm::MakeMeta(state.type, state.encoding, state.access),
                           static_cast<uint32_t>(state.key.size()), value_bytes});
  if (expires) shm::StoreExpiry(block, state.expire_at_ms);
  shm::RacyStore(block + shm::KeyOffset(expires), state.key.data(), state.key.size());
  uint64_t entry = kEntryLive | shm::EntryTypeBits(state.type) | link | (expires ? kEntryExpires : 0);
  if (value_link != 0) {
    shm::RacyStore32(block + shm::ValueLinkOffset(expires, state.key.size()), value_link);
    entry |= kEntryExternal;
  } else {
    shm::RacyStore(block + shm::ValueOffset(expires, state.key.size()), inline_value.data(), inline_value.size());
  }
  return entry;
}

uint64_t Keyspace::NewEntry(const NewState& state, std::string_view value) {
  const auto value_bytes = static_cast<uint32_t>(value.size());
  if (value.size() <= kInlineValueBytesMax) return NewEntryAround(state, value_bytes, 0, value);
  const shm::Link value_link = memory_.Allocate(value.size());
  if (value_link == 0) return 0;
  shm::RacyStore(memory_.At(value_link), value.data(), value.size());
  const uint64_t entry = NewEntryAround(state, value_bytes, value_link, {});
  if (entry == 0) memory_.Free(value_link);
  return entry;
}

// A small one goes at once; the rest of a large one in FreeStep()s, so that no DEL stalls.
size_t Keyspace::FreeStructure(CollectionEncoding encoding, std::string_view head) {
  if (!HasNodes(encoding)) return 0;
  Structure structure{encoding, std::string(head)};
  if (!FreeNodes(memory_, &structure, kNodesFreedAtOnce)) detached_structures_.push_back(std::move(structure));
  return kNodesFreedAtOnce;
}

size_t Keyspace::FreeEntry(uint64_t entry) {
  if ((entry & kEntryLive) == 0) return 0;
  const StateView view = ViewOf(entry);
  const size_t nodes = view.type != ValueType::kString ? FreeStructure(view.collection_encoding(), view.value) : 0;
  FreeBlocks(entry);
  return nodes;
}

void Keyspace::FreeBlocks(uint64_t entry) {
  if ((entry & kEntryLive) == 0) return;
  if ((entry & kEntryExternal) != 0) {
    const shm::Link value_link = ValueLinkOf(entry);
    if (shm::EntryType(entry) == ValueType::kString) {
      retired_.Retire(value_link, memory_.UsableBytes(value_link));
    } else {
      memory_.Free(value_link);  // collections are never pinned
    }
  }
  FreeKeyBlock(entry);
}

bool Keyspace::LinkEntry(uint32_t physical, SlotRef& ref, uint64_t hash, uint64_t entry, int64_t expire_at_ms,
                         uint64_t* old) {
  entry |= shm::EntryTag(hash);
  if (ref) {
    *old = ref.entry;
    indexes_[physical]->Replace(ref, entry | (ref.entry & kEntryStored), OrNever(expire_at_ms));
    return true;
  }
  *old = 0;
  return indexes_[physical]->Insert(hash, entry, OrNever(expire_at_ms));
}

bool Keyspace::LinkAndFree(uint32_t physical, SlotRef& ref, uint64_t hash, uint64_t entry, int64_t expire_at_ms) {
  uint64_t old = 0;
  if (entry == 0) return false;
  if (!LinkEntry(physical, ref, hash, entry, expire_at_ms, &old)) {
    FreeBlocks(entry);  // nodes stay the caller's
    return false;
  }
  FreeEntry(old);
  return true;
}

// An in-place change makes the store's record stale.
void Keyspace::MarkDirty(SlotRef& ref) {
  if ((ref.entry & kEntryClean) == 0) return;
  ref.entry &= ~kEntryClean;
  ref.slot->store(ref.entry, std::memory_order_relaxed);  // its bucket is closed
}

// ---- Any type ----

void Keyspace::EraseRef(uint32_t physical, const SlotRef& ref, uint64_t hash, std::string_view key) {
  if ((ref.entry & kEntryStored) != 0 && stored_listener_ != nullptr) stored_listener_->OnErased(physical, hash, key);
  indexes_[physical]->Erase(ref, hash);
  FreeEntry(ref.entry);
}

std::optional<uint64_t> Keyspace::MemoryUsage(uint32_t database, std::string_view key) {
  const SlotRef ref = FindLive(database, key, HashOf(key));
  if (!ref) return std::nullopt;
  uint64_t bytes = memory_.UsableBytes(EntryLink(ref.entry));
  if ((ref.entry & kEntryExternal) != 0) bytes += memory_.UsableBytes(ValueLinkOf(ref.entry));
  const StateView view = ViewOf(ref.entry);
  if (view.type != ValueType::kString) bytes += NodesBytes(memory_, view.collection_encoding(), view.value);
  return bytes;
}

bool Keyspace::Erase(uint32_t database, std::string_view key) {
  const uint64_t hash = HashOf(key);
  const SlotRef ref = FindLive(database, key, hash);
  if (!ref) return false;
  EraseRef(Physical(database), ref, hash, key);
  return true;
}

Result<void> Keyspace::SetExpiry(uint32_t database, std::string_view key, int64_t expire_at_ms) {
  const uint64_t hash = HashOf(key);
  const uint32_t physical = Physical(database);
  SlotRef ref = FindLive(database, key, hash);
  CHECK(ref);
  const bool expires = expire_at_ms != kNoExpiry;
  if (((ref.entry & kEntryExpires) != 0) == expires) {
    if (!expires) return {};
    indexes_[physical]->Close(ref);
    shm::StoreExpiry(memory_.At(EntryLink(ref.entry)), expire_at_ms);
    indexes_[physical]->Replace(ref, ref.entry & ~kEntryClean, expire_at_ms);
    return {};
  }
  // The header changes its length: another key block, around the same value.
  const StateView view = ViewOf(ref.entry);
  const NewState state{key, view.type, static_cast<uint8_t>(view.encoding), expire_at_ms, view.access};
  const bool external = (ref.entry & kEntryExternal) != 0;
  const auto value_bytes = static_cast<uint32_t>(view.value.size());
  const uint64_t entry = external ? NewEntryAround(state, value_bytes, ValueLinkOf(ref.entry), {})
                                  : NewEntryAround(state, value_bytes, 0, view.value);
  if (entry == 0) return OutOfMemory();
  uint64_t old = 0;
  CHECK(LinkEntry(physical, ref, hash, entry | (ref.entry & kEntryMutable), expire_at_ms,
                  &old));  // replacing needs no memory
  FreeKeyBlock(old);
  return {};
}

Result<void> Keyspace::Rename(uint32_t from_database, std::string_view from, uint32_t to_database,
                              std::string_view to) {
  const uint64_t from_hash = HashOf(from);
  const uint64_t to_hash = HashOf(to);
  SlotRef source = FindLive(from_database, from, from_hash);
  CHECK(source);
  const StateView view = ViewOf(source.entry);
  const bool external = (source.entry & kEntryExternal) != 0;
  const NewState state{to, view.type, static_cast<uint8_t>(view.encoding), view.expire_at_ms, view.access};
  const auto value_bytes = static_cast<uint32_t>(view.value.size());
  uint64_t entry = external ? NewEntryAround(state, value_bytes, ValueLinkOf(source.entry), {})
                            : NewEntryAround(state, value_bytes, 0, view.value);
  if (entry == 0) return OutOfMemory();
  SlotRef target = FindLive(to_database, to, to_hash);
  uint64_t old = 0;
  if (!LinkEntry(Physical(to_database), target, to_hash, entry | (source.entry & kEntryMutable), view.expire_at_ms,
                 &old)) {
    FreeKeyBlock(entry);
    return OutOfMemory();
  }
  FreeEntry(old);
  const uint32_t physical = Physical(from_database);
  source = indexes_[physical]->Find(from, from_hash);  // the insert may have moved it
  if ((source.entry & kEntryStored) != 0 && stored_listener_ != nullptr) {
    stored_listener_->OnErased(physical, from_hash, from);
  }
  const uint64_t moved = source.entry;
  indexes_[physical]->Erase(source, from_hash);
  FreeKeyBlock(moved);  // the value has moved on
  return {};
}

Result<void> Keyspace::Copy(uint32_t from_database, std::string_view from, uint32_t to_database, std::string_view to) {
  const SlotRef source = FindLive(from_database, from, HashOf(from));
  CHECK(source);
  const StateView view = ViewOf(source.entry);
  const uint64_t to_hash = HashOf(to);
  std::string_view value = view.value;
  Structure copied{view.collection_encoding(), {}};
  if (view.type != ValueType::kString && HasNodes(view.collection_encoding())) {
    if (!CopyNodes(memory_, view.collection_encoding(), view.value, &copied.head)) return OutOfMemory();
    value = copied.head;
  }
  const uint64_t entry =
      NewEntry({to, view.type, static_cast<uint8_t>(view.encoding), view.expire_at_ms, view.access}, value);
  SlotRef target = FindLive(to_database, to, to_hash);
  if (LinkAndFree(Physical(to_database), target, to_hash, entry, view.expire_at_ms)) return {};
  if (!copied.head.empty()) detached_structures_.push_back(std::move(copied));
  return OutOfMemory();
}

bool Keyspace::Freeze(uint32_t database, std::string_view key) {
  SlotRef ref = FindLive(database, key, HashOf(key));
  if (!ref) return false;
  if ((ref.entry & kEntryMutable) != 0) {
    indexes_[Physical(database)]->Replace(ref, ref.entry & ~kEntryMutable, OrNever(ExpiryOf(ref.entry)));
  }
  return true;
}

void Keyspace::FinishCommand() { scope_.Finish(); }

}  // namespace chestbox
