#include "bench/redis_client.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace bench {

namespace {
constexpr size_t kWordsMax = 8;
}  // namespace

void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

RedisClient::RedisClient(const std::string& address) {
  const size_t colon = address.rfind(':');
  context_ = address.starts_with('/') || colon == std::string::npos
                 ? redisConnectUnix(address.c_str())
                 : redisConnect(address.substr(0, colon).c_str(), std::atoi(address.c_str() + colon + 1));
  if (context_ == nullptr || context_->err != 0)
    Die(address + ": " + (context_ != nullptr ? context_->errstr : "no memory"));
}

Reply RedisClient::Receive() {
  void* received = nullptr;
  if (redisGetReply(context_, &received) != REDIS_OK) Die(std::string("connection: ") + context_->errstr);
  Reply reply(static_cast<redisReply*>(received));
  if (reply->type == REDIS_REPLY_ERROR) Die(std::string("server: ") + reply->str);
  return reply;
}

void RedisClient::Append(std::span<const std::string_view> words) {
  const char* data[kWordsMax];
  size_t sizes[kWordsMax];
  if (words.size() > kWordsMax) Die("too many words for one command");
  for (size_t i = 0; i < words.size(); ++i) {
    data[i] = words[i].data();
    sizes[i] = words[i].size();
  }
  redisAppendCommandArgv(context_, static_cast<int>(words.size()), data, sizes);
}

void RedisClient::AppendGet(std::string_view key) { Append(std::array{std::string_view("GET"), key}); }

void RedisClient::AppendSet(std::string_view key, std::string_view value) {
  Append(std::array{std::string_view("SET"), key, value});
}

Reply RedisClient::Get(std::string_view key) {
  AppendGet(key);
  Reply reply = Receive();
  return reply->type == REDIS_REPLY_NIL ? nullptr : std::move(reply);
}

void RedisClient::Set(std::string_view key, std::string_view value) {
  AppendSet(key, value);
  Receive();
}

}  // namespace bench
