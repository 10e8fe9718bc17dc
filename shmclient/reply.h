// hiredis' replies, owned. The only place where the library takes hiredis' headers in.
#pragma once

#include <hiredis/hiredis.h>

#include <memory>
#include <string_view>

namespace chestbox::shmclient {

struct ReplyDeleter {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using ReplyPtr = std::unique_ptr<redisReply, ReplyDeleter>;

inline std::string_view Text(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}
inline bool IsStatus(const redisReply& reply, std::string_view text) {
  return reply.type == REDIS_REPLY_STATUS && Text(reply) == text;
}
inline bool IsError(const redisReply& reply) { return reply.type == REDIS_REPLY_ERROR; }

// The reply that a server would give as "-text"; null when there is no memory for it.
ReplyPtr ErrorReply(std::string_view text);

}  // namespace chestbox::shmclient
