#include "shmclient/reply.h"

#include <string>

namespace chestbox::shmclient {

// hiredis' own reader makes it, so that it is freed the way it was allocated whatever hiredis uses for that.
ReplyPtr ErrorReply(std::string_view text) {
  redisReader* reader = redisReaderCreate();
  if (reader == nullptr) return nullptr;
  const std::string line = "-" + std::string(text) + "\r\n";
  void* reply = nullptr;
  if (redisReaderFeed(reader, line.data(), line.size()) == REDIS_OK) (void)redisReaderGetReply(reader, &reply);
  redisReaderFree(reader);
  return ReplyPtr(static_cast<redisReply*>(reply));
}

}  // namespace chestbox::shmclient
