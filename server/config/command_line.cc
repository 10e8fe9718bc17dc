#include "server/config/command_line.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "protocol/resp/quoted_arguments.h"
#include "server/config/config_text.h"
#include "server/config/settings.h"

namespace chestbox {
namespace {

bool StartsWithDashes(std::string_view argument) { return argument.starts_with("--"); }

// Appends the options to `options` as lines of redis.conf. A word that starts with "--" is a name, unless the name
// before it still waits for its first value ("--requirepass --secret").
class OptionLines {
 public:
  void Append(std::span<const std::string_view> arguments, size_t i) {
    if (name_has_value_ && StartsWithDashes(arguments[i])) {
      AppendName(arguments, i);
    } else {
      text_ += QuoteArgument(arguments[i]);
      text_ += ' ';
      name_has_value_ = true;
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  void AppendName(std::span<const std::string_view> arguments, size_t i) {
    std::string_view argument = arguments[i];
    if (!text_.empty()) text_ += '\n';
    text_ += argument.substr(2);
    text_ += ' ';
    // "--port 6380" as one word brings its value along.
    std::optional<std::vector<std::string>> words = resp::SplitQuotedArguments(argument);
    if (!words || words->size() != 1) {
      name_has_value_ = true;
      return;
    }
    name_has_value_ = false;
    // Scripts that build a command line from an empty list write "--save" without a value, and mean "no saving".
    bool is_last = i + 1 == arguments.size();
    if (EqualsIgnoreCase(argument, "--save") && (is_last || StartsWithDashes(arguments[i + 1]))) {
      text_ += "\"\"";
      name_has_value_ = true;
    }
  }

  std::string text_;
  bool name_has_value_ = true;
};

}  // namespace

Result<CommandLine> ParseCommandLine(std::span<const std::string_view> arguments) {
  CommandLine line;
  if (arguments.empty()) return line;
  std::string_view first = arguments[0];
  if (first == "-v" || first == "--version") {
    line.action = CommandLine::Action::kPrintVersion;
    return line;
  }
  if (first == "-h" || first == "--help") {
    line.action = CommandLine::Action::kPrintHelp;
    return line;
  }
  if (first == "--print-settings-table") {
    line.action = CommandLine::Action::kPrintSettingsTable;
    return line;
  }
  if (first == "--test-memory" || first == "--check-system") {
    return Error{
        fmt::format("{} is not supported by chestbox-server; use memtest86+ or the kernel's own checks", first)};
  }

  size_t i = 0;
  if (!first.starts_with('-') && !first.empty()) {
    std::error_code error;
    line.config_file = std::filesystem::absolute(std::filesystem::path(first), error).lexically_normal().string();
    if (error) return Error{fmt::format("Can't find the absolute path of '{}': {}", first, error.message())};
    i = 1;
  }
  OptionLines options;
  for (; i < arguments.size(); ++i) {
    if (arguments[i] == "-" && (i == 0 || i + 1 == arguments.size())) {
      line.reads_standard_input = true;
    } else {
      options.Append(arguments, i);
    }
  }
  line.options = options.Take();
  return line;
}

std::string UsageText() {
  return "Usage: chestbox-server [/path/to/redis.conf] [options] [-]\n"
         "       chestbox-server - (read the configuration from standard input)\n"
         "       chestbox-server -v or --version\n"
         "       chestbox-server -h or --help\n"
         "       chestbox-server --print-settings-table (every setting, as Markdown)\n"
         "\n"
         "Options are settings of redis.conf with two dashes before their name; the last value wins.\n"
         "\n"
         "Examples:\n"
         "       chestbox-server (run with the default configuration)\n"
         "       echo 'maxmemory 128mb' | chestbox-server -\n"
         "       chestbox-server /etc/chestbox/chestbox.conf\n"
         "       chestbox-server --port 7777 --unixsocket /run/chestbox/chestbox.sock\n"
         "       chestbox-server /etc/chestbox/chestbox.conf --loglevel verbose\n";
}

std::string VersionText() { return fmt::format("ChestBox server v={}\n", kChestboxVersion); }

}  // namespace chestbox
