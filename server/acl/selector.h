// Selector: one set of rights of a user, namely commands, keys and channels. A user has one and may have more; a
// command runs if one of them alone allows all of it. Executor thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/acl/command_rights.h"
#include "server/command.h"

namespace chestbox {

// Why a command is refused. The order is Redis': of several selectors' reasons the greatest is told, and of equal ones
// that about the later argument.
struct Denial {
  enum class Reason { kNone, kCommand, kKey, kChannel };
  Reason reason = Reason::kNone;
  size_t argument = 0;  // the key's or channel's place
  explicit operator bool() const { return reason != Reason::kNone; }
  bool operator<(const Denial& other) const {
    return reason != other.reason ? reason < other.reason : argument < other.argument;
  }
};

class Selector {
 public:
  Selector(const CommandSets& sets, bool all_channels) : commands_(sets), all_channels_(all_channels) {}

  // One rule: "~key*", "%R~key*", "&channel*", "+get", "allkeys" … An Error is the reason in Redis' words.
  Result<void> Apply(std::string_view rule);

  bool allows_everything() const { return commands_.allows_all() && all_keys_ && all_channels_; }
  Denial Check(const CommandSpec& row, Args args) const;
  // Whether the command may run, and every key may be read.
  bool MayReadEveryKey() const;
  bool MayRun(const CommandSpec& row, Args args) const { return commands_.Allows(row, args); }
  // A pattern is allowed if it is listed itself, a channel if a pattern fits.
  bool AllowsChannel(std::string_view channel, bool is_pattern) const;

  std::string DescribeCommands() const { return commands_.Describe(); }
  std::string DescribeKeys() const;      // "~a* %R~b*"
  std::string DescribeChannels() const;  // "&a &b*"
  std::string Describe() const;          // "~a* resetchannels &a -@all +get"

 private:
  struct KeyPattern {
    std::string pattern;
    bool read;
    bool write;
  };

  Result<void> AddKeyPattern(std::string_view rule);
  Result<void> AddChannel(std::string_view channel);
  bool AllowsKey(std::string_view key, uint32_t flags) const;

  CommandRights commands_;
  bool all_keys_ = false;
  bool all_channels_;
  std::vector<KeyPattern> keys_;
  std::vector<std::string> channels_;
};

}  // namespace chestbox
