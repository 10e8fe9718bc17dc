// Settings of memory, expiry, encodings and the logs of slow commands.
#include <climits>

#include "server/config/settings_table.h"
#include "server/config/special_settings.h"

namespace chestbox {
namespace {

constexpr EnumName kEvictionPolicies[] = {{"volatile-lru", static_cast<int>(EvictionPolicy::kVolatileLru)},
                                          {"volatile-lfu", static_cast<int>(EvictionPolicy::kVolatileLfu)},
                                          {"volatile-random", static_cast<int>(EvictionPolicy::kVolatileRandom)},
                                          {"volatile-ttl", static_cast<int>(EvictionPolicy::kVolatileTtl)},
                                          {"allkeys-lru", static_cast<int>(EvictionPolicy::kAllKeysLru)},
                                          {"allkeys-lfu", static_cast<int>(EvictionPolicy::kAllKeysLfu)},
                                          {"allkeys-random", static_cast<int>(EvictionPolicy::kAllKeysRandom)},
                                          {"noeviction", static_cast<int>(EvictionPolicy::kNoEviction)}};

const char* CheckDatabases(int64_t value) {
  if (value <= kDatabasesMax) return nullptr;
  return "at most 16 databases are possible: the map of logical to physical databases is one 8-byte word";
}

const char* CheckMaxmemory(int64_t value) {
  if (static_cast<uint64_t>(value) <= static_cast<uint64_t>(kArenaReachBytes)) return nullptr;
  return "argument must be at most 64gb: links in shared memory reach no further";
}

const char* CheckActiveDefrag(bool value) {
  if (!value) return nullptr;
  return "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like "
         "the one shipped by default with the Redis source distribution";
}

constexpr Setting kRows[] = {
    // Databases and memory
    Number("databases", kImmutable, {.field = &Config::databases, .min = 1, .max = INT_MAX, .check = CheckDatabases})
        .Note("at most 16: the map of databases is one 8-byte word"),
    Number("maxmemory", 0,
           {.field = &Config::maxmemory_bytes,
            .min = 0,
            .max = -1,
            .form = NumberForm::kMemory,
            .is_unsigned = true,
            .check = CheckMaxmemory})
        .Note("at most 64gb, the reach of a link in shared memory; bounds the arena"),
    Enum<&Config::maxmemory_policy>("maxmemory-policy", kEvictionPolicies).Note("acts when `swap` is off"),
    Integer("maxmemory-samples", &Config::maxmemory_samples, 1, INT_MAX),
    AcceptedInteger("maxmemory-eviction-tenacity", 10, 0, 100),
    AcceptedNumber("maxmemory-clients", 0, {.min = -100, .max = LONG_MAX, .form = NumberForm::kMemoryOrPercent}),
    Integer("lfu-log-factor", &Config::lfu_log_factor, 0, INT_MAX),
    Integer("lfu-decay-time", &Config::lfu_decay_time_min, 0, INT_MAX),
    Integer("active-expire-effort", &Config::active_expire_effort, 1, 10),
    Bool("lazyfree-lazy-eviction", &Config::lazyfree_lazy_eviction),
    Bool("lazyfree-lazy-expire", &Config::lazyfree_lazy_expire),
    Bool("lazyfree-lazy-server-del", &Config::lazyfree_lazy_server_del),
    Bool("lazyfree-lazy-user-del", &Config::lazyfree_lazy_user_del),
    Bool("lazyfree-lazy-user-flush", &Config::lazyfree_lazy_user_flush),

    // Events, slow commands, scripts
    Special("notify-keyspace-events", &kNotifyKeyspaceEventsType, kStored),
    Integer({"busy-reply-threshold", "lua-time-limit"}, &Config::busy_reply_threshold_ms, 0, LONG_MAX),
    Integer("slowlog-log-slower-than", &Config::slowlog_log_slower_than_us, -1, LLONG_MAX, kStored),
    Integer("slowlog-max-len", &Config::slowlog_max_len, 0, LONG_MAX, kStored),
    Integer("latency-monitor-threshold", &Config::latency_monitor_threshold_ms, 0, LLONG_MAX, kStored),
    Bool("latency-tracking", &Config::latency_tracking, kStored),
    Special("latency-tracking-info-percentiles", &kLatencyPercentilesType, kMultiArgument | kStored),

    // Encodings
    Unsigned({"hash-max-listpack-entries", "hash-max-ziplist-entries"}, &Config::hash_max_listpack_entries, 0, LONG_MAX,
             kStored),
    UnsignedMemory({"hash-max-listpack-value", "hash-max-ziplist-value"}, &Config::hash_max_listpack_value_bytes, 0,
                   LONG_MAX, kStored),
    Integer({"list-max-listpack-size", "list-max-ziplist-size"}, &Config::list_max_listpack_size, INT_MIN, INT_MAX,
            kStored),
    Integer("list-compress-depth", &Config::list_compress_depth, 0, INT_MAX, kStored),
    Unsigned("set-max-intset-entries", &Config::set_max_intset_entries, 0, LONG_MAX, kStored),
    Unsigned("set-max-listpack-entries", &Config::set_max_listpack_entries, 0, LONG_MAX, kStored).Note("Redis 7.2"),
    UnsignedMemory("set-max-listpack-value", &Config::set_max_listpack_value_bytes, 0, LONG_MAX, kStored)
        .Note("Redis 7.2"),
    Unsigned({"zset-max-listpack-entries", "zset-max-ziplist-entries"}, &Config::zset_max_listpack_entries, 0, LONG_MAX,
             kStored),
    UnsignedMemory({"zset-max-listpack-value", "zset-max-ziplist-value"}, &Config::zset_max_listpack_value_bytes, 0,
                   LONG_MAX, kStored),
    UnsignedMemory("hll-sparse-max-bytes", &Config::hll_sparse_max_bytes, 0, LONG_MAX),
    UnsignedMemory("stream-node-max-bytes", &Config::stream_node_max_bytes, 0, LONG_MAX),
    Integer("stream-node-max-entries", &Config::stream_node_max_entries, 0, LLONG_MAX),

    // The work of Redis' own allocator and hash tables
    AcceptedBool("activerehashing", true),
    Setting{"activedefrag", kNoEffect, BoolType{.check = CheckActiveDefrag}}.Note("`yes` is refused"),
    AcceptedInteger("active-defrag-cycle-min", 1, 1, 99),
    AcceptedInteger("active-defrag-cycle-max", 25, 1, 99),
    AcceptedInteger("active-defrag-threshold-lower", 10, 0, 1000),
    AcceptedInteger("active-defrag-threshold-upper", 100, 0, 1000),
    AcceptedInteger("active-defrag-max-scan-fields", 1000, 1, LONG_MAX),
    AcceptedNumber(
        "active-defrag-ignore-bytes", 0,
        {.fallback = int64_t{100} << 20, .min = 1, .max = LLONG_MAX, .form = NumberForm::kMemory, .is_unsigned = true}),
    AcceptedBool("jemalloc-bg-thread", true),
    AcceptedNumber("tracking-table-max-keys", 0, {.fallback = 1000000, .max = LONG_MAX, .is_unsigned = true}),
    Integer("acllog-max-len", &Config::acllog_max_len, 0, LONG_MAX),
};

}  // namespace

std::span<const Setting> KeyspaceSettings() { return kRows; }

}  // namespace chestbox
