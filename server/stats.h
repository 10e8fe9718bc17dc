// Counters of INFO. Plain numbers: executor thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "server/latency_histogram.h"

namespace chestbox {

struct CommandSpec;

struct CommandStats {
  uint64_t calls = 0;
  uint64_t usec = 0;
  uint64_t rejected_calls = 0;  // refused before they ran (arity, auth, OOM)
  uint64_t failed_calls = 0;    // ran and failed
  LatencyHistogram latency;     // with latency-tracking
};

// By leaf (subcommand) row. References stay good.
class CommandStatsTable {
 public:
  CommandStats& Of(const CommandSpec* spec) {
    if (spec != last_spec_) {  // pipelines repeat themselves
      last_ = &stats_[spec];
      last_spec_ = spec;
    }
    return *last_;
  }
  auto begin() const { return stats_.begin(); }
  auto end() const { return stats_.end(); }

 private:
  std::unordered_map<const CommandSpec*, CommandStats> stats_;
  const CommandSpec* last_spec_ = nullptr;
  CommandStats* last_ = nullptr;
};

struct Stats {
  uint64_t connections_received = 0;
  uint64_t connections_rejected = 0;
  uint64_t commands_processed = 0;
  uint64_t net_input_bytes = 0;
  uint64_t net_output_bytes = 0;
  uint64_t error_replies = 0;
  uint64_t client_query_buffer_limit_disconnections = 0;
  uint64_t client_output_buffer_limit_disconnections = 0;
  uint64_t unexpected_error_replies = 0;
  uint64_t reads_processed = 0;
  uint64_t writes_processed = 0;
  uint64_t full_syncs = 0;
  uint64_t partial_syncs = 0;
  uint64_t refused_partial_syncs = 0;
  uint64_t replication_output_bytes = 0;
  uint64_t denied_auths = 0;     // wrong user or password
  uint64_t denied_commands = 0;  // by the user's rights
  uint64_t denied_keys = 0;
  uint64_t denied_channels = 0;
  CommandStatsTable commands;
  std::map<std::string, uint64_t, std::less<>> errors;  // by code: "ERR", "WRONGTYPE"; bounded
};

// Distinct error codes kept: a client can make codes up (scripts), so Redis bounds this as well.
inline constexpr size_t kErrorCodesMax = 128;

}  // namespace chestbox
