#include "bench/redis_client.h"

#include <cstdio>
#include <cstdlib>

namespace bench {

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

void RedisClient::AppendGet(std::string_view key) {
  const char* words[] = {"GET", key.data()};
  const size_t sizes[] = {3, key.size()};
  redisAppendCommandArgv(context_, 2, words, sizes);
}

void RedisClient::AppendSet(std::string_view key, std::string_view value) {
  const char* words[] = {"SET", key.data(), value.data()};
  const size_t sizes[] = {3, key.size(), value.size()};
  redisAppendCommandArgv(context_, 3, words, sizes);
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
