#include "server/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chestbox {

namespace {

// Redis' marks of importance, which log scrapers look for.
class MarkFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    char mark = '*';
    if (message.level == spdlog::level::trace) mark = '.';
    if (message.level == spdlog::level::debug) mark = '-';
    if (message.level >= spdlog::level::warn) mark = '#';
    out.push_back(mark);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<MarkFlag>(); }
};

std::unique_ptr<spdlog::formatter> RedisFormat() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<MarkFlag>('*').set_pattern("%P:M %d %b %Y %H:%M:%S.%e %* %v");
  return formatter;
}

std::shared_ptr<spdlog::logger> MakeLogger(std::vector<spdlog::sink_ptr> sinks) {
  auto logger = std::make_shared<spdlog::logger>("chestbox", sinks.begin(), sinks.end());
  logger->set_formatter(RedisFormat());
  logger->flush_on(spdlog::level::trace);
  return logger;
}

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger = MakeLogger({std::make_shared<spdlog::sinks::stdout_sink_mt>()});
  return logger;
}

// Our four levels on spdlog's: debug -> trace, verbose -> debug, notice -> info, warning -> warn.
spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::trace;
    case LogLevel::kVerbose:
      return spdlog::level::debug;
    case LogLevel::kNotice:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::info;
}

int ToSyslog(SyslogFacility facility) {
  constexpr int kFacilities[] = {LOG_USER,   LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                                 LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
  return kFacilities[static_cast<int>(facility)];
}

}  // namespace

Result<void> OpenLog(const Config& config) {
  try {
    std::vector<spdlog::sink_ptr> sinks;
    if (!config.logfile.empty()) {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.logfile));
    } else if (!config.daemonize) {
      sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
    }
    if (config.syslog_enabled) {
      sinks.push_back(std::make_shared<spdlog::sinks::syslog_sink_mt>(config.syslog_ident, LOG_PID,
                                                                      ToSyslog(config.syslog_facility), false));
    }
    Logger() = MakeLogger(std::move(sinks));
  } catch (const spdlog::spdlog_ex& failure) {
    return Error{fmt::format("Can't open the log file: {}", failure.what())};
  }
  SetLogLevel(config.loglevel);
  return {};
}

void SetLogLevel(LogLevel level) { Logger()->set_level(ToSpdlog(level)); }

void LogDebug(std::string_view message) { Logger()->trace("{}", message); }
void LogVerbose(std::string_view message) { Logger()->debug("{}", message); }
void LogNotice(std::string_view message) { Logger()->info("{}", message); }
void LogWarning(std::string_view message) { Logger()->warn("{}", message); }

}  // namespace chestbox
