// Acl: the users, who is logged in as whom, and what follows when that changes.
//
// Invariants: the user `default` always exists, at one address; every session's Client::user points to a user here. A
// user that is deleted takes its sessions with it. Users come from `user` lines of the configuration, or from the
// `aclfile`, never from both.
//
// The dispatcher looks at User::unrestricted and asks Check only about others. Executor thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/acl/acl_log.h"
#include "server/acl/user.h"
#include "server/client.h"

namespace chestbox {

class Server;

inline constexpr std::string_view kDefaultUser = "default";

class Acl {
 public:
  using Users = std::map<std::string, std::unique_ptr<User>, std::less<>>;

  // Without users but `default`, which has requirepass' password.
  explicit Acl(Server& server);

  // The configured users, at the start. The text of an Error is for the log.
  Result<void> LoadConfigured();
  // ACL LOAD and SAVE. A file with a fault changes nothing. Sessions of all users but `default` are closed.
  // `caller` gets its reply before its session is closed.
  Result<void> LoadFile(const Client* caller);
  Result<void> SaveFile() const;

  const Users& users() const { return users_; }
  const User* Find(std::string_view name) const;
  // Makes or changes a user; all rules or none.
  Result<void> SetUser(std::string_view name, std::span<const std::string_view> rules);
  // False: there is none. `default` cannot be deleted. `caller`: as for LoadFile.
  bool DeleteUser(std::string_view name, const Client* caller);
  // requirepass was set; empty: anybody may log in.
  void SetDefaultPassword(std::string_view password);

  // ---- Sessions ----
  // As on a new connection.
  void StartSession(Client& client);
  // Whether a client that has not logged in may do nothing.
  bool login_required() const { return !default_user_->no_password || !default_user_->enabled; }
  // Logs the client in, or returns WRONGPASS. The time that it takes does not depend on how much of the password is
  // right. `command`: what it called, for the log.
  Result<void> Authenticate(Client& client, std::string_view user, std::string_view password, std::string_view command);
  // Whether this client may attach to shared memory: it could then read every key by every command that the library
  // answers.
  bool MayAttach(const Client& client) const;
  // A pattern has to be among the user's own, word for word.
  static bool MayUseChannel(const Client& client, std::string_view channel, bool is_pattern);

  // ---- Checks ----
  enum class Context { kTopLevel, kTransaction, kScript };
  // Why the client's user may not run this; logged and counted. For a script, the client is its caller.
  Denial Check(const Client& client, const CommandSpec& row, Args args, Context context);
  // -NOPERM, in Redis 7.0's words.
  Error ErrorFor(const Denial& denial, const CommandSpec& row) const;
  // For SORT's BY and GET, which read keys that nobody named: whether this user may read every key.
  static bool MayReadEveryKey(const Client& client, const CommandSpec& row, Args args);

  AclLog& log() { return log_; }

 private:
  void ApplyDefaultPassword(std::string_view password);
  User FreshDefaultUser() const;  // which may do everything
  std::unique_ptr<User> NewUser(std::string_view name) const;
  Result<void> ParseFile(std::string_view text, Users* loaded) const;
  void LogDenial(const Client& client, std::string_view reason, Context context, std::string_view object,
                 std::string_view username);
  void CloseSessions(const User& user, const Client* caller);
  // Who may not read everything (any more) loses the shared memory.
  void DetachUnlessAllowed(Client& client);
  static bool MayListenOn(const Client& client);
  // Rights have changed: attached clients and subscribers may have lost theirs, and CONFIG REWRITE learns of it.
  void OnChanged();

  Server& server_;
  CommandSets sets_;
  Users users_;
  User* default_user_;
  AclLog log_;
};

}  // namespace chestbox
