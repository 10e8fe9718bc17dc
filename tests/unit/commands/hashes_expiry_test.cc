#include <algorithm>
#include <string>

#include "session.h"

namespace chestbox::testing {
namespace {

// As a packed block, and as a table.
class FieldSession : public Session {
 public:
  explicit FieldSession(const char* entries) { Run({"config", "set", "hash-max-listpack-entries", entries}); }
};
constexpr const char* kEntries[] = {"512", "0"};

TEST_CASE("A field is gone when its time has come, in every read") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    s.Do("hset h a 1 b 2 c 3");
    CHECK(s.Do("hexpire h 100 fields 2 a x") == "[:1, :-2]");
    CHECK(s.Do("httl h fields 3 a b x") == "[:100, :-1, :-2]");
    CHECK(s.Do("hget h a") == "1");
    s.Advance(50'000);
    CHECK(s.Do("hget h a") == "1");
    CHECK(s.Do("hlen h") == ":3");
    s.Advance(50'001);
    CHECK(s.Do("hget h a") == "nil");
    CHECK(s.Do("hexists h a") == ":0");
    CHECK(s.Do("hstrlen h a") == ":0");
    CHECK(s.Do("hmget h a b") == "[nil, 2]");
    CHECK(s.Do("httl h fields 1 a") == "[:-2]");
    CHECK(s.Do("hlen h") == ":2");
    CHECK(s.Do("hdel h a") == ":0");
    const std::string all = s.Do("hgetall h");
    CHECK((all == "[b, 2, c, 3]" || all == "[c, 3, b, 2]"));
    CHECK(s.Do("hincrby h a 5") == ":5");
    CHECK(s.Do("httl h fields 1 a") == "[:-1]");
  }
}

TEST_CASE("A hash whose last field expires is gone, and says so") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    s.Do("hset h a 1 b 2");
    s.Do("hexpire h 1000 fields 1 a");
    s.Do("hexpire h 2000 fields 1 b");
    s.Advance(1'500'000);
    s.Effects();
    CHECK(s.Do("hlen h") == ":1");
    CHECK(s.Effects() == Texts{"0: HDEL h a"});
    s.Advance(1'500'000);
    CHECK(s.Do("hlen h") == ":0");
    CHECK(s.Effects() == Texts{"0: HDEL h b", "0: DEL h"});
    CHECK(s.Do("exists h") == ":0");
  }
}

TEST_CASE("The cron erases fields that nobody asks for, also after RENAME, MOVE and COPY") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    for (const char* key : {"renamed", "moved", "copied", "stays"}) {
      s.Run({"hset", key, "a", "1", "b", "2"});
      s.Run({"hexpire", key, "50", "fields", "1", "a"});
    }
    s.Do("hexpire renamed 50 fields 1 b");
    s.Do("rename renamed r");
    s.Do("move moved 1");
    s.Do("copy copied c");
    s.Effects();
    s.Advance(60'000);
    s.server().server().Cron();
    Texts effects = s.Effects();
    std::sort(effects.begin(), effects.end());
    CHECK(std::count(effects.begin(), effects.end(), "0: DEL r") == 1);
    CHECK(std::count(effects.begin(), effects.end(), "0: HDEL c a") == 1);
    CHECK(std::count(effects.begin(), effects.end(), "0: HDEL stays a") == 1);
    CHECK(std::count(effects.begin(), effects.end(), "1: HDEL moved a") == 1);
    CHECK(s.Do("dbsize") == ":3");
  }
}

TEST_CASE("HEXPIRE's conditions compare with the expiry that is there") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    s.Do("hset h a 1 b 2");
    CHECK(s.Do("hexpire h 100 nx fields 1 a") == "[:1]");
    CHECK(s.Do("hexpire h 200 nx fields 2 a b") == "[:0, :1]");
    CHECK(s.Do("hexpire h 150 gt fields 2 a b") == "[:1, :0]");
    CHECK(s.Do("hexpire h 120 lt fields 2 a b") == "[:1, :1]");
    CHECK(s.Do("hpersist h fields 3 a a x") == "[:1, :-1, :-2]");
    CHECK(s.Do("hexpire h 10 xx fields 2 a b") == "[:0, :1]");
    CHECK(s.Do("hexpire h 10 gt fields 1 a") == "[:0]");
    CHECK(s.Do("hexpire h 10 lt fields 1 a") == "[:1]");
    CHECK(s.Do("httl h fields 2 a b") == "[:10, :10]");
  }
}

TEST_CASE("A time in the past erases the field at once") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    s.Do("hset h a 1 b 2 c 3");
    CHECK(s.EffectsOf("hexpire h 0 fields 2 a x") == Texts{"0: HDEL h a"});
    CHECK(s.Do("hexpireat h 1 fields 1 b") == "[:2]");
    CHECK(s.EffectsOf("hpexpireat h 1 fields 1 c") == Texts{"0: HDEL h c", "0: DEL h"});
    CHECK(s.Do("exists h") == ":0");
    CHECK(s.Do("hexpire h 10 fields 2 a b") == "[:-2, :-2]");
    CHECK(s.Do("httl h fields 1 a") == "[:-2]");
    CHECK(s.Do("hpersist h fields 1 a") == "[:-2]");
  }
}

TEST_CASE("Times are reported as they were set, and effects are absolute") {
  Session s;
  s.Do("hset h a 1");
  const Texts effects = s.EffectsOf("hexpire h 500 fields 1 a");
  const std::string at = std::to_string(s.now_ms() + 500'000);
  CHECK(effects == Texts{"0: HPEXPIREAT h " + at + " FIELDS 1 a"});
  CHECK(s.Do("hpexpiretime h fields 1 a") == "[:" + at + "]");
  CHECK(s.Do("hexpiretime h fields 1 a") == "[:" + std::to_string((std::stoll(at) + 999) / 1000) + "]");
  CHECK(s.EffectsOf("hpersist h fields 1 a") == Texts{"0: HPERSIST h FIELDS 1 a"});
}

TEST_CASE("HEXPIRE and HTTL say what is wrong with their arguments") {
  Session s;
  s.Do("hset h a 1");
  CHECK(s.Do("hexpire h x fields 1 a") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("hexpire h -1 fields 1 a") == "-ERR invalid expire time, must be >= 0");
  CHECK(s.Do("hexpire h 281474976710656 fields 1 a") == "-ERR invalid expire time in 'hexpire' command");
  CHECK(s.Do("hexpire h 1 field 1 a") == "-ERR Mandatory argument FIELDS is missing or not at the right position");
  CHECK(s.Do("hexpire h 1 fields 0 a") == "-ERR Parameter `numFields` should be greater than 0");
  CHECK(s.Do("hexpire h 1 fields 2 a") == "-ERR The `numfields` parameter must match the number of arguments");
  CHECK(s.Do("httl h fields 0 a") == "-ERR Number of fields must be a positive integer");
  CHECK(s.Do("httl h fields 2 a") == "-ERR The `numfields` parameter must match the number of arguments");
}

TEST_CASE("HSET takes a field's expiry away; HINCRBY and HSETEX KEEPTTL keep it") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    s.Do("hset h a 1 b 2");
    s.Do("hexpire h 100 fields 2 a b");
    s.Do("hset h a 5");
    CHECK(s.Do("httl h fields 2 a b") == "[:-1, :100]");
    CHECK(s.EffectsOf("hincrby h b 1") == Texts{"0: HSETEX h KEEPTTL FIELDS 1 b 3"});
    CHECK(s.Do("hincrbyfloat h b 0.5") == "3.5");
    CHECK(s.EffectsOf("hsetex h keepttl fields 1 b 9") == Texts{"0: HSETEX h KEEPTTL FIELDS 1 b 9"});
    CHECK(s.Do("httl h fields 1 b") == "[:100]");
    CHECK(s.EffectsOf("hsetex h fields 1 b 9") == Texts{"0: HSET h b 9"});
    CHECK(s.Do("httl h fields 1 b") == "[:-1]");
  }
}

TEST_CASE("HSETEX sets all or none, with an expiry") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    CHECK(s.Do("hsetex h fxx fields 1 a 1") == ":0");
    CHECK(s.Do("exists h") == ":0");
    const Texts effects = s.EffectsOf("hsetex h fnx ex 1000 fields 2 a 1 b 2");
    const std::string at = std::to_string(s.now_ms() + 1'000'000);
    CHECK(effects == Texts{"0: HSETEX h PXAT " + at + " FIELDS 2 a 1 b 2"});
    CHECK(s.Do("hsetex h fnx fields 2 b 1 c 2") == ":0");
    CHECK(s.Do("hsetex h fxx px 500000 fields 1 b 3") == ":1");
    CHECK(s.Do("httl h fields 2 a b") == "[:1000, :500]");
    CHECK(s.Do("hsetex h exat 1 fields 1 b 3") == ":1");
    CHECK(s.Do("hget h b") == "nil");
    s.Advance(1'000'001);
    CHECK(s.Do("hlen h") == ":0");
    CHECK(s.Do("hsetex h fnx fxx fields 1 a 1") == "-ERR Only one of FXX or FNX arguments can be specified");
    CHECK(s.Do("hsetex h ex 1 keepttl fields 1 a 1") ==
          "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    CHECK(s.Do("hsetex h what fields 1 a 1") == "-ERR unknown argument: what");
    CHECK(s.Do("hsetex h fields 2 a 1") == "-ERR wrong number of arguments for 'hsetex' command");
    CHECK(s.Do("hsetex h fields x a 1") == "-ERR invalid number of fields");
  }
}

TEST_CASE("HGETEX reads and changes the expiry; HGETDEL reads and deletes") {
  for (const char* entries : kEntries) {
    FieldSession s(entries);
    s.Do("hset h a 1 b 2 c 3");
    CHECK(s.Do("hgetex h fields 2 a x") == "[1, nil]");
    CHECK(s.Do("hgetex h px 700000 fields 2 a x") == "[1, nil]");
    CHECK(s.Do("httl h fields 2 a b") == "[:700, :-1]");
    CHECK(s.EffectsOf("hgetex h persist fields 2 a b") == Texts{"0: HPERSIST h FIELDS 1 a"});
    CHECK(s.Do("hgetex h pxat 1 fields 1 a") == "[1]");
    CHECK(s.Do("hexists h a") == ":0");
    CHECK(s.EffectsOf("hgetdel h fields 2 b x") == Texts{"0: HDEL h b"});
    CHECK(s.Do("hgetdel h fields 1 c") == "[3]");
    CHECK(s.Do("exists h") == ":0");
    CHECK(s.Do("hgetdel h fields 1 c") == "[nil]");
    CHECK(s.Do("hgetex h ex 10 fields 1 c") == "[nil]");
    CHECK(s.Do("hgetex h persist 1 fields 1") ==
          "-ERR Mandatory argument FIELDS is missing or not at the right position");
    CHECK(s.Do("hgetdel h x 1 a") == "-ERR Mandatory argument FIELDS is missing or not at the right position");
  }
}

}  // namespace
}  // namespace chestbox::testing
