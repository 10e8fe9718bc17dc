// chestbox-server [file] [--name value ...] [-]: the command line as Redis 7.0 reads it. Pure: reads no file, prints
// nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace chestbox {

struct CommandLine {
  enum class Action { kServe, kPrintVersion, kPrintHelp, kPrintSettingsTable };
  Action action = Action::kServe;
  std::string config_file;  // absolute; empty when none was named
  bool reads_standard_input = false;
  std::string options;  // lines of redis.conf, to be read after the file and standard input
};

// `arguments` without the program's name. An error is one line for standard error.
Result<CommandLine> ParseCommandLine(std::span<const std::string_view> arguments);

// What --help and --version print, with a final newline.
std::string UsageText();
std::string VersionText();

}  // namespace chestbox
