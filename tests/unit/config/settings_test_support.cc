#include "tests/unit/config/settings_test_support.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "protocol/check.h"

namespace chestbox {

TemporaryDirectory::TemporaryDirectory() : old_directory_(std::filesystem::current_path().string()) {
  std::string name = (std::filesystem::temp_directory_path() / "chestbox-config-XXXXXX").string();
  CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = std::filesystem::canonical(name).string();
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::current_path(old_directory_, ignored);
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::Write(std::string_view name, std::string_view content) const {
  std::string path = Path(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string SetValues(Settings& settings, std::initializer_list<std::string_view> names_and_values) {
  Result<void> set = settings.Set(std::vector<std::string_view>(names_and_values), true);
  return set ? "OK" : set.error().message;
}

std::string GetValue(const Settings& settings, std::string_view name) {
  std::vector<std::string_view> patterns = {name};
  auto pairs = settings.Get(patterns);
  return pairs.empty() ? "(none)" : pairs[0].second;
}

std::vector<std::string> GetPairs(const Settings& settings, std::initializer_list<std::string_view> patterns) {
  std::vector<std::string> texts;
  for (auto& [name, value] : settings.Get(std::vector<std::string_view>(patterns))) texts.push_back(name + "=" + value);
  return texts;
}

std::string LoadError(std::string_view text) {
  Settings settings;
  Result<void> loaded = settings.LoadText(text);
  if (loaded) return "";
  std::string message = loaded.error().message;
  if (message.ends_with('\n')) message.pop_back();
  return message.substr(message.rfind('\n') + 1);
}

}  // namespace chestbox
