#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("SORT orders numbers, texts, both ways, and cuts") {
  Session s;
  s.Do("rpush l 3 10 1 2");
  CHECK(s.Do("sort l") == "[1, 2, 3, 10]");
  CHECK(s.Do("sort l desc") == "[10, 3, 2, 1]");
  CHECK(s.Do("sort l alpha") == "[1, 10, 2, 3]");
  CHECK(s.Do("sort l limit 1 2") == "[2, 3]");
  CHECK(s.Do("sort l limit 9 2") == "[]");
  CHECK(s.Do("sort l limit -5 2") == "[1, 2]");
  CHECK(s.Do("sort l limit 2 -1") == "[3, 10]");
  CHECK(s.Do("sort l by nosort limit 1 2") == "[10, 1]");
  CHECK(s.Do("sort_ro l desc") == "[10, 3, 2, 1]");
  CHECK(s.Do("sort none") == "[]");
  s.Do("zadd z 1 c 2 a 3 b");
  CHECK(s.Do("sort z by nosort") == "[c, a, b]");
  CHECK(s.Do("sort z by nosort desc limit 1 1") == "[a]");
  CHECK(s.Do("sort z alpha") == "[a, b, c]");
}

TEST_CASE("BY and GET follow keys and fields of hashes") {
  Session s;
  s.Do("rpush l 1 2 3");
  s.Do("mset w1 30 w2 20 name1 one name3 three");
  s.Do("hset h1 f x g 9");
  s.Do("hset h3 f z g 1");
  CHECK(s.Do("sort l by w*") == "[3, 2, 1]");
  CHECK(s.Do("sort l by h*->g") == "[2, 3, 1]");
  CHECK(s.Do("sort l get # get name* get h*->f") == "[1, one, x, 2, nil, nil, 3, three, z]");
  CHECK(s.Do("sort l by name* alpha") == "[2, 1, 3]");
  CHECK(s.Do("sort l get nothing") == "[nil, nil, nil]");
}

TEST_CASE("STORE replaces what is at the target, and reports the result") {
  Session s;
  s.Do("sadd s b a");
  s.Do("set t text");
  CHECK(s.EffectsOf("sort s by nosort store t") == Texts{"0: DEL t", "0: RPUSH t a b"});
  CHECK(s.Do("lrange t 0 -1") == "[a, b]");
  CHECK(s.EffectsOf("sort none store t") == Texts{"0: DEL t"});
  CHECK(s.EffectsOf("sort none store t") == Texts{});
  s.Do("rpush l 2 1");
  CHECK(s.Do("sort l store l") == ":2");
  CHECK(s.Do("lrange l 0 -1") == "[1, 2]");
}

TEST_CASE("SORT refuses what is no number, no collection, or no option") {
  Session s;
  s.Do("rpush l a b");
  s.Do("set str v");
  CHECK(s.Do("sort l") == "-ERR One or more scores can't be converted into double");
  CHECK(s.Do("sort l store t") == "-ERR One or more scores can't be converted into double");
  CHECK(s.Do("exists t") == ":0");
  CHECK(s.Do("sort str").starts_with("-WRONGTYPE"));
  CHECK(s.Do("sort l up") == "-ERR syntax error");
  CHECK(s.Do("sort l limit 1") == "-ERR syntax error");
  CHECK(s.Do("sort l limit x 1") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("sort_ro l store t") == "-ERR syntax error");
}

}  // namespace
}  // namespace chestbox::testing
