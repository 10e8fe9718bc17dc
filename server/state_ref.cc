#include "server/state_ref.h"

#include <algorithm>
#include <cstring>

#include "protocol/check.h"
#include "server/keyspace.h"

namespace chestbox {

using shm::EntryLink;
using shm::kEntryExpires;
using shm::kEntryExternal;
using shm::kInlineValueBytesMax;
using shm::SlotRef;

namespace {

// A block is kept while it is at most so many times what it holds, so that a collection that shrinks gives memory back
// and one that goes up and down moves seldom.
constexpr uint64_t kSlackFactor = 4;
// Smaller blocks are not worth a move.
constexpr uint64_t kShrunkBytesMin = 128;

bool Fits(uint64_t needed, uint64_t usable) {
  return needed <= usable && (usable <= kShrunkBytesMin || usable <= kSlackFactor * needed);
}

}  // namespace

CollectionEncoding StateRef::encoding() const {
  return static_cast<CollectionEncoding>(shm::LoadHeader(keys_->memory_.At(EntryLink(ref_.entry))).encoding());
}

std::string_view StateRef::bytes() const { return keys_->ValueOf(ref_.entry); }

int64_t StateRef::expire_at_ms() const { return keys_->ExpiryOf(ref_.entry); }

char* StateRef::Change() {
  keys_->indexes_[keys_->Physical(database_)]->Close(ref_);
  keys_->MarkDirty(ref_);
  return keys_->ValueBytesOf(ref_.entry);
}

Result<char*> StateRef::Resize(uint64_t new_bytes) {
  CHECK(new_bytes <= UINT32_MAX);
  const bool external = (ref_.entry & kEntryExternal) != 0;
  bool fits = false;
  if (external) {
    fits =
        new_bytes > kInlineValueBytesMax && Fits(new_bytes, keys_->memory_.UsableBytes(keys_->ValueLinkOf(ref_.entry)));
  } else if (new_bytes <= kInlineValueBytesMax) {
    const bool expires = (ref_.entry & kEntryExpires) != 0;
    fits = Fits(shm::KeyBlockBytes(expires, key_.size(), new_bytes), keys_->memory_.UsableBytes(EntryLink(ref_.entry)));
  }
  if (fits) {
    char* bytes = Change();
    keys_->SetHeader(ref_.entry, static_cast<uint32_t>(new_bytes), static_cast<uint8_t>(encoding()));
    return bytes;
  }
  const uint64_t old_bytes = bytes().size();
  if (MoveTo(encoding(), bytes(), new_bytes)) return keys_->ValueBytesOf(ref_.entry);
  if (new_bytes > old_bytes) return OutOfMemory();
  // What gets smaller fits where it is.
  char* same = Change();
  keys_->SetHeader(ref_.entry, static_cast<uint32_t>(new_bytes), static_cast<uint8_t>(encoding()));
  return same;
}

Result<void> StateRef::Replace(CollectionEncoding encoding, std::string_view bytes) {
  if (!MoveTo(encoding, bytes, bytes.size())) return OutOfMemory();
  return {};
}

// Another key block, with or without a block of its own for the value.
bool StateRef::MoveTo(CollectionEncoding encoding, std::string_view kept, uint64_t new_bytes) {
  const auto size = static_cast<uint32_t>(new_bytes);
  kept = kept.substr(0, size);
  if (size > kInlineValueBytesMax) return MoveOutside(encoding, kept, size);
  char bytes[kInlineValueBytesMax];
  if (!kept.empty()) std::memcpy(bytes, kept.data(), kept.size());
  std::memset(bytes + kept.size(), 0, size - kept.size());
  const StateView view = keys_->ViewOf(ref_.entry);
  const Keyspace::NewState state{key_, view.type, static_cast<uint8_t>(encoding), view.expire_at_ms, view.access};
  const uint64_t entry = keys_->NewEntry(state, {bytes, size});
  return keys_->Relink(*this, entry);
}

bool StateRef::MoveOutside(CollectionEncoding encoding, std::string_view kept, uint32_t new_bytes) {
  const shm::Link link = keys_->memory_.Allocate(new_bytes);
  if (link == 0) return false;
  shm::RacyStore(keys_->memory_.At(link), kept.data(), kept.size());
  if ((ref_.entry & kEntryExternal) == 0) {
    const StateView view = keys_->ViewOf(ref_.entry);
    const Keyspace::NewState state{key_, view.type, static_cast<uint8_t>(encoding), view.expire_at_ms, view.access};
    const uint64_t entry = keys_->NewEntryAround(state, new_bytes, link, {});
    if (entry == 0) {
      keys_->memory_.Free(link);
      return false;
    }
    return keys_->Relink(*this, entry);
  }
  (void)Change();
  const shm::Link old = keys_->ValueLinkOf(ref_.entry);
  char* block = keys_->memory_.At(EntryLink(ref_.entry));
  shm::RacyStore32(block + shm::ValueLinkOffset((ref_.entry & kEntryExpires) != 0, key_.size()), link);
  keys_->SetHeader(ref_.entry, new_bytes, static_cast<uint8_t>(encoding));
  keys_->memory_.Free(old);  // never pinned: it is no string
  return true;
}

// ---- Keyspace's part ----

std::optional<StateRef> Keyspace::FindState(uint32_t database, std::string_view key, Look look) {
  const uint64_t hash = HashOf(key);
  const SlotRef ref = FindLive(database, key, hash);
  if (look == Look::kRead) ++(ref ? stats_.hits : stats_.misses);
  if (!ref) return std::nullopt;
  if (look != Look::kPeek) TouchEntry(ref.entry);
  return StateRef(*this, database, key, hash, ref);
}

Result<StateRef> Keyspace::CreateState(uint32_t database, std::string_view key, ValueType type,
                                       CollectionEncoding encoding, std::string_view bytes, int64_t expire_at_ms) {
  CHECK(type != ValueType::kString);
  const uint64_t hash = HashOf(key);
  SlotRef ref = FindLive(database, key, hash);
  const uint64_t entry = NewEntry({key, type, static_cast<uint8_t>(encoding), expire_at_ms, NewAccessWord()}, bytes);
  if (!LinkAndFree(Physical(database), ref, hash, entry, expire_at_ms)) return OutOfMemory();
  return StateRef(*this, database, key, hash, indexes_[Physical(database)]->Find(key, hash));
}

// Puts `entry` (0: there was no memory for it) into a state's slot. The old value's nodes are not freed: they belong to
// the new one.
bool Keyspace::Relink(StateRef& state, uint64_t entry) {
  if (entry == 0) return false;
  uint64_t old = 0;
  CHECK(LinkEntry(Physical(state.database_), state.ref_, state.hash_, entry, ExpiryOf(state.ref_.entry), &old));
  FreeBlocks(old);
  state.ref_ = indexes_[Physical(state.database_)]->Find(state.key_, state.hash_);
  return true;
}

}  // namespace chestbox
