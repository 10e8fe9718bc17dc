// What the server is told to do: plain typed fields with our defaults, units last in their names. Filled and changed
// only by Settings (settings.h); everything else reads it, on the executor thread. A thread that runs beside the
// executor is given a copy of what it needs, because CONFIG SET changes strings in place.
//
// A setting that is valid in Redis and that nothing here acts upon or will soon read has no field; its text lives in
// `accepted`, so that CONFIG GET and CONFIG REWRITE know it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace chestbox {

enum class LogLevel : int { kDebug, kVerbose, kNotice, kWarning };
enum class SupervisedMode : int { kNo, kSystemd, kUpstart, kAuto };
enum class SyslogFacility : int { kUser, kLocal0, kLocal1, kLocal2, kLocal3, kLocal4, kLocal5, kLocal6, kLocal7 };
enum class EvictionPolicy : int {
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
  kAllKeysLru,
  kAllKeysLfu,
  kAllKeysRandom,
  kNoEviction,
};
// Who may use a guarded command or setting: nobody, everybody, or clients of this machine (loopback or Unix socket).
enum class ProtectedAction : int { kNo, kYes, kLocal };

// Which channels a new user may use.
enum class ChannelDefault : int { kReset, kAll };

// Classes of client-output-buffer-limit, in the order in which CONFIG GET names them.
enum class ClientClass : int { kNormal, kReplica, kPubsub };
inline constexpr int kClientClassCount = 3;

// A client is closed at once over `hard_bytes`, or after `soft_s` seconds in a row over `soft_bytes`. 0 is no limit.
struct OutputBufferLimit {
  int64_t hard_bytes = 0;
  int64_t soft_bytes = 0;
  int64_t soft_s = 0;
  bool operator==(const OutputBufferLimit&) const = default;
};

struct SavePoint {
  int64_t period_s = 0;
  int64_t changes = 0;
  bool operator==(const SavePoint&) const = default;
};

// A shared-memory link is a 32-bit number of a 16-byte granule, so an arena cannot be larger.
inline constexpr int64_t kArenaReachBytes = int64_t{64} << 30;
// The map of logical to physical databases is one 8-byte word of 4-bit numbers, so that SWAPDB is one store.
inline constexpr int64_t kDatabasesMax = 16;

struct Config {
  // Network. An address of `bind` may start with '-' (it need not exist) and may be "*" or "::*" (all of IPv4, IPv6).
  std::vector<std::string> bind = {"*", "-::*"};
  int64_t port = 6379;  // 0: no TCP
  int64_t tcp_backlog = 511;
  std::string unixsocket;      // empty: none
  int64_t unixsocketperm = 0;  // mode bits; 0: as the umask leaves it
  int64_t timeout_s = 0;       // 0: idle clients stay
  int64_t tcp_keepalive_s = 300;
  bool protected_mode = true;
  int64_t maxclients = 10000;
  int64_t client_query_buffer_limit_bytes = int64_t{1} << 30;
  int64_t proto_max_bulk_bytes = int64_t{512} << 20;
  std::array<OutputBufferLimit, kClientClassCount> client_output_buffer_limits = {
      OutputBufferLimit{0, 0, 0},
      {int64_t{256} << 20, int64_t{64} << 20, 60},
      {int64_t{32} << 20, int64_t{8} << 20, 60}};
  std::string requirepass;  // the default user's password; empty: none

  // Users (acl/acl.h): those of `user` lines, word by word, or a file of such lines.
  std::vector<std::vector<std::string>> users;
  std::string aclfile;
  int64_t acllog_max_len = 128;
  ChannelDefault acl_pubsub_default = ChannelDefault::kReset;

  // Process.
  bool daemonize = false;
  SupervisedMode supervised = SupervisedMode::kNo;
  std::string pidfile;
  std::string logfile;  // empty: standard output
  LogLevel loglevel = LogLevel::kNotice;
  bool syslog_enabled = false;
  std::string syslog_ident = "chestbox";
  SyslogFacility syslog_facility = SyslogFacility::kLocal0;
  std::string dir;  // always absolute, and the working directory of the process
  bool always_show_logo = false;
  bool set_proc_title = true;
  std::string proc_title_template = "{title} {listen-addr} {server-mode}";
  int64_t hz = 10;  // 1..500
  bool dynamic_hz = true;
  ProtectedAction enable_protected_configs = ProtectedAction::kNo;
  ProtectedAction enable_debug_command = ProtectedAction::kNo;
  ProtectedAction enable_module_command = ProtectedAction::kNo;
  // "rename-command OLD NEW" lines in file order; an empty NEW removes the command. Whether OLD exists is for the
  // reader to check, because only the command table knows.
  std::vector<std::pair<std::string, std::string>> renamed_commands;

  // Keyspace and memory.
  int64_t databases = 16;
  int64_t maxmemory_bytes = 0;  // 0: as much as the arena reaches
  EvictionPolicy maxmemory_policy = EvictionPolicy::kNoEviction;
  int64_t maxmemory_samples = 5;
  int64_t lfu_log_factor = 10;
  int64_t lfu_decay_time_min = 1;
  int64_t active_expire_effort = 1;
  bool lazyfree_lazy_eviction = false;
  bool lazyfree_lazy_expire = false;
  bool lazyfree_lazy_server_del = false;
  bool lazyfree_lazy_user_del = false;
  bool lazyfree_lazy_user_flush = false;

  // ChestBox's own.
  std::string redis_version = "7.2.4";  // what INFO and HELLO report
  bool swap = true;
  std::string swap_dir = "chestbox-swap";  // relative to `dir`
  int64_t swap_high_watermark_percent = 95;
  int64_t swap_low_watermark_percent = 90;
  bool shm_attach = true;        // whether co-located clients may attach
  int64_t channel_spin_us = 20;  // how long either side of a channel looks for bytes before it sleeps; 0: not at all

  // Replication.
  int64_t repl_timeout_s = 60;
  int64_t repl_ping_replica_period_s = 10;
  int64_t repl_backlog_size_bytes = int64_t{1} << 20;
  int64_t repl_backlog_ttl_s = 3600;    // 0: for ever
  int64_t min_replicas_to_write = 0;    // 0: writes need none
  int64_t min_replicas_max_lag_s = 10;  // 0: the same

  // RDB and AOF files. No save points by default: states are kept by swapping, and no file is loaded at the start.
  std::vector<SavePoint> save_points;
  std::string dbfilename = "dump.rdb";
  bool rdbcompression = true;
  bool rdbchecksum = true;
  bool stop_writes_on_bgsave_error = true;
  std::string appendfilename = "appendonly.aof";
  std::string appenddirname = "appendonlydir";
  bool aof_use_rdb_preamble = true;

  // Kept for features that read them later.
  std::string notify_keyspace_events;  // Redis' canonical letters
  int64_t busy_reply_threshold_ms = 5000;
  int64_t slowlog_log_slower_than_us = 10000;  // -1: off
  int64_t slowlog_max_len = 128;
  int64_t latency_monitor_threshold_ms = 0;
  bool latency_tracking = true;
  std::vector<double> latency_tracking_info_percentiles = {50, 99, 99.9};
  int64_t hash_max_listpack_entries = 512;
  int64_t hash_max_listpack_value_bytes = 64;
  int64_t list_max_listpack_size = -2;
  int64_t list_compress_depth = 0;
  int64_t set_max_intset_entries = 512;
  int64_t set_max_listpack_entries = 128;
  int64_t set_max_listpack_value_bytes = 64;
  int64_t zset_max_listpack_entries = 128;
  int64_t zset_max_listpack_value_bytes = 64;
  int64_t hll_sparse_max_bytes = 3000;
  int64_t stream_node_max_bytes = 4096;
  int64_t stream_node_max_entries = 100;
  bool appendonly = false;
  std::array<int64_t, 3> oom_score_adj_values = {0, 200, 800};

  // Canonical text of every other setting that was given a value of its own; one that is missing has its default.
  std::map<std::string, std::string, std::less<>> accepted;
};

}  // namespace chestbox
