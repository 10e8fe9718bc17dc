// The server's log, in the format of Redis' ("pid:M 24 Nov 2026 20:48:22.123 * message"), to standard output, a file,
// and syslog. Behind it stands spdlog. Thread-safe.
#pragma once

#include <string_view>

#include "protocol/result.h"
#include "server/config/config.h"

namespace chestbox {

// Applies logfile, loglevel and syslog-*. Messages before it go to standard output.
Result<void> OpenLog(const Config& config);
void SetLogLevel(LogLevel level);

void LogDebug(std::string_view message);
void LogVerbose(std::string_view message);
void LogNotice(std::string_view message);
void LogWarning(std::string_view message);

}  // namespace chestbox
