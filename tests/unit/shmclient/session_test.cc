#include "shmclient/session.h"

#include <catch2/catch.hpp>
#include <initializer_list>
#include <string>

namespace chestbox::shmclient {

namespace {

// Feeds a session with commands and the bytes that a server answers with.
class Talk {
 public:
  void Say(std::initializer_list<std::string_view> args, std::string_view reply) {
    redisReader* reader = redisReaderCreate();
    REQUIRE(redisReaderFeed(reader, reply.data(), reply.size()) == REDIS_OK);
    void* object = nullptr;
    REQUIRE(redisReaderGetReply(reader, &object) == REDIS_OK);
    redisReaderFree(reader);
    const ReplyPtr owned(static_cast<redisReply*>(object));
    REQUIRE(owned != nullptr);
    session.OnReply({args.begin(), args.size()}, *owned);
  }

  Session session{0};
};

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kQueued = "+QUEUED\r\n";

bool Refused(std::initializer_list<std::string_view> args) {
  return Session::Refusal({args.begin(), args.size()}).has_value();
}

}  // namespace

TEST_CASE("A fresh session reads locally from its database and has nothing to lose") {
  const Session session(7);
  CHECK(session.database() == 7);
  CHECK(session.allows_local_reads());
  CHECK_FALSE(session.has_state());
}

TEST_CASE("SELECT counts once the server has agreed, in any case of letters") {
  Talk talk;
  talk.Say({"SeLeCt", "3"}, kOk);
  CHECK(talk.session.database() == 3);
  talk.Say({"SELECT", "99"}, "-ERR DB index is out of range\r\n");
  CHECK(talk.session.database() == 3);
}

TEST_CASE("Inside MULTI reads go to the server, until EXEC or DISCARD") {
  Talk talk;
  talk.Say({"MULTI"}, kOk);
  CHECK_FALSE(talk.session.allows_local_reads());
  CHECK(talk.session.has_state());
  SECTION("EXEC") {
    talk.Say({"SET", "a", "b"}, kQueued);
    talk.Say({"EXEC"}, "*1\r\n+OK\r\n");
  }
  SECTION("EXEC of a watched key that changed") { talk.Say({"EXEC"}, "*-1\r\n"); }
  SECTION("EXEC of a transaction with a mistake") { talk.Say({"EXEC"}, "-EXECABORT Transaction discarded\r\n"); }
  SECTION("DISCARD") { talk.Say({"DISCARD"}, kOk); }
  SECTION("RESET, as another user though") {
    talk.Say({"RESET"}, "+RESET\r\n");
    CHECK_FALSE(talk.session.has_state());
    return;
  }
  CHECK(talk.session.allows_local_reads());
  CHECK_FALSE(talk.session.has_state());
}

TEST_CASE("A MULTI inside a MULTI and an EXEC without MULTI change nothing") {
  Talk talk;
  talk.Say({"EXEC"}, "-ERR EXEC without MULTI\r\n");
  CHECK(talk.session.allows_local_reads());
  talk.Say({"MULTI"}, kOk);
  talk.Say({"MULTI"}, "-ERR MULTI calls can not be nested\r\n");
  talk.Say({"EXEC", "surplus"}, "-ERR wrong number of arguments for 'exec' command\r\n");
  CHECK(talk.session.in_multi());
}

TEST_CASE("A queued SELECT counts when EXEC has run it, and only then") {
  Talk talk;
  talk.Say({"MULTI"}, kOk);
  talk.Say({"SET", "a", "b"}, kQueued);
  talk.Say({"SELECT", "5"}, kQueued);
  talk.Say({"SELECT", "77"}, kQueued);
  CHECK(talk.session.database() == 0);
  SECTION("it ran, and another failed") {
    talk.Say({"EXEC"}, "*3\r\n+OK\r\n+OK\r\n-ERR DB index is out of range\r\n");
    CHECK(talk.session.database() == 5);
  }
  SECTION("it did not run") {
    talk.Say({"DISCARD"}, kOk);
    CHECK(talk.session.database() == 0);
  }
}

TEST_CASE("WATCH is something to lose, until EXEC, DISCARD or UNWATCH; reads stay local") {
  Talk talk;
  talk.Say({"WATCH", "a"}, kOk);
  CHECK(talk.session.has_state());
  CHECK(talk.session.allows_local_reads());
  talk.Say({"UNWATCH"}, kOk);
  CHECK_FALSE(talk.session.has_state());
}

TEST_CASE("Client tracking takes reads to the server, which has to know of them") {
  Talk talk;
  talk.Say({"CLIENT", "TRACKING", "on", "REDIRECT", "5"}, "-ERR The client ID you want redirect to does not exist\r\n");
  CHECK(talk.session.allows_local_reads());
  talk.Say({"client", "tracking", "ON", "REDIRECT", "4"}, kOk);
  CHECK_FALSE(talk.session.allows_local_reads());
  CHECK(talk.session.has_state());
  talk.Say({"CLIENT", "TRACKING", "OFF"}, kOk);
  CHECK(talk.session.allows_local_reads());
}

TEST_CASE("Another user may not read what this one may: reads go to the server after AUTH") {
  Talk talk;
  SECTION("AUTH") { talk.Say({"AUTH", "other", "secret"}, kOk); }
  SECTION("HELLO AUTH") { talk.Say({"HELLO", "2", "AUTH", "other", "secret"}, "*0\r\n"); }
  SECTION("RESET") { talk.Say({"RESET"}, "+RESET\r\n"); }
  CHECK_FALSE(talk.session.allows_local_reads());
  CHECK_FALSE(talk.session.has_state());
}

TEST_CASE("A failed AUTH and a HELLO without AUTH change nothing") {
  Talk talk;
  talk.Say({"AUTH", "wrong"}, "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  talk.Say({"HELLO", "2"}, "*0\r\n");
  CHECK(talk.session.allows_local_reads());
}

TEST_CASE("QUIT ends it with nothing to lose, unless it fails") {
  Talk talk;
  talk.Say({"WATCH", "k"}, kOk);
  talk.Say({"QUIT", "now"}, "-ERR wrong number of arguments for 'quit' command\r\n");
  CHECK_FALSE(talk.session.has_quit());
  talk.Say({"QUIT"}, kOk);
  CHECK(talk.session.has_quit());
  CHECK_FALSE(talk.session.has_state());
  talk.session.OnNewConnection();
  CHECK_FALSE(talk.session.has_quit());
}

TEST_CASE("A new connection keeps the database and nothing else") {
  Talk talk;
  talk.Say({"SELECT", "4"}, kOk);
  talk.Say({"WATCH", "a"}, kOk);
  talk.Say({"MULTI"}, kOk);
  talk.session.OnNewConnection();
  CHECK(talk.session.database() == 4);
  CHECK(talk.session.allows_local_reads());
  CHECK_FALSE(talk.session.has_state());
}

TEST_CASE("Commands that are not answered by exactly one reply are refused") {
  CHECK(Refused({"subscribe", "a"}));
  CHECK(Refused({"PSUBSCRIBE", "a"}));
  CHECK(Refused({"MONITOR"}));
  CHECK(Refused({"PSYNC", "?", "-1"}));
  CHECK(Refused({"CLIENT", "REPLY", "OFF"}));
  CHECK(Refused({"client", "reply", "Skip"}));
  CHECK(Refused({"HELLO", "3"}));
  CHECK_FALSE(Refused({"HELLO", "2"}));
  CHECK_FALSE(Refused({"HELLO"}));
  CHECK_FALSE(Refused({"CLIENT", "REPLY", "ON"}));
  CHECK_FALSE(Refused({"CLIENT"}));
  CHECK_FALSE(Refused({"GET", "subscribe"}));
  CHECK_FALSE(Refused({"PUBLISH", "a", "b"}));
  CHECK_FALSE(Refused({}));
}

}  // namespace chestbox::shmclient
