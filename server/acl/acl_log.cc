#include "server/acl/acl_log.h"

#include <algorithm>
#include <utility>

namespace chestbox {

namespace {

// As in Redis: an event is alike if it is one of the last few within a minute.
constexpr size_t kLookedAt = 10;
constexpr int64_t kTogetherMs = 60'000;
// Names of keys and users come from clients, refused ones at that.
constexpr size_t kTextBytesMax = 1024;

bool Alike(const AclLogEntry& a, const AclLogEntry& b) {
  return a.reason == b.reason && a.context == b.context && a.object == b.object && a.username == b.username &&
         b.updated_ms - a.updated_ms <= kTogetherMs;
}

}  // namespace

void AclLog::Add(AclLogEntry entry, size_t entries_max) {
  entry.object.resize(std::min(entry.object.size(), kTextBytesMax));
  entry.username.resize(std::min(entry.username.size(), kTextBytesMax));
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(std::min(entries_.size(), kLookedAt));
  const auto known = std::find_if(entries_.begin(), end, [&](const AclLogEntry& other) { return Alike(other, entry); });
  if (known != end) {
    entry.id = known->id;
    entry.count = known->count + 1;
    entry.created_ms = known->created_ms;
    entries_.erase(known);
  } else {
    entry.id = next_id_++;
  }
  entries_.push_front(std::move(entry));
  if (entries_.size() > entries_max) entries_.resize(entries_max);
}

}  // namespace chestbox
