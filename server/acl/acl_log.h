// AclLog: what was refused lately, for ACL LOG: the newest first. Alike events within a minute are one entry with a
// count. Executor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace chestbox {

struct AclLogEntry {
  uint64_t id = 0;
  int64_t count = 1;
  std::string_view reason;   // "auth", "command", "key", "channel"
  std::string_view context;  // "toplevel", "multi", "lua"
  std::string object;        // the command, key or channel
  std::string username;
  std::string client_info;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
};

class AclLog {
 public:
  // At most `entries_max` entries stay.
  void Add(AclLogEntry entry, size_t entries_max);
  void Clear() { entries_.clear(); }
  const std::deque<AclLogEntry>& entries() const { return entries_; }

 private:
  std::deque<AclLogEntry> entries_;
  uint64_t next_id_ = 0;
};

}  // namespace chestbox
