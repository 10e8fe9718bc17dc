#include <algorithm>
#include <string>

#include "session.h"

namespace chestbox::testing {
namespace {

constexpr char kWrongType[] = "-WRONGTYPE Operation against a key holding the wrong kind of value";

TEST_CASE("HSET stores fields in order, and says how many are new") {
  Session s;
  CHECK(s.Do("hset h a 1 b two c 3.5") == ":3");
  CHECK(s.Do("hset h b 2 d 4") == ":1");
  CHECK(s.Do("hgetall h") == "[a, 1, b, 2, c, 3.5, d, 4]");
  CHECK(s.Do("hkeys h") == "[a, b, c, d]");
  CHECK(s.Do("hvals h") == "[1, 2, 3.5, 4]");
  CHECK(s.Do("hget h c") == "3.5");
  CHECK(s.Do("hget h nothing") == "nil");
  CHECK(s.Do("hmget h a nothing d") == "[1, nil, 4]");
  CHECK(s.Do("hlen h") == ":4");
  CHECK(s.Do("hexists h a") == ":1");
  CHECK(s.Do("hexists h x") == ":0");
  CHECK(s.Do("hstrlen h c") == ":3");
  CHECK(s.Do("hset h a") == "-ERR wrong number of arguments for 'hset' command");
  CHECK(s.Do("hset h a 1 b") == "-ERR wrong number of arguments for 'hset' command");
  CHECK(s.Do("hmset h a 1 b") == "-ERR wrong number of arguments for 'hmset' command");
  CHECK(s.EffectsOf("hset h a 5 z 9") == Texts{"0: HSET h a 5 z 9"});
}

TEST_CASE("A hash that loses its last field is gone") {
  Session s;
  s.Do("hset h a 1 b 2 c 3");
  CHECK(s.EffectsOf("hdel h x") == Texts{});
  CHECK(s.EffectsOf("hdel h a x a") == Texts{"0: HDEL h a"});
  CHECK(s.Do("hgetall h") == "[b, 2, c, 3]");
  CHECK(s.EffectsOf("hdel h c b") == Texts{"0: HDEL h c b", "0: DEL h"});
  CHECK(s.Do("exists h") == ":0");
  CHECK(s.Do("hgetall h") == "[]");
}

TEST_CASE("Commands on hashes refuse other types, and change nothing") {
  Session s;
  s.Do("set k v");
  for (const char* line : {"hset k a 1", "hget k a", "hdel k a", "hlen k", "hgetall k", "hincrby k a 1", "hscan k 0",
                           "hrandfield k", "httl k fields 1 a", "hgetdel k fields 1 a"}) {
    INFO(line);
    CHECK(s.Do(line) == kWrongType);
  }
  s.Do("hset h a 1");
  CHECK(s.Do("get h") == kWrongType);
  CHECK(s.Do("append h x") == kWrongType);
  CHECK(s.Do("type h") == "+hash");
}

TEST_CASE("A hash becomes a table at the settings of the moment, and keeps what it has") {
  Session s;
  s.Do("config set hash-max-listpack-entries 4 hash-max-listpack-value 10");
  s.Do("hset h a 1 b 2 c 3 d 4");
  CHECK(s.Do("object encoding h") == "listpack");
  s.Do("hset h a 10");
  CHECK(s.Do("object encoding h") == "listpack");
  s.Do("hset h e 5");
  CHECK(s.Do("object encoding h") == "hashtable");
  CHECK(s.Do("hmget h a b c d e f") == "[10, 2, 3, 4, 5, nil]");
  s.Do("hset i a 12345678901");
  CHECK(s.Do("object encoding i") == "hashtable");
  s.Do("hset j a 1");
  s.Do("hset j b this-is-long");
  CHECK(s.Do("object encoding j") == "hashtable");
  CHECK(s.Do("hmget j a b") == "[1, this-is-long]");
  CHECK(s.Do("hdel h a b c d e") == ":5");
  CHECK(s.Do("exists h") == ":0");
  s.Do("config set hash-max-ziplist-entries 2");
  s.Do("hset l a 1 b 2 c 3");
  CHECK(s.Do("object encoding l") == "hashtable");
}

TEST_CASE("A large hash with large values survives RENAME, COPY and DEL") {
  Session s;
  const std::string large(3000, 'x');
  for (int i = 0; i < 2000; ++i) {
    s.Run({"hset", "h", "field:" + std::to_string(i), i % 50 == 0 ? large : std::to_string(i)});
  }
  CHECK(s.Do("hlen h") == ":2000");
  CHECK(s.Do("object encoding h") == "hashtable");
  CHECK(s.Do("copy h g") == ":1");
  CHECK(s.Do("rename h k") == "+OK");
  for (int i = 0; i < 2000; i += 3) s.Run({"hdel", "k", "field:" + std::to_string(i)});
  for (int i = 0; i < 2000; ++i) {
    const std::string field = "field:" + std::to_string(i);
    const std::string value = i % 50 == 0 ? large : std::to_string(i);
    REQUIRE(s.Run({"hget", "g", field}) == value);
    REQUIRE(s.Run({"hget", "k", field}) == (i % 3 == 0 ? "nil" : value));
  }
  CHECK(s.Do("del g k") == ":2");
  CHECK(s.Do("exists g k") == ":0");
}

TEST_CASE("HSETNX sets only what is not there") {
  Session s;
  CHECK(s.EffectsOf("hsetnx h a 1") == Texts{"0: HSET h a 1"});
  CHECK(s.EffectsOf("hsetnx h a 2") == Texts{});
  CHECK(s.Do("hget h a") == "1");
}

TEST_CASE("HINCRBY and HINCRBYFLOAT count, and say what they cannot count") {
  Session s;
  CHECK(s.Do("hincrby h a 5") == ":5");
  CHECK(s.EffectsOf("hincrby h a -7") == Texts{"0: HSET h a -2"});
  CHECK(s.Do("hset h s text max 9223372036854775807") == ":2");
  CHECK(s.Do("hincrby h s 1") == "-ERR hash value is not an integer");
  CHECK(s.Do("hincrby h a x") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("hincrby h max 1") == "-ERR increment or decrement would overflow");
  CHECK(s.Do("hincrbyfloat h f 10.5") == "10.5");
  CHECK(s.EffectsOf("hincrbyfloat h f 0.1") == Texts{"0: HSET h f 10.6"});
  CHECK(s.Do("hincrbyfloat h s 1") == "-ERR hash value is not a float");
  CHECK(s.Do("hincrbyfloat h f inf") == "-ERR value is NaN or Infinity");
  CHECK(s.Do("hincrbyfloat h f x") == "-ERR value is not a valid float");
}

TEST_CASE("HRANDFIELD returns fields that are there, distinct for a positive count") {
  for (const char* entries : {"512", "0"}) {
    Session s;
    s.Run({"config", "set", "hash-max-listpack-entries", entries});
    CHECK(s.Do("hrandfield h") == "nil");
    CHECK(s.Do("hrandfield h 5") == "[]");
    s.Do("hset h a 1");
    CHECK(s.Do("hrandfield h") == "a");
    CHECK(s.Do("hrandfield h 1 withvalues") == "[a, 1]");
    CHECK(s.Do("hrandfield h -3 withvalues") == "[a, 1, a, 1, a, 1]");
    CHECK(s.Do("hrandfield h 0") == "[]");
    for (int i = 0; i < 40; ++i) s.Run({"hset", "h", "f" + std::to_string(i), "v"});
    for (const char* count : {"5", "20", "41", "100"}) {
      const std::string reply = s.Run({"hrandfield", "h", count});
      CHECK(std::count(reply.begin(), reply.end(), ',') == std::min(41, std::stoi(count)) - 1);
    }
    CHECK(s.Do("hrandfield h 1 values") == "-ERR syntax error");
    CHECK(s.Do("hrandfield h -9223372036854775807 withvalues") == "-ERR value is out of range");
  }
}

TEST_CASE("HSCAN returns everything, in steps when the hash is large") {
  Session s;
  s.Do("hset small a 1 b 2");
  CHECK(s.Do("hscan small 0") == "[0, [a, 1, b, 2]]");
  CHECK(s.Do("hscan small 0 match b*") == "[0, [b, 2]]");
  CHECK(s.Do("hscan small 0 novalues count 100") == "[0, [a, b]]");
  CHECK(s.Do("hscan none 0 nonsense") == "[0, []]");
  CHECK(s.Do("hscan small x") == "-ERR invalid cursor");
  CHECK(s.Do("hscan small 0 count 0") == "-ERR syntax error");
  CHECK(s.Do("hscan small 0 nonsense") == "-ERR syntax error");
  for (int i = 0; i < 1000; ++i) s.Run({"hset", "h", "f" + std::to_string(i), "v"});
  std::string cursor = "0";
  size_t fields = 0;
  size_t calls = 0;
  do {
    const std::string reply = s.Run({"hscan", "h", cursor, "count", "20", "novalues"});
    cursor = reply.substr(1, reply.find(',') - 1);
    fields += static_cast<size_t>(std::count(reply.begin(), reply.end(), 'f'));
    REQUIRE(++calls < 1000);
  } while (cursor != "0");
  CHECK(fields == 1000);
  CHECK(calls > 10);
}

}  // namespace
}  // namespace chestbox::testing
