// Settings of RDB, AOF and of the process. Most are valid in Redis and mean nothing here.
#include <climits>

#include "server/config/settings_table.h"
#include "server/config/special_settings.h"

namespace chestbox {
namespace {

constexpr EnumName kFsyncModes[] = {{"everysec", 0}, {"always", 1}, {"no", 2}};
constexpr EnumName kShutdownBits[] = {{"default", 0}, {"save", 1}, {"nosave", 2}, {"now", 4}, {"force", 8}};
constexpr EnumName kOomScoreModes[] = {{"no", 0}, {"yes", 1}, {"relative", 1}, {"absolute", 2}};
constexpr EnumName kSanitizeModes[] = {{"no", 0}, {"yes", 1}, {"clients", 2}};
constexpr EnumName kPropagationErrors[] = {{"ignore", 0}, {"panic", 1}, {"panic-on-replicas", 2}};
constexpr EnumName kChannelDefaults[] = {{"allchannels", 1}, {"resetchannels", 0}};

const char* CheckShutdownBits(int bits) {
  constexpr int kSaveAndNosave = 1 | 2;
  if ((bits & kSaveAndNosave) != kSaveAndNosave) return nullptr;
  return "shutdown options SAVE and NOSAVE can't be used simultaneously";
}

bool IsBaseName(std::string_view text) { return text.find_first_of("/\\") == std::string_view::npos; }

const char* CheckDbFilename(std::string_view text) {
  return IsBaseName(text) ? nullptr : "dbfilename can't be a path, just a filename";
}

const char* CheckAppendFilename(std::string_view text) {
  if (text.empty()) return "appendfilename can't be empty";
  return IsBaseName(text) ? nullptr : "appendfilename can't be a path, just a filename";
}

const char* CheckAppendDirname(std::string_view text) {
  if (text.empty()) return "appenddirname can't be empty";
  return IsBaseName(text) ? nullptr : "appenddirname can't be a path, just a dirname";
}

constexpr Setting kRows[] = {
    // RDB
    Special("save", &kSaveType, kMultiArgument)
        .Note("none by default: states are kept by swapping, and no dump file is loaded at the start"),
    String("dbfilename", &Config::dbfilename, kProtected, CheckDbFilename),
    Bool("rdbcompression", &Config::rdbcompression),
    Bool("rdbchecksum", &Config::rdbchecksum, kImmutable),
    AcceptedBool("rdb-del-sync-files", false),
    AcceptedBool("rdb-save-incremental-fsync", true),
    AcceptedInteger("rdb-key-save-delay", 0, INT_MIN, INT_MAX, kHidden),
    AcceptedInteger("key-load-delay", 0, INT_MIN, INT_MAX, kHidden),
    AcceptedInteger("loading-process-events-interval-bytes", int64_t{2} << 20, 1024, INT_MAX, kHidden),
    Bool("stop-writes-on-bgsave-error", &Config::stop_writes_on_bgsave_error),
    AcceptedEnum("sanitize-dump-payload", kSanitizeModes, 0),

    // AOF
    Bool("appendonly", &Config::appendonly, kNoEffect)
        .Note("a state survives SIGTERM and SHUTDOWN; there is no log yet that survives a crash"),
    String("appendfilename", &Config::appendfilename, kImmutable, CheckAppendFilename),
    String("appenddirname", &Config::appenddirname, kImmutable, CheckAppendDirname),
    AcceptedEnum("appendfsync", kFsyncModes, 0),
    AcceptedBool("no-appendfsync-on-rewrite", false),
    AcceptedInteger("auto-aof-rewrite-percentage", 100, 0, INT_MAX),
    AcceptedNumber("auto-aof-rewrite-min-size", 0,
                   {.fallback = int64_t{64} << 20, .max = LLONG_MAX, .form = NumberForm::kMemory}),
    AcceptedBool("aof-load-truncated", true),
    Bool("aof-use-rdb-preamble", &Config::aof_use_rdb_preamble),
    AcceptedBool("aof-timestamp-enabled", false),
    AcceptedBool("aof-rewrite-incremental-fsync", true),
    AcceptedBool("aof-disable-auto-gc", false),

    // Process
    AcceptedInteger("io-threads", 1, 1, 128, kImmutable).Note("one executor thread runs all commands"),
    AcceptedBool("io-threads-do-reads", false, kImmutable),
    AcceptedString("server_cpulist", "", kImmutable | kUnsetIfEmpty),
    AcceptedString("bio_cpulist", "", kImmutable | kUnsetIfEmpty),
    AcceptedString("aof_rewrite_cpulist", "", kImmutable | kUnsetIfEmpty),
    AcceptedString("bgsave_cpulist", "", kImmutable | kUnsetIfEmpty),
    AcceptedEnum("oom-score-adj", kOomScoreModes, 0),
    Special("oom-score-adj-values", &kOomScoreAdjValuesType, kMultiArgument | kNoEffect),
    AcceptedBool("disable-thp", true, kImmutable),
    AcceptedString("ignore-warnings", ""),
    AcceptedBool("crash-log-enabled", true),
    AcceptedBool("crash-memcheck-enabled", true),
    AcceptedBool("use-exit-on-panic", false, kHidden),
    AcceptedInteger("watchdog-period", 0, 0, INT_MAX, kHidden),
    AcceptedInteger("shutdown-timeout", 10, 0, INT_MAX),
    AcceptedEnum("shutdown-on-sigint", kShutdownBits, 0, kMultiArgument, CheckShutdownBits),
    AcceptedEnum("shutdown-on-sigterm", kShutdownBits, 0, kMultiArgument, CheckShutdownBits),
    AcceptedEnum("propagation-error-behavior", kPropagationErrors, 0),
    AcceptedString("locale-collate", "").Note("Redis 7.2"),
    AcceptedNumber("socket-mark-id", kImmutable, {.max = UINT_MAX, .is_unsigned = true}),
    AcceptedString("bind-source-addr", "", kUnsetIfEmpty),

    // Users
    String("aclfile", &Config::aclfile, kImmutable),
    Enum<&Config::acl_pubsub_default>("acl-pubsub-default", kChannelDefaults),
};

}  // namespace

std::span<const Setting> PersistenceSettings() { return kRows; }

}  // namespace chestbox
