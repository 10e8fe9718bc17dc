#include "server/pubsub.h"

#include <memory>
#include <optional>

#include "protocol/glob.h"
#include "server/client.h"

namespace chestbox {

namespace {

std::string Encode(int protocol, std::initializer_list<std::string_view> message) {
  resp::ReplyBuffer buffer;
  resp::ReplyWriter writer(buffer, protocol);
  writer.Push(message.size());
  for (std::string_view part : message) writer.Bulk(part);
  return {buffer.data(), buffer.size()};
}

}  // namespace

bool PubSub::Subscribe(Client& client, ChannelSpace space, std::string_view name) {
  if (client.subscriptions == nullptr) client.subscriptions = std::make_unique<Subscriptions>();
  const auto [mine, is_new] = client.subscriptions->names[static_cast<size_t>(space)].try_emplace(std::string(name));
  if (!is_new) return false;
  Subscriptions::Receivers& receivers = directory(space)[mine->first];
  mine->second = receivers.insert(receivers.end(), &client);
  return true;
}

bool PubSub::Unsubscribe(Client& client, ChannelSpace space, std::string_view name) {
  if (client.subscriptions == nullptr) return false;
  Subscriptions::Names& names = client.subscriptions->names[static_cast<size_t>(space)];
  const auto mine = names.find(name);
  if (mine == names.end()) return false;
  const auto listened = directory(space).find(name);
  listened->second.erase(mine->second);
  if (listened->second.empty()) directory(space).erase(listened);
  names.erase(mine);
  if (!IsSubscriber(client)) client.subscriptions.reset();
  return true;
}

void PubSub::Forget(Client& client) {
  if (client.subscriptions == nullptr) return;
  for (size_t space = 0; space < kChannelSpaces; ++space) {
    for (const auto& [name, place] : client.subscriptions->names[space]) {
      const auto listened = directories_[space].find(name);
      listened->second.erase(place);
      if (listened->second.empty()) directories_[space].erase(listened);
    }
  }
  client.subscriptions.reset();
}

// Encoded once for all that speak the same protocol.
size_t PubSub::HandOut(const Subscriptions::Receivers& receivers, std::initializer_list<std::string_view> message) {
  std::string bytes_2;
  std::string bytes_3;
  receiving_.assign(receivers.begin(), receivers.end());
  for (Client* client : receiving_) {
    std::string& bytes = client->protocol() == 3 ? bytes_3 : bytes_2;
    if (bytes.empty()) bytes = Encode(client->protocol(), message);
    client->Push(bytes);
  }
  return receiving_.size();
}

size_t PubSub::Publish(std::string_view channel, std::string_view message) {
  size_t handed_out = 0;
  const Directory& channels = directory(ChannelSpace::kChannels);
  if (const auto listened = channels.find(channel); listened != channels.end()) {
    handed_out += HandOut(listened->second, {"message", channel, message});
  }
  if (directory(ChannelSpace::kPatterns).empty()) return handed_out;
  // By name: who falls over its limit takes its patterns along.
  std::vector<std::string> patterns;
  for (const auto& [pattern, receivers] : directory(ChannelSpace::kPatterns)) {
    if (GlobMatch(pattern, channel, false)) patterns.push_back(pattern);
  }
  for (const std::string& pattern : patterns) {
    const auto listened = directory(ChannelSpace::kPatterns).find(pattern);
    if (listened == directory(ChannelSpace::kPatterns).end()) continue;
    handed_out += HandOut(listened->second, {"pmessage", pattern, channel, message});
  }
  return handed_out;
}

size_t PubSub::PublishToShard(std::string_view channel, std::string_view message) {
  const Directory& channels = directory(ChannelSpace::kShardChannels);
  const auto listened = channels.find(channel);
  return listened == channels.end() ? 0 : HandOut(listened->second, {"smessage", channel, message});
}

size_t PubSub::receivers(ChannelSpace space, std::string_view name) const {
  const auto listened = directory(space).find(name);
  return listened == directory(space).end() ? 0 : listened->second.size();
}

std::vector<std::string_view> PubSub::Matching(ChannelSpace space, std::optional<std::string_view> pattern) const {
  std::vector<std::string_view> matching;
  for (const auto& [name, receivers] : directory(space)) {
    if (!pattern || GlobMatch(*pattern, name, false)) matching.push_back(name);
  }
  return matching;
}

size_t SubscriptionCount(const Client& client, ChannelSpace space) {
  const Subscriptions* mine = client.subscriptions.get();
  if (mine == nullptr) return 0;
  if (space == ChannelSpace::kShardChannels) return mine->count(space);
  return mine->count(ChannelSpace::kChannels) + mine->count(ChannelSpace::kPatterns);
}

bool IsSubscriber(const Client& client) {
  if (client.subscriptions == nullptr) return false;
  for (const Subscriptions::Names& names : client.subscriptions->names) {
    if (!names.empty()) return true;
  }
  return false;
}

}  // namespace chestbox
