// The settings of a running server: owns the Config, knows how each setting is written in redis.conf, on the command
// line and in CONFIG commands, and who wants to hear of a change.
//
// Invariants: every value in config() has passed its setting's checks; a failed Set() leaves config() as it was; the
// Config stays at one address for the life of this object. config().dir is the working directory of the process:
// Settings changes it (chdir) when `dir` is set, as Redis does, so that later relative paths mean the same. Threads:
// made and used on the main thread, which becomes the executor; no locking.
//
// Messages of errors: load errors are whole texts for standard error; errors of Set() and Rewrite() are whole RESP
// error lines without the '-' ("ERR CONFIG SET failed (possibly related to argument 'port') - …"), word for word
// Redis 7.0's.
#pragma once

#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.h"
#include "server/config/command_line.h"
#include "server/config/config.h"

namespace chestbox {

inline constexpr std::string_view kChestboxVersion = CHESTBOX_VERSION;

class Settings {
 public:
  // Called with the new Config after all values of one CONFIG SET are in, before it answers. The message of a failure
  // is the reason alone ("Unable to listen on this port. Check server logs."); everything is then put back, and the
  // appliers that had run are called again with the old values.
  using Applier = std::function<Result<void>(const Config&)>;

  // Every default, and the current directory as `dir`.
  Settings();
  ~Settings();
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  const Config& config() const { return config_; }
  // Absolute path of the file that the server was started with; empty when there is none.
  const std::string& config_file() const { return config_file_; }

  // Loading, before the server runs. Appliers are not called. What a failed load leaves behind is not to be used.
  // Load() reads the file, then `standard_input` where the line asks for it, then the options; the last value wins.
  Result<void> Load(const CommandLine& command_line, std::istream& standard_input);
  Result<void> LoadFile(const std::string& path);
  Result<void> LoadText(std::string_view text);

  // One line for each setting that was given a value and does nothing here, for the log.
  std::vector<std::string> Warnings() const;

  // CONFIG GET: name and value of everything that matches one of the patterns, sorted by name, each once. A name
  // without wildcards is reported as it was asked for, and finds hidden settings too; aliases are settings of their
  // own.
  std::vector<std::pair<std::string, std::string>> Get(std::span<const std::string_view> patterns) const;

  // CONFIG SET: name, value, name, value, … all or nothing. `client_is_local` decides about protected settings when
  // enable-protected-configs is "local".
  Result<void> Set(std::span<const std::string_view> names_and_values, bool client_is_local);

  // The users as they are now, each as a line's words behind `user`, for CONFIG REWRITE.
  void set_users(std::vector<std::vector<std::string>> users) { config_.users = std::move(users); }

  // True if the value of this setting must not be shown in logs (MONITOR, SLOWLOG).
  static bool IsSensitive(std::string_view name);

  // Registers `applier` for a change of any of `names` (primary names; it runs once for a SET that changes several).
  // The names must exist.
  void OnChange(std::initializer_list<std::string_view> names, Applier applier);
  void OnChange(std::string_view name, Applier applier) { OnChange({name}, std::move(applier)); }

  // CONFIG REWRITE: puts the current values into the file, keeping comments, order and includes; atomic and durable.
  Result<void> Rewrite();

 private:
  struct Registration {
    std::vector<std::string> names;
    Applier applier;
  };

  Result<void> LoadPieces(const std::string& path, std::string_view more);
  Result<void> ApplyChanges(const Config& old, const std::vector<std::string>& changed);
  void Restore(const Config& old);

  Config config_;
  std::string config_file_;
  std::vector<Registration> registrations_;
};

// The table of settings as Markdown, for docs/compatibility.md.
std::string SettingsMarkdown();

}  // namespace chestbox
