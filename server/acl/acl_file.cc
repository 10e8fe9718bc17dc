// Acl, the part about where users come from at the start, and ACL LOAD and SAVE.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "server/acl/acl.h"
#include "server/config/config_rewrite.h"
#include "server/log.h"
#include "server/server.h"

namespace chestbox {

namespace {

// A file of users, not of data.
constexpr size_t kFileBytesMax = 16 << 20;

Result<std::string> ReadUsersFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char chunk[16384];
  while (file && text.size() <= kFileBytesMax) {
    file.read(chunk, sizeof chunk);
    text.append(chunk, static_cast<size_t>(file.gcount()));
    if (file.eof() && !file.bad()) return text;
  }
  if (errno == 0) errno = EFBIG;
  return Error{fmt::format("Error loading ACLs, opening file '{}': {}", path, std::strerror(errno))};
}

std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    words.push_back(line.substr(0, line.find_first_of(" \t\r")));
    line.remove_prefix(words.back().size());
  }
}

}  // namespace

Result<void> Acl::LoadConfigured() {
  const Config& config = server_.config();
  if (!config.aclfile.empty() && !config.users.empty()) {
    return Error{
        "Configuring users in the configuration file and at the same time setting an ACL file is invalid: define them "
        "in "
        "one of the two places"};
  }
  if (!config.aclfile.empty()) {
    if (auto loaded = LoadFile(nullptr); !loaded) {
      return Error{fmt::format("Aborting startup because of ACL errors: {}", loaded.error().message)};
    }
    return {};
  }
  for (const std::vector<std::string>& line : std::vector(config.users)) {
    std::vector<std::string_view> rules(line.begin() + 1, line.end());
    // The line of `default` says all about it, as that of any other user does.
    if (line[0] == kDefaultUser) rules.insert(rules.begin(), "reset");
    if (auto applied = SetUser(line[0], rules); !applied) {
      return Error{fmt::format("Error loading the ACL rules of the user '{}': {}", line[0], applied.error().message)};
    }
  }
  return {};
}

// Every fault is told, not the first one alone.
Result<void> Acl::ParseFile(std::string_view text, Users* loaded) const {
  const std::string& path = server_.config().aclfile;
  std::string faults;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::vector<std::string_view> words = WordsOf(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (words.empty()) continue;
    if (words[0] != "user" || words.size() < 2) {
      faults += fmt::format("{}:{} should start with user keyword followed by the username. ", path, number);
      continue;
    }
    if (auto named = CheckUserName(words[1]); !named) {
      faults += fmt::format("{}:{}: {}. ", path, number, named.error().message);
      continue;
    }
    auto [user, added] = loaded->emplace(words[1], NewUser(words[1]));
    if (!added) {
      faults += fmt::format("WARNING: Duplicate user '{}' found on line {}. ", words[1], number);
      continue;
    }
    auto applied = user->second->Apply(std::span(words).subspan(2), "Error in applying operation");
    if (!applied) faults += fmt::format("{}:{}: {}. ", path, number, applied.error().message);
  }
  if (faults.empty()) return {};
  return Error{faults + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"};
}

Result<void> Acl::LoadFile(const Client* caller) {
  auto text = ReadUsersFile(server_.config().aclfile);
  if (!text) return text.error();
  Users loaded;
  if (auto parsed = ParseFile(*text, &loaded); !parsed) return parsed;
  // `default` stays where it is: its sessions go on with what it may do now.
  auto fresh = loaded.find(kDefaultUser);
  *default_user_ = fresh != loaded.end() ? std::move(*fresh->second) : FreshDefaultUser();
  for (const auto& [name, user] : users_) {
    if (user.get() != default_user_) CloseSessions(*user, caller);
  }
  loaded.insert_or_assign(std::string(kDefaultUser), std::move(users_.find(kDefaultUser)->second));
  users_ = std::move(loaded);
  OnChanged();
  return {};
}

Result<void> Acl::SaveFile() const {
  std::string text;
  for (const auto& [name, user] : users_) text += fmt::format("user {} {}\n", name, user->Describe());
  auto replaced = ReplaceFile(server_.config().aclfile, text);
  if (!replaced) LogWarning(fmt::format("Saving the ACL file: {}", replaced.error().message));
  return replaced;
}

}  // namespace chestbox
