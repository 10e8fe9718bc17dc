// Keyspace, the part about strings: replacing them whole, several at once, and changing them in place.
#include <algorithm>
#include <cstring>

#include "protocol/canonical_integer.h"
#include "protocol/check.h"
#include "server/keyspace.h"

namespace chestbox {

using shm::EntryLink;
using shm::kEntryExpires;
using shm::kEntryExternal;
using shm::kEntryLive;
using shm::kEntryMutable;
using shm::kInlineValueBytesMax;
using shm::SlotRef;

namespace {

// Redis' embstr limit: longer strings are "raw".
constexpr size_t kEmbeddedBytesMax = 44;
// A block is overwritten in place unless more than half of it would lie idle.
constexpr uint64_t kReuseWasteFactor = 2;
// A growing string gets as much room again, up to this: APPEND is amortised O(1), as in Redis.
constexpr uint64_t kGrowAheadBytesMax = 1 << 20;

uint64_t WithRoom(uint64_t bytes, Room room) {
  return room == Room::kAhead ? bytes + std::min(bytes, kGrowAheadBytesMax) : bytes;
}

}  // namespace

StringEncoding EncodingFor(std::string_view value) {
  if (ParseInteger(value)) return StringEncoding::kInt;
  return value.size() <= kEmbeddedBytesMax ? StringEncoding::kEmbedded : StringEncoding::kRaw;
}

bool Keyspace::OverwriteInline(uint32_t physical, SlotRef& ref, std::string_view value, StringEncoding encoding,
                               int64_t expire_at_ms, uint32_t access) {
  const bool expires = expire_at_ms != kNoExpiry;
  if ((ref.entry & kEntryExternal) != 0 || value.size() > kInlineValueBytesMax ||
      ((ref.entry & kEntryExpires) != 0) != expires || shm::EntryType(ref.entry) != ValueType::kString) {
    return false;
  }
  char* block = memory_.At(EntryLink(ref.entry));
  const uint32_t key_bytes = shm::LoadHeader(block).key_bytes;
  const uint64_t needed = shm::KeyBlockBytes(expires, key_bytes, value.size());
  const uint64_t usable = memory_.UsableBytes(EntryLink(ref.entry));
  if (needed > usable || usable > kReuseWasteFactor * needed) return false;
  // Values this small are never pinned, so no scan.
  indexes_[physical]->Close(ref);
  shm::StoreHeader(block, {shm::MakeMeta(ValueType::kString, static_cast<uint8_t>(encoding), access), key_bytes,
                           static_cast<uint32_t>(value.size())});
  shm::RacyStore(block + shm::ValueOffset(expires, key_bytes), value.data(), value.size());
  scope_.Step(shm::WriteStep::kChanged);
  MarkDirty(ref);
  return true;
}

Result<void> Keyspace::SetString(uint32_t database, std::string_view key, std::string_view value,
                                 StringEncoding encoding, int64_t expire_at_ms) {
  const uint64_t hash = HashOf(key);
  SlotRef ref = FindToReplace(database, key, hash);
  const bool live = ref && (ref.entry & kEntryLive) != 0;
  const bool keeps_access = live && lfu_;  // writes count as uses
  const uint32_t access =
      keeps_access ? TouchedAccess(shm::LoadHeader(memory_.At(EntryLink(ref.entry))).access()) : NewAccessWord();
  if (live && expire_at_ms == kNoExpiry &&
      OverwriteInline(Physical(database), ref, value, encoding, expire_at_ms, access))
    return {};
  const uint64_t entry =
      NewEntry({key, ValueType::kString, static_cast<uint8_t>(encoding), expire_at_ms, access}, value);
  if (!LinkAndFree(Physical(database), ref, hash, entry, expire_at_ms)) return OutOfMemory();
  return {};
}

Result<void> Keyspace::ReplaceString(uint32_t database, std::string_view key, std::string_view value,
                                     StringEncoding encoding) {
  const uint64_t hash = HashOf(key);
  SlotRef ref = FindLive(database, key, hash);
  CHECK(ref);
  const int64_t expire_at_ms = ExpiryOf(ref.entry);
  const uint32_t access = shm::LoadHeader(memory_.At(EntryLink(ref.entry))).access();
  if (OverwriteInline(Physical(database), ref, value, encoding, expire_at_ms, access)) return {};
  const uint64_t entry =
      NewEntry({key, ValueType::kString, static_cast<uint8_t>(encoding), expire_at_ms, access}, value);
  if (!LinkAndFree(Physical(database), ref, hash, entry, expire_at_ms)) return OutOfMemory();
  return {};
}

Result<void> Keyspace::SetStrings(uint32_t database, std::span<const std::string_view> keys_and_values) {
  struct Linked {
    std::string_view key;
    uint64_t hash;
    uint64_t entry;
    uint64_t old = 0;
  };
  const uint32_t physical = Physical(database);
  std::vector<Linked> linked;
  linked.reserve(keys_and_values.size() / 2);
  bool failed = false;
  for (size_t i = 0; i + 1 < keys_and_values.size() && !failed; i += 2) {
    const std::string_view value = keys_and_values[i + 1];
    const uint64_t entry = NewEntry(
        {keys_and_values[i], ValueType::kString, static_cast<uint8_t>(EncodingFor(value)), kNoExpiry, NewAccessWord()},
        value);
    failed = entry == 0;
    if (!failed) linked.push_back({keys_and_values[i], HashOf(keys_and_values[i]), entry});
  }
  size_t done = 0;
  while (!failed && done < linked.size()) {
    Linked& item = linked[done];
    SlotRef ref = FindLive(database, item.key, item.hash);
    failed = !LinkEntry(physical, ref, item.hash, item.entry, kNoExpiry, &item.old);
    if (!failed) ++done;
  }
  if (!failed) {
    for (const Linked& item : linked) FreeEntry(item.old);
    return {};
  }
  // Everything is still closed to readers: put it back, last first.
  for (size_t i = done; i-- > 0;) {
    SlotRef ref = indexes_[physical]->Find(linked[i].key, linked[i].hash);
    if (linked[i].old == 0) {
      indexes_[physical]->Erase(ref, linked[i].hash);
    } else {
      indexes_[physical]->Replace(ref, linked[i].old, OrNever(ExpiryOf(linked[i].old)));
    }
  }
  for (const Linked& item : linked) FreeEntry(item.entry);
  return OutOfMemory();
}

void Keyspace::SetHeader(uint64_t entry, uint32_t value_bytes, uint8_t encoding) {
  char* block = memory_.At(EntryLink(entry));
  const shm::KeyBlockHeader header = shm::LoadHeader(block);
  shm::StoreHeader(block, {shm::MakeMeta(header.type(), encoding, header.access()), header.key_bytes, value_bytes});
}

bool Keyspace::Pinned(shm::Link link) const {
  bool found = false;
  for (const shm::ClientPage* page : pages_) {
    shm::ScanPins(*page, [&](shm::Link pinned) { found = found || pinned == link; });
  }
  return found;
}

// A string that lies beside its key becomes `new_bytes` long, with the added bytes zero.
bool Keyspace::ResizeInline(uint32_t physical, SlotRef& ref, uint64_t hash, uint32_t new_bytes, Room room) {
  const StateView view = ViewOf(ref.entry);
  const uint64_t kept = std::min<uint64_t>(view.value.size(), new_bytes);
  const std::string_view key = KeyOf(ref.entry);
  const bool expires = view.expire_at_ms != kNoExpiry;
  if (new_bytes <= kInlineValueBytesMax &&
      shm::KeyBlockBytes(expires, key.size(), new_bytes) <= memory_.UsableBytes(EntryLink(ref.entry))) {
    indexes_[physical]->Close(ref);
    const char zeros[kInlineValueBytesMax] = {};
    shm::RacyStore(ValueBytesOf(ref.entry) + kept, zeros, new_bytes - kept);
    return true;
  }
  NewState state{key, view.type, static_cast<uint8_t>(StringEncoding::kRaw), view.expire_at_ms, view.access};
  if (new_bytes <= kInlineValueBytesMax) {
    char bytes[kInlineValueBytesMax] = {};
    std::memcpy(bytes, view.value.data(), kept);
    return LinkAndFree(physical, ref, hash, NewEntry(state, {bytes, new_bytes}), view.expire_at_ms);
  }
  const shm::Link value_link = memory_.Allocate(WithRoom(new_bytes, room));
  if (value_link == 0) return false;
  char* bytes = memory_.At(value_link);
  shm::RacyStore(bytes, view.value.data(), kept);
  shm::RacyFill(bytes + kept, 0, new_bytes - kept);
  const uint64_t entry = NewEntryAround(state, new_bytes, value_link, {});
  if (entry == 0) {
    memory_.Free(value_link);
    return false;
  }
  return LinkAndFree(physical, ref, hash, entry, view.expire_at_ms);
}

// The same for a string in a block of its own, which a view may pin.
bool Keyspace::ResizeExternal(uint32_t physical, SlotRef& ref, uint32_t new_bytes, Room room) {
  const std::string_view value = ViewOf(ref.entry).value;
  const uint64_t kept = std::min<uint64_t>(value.size(), new_bytes);
  const shm::Link old_link = ValueLinkOf(ref.entry);
  indexes_[physical]->Close(ref);  // before the pins are scanned
  const bool fits = new_bytes <= memory_.UsableBytes(old_link);
  const bool in_place = fits && ((ref.entry & kEntryMutable) != 0 || !Pinned(old_link));
  scope_.Step(shm::WriteStep::kPinsScanned);
  if (in_place) {
    if ((ref.entry & kEntryMutable) == 0) {
      ref.entry |= kEntryMutable;  // later changes scan nothing: views copy from now on
      ref.slot->store(ref.entry, std::memory_order_relaxed);
    }
    shm::RacyFill(memory_.At(old_link) + kept, 0, new_bytes - kept);
    return true;
  }
  const shm::Link link = memory_.Allocate(WithRoom(new_bytes, room));
  if (link == 0) return false;
  shm::RacyStore(memory_.At(link), value.data(), kept);
  shm::RacyFill(memory_.At(link) + kept, 0, new_bytes - kept);
  char* block = memory_.At(EntryLink(ref.entry));
  shm::RacyStore32(block + shm::ValueLinkOffset((ref.entry & kEntryExpires) != 0, shm::LoadHeader(block).key_bytes),
                   link);
  ref.entry &= ~kEntryMutable;
  ref.slot->store(ref.entry, std::memory_order_relaxed);
  retired_.Retire(old_link, memory_.UsableBytes(old_link));
  return true;
}

Result<std::span<char>> Keyspace::ResizeString(uint32_t database, std::string_view key, size_t new_bytes, Room room) {
  CHECK(new_bytes <= UINT32_MAX);  // commands bound it by proto-max-bulk-len
  const uint64_t hash = HashOf(key);
  SlotRef ref = FindLive(database, key, hash);
  CHECK(ref);
  const auto bytes = static_cast<uint32_t>(new_bytes);
  const bool resized = (ref.entry & kEntryExternal) != 0 ? ResizeExternal(Physical(database), ref, bytes, room)
                                                         : ResizeInline(Physical(database), ref, hash, bytes, room);
  if (!resized) return OutOfMemory();
  MarkDirty(ref);
  SetHeader(ref.entry, bytes, static_cast<uint8_t>(StringEncoding::kRaw));
  scope_.Step(shm::WriteStep::kChanged);
  return std::span<char>(ValueBytesOf(ref.entry), new_bytes);
}

}  // namespace chestbox
