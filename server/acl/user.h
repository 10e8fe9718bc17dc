// User: a name, how to log in, and rights. Changed by rules in the language of ACL SETUSER. Executor thread only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/acl/selector.h"

namespace chestbox {

struct User {
  // A new user may do nothing and is off; `all_channels`: as acl-pubsub-default says.
  User(std::string_view user_name, const CommandSets& sets, bool all_channels);

  // Rules in order; they may be in several words where they have parentheses. An Error begins with `what` and names the
  // rule; the user is then half changed: apply rules to a copy.
  Result<void> Apply(std::span<const std::string_view> words, std::string_view what);
  // What new selectors and `reset` go by: acl-pubsub-default, as it is now.
  void set_all_channels(bool all_channels) { all_channels_ = all_channels; }
  bool HasPassword(std::string_view password) const;

  // Looks at all selectors.
  Denial Check(const CommandSpec& row, Args args) const;
  bool AllowsChannel(std::string_view channel, bool is_pattern) const;

  std::vector<std::string_view> Flags() const;  // "on", "nopass" …
  // The rules that make this user, as in a file: "on #hash ~* resetchannels -@all +get (…)"
  std::string Describe() const;

  std::string name;
  bool enabled = false;
  bool no_password = false;
  enum class Sanitize { kUnsaid, kYes, kNo } sanitize = Sanitize::kUnsaid;
  std::vector<std::string> passwords;  // SHA-256, in hex
  std::vector<Selector> selectors;     // the first one is the user's own
  bool unrestricted = false;           // the dispatcher need not look further

 private:
  Result<void> ApplyOne(std::string_view rule);
  Result<void> ApplyPassword(char sign, std::string_view text);
  Result<void> AddSelector(std::string_view rule);
  void Reset();

  const CommandSets* sets_;
  bool all_channels_;  // of a new selector, and after `reset`
};

// What is wrong with a user's name; or none.
Result<void> CheckUserName(std::string_view name);

}  // namespace chestbox
