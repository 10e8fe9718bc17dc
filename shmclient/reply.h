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

// Makes replies from what a ReplyWriter wrote in RESP2. hiredis' own functions make them, so that they are freed the
// way they were allocated whatever hiredis uses for that; a single string, integer or null passes its parser by, which
// took longer than the read itself. One thread at a time.
class ReplyMaker {
 public:
  ReplyMaker() : reader_(redisReaderCreate()) {}
  ~ReplyMaker();
  ReplyMaker(const ReplyMaker&) = delete;
  ReplyMaker& operator=(const ReplyMaker&) = delete;

  // `bytes` is one whole reply. Null: no memory for it.
  ReplyPtr Make(std::string_view bytes);

 private:
  // Null: not a single one of those, or no memory.
  ReplyPtr MakeSingle(std::string_view bytes) const;

  redisReader* reader_;
};

}  // namespace chestbox::shmclient
