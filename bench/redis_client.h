// hiredis with what the benchmarks want of it: a connection that ends the program when anything goes wrong.
#pragma once

#include <hiredis/hiredis.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bench {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

class RedisClient {
 public:
  // `address` is the path of a Unix socket, or host:port.
  explicit RedisClient(const std::string& address);
  ~RedisClient() { redisFree(context_); }
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // Null if there is no such key.
  Reply Get(std::string_view key);
  void Set(std::string_view key, std::string_view value);
  // Pipelining: Append… buffers, Receive takes one reply.
  void Append(std::span<const std::string_view> words);
  void AppendSet(std::string_view key, std::string_view value);
  void AppendGet(std::string_view key);
  Reply Receive();

 private:
  redisContext* context_;
};

[[noreturn]] void Die(const std::string& message);

}  // namespace bench
