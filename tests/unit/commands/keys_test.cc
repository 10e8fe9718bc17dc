#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("DEL and UNLINK count what they deleted, EXISTS and TOUCH what there is") {
  Session s;
  s.Do("mset a 1 b 2 c 3");
  CHECK(s.Do("exists a a b none") == ":3");
  CHECK(s.Do("touch a none") == ":1");
  CHECK(s.EffectsOf("del a none a") == Texts{"0: DEL a none a"});
  CHECK(s.Do("unlink b c c") == ":2");
  CHECK(s.Do("dbsize") == ":0");
  CHECK(s.Do("del a") == ":0");
}

TEST_CASE("TYPE names the type") {
  Session s;
  s.Do("set a 1");
  CHECK(s.Do("type a") == "+string");
  CHECK(s.Do("type none") == "+none");
}

TEST_CASE("RENAME moves value and expiry, and replaces what was there") {
  Session s;
  s.Do("set a 1 ex 100");
  s.Do("set b 2");
  CHECK(s.EffectsOf("rename a b") == Texts{"0: RENAME a b"});
  CHECK(s.Do("mget a b") == "[nil, 1]");
  CHECK(s.Do("ttl b") == ":100");
  CHECK(s.Do("rename a b") == "-ERR no such key");
  CHECK(s.Do("rename a a") == "-ERR no such key");
  CHECK(s.Do("rename b b") == "+OK");
  const std::string large(5000, 'x');
  s.Run({"set", "l", large});
  s.Do("rename l b");
  CHECK(s.Do("get b") == large);
  CHECK(s.Do("ttl b") == ":-1");
}

TEST_CASE("RENAMENX spares what is there") {
  Session s;
  s.Do("mset a 1 b 2");
  CHECK(s.Do("renamenx a b") == ":0");
  CHECK(s.Do("renamenx a a") == ":0");
  CHECK(s.EffectsOf("renamenx a b") == Texts{});
  CHECK(s.Do("renamenx a c") == ":1");
  CHECK(s.Do("mget a b c") == "[nil, 2, 1]");
  CHECK(s.Do("renamenx a c") == "-ERR no such key");
}

TEST_CASE("COPY copies value and expiry, within a database or to another") {
  Session s;
  s.Do("set a 1 ex 100");
  CHECK(s.Do("copy a b") == ":1");
  CHECK(s.Do("ttl b") == ":100");
  CHECK(s.Do("copy a b") == ":0");
  s.Do("set a 2");
  CHECK(s.Do("copy a b replace") == ":1");
  CHECK(s.Do("mget a b") == "[2, 2]");
  CHECK(s.Do("ttl b") == ":-1");
  CHECK(s.EffectsOf("copy a a db 3") == Texts{"0: COPY a a DB 3 REPLACE"});
  CHECK(s.Do("copy none c") == ":0");
  CHECK(s.Do("copy a a") == "-ERR source and destination objects are the same");
  CHECK(s.Do("copy a a db 0 replace") == "-ERR source and destination objects are the same");
  CHECK(s.Do("copy a b db 16") == "-ERR DB index is out of range");
  CHECK(s.Do("copy a b db x") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("copy a b db") == "-ERR syntax error");
  s.Do("append a x");  // the copy is a copy
  s.Do("select 3");
  CHECK(s.Do("get a") == "2");
}

TEST_CASE("MOVE takes a key to another database if it is free there") {
  Session s;
  s.Do("set a 1 ex 100");
  CHECK(s.EffectsOf("move a 9") == Texts{"0: MOVE a 9"});
  CHECK(s.Do("exists a") == ":0");
  s.Do("set a 2");
  CHECK(s.Do("move a 9") == ":0");
  CHECK(s.Do("move none 9") == ":0");
  CHECK(s.Do("move a 0") == "-ERR source and destination objects are the same");
  CHECK(s.Do("move a 16") == "-ERR DB index is out of range");
  CHECK(s.Do("move a -1") == "-ERR DB index is out of range");
  CHECK(s.Do("move a 4294967296") == "-ERR value is out of range, value must between -2147483648 and 2147483647");
  s.Do("select 9");
  CHECK(s.Do("get a") == "1");
  CHECK(s.Do("ttl a") == ":100");
}

TEST_CASE("Renaming and copying see no expired keys") {
  Session s;
  s.Do("set a 1 ex 10");
  s.Do("set b 2 ex 10");
  s.Do("set c 3");
  s.Advance(10'000);
  CHECK(s.Do("rename a x") == "-ERR no such key");
  CHECK(s.Do("renamenx c b") == ":1");
  CHECK(s.Do("get b") == "3");
  CHECK(s.Do("ttl b") == ":-1");
}

}  // namespace
}  // namespace chestbox::testing
