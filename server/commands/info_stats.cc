// INFO stats, commandstats, errorstats, latencystats and keyspace.
#include <algorithm>
#include <vector>

#include "server/commands/info.h"
#include "server/commands/info_text.h"
#include "server/pubsub.h"
#include "server/server.h"

namespace chestbox::info {

namespace {

// What a counter's name may not contain: the characters that INFO is split at.
std::string Safe(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c == '#' || c == ':' || c == '\n' || c == '\r') c = '_';
  }
  return text;
}

// Rows that were called or refused, by full name.
std::vector<std::pair<std::string, const CommandStats*>> UsedCommands(Server& server) {
  std::vector<std::pair<std::string, const CommandStats*>> used;
  for (const auto& [spec, stats] : server.stats().commands) {
    if (stats.calls == 0 && stats.rejected_calls == 0 && stats.failed_calls == 0) continue;
    used.emplace_back(Safe(server.commands().FullName(*spec)), &stats);
  }
  std::sort(used.begin(), used.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return used;
}

// "99.9", "50": without zeros that say nothing.
std::string PercentileName(double percent) {
  std::string text = fmt::format("{:f}", percent);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// Mean time to live of a sample of the keys that expire, in milliseconds; 0: none met.
int64_t SampledTtlMs(Keyspace& keys, uint32_t database) {
  constexpr int kBucketsMax = 64;
  constexpr int64_t kKeysMax = 16;
  int64_t sum_ms = 0;
  int64_t count = 0;
  uint64_t swapped_out = 0;
  uint64_t position = 0;
  for (int i = 0; i < kBucketsMax && count < kKeysMax; ++i) {
    position = keys.VisitBucket(
        database, position,
        [&](const Keyspace::KeyInfo& info) {
          if (info.state.expire_at_ms == kNoExpiry) return;
          sum_ms += info.state.expire_at_ms - keys.now_ms();
          ++count;
        },
        &swapped_out);
    if (position == 0) break;
  }
  return count == 0 ? 0 : sum_ms / count;
}

void AppendTraffic(Server& server, std::string* text) {
  const Stats& stats = server.stats();
  Line(text, "total_connections_received", stats.connections_received);
  Line(text, "total_commands_processed", stats.commands_processed);
  Line(text, "instantaneous_ops_per_sec", server.instantaneous_ops());
  Line(text, "total_net_input_bytes", stats.net_input_bytes);
  Line(text, "total_net_output_bytes", stats.net_output_bytes);
  Line(text, "total_net_repl_input_bytes", 0);
  Line(text, "total_net_repl_output_bytes", stats.replication_output_bytes);
  Ratio(text, "instantaneous_input_kbps", static_cast<double>(server.instantaneous_input_bytes()) / 1024);
  Ratio(text, "instantaneous_output_kbps", static_cast<double>(server.instantaneous_output_bytes()) / 1024);
  Ratio(text, "instantaneous_input_repl_kbps", 0);
  Ratio(text, "instantaneous_output_repl_kbps", 0);
  Line(text, "rejected_connections", stats.connections_rejected);
  Line(text, "sync_full", stats.full_syncs);
  Line(text, "sync_partial_ok", stats.partial_syncs);
  Line(text, "sync_partial_err", stats.refused_partial_syncs);
}

}  // namespace

void AppendStats(Server& server, std::string* text) {
  const Stats& stats = server.stats();
  const KeyspaceStats& keyspace = server.keys().stats();
  AppendTraffic(server, text);
  Line(text, "expired_keys", keyspace.expired_keys);
  Ratio(text, "expired_stale_perc", 0);
  Line(text, "expired_time_cap_reached_count", keyspace.expired_time_cap_reached);
  Zeros(text, {"expire_cycle_cpu_milliseconds", "evicted_keys", "evicted_clients", "total_eviction_exceeded_time",
               "current_eviction_exceeded_time"});
  Line(text, "keyspace_hits", keyspace.hits);
  Line(text, "keyspace_misses", keyspace.misses);
  const PubSub& pubsub = server.pubsub();
  Line(text, "pubsub_channels", pubsub.names(ChannelSpace::kChannels));
  Line(text, "pubsub_patterns", pubsub.names(ChannelSpace::kPatterns));
  Line(text, "pubsubshard_channels", pubsub.names(ChannelSpace::kShardChannels));
  Zeros(text, {"latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys",
               "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
               "total_active_defrag_time", "current_active_defrag_time", "tracking_total_keys", "tracking_total_items",
               "tracking_total_prefixes"});
  Line(text, "unexpected_error_replies", stats.unexpected_error_replies);
  Line(text, "total_error_replies", stats.error_replies);
  Line(text, "dump_payload_sanitizations", 0);
  Line(text, "total_reads_processed", stats.reads_processed);
  Line(text, "total_writes_processed", stats.writes_processed);
  Zeros(text, {"io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks",
               "reply_buffer_expands"});
  // Since Redis 7.2.
  Line(text, "client_query_buffer_limit_disconnections", stats.client_query_buffer_limit_disconnections);
  Line(text, "client_output_buffer_limit_disconnections", stats.client_output_buffer_limit_disconnections);
  Line(text, "acl_access_denied_auth", stats.denied_auths);
  Line(text, "acl_access_denied_cmd", stats.denied_commands);
  Line(text, "acl_access_denied_key", stats.denied_keys);
  Line(text, "acl_access_denied_channel", stats.denied_channels);
}

void AppendCommandStats(Server& server, std::string* text) {
  for (const auto& [name, stats] : UsedCommands(server)) {
    fmt::format_to(std::back_inserter(*text),
                   "cmdstat_{}:calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}\r\n", name,
                   stats->calls, stats->usec, Quotient(stats->usec, stats->calls), stats->rejected_calls,
                   stats->failed_calls);
  }
}

void AppendErrorStats(Server& server, std::string* text) {
  for (const auto& [code, count] : server.stats().errors) {
    fmt::format_to(std::back_inserter(*text), "errorstat_{}:count={}\r\n", Safe(code), count);
  }
}

void AppendLatencyStats(Server& server, std::string* text) {
  if (!server.config().latency_tracking) return;
  for (const auto& [name, stats] : UsedCommands(server)) {
    if (stats->latency.total() == 0) continue;
    fmt::format_to(std::back_inserter(*text), "latency_percentiles_usec_{}:", name);
    std::string_view separator;
    for (double percent : server.config().latency_tracking_info_percentiles) {
      fmt::format_to(std::back_inserter(*text), "{}p{}={:.3f}", separator, PercentileName(percent),
                     static_cast<double>(stats->latency.AtPercentile(percent)));
      separator = ",";
    }
    *text += "\r\n";
  }
}

void AppendKeyspace(Server& server, std::string* text) {
  Keyspace& keys = server.keys();
  for (uint32_t database = 0; database < static_cast<uint32_t>(server.config().databases); ++database) {
    const uint64_t size = keys.Size(database);
    if (size == 0) continue;
    const uint64_t expiring = keys.ExpiringSize(database);
    fmt::format_to(std::back_inserter(*text), "db{}:keys={},expires={},avg_ttl={}\r\n", database, size, expiring,
                   expiring == 0 ? 0 : SampledTtlMs(keys, database));
  }
}

}  // namespace chestbox::info
