// Replies made from RESP2: those that pass hiredis' parser by are the ones that it would make.
#include "shmclient/reply.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace chestbox::shmclient {
namespace {

ReplyPtr Parsed(std::string_view bytes) {
  redisReader* reader = redisReaderCreate();
  void* reply = nullptr;
  if (redisReaderFeed(reader, bytes.data(), bytes.size()) == REDIS_OK) (void)redisReaderGetReply(reader, &reply);
  redisReaderFree(reader);
  return ReplyPtr(static_cast<redisReply*>(reply));
}

void ExpectAlike(const redisReply& a, const redisReply& b) {
  CHECK(a.type == b.type);
  CHECK(a.integer == b.integer);
  CHECK(a.len == b.len);
  CHECK((a.str == nullptr) == (b.str == nullptr));
  CHECK(Text(a) == Text(b));
  REQUIRE(a.elements == b.elements);
  for (size_t i = 0; i < a.elements; ++i) ExpectAlike(*a.element[i], *b.element[i]);
}

TEST_CASE("A reply maker makes what hiredis' parser makes") {
  ReplyMaker replies;
  const std::string long_text(100'000, 'x');
  const std::string cases[] = {
      "$5\r\nhello\r\n",
      "$0\r\n\r\n",
      std::string("$4\r\n\0\r\n$\r\n", 10),
      "$" + std::to_string(long_text.size()) + "\r\n" + long_text + "\r\n",
      "$-1\r\n",
      "*-1\r\n",
      "*0\r\n",
      ":0\r\n",
      ":1\r\n",
      ":-1\r\n",
      ":" + std::to_string(INT64_MAX) + "\r\n",
      ":" + std::to_string(INT64_MIN) + "\r\n",
      "+OK\r\n",
      "-WRONGTYPE no\r\n",
      "*3\r\n$1\r\na\r\n:7\r\n*2\r\n$-1\r\n+b\r\n",
  };
  for (const std::string& bytes : cases) {
    CAPTURE(bytes.substr(0, 40));
    const ReplyPtr wanted = Parsed(bytes);
    REQUIRE(wanted != nullptr);
    const ReplyPtr made = replies.Make(bytes);
    REQUIRE(made != nullptr);
    ExpectAlike(*made, *wanted);
  }
}

TEST_CASE("A string that a reply maker makes ends with a zero byte") {
  ReplyMaker replies;
  const ReplyPtr reply = replies.Make("$3\r\nabc\r\n");
  REQUIRE(reply != nullptr);
  CHECK(std::string(reply->str) == "abc");
}

TEST_CASE("What is no whole reply is none, and spoils nothing") {
  ReplyMaker replies;
  for (const std::string_view bytes : {"", "$", "$5\r\nhel", "$5\r\nhello", ":1", "*2\r\n:1\r\n", "?\r\n"}) {
    CAPTURE(bytes);
    CHECK(replies.Make(bytes) == nullptr);
    const ReplyPtr next = replies.Make("$2\r\nok\r\n");
    REQUIRE(next != nullptr);
    CHECK(Text(*next) == "ok");
    const ReplyPtr array = replies.Make("*1\r\n:1\r\n");
    REQUIRE(array != nullptr);
    CHECK(array->elements == 1U);
  }
}

}  // namespace
}  // namespace chestbox::shmclient
