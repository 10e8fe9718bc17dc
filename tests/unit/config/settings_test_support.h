// Helpers of the settings tests: a directory of one's own, and short ways to set and get.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/settings.h"

namespace chestbox {

// A fresh directory that is gone at the end, and the working directory is then what it was before.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string Path(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Writes a file and returns its path.
  std::string Write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
  std::string old_directory_;
};

std::string ReadFile(const std::string& path);

// CONFIG SET by a local client: "OK", or the error.
std::string SetValues(Settings& settings, std::initializer_list<std::string_view> names_and_values);

// CONFIG GET of one exact name; "(none)" when there is none.
std::string GetValue(const Settings& settings, std::string_view name);

// All names and values as "name=value".
std::vector<std::string> GetPairs(const Settings& settings, std::initializer_list<std::string_view> patterns);

// Loads a text: "" when it is fine, or the last line of the error.
std::string LoadError(std::string_view text);

}  // namespace chestbox
