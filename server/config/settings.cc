#include "server/config/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <istream>
#include <iterator>
#include <map>

#include "protocol/check.h"
#include "protocol/glob.h"
#include "server/config/config_file.h"
#include "server/config/config_rewrite.h"
#include "server/config/config_text.h"
#include "server/config/settings_table.h"
#include "server/config/special_settings.h"
#include "server/echoed.h"

namespace chestbox {
namespace {

Error SetError(std::string_view name, std::string_view reason) {
  return Error{fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - {}", name, reason)};
}

bool Allows(ProtectedAction action, bool client_is_local) {
  return action == ProtectedAction::kYes || (action == ProtectedAction::kLocal && client_is_local);
}

struct Assignment {
  const Setting* setting;
  std::string_view name;  // the setting's own name, or its alias where that was used
  std::string value;
};

// Looks up every name before anything is set; the first fault is the one reported.
Result<std::vector<Assignment>> FindAssignments(std::span<const std::string_view> words, const Config& config,
                                                bool client_is_local) {
  std::vector<Assignment> assignments;
  for (size_t i = 0; i < words.size(); i += 2) {
    FoundSetting found = FindSetting(words[i]);
    if (found.setting == nullptr) {
      return Error{fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'", AsEchoed(words[i]))};
    }
    const Setting& setting = *found.setting;
    if (setting.Has(kImmutable)) return SetError(words[i], "can't set immutable config");
    if (setting.Has(kProtected) && !Allows(config.enable_protected_configs, client_is_local)) {
      return SetError(words[i], "can't set protected config");
    }
    std::string_view name = found.by_alias ? setting.names.alias : setting.names.primary;
    bool is_double = std::ranges::any_of(assignments, [&](const Assignment& other) { return other.name == name; });
    if (is_double) return SetError(words[i], "duplicate parameter");
    assignments.push_back({&setting, name, std::string(words[i + 1])});
  }
  return assignments;
}

bool HasWildcard(std::string_view pattern) { return pattern.find_first_of("[*?") != std::string_view::npos; }

struct NameOrder {
  bool operator()(const std::string& a, const std::string& b) const { return ToLower(a) < ToLower(b); }
};

}  // namespace

Settings::Settings() { config_.dir = WorkingDirectory(); }

Settings::~Settings() = default;

Result<void> Settings::Load(const CommandLine& command_line, std::istream& standard_input) {
  std::string more;
  if (command_line.reads_standard_input) {
    more.assign(std::istreambuf_iterator<char>(standard_input), std::istreambuf_iterator<char>());
  }
  if (!command_line.options.empty()) {
    more += '\n';
    more += command_line.options;
  }
  return LoadPieces(command_line.config_file, more);
}

Result<void> Settings::LoadFile(const std::string& path) { return LoadPieces(path, {}); }

Result<void> Settings::LoadText(std::string_view text) { return LoadPieces({}, text); }

// One text, so that line numbers and the `save` rule go through, as in Redis.
Result<void> Settings::LoadPieces(const std::string& path, std::string_view more) {
  std::string text;
  if (!path.empty()) {
    config_file_ = std::filesystem::absolute(path).lexically_normal().string();
    Result<std::string> content = ReadConfigFile(path);
    if (!content) return content.error();
    text = std::move(*content);
  }
  text += more;
  ParseContext context;
  return LoadConfigText(text, context, config_);
}

std::vector<std::string> Settings::Warnings() const {
  std::vector<std::string> warnings;
  for (const Setting* setting : AllSettings()) {
    if (!setting->Has(kNoEffect) && !setting->Has(kStored)) continue;
    if (FormatSetting(*setting, config_) == FormatSetting(*setting, DefaultConfig())) continue;
    std::string warning = fmt::format("setting '{}' is accepted and has no effect{}", setting->name(),
                                      setting->Has(kStored) ? " yet" : "");
    if (!setting->note.empty()) warning += fmt::format(": {}", setting->note);
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

std::vector<std::pair<std::string, std::string>> Settings::Get(std::span<const std::string_view> patterns) const {
  std::map<std::string, std::string, NameOrder> matches;
  for (std::string_view pattern : patterns) {
    if (!HasWildcard(pattern)) {
      FoundSetting found = FindSetting(pattern);
      if (found.setting != nullptr) matches.emplace(pattern, FormatSetting(*found.setting, config_));
      continue;
    }
    for (const Setting* setting : AllSettings()) {
      if (setting->Has(kHidden)) continue;
      for (std::string_view name : {setting->names.primary, setting->names.alias}) {
        if (name.empty() || !GlobMatch(pattern, name, true)) continue;
        matches.emplace(name, FormatSetting(*setting, config_));
      }
    }
  }
  return {matches.begin(), matches.end()};
}

Result<void> Settings::Set(std::span<const std::string_view> names_and_values, bool client_is_local) {
  if (names_and_values.size() % 2 != 0) return Error{"ERR syntax error"};
  Result<std::vector<Assignment>> assignments = FindAssignments(names_and_values, config_, client_is_local);
  if (!assignments) return assignments.error();

  const Config old = config_;
  std::vector<std::string> changed;
  ParseContext context;
  for (const Assignment& assignment : *assignments) {
    const Setting& setting = *assignment.setting;
    std::string before = FormatSetting(setting, config_);
    std::vector<std::string> words = {assignment.value};
    if (setting.Has(kMultiArgument)) words = SplitAtSpaces(assignment.value);
    Result<void> parsed = ParseSetting(setting, words, context, config_);
    if (!parsed) {
      Restore(old);
      return SetError(assignment.name, parsed.error().message);
    }
    if (FormatSetting(setting, config_) != before) changed.emplace_back(setting.name());
  }
  if (const char* reason = CheckTogether(config_)) {
    Restore(old);
    return SetError(assignments->back().name, reason);
  }
  return ApplyChanges(old, changed);
}

Result<void> Settings::ApplyChanges(const Config& old, const std::vector<std::string>& changed) {
  std::vector<const Registration*> called;
  for (const std::string& name : changed) {
    for (const Registration& registration : registrations_) {
      if (std::ranges::find(registration.names, name) == registration.names.end()) continue;
      if (std::ranges::find(called, &registration) != called.end()) continue;
      called.push_back(&registration);
      Result<void> applied = registration.applier(config_);
      if (applied) continue;
      Restore(old);
      // The one that failed is called too: it may have done half of its work.
      for (const Registration* undone : called) static_cast<void>(undone->applier(config_).ok());
      return SetError(name, applied.error().message);
    }
  }
  return {};
}

void Settings::Restore(const Config& old) {
  if (config_.dir != old.dir && ::chdir(old.dir.c_str()) != 0) {
    // The old directory is gone: relative paths mean the new one, and config() says so.
    std::string dir = config_.dir;
    config_ = old;
    config_.dir = dir;
    return;
  }
  config_ = old;
}

bool Settings::IsSensitive(std::string_view name) {
  FoundSetting found = FindSetting(name);
  return found.setting != nullptr && found.setting->Has(kSensitive);
}

void Settings::OnChange(std::initializer_list<std::string_view> names, Applier applier) {
  Registration registration;
  for (std::string_view name : names) {
    FoundSetting found = FindSetting(name);
    CHECK(found.setting != nullptr && !found.by_alias);
    registration.names.emplace_back(found.setting->name());
  }
  registration.applier = std::move(applier);
  registrations_.push_back(std::move(registration));
}

Result<void> Settings::Rewrite() {
  if (config_file_.empty()) return Error{"ERR The server is running without a config file"};
  std::error_code ignored;
  std::string old_text;
  // A file that is gone is written anew.
  if (std::filesystem::exists(config_file_, ignored)) {
    Result<std::string> content = ReadConfigFile(config_file_);
    if (!content) return Error{fmt::format("ERR Rewriting config file: {}", content.error().message)};
    old_text = std::move(*content);
  }
  Result<void> replaced = ReplaceFile(config_file_, RewriteConfigText(old_text, config_));
  if (!replaced) return Error{fmt::format("ERR Rewriting config file: {}", replaced.error().message)};
  return {};
}

}  // namespace chestbox
