#include "server/acl/acl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "protocol/check.h"
#include "server/arena/arena_allocator.h"
#include "server/attach.h"
#include "server/commands/client_command.h"
#include "server/keyspace.h"
#include "server/pubsub.h"
#include "server/server.h"

namespace chestbox {

namespace {

constexpr std::string_view NameOf(Acl::Context context) {
  switch (context) {
    case Acl::Context::kTopLevel:
      return "toplevel";
    case Acl::Context::kTransaction:
      return "multi";
    case Acl::Context::kScript:
      return "lua";
  }
  return {};
}

constexpr std::string_view NameOf(Denial::Reason reason) {
  return reason == Denial::Reason::kCommand ? "command" : reason == Denial::Reason::kKey ? "key" : "channel";
}

// What the client library answers from shared memory are reads of keys that are named, of every type; which of them is
// its own affair (shmclient/local_commands.h).
bool MayBeAnsweredLocally(const CommandSpec& row) {
  return (row.flags & kReadOnly) != 0 && (row.flags & (kAdmin | kRunsScript)) == 0 && row.keys[0].first != 0 &&
         (row.categories & (kCatDangerous | kCatScripting | kCatAdmin)) == 0;
}

}  // namespace

// ---- Users ----

Acl::Acl(Server& server) : server_(server), sets_(server.commands()) {
  auto added = std::make_unique<User>(FreshDefaultUser());
  default_user_ = added.get();
  users_.emplace(kDefaultUser, std::move(added));
  if (!server.config().requirepass.empty()) ApplyDefaultPassword(server.config().requirepass);
}

User Acl::FreshDefaultUser() const {
  constexpr std::array<std::string_view, 5> kEverything = {"on", "nopass", "~*", "&*", "+@all"};
  User fresh(kDefaultUser, sets_, false);
  CHECK(fresh.Apply(kEverything, {}).ok());
  return fresh;
}

std::unique_ptr<User> Acl::NewUser(std::string_view name) const {
  return std::make_unique<User>(name, sets_, server_.config().acl_pubsub_default == ChannelDefault::kAll);
}

const User* Acl::Find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second.get();
}

Result<void> Acl::SetUser(std::string_view name, std::span<const std::string_view> rules) {
  const auto found = users_.find(name);
  User changed = found == users_.end() ? *NewUser(name) : *found->second;
  if (found != users_.end()) changed.set_all_channels(server_.config().acl_pubsub_default == ChannelDefault::kAll);
  if (auto applied = changed.Apply(rules, "Error in ACL SETUSER modifier"); !applied) return applied;
  if (found == users_.end()) {
    users_.emplace(name, std::make_unique<User>(std::move(changed)));
  } else {
    *found->second = std::move(changed);
  }
  OnChanged();
  return {};
}

bool Acl::DeleteUser(std::string_view name, const Client* caller) {
  const auto found = users_.find(name);
  if (found == users_.end()) return false;
  CHECK(found->second.get() != default_user_);
  CloseSessions(*found->second, caller);
  users_.erase(found);
  OnChanged();
  return true;
}

void Acl::SetDefaultPassword(std::string_view password) {
  ApplyDefaultPassword(password);
  OnChanged();
}

void Acl::ApplyDefaultPassword(std::string_view password) {
  const std::string rule = password.empty() ? "nopass" : fmt::format(">{}", password);
  const std::array<std::string_view, 2> rules = {"resetpass", rule};
  CHECK(default_user_->Apply(rules, {}).ok());
}

// ---- Sessions ----

void Acl::StartSession(Client& client) {
  client.user = default_user_;
  client.authenticated = !login_required();
  DetachUnlessAllowed(client);
}

Result<void> Acl::Authenticate(Client& client, std::string_view user, std::string_view password,
                               std::string_view command) {
  const User* found = Find(user);
  // Also for one that there is not, so that the time does not tell.
  const bool fits = (found != nullptr ? found : default_user_)->HasPassword(password);
  if (found == nullptr || !found->enabled || !fits) {
    ++server_.stats().denied_auths;
    LogDenial(client, "auth", client.transaction != nullptr ? Context::kTransaction : Context::kTopLevel, command,
              user);
    return Error{"WRONGPASS invalid username-password pair or user is disabled."};
  }
  client.user = found;
  client.authenticated = true;
  DetachUnlessAllowed(client);
  return {};
}

bool Acl::MayAttach(const Client& client) const {
  if (client.user == nullptr || client.user->unrestricted) return true;
  const std::vector<const CommandSpec*> rows = server_.commands().All();
  const auto allows = [&](const Selector& selector) {
    return selector.MayReadEveryKey() && std::all_of(rows.begin(), rows.end(), [&](const CommandSpec* row) {
             return !MayBeAnsweredLocally(*row) || selector.MayRun(*row, {});
           });
  };
  return std::any_of(client.user->selectors.begin(), client.user->selectors.end(), allows);
}

bool Acl::MayUseChannel(const Client& client, std::string_view channel, bool is_pattern) {
  return client.user == nullptr || client.user->unrestricted || client.user->AllowsChannel(channel, is_pattern);
}

// The one that asked for it gets its reply first.
void Acl::CloseSessions(const User& user, const Client* caller) {
  for (const auto& [id, client] : server_.clients()) {
    if (client->user != &user) continue;
    client->user = default_user_;
    client->authenticated = false;
    if (client->closing) continue;
    if (client->transport == nullptr || client.get() == caller) {
      client->close_after_reply = true;
    } else {
      client->transport->CloseNow();
    }
  }
}

// Whether the client may listen to everything that it listens to.
bool Acl::MayListenOn(const Client& client) {
  if (client.subscriptions == nullptr) return true;
  for (size_t space = 0; space < kChannelSpaces; ++space) {
    const bool are_patterns = static_cast<ChannelSpace>(space) == ChannelSpace::kPatterns;
    for (const auto& [name, place] : client.subscriptions->names[space]) {
      if (!MayUseChannel(client, name, are_patterns)) return false;
    }
  }
  return true;
}

void Acl::OnChanged() {
  for (const auto& [id, client] : server_.clients()) {
    DetachUnlessAllowed(*client);
    if (client->closing || client->transport == nullptr || MayListenOn(*client)) continue;
    client->transport->CloseAfterReply();
    client->transport->FlushSoon();
  }
  std::vector<std::vector<std::string>> lines;
  for (const auto& [name, user] : users_) lines.push_back({name, user->Describe()});
  server_.settings().set_users(std::move(lines));
}

void Acl::DetachUnlessAllowed(Client& client) {
  if (client.attached_page == 0 || MayAttach(client)) return;
  // Pairs with the acquire in Attachment::Open and the relaxed loads before each local read: a hint that makes the
  // client ask again, at once. What it may not do any more rests on the page, which goes away.
  server_.arena().header().acl_epoch.fetch_add(1, std::memory_order_release);
  if (client.transport == nullptr || !client.transport->has_channel()) {
    server_.attach().Detach(client);
    return;
  }
  // Its bytes come and go by the page, perhaps those of this very command: the connection ends, and the page with it.
  server_.host().Post([this, id = client.id] {
    Client* left = server_.FindClient(id);
    if (left == nullptr || left->attached_page == 0 || MayAttach(*left)) return;
    left->transport->CloseAfterReply();
    left->transport->FlushSoon();
  });
}

// ---- Checks ----

Denial Acl::Check(const Client& client, const CommandSpec& row, Args args, Context context) {
  const User& user = *client.user;
  const Denial denial = user.Check(row, args);
  if (!denial) return denial;
  Stats& stats = server_.stats();
  ++(denial.reason == Denial::Reason::kCommand ? stats.denied_commands
     : denial.reason == Denial::Reason::kKey   ? stats.denied_keys
                                               : stats.denied_channels);
  const std::string object =
      denial.reason == Denial::Reason::kCommand ? server_.commands().FullName(row) : std::string(args[denial.argument]);
  LogDenial(client, NameOf(denial.reason), context, object, user.name);
  return denial;
}

Error Acl::ErrorFor(const Denial& denial, const CommandSpec& row) const {
  switch (denial.reason) {
    case Denial::Reason::kKey:
      return Error{"NOPERM this user has no permissions to access one of the keys used as arguments"};
    case Denial::Reason::kChannel:
      return Error{"NOPERM this user has no permissions to access one of the channels used as arguments"};
    default:
      return Error{
          fmt::format("NOPERM this user has no permissions to run the '{}' command", server_.commands().FullName(row))};
  }
}

bool Acl::MayReadEveryKey(const Client& client, const CommandSpec& row, Args args) {
  if (client.user == nullptr || client.user->unrestricted) return true;
  return std::any_of(client.user->selectors.begin(), client.user->selectors.end(), [&](const Selector& selector) {
    return selector.MayReadEveryKey() && !selector.Check(row, args);
  });
}

void Acl::LogDenial(const Client& client, std::string_view reason, Context context, std::string_view object,
                    std::string_view username) {
  const int64_t now_ms = server_.keys().now_ms();
  AclLogEntry entry;
  entry.reason = reason;
  entry.context = NameOf(context);
  entry.object = object;
  entry.username = username;
  entry.client_info = client_command::Line(client, now_ms);
  entry.created_ms = entry.updated_ms = now_ms;
  log_.Add(std::move(entry), static_cast<size_t>(server_.config().acllog_max_len));
}

}  // namespace chestbox
