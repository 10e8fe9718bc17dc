// Replica: what a connection has said about itself by REPLCONF, and how far its synchronization is. Owned by its
// Client; changed by Replication only. Executor thread.
#pragma once

#include <cstdint>
#include <string>

namespace chestbox {

struct Replica {
  enum class State {
    kNone,          // not a replica, or not yet
    kWaitsForSave,  // for a save that has not begun; the stream is not for it yet
    kWaitsForFile,  // the save runs, and the stream since its moment gathers in the reply buffer
    kReceivesFile,  // and goes on gathering
    kOnline,
  };
  State state = State::kNone;
  int64_t listening_port = 0;
  std::string address;  // as it was announced; empty: its socket's
  bool knows_eof = false;
  bool knows_psync2 = false;
  bool rdb_only = false;      // it wants the file and nothing after it
  bool is_filtered = false;   // REPLCONF rdb-filter-only has asked for a part of the file
  bool acknowledges = false;  // it came by PSYNC; by SYNC, nothing is ever heard of it
  uint64_t sync_offset = 0;   // where the stream begins for it
  int64_t acknowledged_offset = 0;
  int64_t heard_ms = 0;  // when it last acknowledged, or became online
};

}  // namespace chestbox
