// Process and network settings, and ChestBox's own.
#include <climits>

#include "server/config/config_text.h"
#include "server/config/settings_table.h"
#include "server/config/special_settings.h"

namespace chestbox {
namespace {

constexpr EnumName kSupervisedModes[] = {{"upstart", static_cast<int>(SupervisedMode::kUpstart)},
                                         {"systemd", static_cast<int>(SupervisedMode::kSystemd)},
                                         {"auto", static_cast<int>(SupervisedMode::kAuto)},
                                         {"no", static_cast<int>(SupervisedMode::kNo)}};
constexpr EnumName kLogLevels[] = {{"debug", static_cast<int>(LogLevel::kDebug)},
                                   {"verbose", static_cast<int>(LogLevel::kVerbose)},
                                   {"notice", static_cast<int>(LogLevel::kNotice)},
                                   {"warning", static_cast<int>(LogLevel::kWarning)}};
constexpr EnumName kSyslogFacilities[] = {
    {"user", static_cast<int>(SyslogFacility::kUser)},     {"local0", static_cast<int>(SyslogFacility::kLocal0)},
    {"local1", static_cast<int>(SyslogFacility::kLocal1)}, {"local2", static_cast<int>(SyslogFacility::kLocal2)},
    {"local3", static_cast<int>(SyslogFacility::kLocal3)}, {"local4", static_cast<int>(SyslogFacility::kLocal4)},
    {"local5", static_cast<int>(SyslogFacility::kLocal5)}, {"local6", static_cast<int>(SyslogFacility::kLocal6)},
    {"local7", static_cast<int>(SyslogFacility::kLocal7)}};
constexpr EnumName kProtectedActions[] = {{"no", static_cast<int>(ProtectedAction::kNo)},
                                          {"yes", static_cast<int>(ProtectedAction::kYes)},
                                          {"local", static_cast<int>(ProtectedAction::kLocal)}};

// A number that may not be so small that no request fits.
constexpr int64_t kRequestLimitMinBytes = int64_t{1} << 20;

// What the variables of a title template expand to here only needs to be empty or not, as at Redis' start.
const char* TitleVariable(std::string_view name) {
  struct Variable {
    std::string_view name;
    const char* sample;
  };
  constexpr Variable kVariables[] = {{"title", ""}, {"listen-addr", "*:1"}, {"server-mode", ""}, {"config-file", "-"},
                                     {"port", "1"}, {"tls-port", "0"},      {"unixsocket", ""}};
  for (const Variable& variable : kVariables) {
    if (variable.name == name) return variable.sample;
  }
  return nullptr;
}

// {name} is a variable, {{ a brace; the title that comes out may not be blank.
const char* CheckProcTitleTemplate(std::string_view text) {
  constexpr const char* kInvalid = "template format is invalid or contains unknown variables";
  std::string title;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      title += text[i];
    } else if (text.substr(i).starts_with("{{")) {
      title += '{';
      ++i;
    } else {
      size_t end = text.find('}', i);
      if (end == std::string_view::npos) return kInvalid;
      const char* sample = TitleVariable(text.substr(i + 1, end - i - 1));
      if (sample == nullptr) return kInvalid;
      title += sample;
      i = end;
    }
  }
  return title.find_first_not_of(' ') == std::string::npos ? kInvalid : nullptr;
}

// "7.2.4": clients compare it number by number.
const char* CheckVersion(std::string_view text) {
  constexpr const char* kInvalid = "argument must be a version like 7.2.4";
  int parts = 0;
  while (true) {
    size_t digits = text.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) digits = text.size();
    constexpr size_t kDigitsMax = 4;
    if (digits == 0 || digits > kDigitsMax) return kInvalid;
    ++parts;
    text.remove_prefix(digits);
    if (text.empty()) break;
    if (text.front() != '.') return kInvalid;
    text.remove_prefix(1);
  }
  return parts == 3 ? nullptr : kInvalid;
}

const char* CheckSwapDir(std::string_view text) { return text.empty() ? "swap-dir can't be empty" : nullptr; }

constexpr int64_t kHzMin = 1;
constexpr int64_t kHzMax = 500;
// More a hint than a number: anything is taken and brought into the range, as in Redis.
// A core that spins for longer than this has nothing to gain: a sleep costs some tens of microseconds.
constexpr int64_t kChannelSpinUsMax = 10'000;

int64_t AdjustHz(int64_t hz) { return hz < kHzMin ? kHzMin : hz > kHzMax ? kHzMax : hz; }

constexpr Setting kRows[] = {
    // Process
    Bool("daemonize", &Config::daemonize, kImmutable),
    Enum<&Config::supervised>("supervised", kSupervisedModes, kImmutable),
    String("pidfile", &Config::pidfile, kImmutable | kUnsetIfEmpty),
    String("logfile", &Config::logfile, kImmutable),
    Enum<&Config::loglevel>("loglevel", kLogLevels),
    Bool("syslog-enabled", &Config::syslog_enabled, kImmutable),
    String("syslog-ident", &Config::syslog_ident, kImmutable).Note("default is chestbox, not redis"),
    Enum<&Config::syslog_facility>("syslog-facility", kSyslogFacilities, kImmutable),
    Special("dir", &kDirType, kProtected),
    Bool("always-show-logo", &Config::always_show_logo, kImmutable),
    Bool("set-proc-title", &Config::set_proc_title, kImmutable),
    String("proc-title-template", &Config::proc_title_template, 0, CheckProcTitleTemplate),
    Number("hz", 0, {.field = &Config::hz, .min = 0, .max = INT_MAX, .adjust = AdjustHz}).Note("brought into 1..500"),
    Bool("dynamic-hz", &Config::dynamic_hz),
    Enum<&Config::enable_protected_configs>("enable-protected-configs", kProtectedActions, kImmutable),
    Enum<&Config::enable_debug_command>("enable-debug-command", kProtectedActions, kImmutable),
    Enum<&Config::enable_module_command>("enable-module-command", kProtectedActions, kImmutable),

    // Network
    Special("bind", &kBindType, kMultiArgument),
    Integer("port", &Config::port, 0, 65535),
    Integer("tcp-backlog", &Config::tcp_backlog, 0, INT_MAX, kImmutable),
    String("unixsocket", &Config::unixsocket, kImmutable | kUnsetIfEmpty),
    Number("unixsocketperm", kImmutable,
           {.field = &Config::unixsocketperm, .max = 0777, .form = NumberForm::kOctal, .is_unsigned = true}),
    Integer("timeout", &Config::timeout_s, 0, INT_MAX),
    Integer("tcp-keepalive", &Config::tcp_keepalive_s, 0, INT_MAX),
    Bool("protected-mode", &Config::protected_mode),
    Unsigned("maxclients", &Config::maxclients, 1, UINT_MAX),
    UnsignedMemory("client-query-buffer-limit", &Config::client_query_buffer_limit_bytes, kRequestLimitMinBytes,
                   LONG_MAX),
    Number("proto-max-bulk-len", 0,
           {.field = &Config::proto_max_bulk_bytes,
            .min = kRequestLimitMinBytes,
            .max = LONG_MAX,
            .form = NumberForm::kMemory}),
    Special("client-output-buffer-limit", &kOutputBufferLimitType, kMultiArgument),
    String("requirepass", &Config::requirepass, kSensitive | kUnsetIfEmpty),

    // ChestBox's own
    String("redis-version", &Config::redis_version, kImmutable, CheckVersion)
        .Note("ChestBox only: the `redis_version` that INFO and HELLO report"),
    Bool("swap", &Config::swap, kImmutable)
        .Note("ChestBox only: cold states leave memory for the disk when `maxmemory` is reached"),
    String("swap-dir", &Config::swap_dir, kImmutable, CheckSwapDir)
        .Note("ChestBox only: where states on disk live, relative to `dir`"),
    Integer("swap-high-watermark-percent", &Config::swap_high_watermark_percent, 1, 100)
        .Note("ChestBox only: the part of `maxmemory` above which states are swapped out"),
    Integer("swap-low-watermark-percent", &Config::swap_low_watermark_percent, 0, 99)
        .Note("ChestBox only: the part of `maxmemory` at which that stops; below the high watermark"),
    Bool("shm-attach", &Config::shm_attach)
        .Note("ChestBox only: whether clients on this machine may attach to the shared memory"),
    Integer("channel-spin-us", &Config::channel_spin_us, 0, kChannelSpinUsMax)
        .Note("ChestBox only: how long both sides of a channel in shared memory look for bytes before they sleep"),
};

}  // namespace

std::span<const Setting> ServerSettings() { return kRows; }

}  // namespace chestbox
