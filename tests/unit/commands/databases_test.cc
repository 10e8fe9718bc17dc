#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("SELECT separates keys, and refuses databases that are not there") {
  Session s;
  s.Do("set k 0");
  CHECK(s.Do("select 15") == "+OK");
  CHECK(s.Do("get k") == "nil");
  CHECK(s.EffectsOf("set k 15") == Texts{"15: SET k 15"});
  CHECK(s.Do("select 16") == "-ERR DB index is out of range");
  CHECK(s.Do("select -1") == "-ERR DB index is out of range");
  CHECK(s.Do("select x") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("select 99999999999") == "-ERR value is out of range, value must between -2147483648 and 2147483647");
  CHECK(s.Do("get k") == "15");
}

TEST_CASE("`databases` bounds SELECT, MOVE and SWAPDB") {
  Session s("databases 4");
  CHECK(s.Do("select 3") == "+OK");
  CHECK(s.Do("select 4") == "-ERR DB index is out of range");
  CHECK(s.Do("move k 4") == "-ERR DB index is out of range");
  CHECK(s.Do("swapdb 0 4") == "-ERR DB index is out of range");
}

TEST_CASE("DBSIZE counts, FLUSHDB empties one database and FLUSHALL all") {
  Session s;
  s.Do("mset a 1 b 2");
  s.Do("select 1");
  s.Do("set c 3");
  CHECK(s.Do("dbsize") == ":1");
  CHECK(s.EffectsOf("flushdb") == Texts{"1: FLUSHDB"});
  CHECK(s.EffectsOf("flushdb") == Texts{"1: FLUSHDB"});
  CHECK(s.Do("dbsize") == ":0");
  s.Do("select 0");
  CHECK(s.Do("dbsize") == ":2");
  CHECK(s.Do("flushall async") == "+OK");
  CHECK(s.Do("dbsize") == ":0");
  CHECK(s.Do("get a") == "nil");
  CHECK(s.Do("flushall SYNC") == "+OK");
  CHECK(s.Do("flushdb now") == "-ERR syntax error");
  CHECK(s.Do("flushall async sync") == "-ERR syntax error");
}

TEST_CASE("SWAPDB exchanges what all clients see") {
  Session s;
  s.Do("set k zero");
  s.Do("select 1");
  s.Do("set k one");
  CHECK(s.EffectsOf("swapdb 0 1") == Texts{"1: SWAPDB 0 1"});
  CHECK(s.Do("get k") == "zero");
  CHECK(s.EffectsOf("swapdb 1 1") == Texts{});
  CHECK(s.Do("swapdb x 1") == "-ERR invalid first DB index");
  CHECK(s.Do("swapdb 1 x") == "-ERR invalid second DB index");
  CHECK(s.Do("swapdb 1 16") == "-ERR DB index is out of range");
  s.Do("select 0");
  CHECK(s.Do("get k") == "one");
}

}  // namespace
}  // namespace chestbox::testing
