#include "shmclient/reply.h"

#include <charconv>
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

ReplyMaker::~ReplyMaker() {
  if (reader_ != nullptr) redisReaderFree(reader_);
}

ReplyPtr ReplyMaker::MakeSingle(std::string_view bytes) const {
  constexpr size_t kLineEndBytes = 2;
  const char type = bytes.empty() ? '\0' : bytes.front();
  if (type != '$' && type != ':') return nullptr;
  long long number = 0;
  const auto [end, failed] = std::from_chars(bytes.data() + 1, bytes.data() + bytes.size(), number);
  if (failed != std::errc{}) return nullptr;
  const size_t line_bytes = static_cast<size_t>(end - bytes.data()) + kLineEndBytes;
  redisReadTask task{};
  if (type == ':') {
    if (line_bytes != bytes.size()) return nullptr;
    task.type = REDIS_REPLY_INTEGER;
    return ReplyPtr(static_cast<redisReply*>(reader_->fn->createInteger(&task, number)));
  }
  if (number == -1 && line_bytes == bytes.size()) {
    task.type = REDIS_REPLY_NIL;
    return ReplyPtr(static_cast<redisReply*>(reader_->fn->createNil(&task)));
  }
  if (number < 0 || line_bytes + static_cast<size_t>(number) + kLineEndBytes != bytes.size()) return nullptr;
  task.type = REDIS_REPLY_STRING;
  char* text = const_cast<char*>(bytes.data()) + line_bytes;  // createString copies it
  return ReplyPtr(static_cast<redisReply*>(reader_->fn->createString(&task, text, static_cast<size_t>(number))));
}

ReplyPtr ReplyMaker::Make(std::string_view bytes) {
  if (reader_ == nullptr && (reader_ = redisReaderCreate()) == nullptr) return nullptr;
  if (ReplyPtr single = MakeSingle(bytes)) return single;
  void* reply = nullptr;
  const bool parsed = redisReaderFeed(reader_, bytes.data(), bytes.size()) == REDIS_OK &&
                      redisReaderGetReply(reader_, &reply) == REDIS_OK;
  if (!parsed || reply == nullptr) {
    // A reader in the middle of something is of no more use.
    redisReaderFree(reader_);
    reader_ = nullptr;
    return nullptr;
  }
  return ReplyPtr(static_cast<redisReply*>(reply));
}

}  // namespace chestbox::shmclient
