// PubSub: who listens to which channels and patterns, and the way of a message to them. Channels belong to no database;
// those of SSUBSCRIBE are a space of their own.
//
// Invariants
// - Executor thread only.
// - What a client listens to (Client::subscriptions) and who listens to a name are the same facts, seen from both
// sides.
//   A name that nobody listens to is not kept.
// - A client whose connection is closed listens to nothing (Forget), though its session lives a moment longer.
// - Messages reach a client in the order in which they were published, each behind the reply of the command that it
//   executes meanwhile (Client::Push).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace chestbox {

struct Client;

enum class ChannelSpace : uint8_t { kChannels, kPatterns, kShardChannels };
inline constexpr size_t kChannelSpaces = 3;

// What one client listens to. Owned by the Client, null while there is nothing.
struct Subscriptions {
  using Receivers = std::list<Client*>;  // in the order in which they came
  using Names = std::map<std::string, Receivers::iterator, std::less<>>;
  std::array<Names, kChannelSpaces> names;

  size_t count(ChannelSpace space) const { return names[static_cast<size_t>(space)].size(); }
};

class PubSub {
 public:
  // False: it did, or did not, listen to the name already.
  bool Subscribe(Client& client, ChannelSpace space, std::string_view name);
  bool Unsubscribe(Client& client, ChannelSpace space, std::string_view name);
  // Listens to nothing more, and is not told.
  void Forget(Client& client);

  // How many times the message was handed out: once for each subscription that fits.
  size_t Publish(std::string_view channel, std::string_view message);
  size_t PublishToShard(std::string_view channel, std::string_view message);

  size_t names(ChannelSpace space) const { return directory(space).size(); }
  size_t receivers(ChannelSpace space, std::string_view name) const;
  // Names that match the pattern, all without one. Valid until somebody comes or leaves.
  std::vector<std::string_view> Matching(ChannelSpace space, std::optional<std::string_view> pattern) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  using Directory = std::unordered_map<std::string, Subscriptions::Receivers, Hash, std::equal_to<>>;

  const Directory& directory(ChannelSpace space) const { return directories_[static_cast<size_t>(space)]; }
  Directory& directory(ChannelSpace space) { return directories_[static_cast<size_t>(space)]; }
  size_t HandOut(const Subscriptions::Receivers& receivers, std::initializer_list<std::string_view> message);

  std::array<Directory, kChannelSpaces> directories_;
  std::vector<Client*> receiving_;  // of one message: a client that falls over its limit meanwhile is forgotten
};

// Counts as Redis tells them: of channels and patterns together, and of shard channels alone.
size_t SubscriptionCount(const Client& client, ChannelSpace space);
// Listens to anything: in RESP2 it may not do much else.
bool IsSubscriber(const Client& client);

}  // namespace chestbox
