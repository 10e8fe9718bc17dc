#include "server/config/config_file.h"

#include <fmt/format.h>
#include <glob.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "protocol/resp/quoted_arguments.h"
#include "server/config/config_text.h"
#include "server/config/settings.h"
#include "server/config/settings_table.h"

namespace chestbox {
namespace {

// A file that includes itself would be read for ever.
constexpr int kIncludeDepthMax = 32;

// Files of settings, not of data.
constexpr size_t kContentMaxBytes = 16 << 20;

Result<void> AppendFile(const std::string& path, std::string& content) {
  // A directory opens, and fails when it is read.
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  char chunk[16384];
  while (file && content.size() <= kContentMaxBytes) {
    file.read(chunk, sizeof(chunk));
    content.append(chunk, static_cast<size_t>(file.gcount()));
    if (file.eof() && !file.bad()) return {};
  }
  if (errno == 0) errno = EFBIG;
  return Error{fmt::format("Fatal error, can't open config file '{}': {}", path, std::strerror(errno))};
}

class Loader {
 public:
  Loader(ParseContext& context, Config& config) : context_(context), config_(config) {}

  Result<void> Load(std::string_view text) {
    size_t number = 0;
    while (!text.empty()) {
      size_t end = text.find('\n');
      std::string_view line = TrimLine(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      ++number;
      if (line.empty() || line.front() == '#') continue;
      Result<void> loaded = LoadLine(line);
      if (loaded) continue;
      if (error_is_whole_) return loaded;
      error_is_whole_ = true;
      return Error{
          fmt::format("\n*** FATAL CONFIG FILE ERROR (ChestBox {}) ***\n"
                      "Reading the configuration file, at line {}\n>>> '{}'\n{}\n",
                      kChestboxVersion, number, line, loaded.error().message)};
    }
    return {};
  }

 private:
  Result<void> LoadLine(std::string_view line) {
    std::optional<std::vector<std::string>> words = resp::SplitQuotedArguments(line);
    if (!words) return Error{"Unbalanced quotes in configuration line"};
    if (words->empty()) return {};
    FoundSetting found = FindSetting(words->front());
    Arguments arguments = Arguments(*words).subspan(1);
    if (found.setting != nullptr) return LoadSetting(*found.setting, arguments);
    return LoadDirective(ToLower(words->front()), arguments);
  }

  Result<void> LoadSetting(const Setting& setting, Arguments arguments) {
    if (!setting.Has(kMultiArgument)) {
      if (arguments.size() != 1) return Error{"wrong number of arguments"};
      return ParseSetting(setting, arguments, context_, config_);
    }
    if (arguments.size() != 1 || arguments[0].empty()) return ParseSetting(setting, arguments, context_, config_);
    // `--bind "a b"` is one word with several values.
    std::optional<std::vector<std::string>> words = resp::SplitQuotedArguments(arguments[0]);
    if (!words) return Error{"Unbalanced quotes in configuration line"};
    return ParseSetting(setting, *words, context_, config_);
  }

  // Lines that are not settings.
  Result<void> LoadDirective(const std::string& name, Arguments arguments) {
    if (name == "include" && arguments.size() == 1) return Include(arguments[0]);
    if (name == "rename-command" && arguments.size() == 2) {
      config_.renamed_commands.emplace_back(arguments[0], arguments[1]);
      return {};
    }
    // Settings that Redis once had: it still reads them over.
    if (arguments.size() == 1 &&
        (name == "list-max-ziplist-entries" || name == "list-max-ziplist-value" || name == "lua-replicate-commands")) {
      return {};
    }
    if (name == "user" && !arguments.empty()) return AddUser(arguments);
    if (name == "loadmodule" && !arguments.empty()) return Error{"modules are not supported"};
    if (name.find('.') != std::string::npos) return Error{"Module config without a module: modules are not supported"};
    if (name == "sentinel") return Error{"sentinel directive while not in sentinel mode"};
    return Error{"Bad directive or wrong number of arguments"};
  }

  // What its rules mean is for the server to say: it knows the commands.
  Result<void> AddUser(Arguments words) {
    for (const std::vector<std::string>& known : config_.users) {
      if (known[0] != words[0]) continue;
      return Error{fmt::format(
          "Error in user declaration '{}': Duplicate user found. A user can only be defined once in config files",
          words[0])};
    }
    config_.users.emplace_back(words.begin(), words.end());
    return {};
  }

  Result<void> Include(const std::string& path) {
    if (depth_ == kIncludeDepthMax) return Error{"include is nested too deep: does a file include itself?"};
    Result<std::string> content = ReadConfigFile(path);
    if (!content) {
      error_is_whole_ = true;
      return content.error();
    }
    ++depth_;
    Result<void> loaded = Load(*content);
    --depth_;
    return loaded;
  }

  ParseContext& context_;
  Config& config_;
  int depth_ = 0;
  bool error_is_whole_ = false;  // the error already names its file or line
};

}  // namespace

Result<std::string> ReadConfigFile(const std::string& path) {
  std::string content;
  if (path.find_first_of("*?[") == std::string::npos) {
    if (Result<void> read = AppendFile(path, content); !read) return read.error();
    return content;
  }
  glob_t matches = {};
  Result<void> read;
  if (::glob(path.c_str(), 0, nullptr, &matches) == 0) {
    for (size_t i = 0; i < matches.gl_pathc && read.ok(); ++i) {
      read = AppendFile(matches.gl_pathv[i], content);
      // Redis runs the last line of one file into the first of the next; that can only be a mistake.
      if (!content.empty() && content.back() != '\n') content += '\n';
    }
  }
  ::globfree(&matches);
  if (!read) return read.error();
  return content;
}

Result<void> LoadConfigText(std::string_view text, ParseContext& context, Config& config) {
  context.is_loading = true;
  Result<void> loaded = Loader(context, config).Load(text);
  context.is_loading = false;
  if (!loaded) return loaded;
  if (const char* reason = CheckTogether(config)) {
    return Error{fmt::format("\n*** FATAL CONFIG FILE ERROR (ChestBox {}) ***\n{}\n", kChestboxVersion, reason)};
  }
  return {};
}

}  // namespace chestbox
