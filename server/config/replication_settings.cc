// Settings of replication, and of cluster and TLS, which are features of Redis that do not exist here. Those that would
// turn one on are refused, as is being a replica; the others are accepted.
#include <climits>

#include "server/config/settings_table.h"
#include "server/config/special_settings.h"

namespace chestbox {
namespace {

constexpr EnumName kDisklessLoads[] = {{"disabled", 0}, {"on-empty-db", 1}, {"swapdb", 2}};
constexpr EnumName kEndpointTypes[] = {{"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}};
constexpr EnumName kTlsClientModes[] = {{"no", 0}, {"yes", 1}, {"optional", 2}};

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";

const char* CheckHostname(std::string_view text) {
  constexpr size_t kHostnameMax = 255;
  if (text.size() > kHostnameMax) return "Hostnames must be less than 256 characters";
  if (text.find_first_not_of(kLetters) == std::string_view::npos) return nullptr;
  return "Hostnames may only contain alphanumeric characters, hyphens or dots";
}

const char* CheckNodeName(std::string_view text) {
  bool is_plain = text.find_first_of("!#$%&()*+:;<>?@[]{}^{|}~ \n\r\t\"',=") == std::string_view::npos;
  return is_plain ? nullptr : "Announced human node name contained invalid character";
}

const char* CheckClusterEnabled(bool value) {
  return value ? "cluster mode is not supported: one server holds all the states of its node" : nullptr;
}

const char* CheckTlsPort(int64_t port) {
  return port == 0 ? nullptr : "TLS is not supported yet: use port, or unixsocket for clients of this machine";
}

// Redis takes a smaller number and makes it this one.
int64_t AdjustBacklogSize(int64_t bytes) {
  constexpr int64_t kMinBytes = 16 << 10;
  return bytes < kMinBytes ? kMinBytes : bytes;
}

constexpr Setting kRows[] = {
    // Replication
    Special({"replicaof", "slaveof"}, &kReplicaOfType, kImmutable | kMultiArgument | kNoEffect)
        .Note("refused, but for `no one`"),
    AcceptedString("masterauth", "", kSensitive | kUnsetIfEmpty),
    AcceptedString("masteruser", "", kSensitive | kUnsetIfEmpty),
    AcceptedString({"replica-announce-ip", "slave-announce-ip"}, "", kUnsetIfEmpty),
    AcceptedInteger({"replica-announce-port", "slave-announce-port"}, 0, 0, 65535),
    AcceptedBool("replica-announced", true),
    AcceptedBool({"replica-lazy-flush", "slave-lazy-flush"}, false),
    AcceptedBool({"replica-serve-stale-data", "slave-serve-stale-data"}, true),
    AcceptedBool({"replica-read-only", "slave-read-only"}, true),
    AcceptedBool({"replica-ignore-maxmemory", "slave-ignore-maxmemory"}, true),
    AcceptedBool("replica-ignore-disk-write-errors", false),
    AcceptedInteger({"replica-priority", "slave-priority"}, 100, 0, INT_MAX),
    Integer({"min-replicas-to-write", "min-slaves-to-write"}, &Config::min_replicas_to_write, 0, INT_MAX),
    Integer({"min-replicas-max-lag", "min-slaves-max-lag"}, &Config::min_replicas_max_lag_s, 0, INT_MAX),
    Integer("repl-timeout", &Config::repl_timeout_s, 1, INT_MAX),
    Integer({"repl-ping-replica-period", "repl-ping-slave-period"}, &Config::repl_ping_replica_period_s, 1, INT_MAX),
    Number("repl-backlog-size", 0,
           {.field = &Config::repl_backlog_size_bytes,
            .min = 1,
            .max = LLONG_MAX,
            .form = NumberForm::kMemory,
            .adjust = AdjustBacklogSize}),
    Integer("repl-backlog-ttl", &Config::repl_backlog_ttl_s, 0, LONG_MAX),
    AcceptedBool("repl-disable-tcp-nodelay", false),
    AcceptedBool("repl-diskless-sync", true).Note("a full synchronization always goes by a file, and begins at once"),
    AcceptedInteger("repl-diskless-sync-delay", 5, 0, INT_MAX),
    AcceptedInteger("repl-diskless-sync-max-replicas", 0, 0, INT_MAX),
    AcceptedEnum("repl-diskless-load", kDisklessLoads, 0),

    // Cluster
    Setting{"cluster-enabled", kImmutable | kNoEffect, BoolType{.check = CheckClusterEnabled}}.Note("`yes` is refused"),
    AcceptedString("cluster-config-file", "nodes.conf", kImmutable),
    AcceptedInteger("cluster-port", 0, 0, 65535, kImmutable),
    AcceptedInteger("cluster-node-timeout", 15000, 0, LLONG_MAX),
    AcceptedInteger("cluster-migration-barrier", 1, 0, INT_MAX),
    AcceptedBool("cluster-allow-replica-migration", true),
    AcceptedInteger({"cluster-replica-validity-factor", "cluster-slave-validity-factor"}, 10, 0, INT_MAX),
    AcceptedBool({"cluster-replica-no-failover", "cluster-slave-no-failover"}, false),
    AcceptedBool("cluster-require-full-coverage", true),
    AcceptedBool("cluster-allow-reads-when-down", false),
    AcceptedBool("cluster-allow-pubsubshard-when-down", true),
    AcceptedNumber("cluster-link-sendbuf-limit", 0, {.max = -1, .form = NumberForm::kMemory, .is_unsigned = true}),
    AcceptedString("cluster-announce-ip", "", kUnsetIfEmpty),
    AcceptedString("cluster-announce-hostname", "", kUnsetIfEmpty, CheckHostname),
    AcceptedString("cluster-announce-human-nodename", "", kUnsetIfEmpty, CheckNodeName).Note("Redis 7.2"),
    AcceptedInteger("cluster-announce-port", 0, 0, 65535),
    AcceptedInteger("cluster-announce-tls-port", 0, 0, 65535),
    AcceptedInteger("cluster-announce-bus-port", 0, 0, 65535),
    AcceptedEnum("cluster-preferred-endpoint-type", kEndpointTypes, 0),

    // TLS
    AcceptedNumber("tls-port", 0, {.max = 65535, .check = CheckTlsPort}).Note("anything but 0 is refused"),
    AcceptedBool("tls-cluster", false),
    AcceptedBool("tls-replication", false),
    AcceptedEnum("tls-auth-clients", kTlsClientModes, 1),
    AcceptedBool("tls-prefer-server-ciphers", false),
    AcceptedBool("tls-session-caching", true),
    AcceptedInteger("tls-session-cache-size", 20480, 0, INT_MAX),
    AcceptedInteger("tls-session-cache-timeout", 300, 0, INT_MAX),
    AcceptedString("tls-cert-file", "", kUnsetIfEmpty),
    AcceptedString("tls-key-file", "", kUnsetIfEmpty),
    AcceptedString("tls-key-file-pass", "", kUnsetIfEmpty | kSensitive),
    AcceptedString("tls-client-cert-file", "", kUnsetIfEmpty),
    AcceptedString("tls-client-key-file", "", kUnsetIfEmpty),
    AcceptedString("tls-client-key-file-pass", "", kUnsetIfEmpty | kSensitive),
    AcceptedString("tls-dh-params-file", "", kUnsetIfEmpty),
    AcceptedString("tls-ca-cert-file", "", kUnsetIfEmpty),
    AcceptedString("tls-ca-cert-dir", "", kUnsetIfEmpty),
    AcceptedString("tls-protocols", "", kUnsetIfEmpty),
    AcceptedString("tls-ciphers", "", kUnsetIfEmpty),
    AcceptedString("tls-ciphersuites", "", kUnsetIfEmpty),
};

}  // namespace

std::span<const Setting> ReplicationSettings() { return kRows; }

}  // namespace chestbox
