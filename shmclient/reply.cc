#include "shmclient/reply.h"

#include <hiredis/alloc.h>

#include <charconv>
#include <cstring>
#include <span>

namespace chestbox::shmclient {

namespace {

// Made with hiredis' allocator, as hiredis' own reader makes them, so that freeReplyObject frees them whatever the
// application has put into its place.
ReplyPtr NewReply(int type) {
  ReplyPtr reply(static_cast<redisReply*>(hi_calloc(1, sizeof(redisReply))));
  if (reply != nullptr) reply->type = type;
  return reply;
}

ReplyPtr TextReply(int type, std::string_view text) {
  ReplyPtr reply = NewReply(type);
  if (reply == nullptr) return nullptr;
  reply->str = static_cast<char*>(hi_malloc(text.size() + 1));
  if (reply->str == nullptr) return nullptr;
  std::memcpy(reply->str, text.data(), text.size());
  reply->str[text.size()] = 0;
  reply->len = text.size();
  return reply;
}

std::string_view TakeLine(std::string_view* rest) {
  const size_t end = rest->find('\r');
  const std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end + 2);
  return line;
}

ReplyPtr TakeReply(std::string_view* rest);

ReplyPtr TakeElements(int64_t count, std::string_view* rest) {
  ReplyPtr reply = NewReply(REDIS_REPLY_ARRAY);
  if (reply == nullptr || count == 0) return reply;
  reply->element = static_cast<redisReply**>(hi_calloc(static_cast<size_t>(count), sizeof(redisReply*)));
  if (reply->element == nullptr) return nullptr;
  reply->elements = static_cast<size_t>(count);
  for (redisReply*& element : std::span(reply->element, reply->elements)) {
    element = TakeReply(rest).release();
    if (element == nullptr) return nullptr;
  }
  return reply;
}

ReplyPtr TakeReply(std::string_view* rest) {
  const char kind = rest->front();
  rest->remove_prefix(1);
  const std::string_view line = TakeLine(rest);
  if (kind == '+') return TextReply(REDIS_REPLY_STATUS, line);
  if (kind == '-') return TextReply(REDIS_REPLY_ERROR, line);
  long long number = 0;
  std::from_chars(line.data(), line.data() + line.size(), number);
  if (kind == ':') {
    ReplyPtr reply = NewReply(REDIS_REPLY_INTEGER);
    if (reply != nullptr) reply->integer = number;
    return reply;
  }
  if (number < 0) return NewReply(REDIS_REPLY_NIL);
  if (kind == '*') return TakeElements(number, rest);
  ReplyPtr reply = TextReply(REDIS_REPLY_STRING, rest->substr(0, static_cast<size_t>(number)));
  rest->remove_prefix(static_cast<size_t>(number) + 2);
  return reply;
}

}  // namespace

ReplyPtr ErrorReply(std::string_view text) { return TextReply(REDIS_REPLY_ERROR, text); }

ReplyPtr ReplyOf(std::string_view resp2) { return TakeReply(&resp2); }

}  // namespace chestbox::shmclient
