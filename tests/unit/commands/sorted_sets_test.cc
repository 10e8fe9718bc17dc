#include <map>
#include <random>
#include <set>
#include <string>

#include "session.h"

namespace chestbox::testing {
namespace {

constexpr char kAlwaysLarge[] = "zset-max-listpack-entries 0";

TEST_CASE("Members stand in the order of their scores, and of their bytes where scores are equal") {
  Session s(GENERATE("", kAlwaysLarge));
  CHECK(s.Do("zadd k 2 b 1 z 1 a inf top -inf bottom 1.5 x") == ":6");
  CHECK(s.Do("zrange k 0 -1") == "[bottom, a, z, x, b, top]");
  CHECK(s.Do("zrevrange k 1 2 withscores") == "[b, 2, x, 1.5]");
  CHECK(s.Do("zrank k x") == ":3");
  CHECK(s.Do("zrevrank k x") == ":2");
  CHECK(s.Do("zrank k x withscore") == "[:3, 1.5]");
  CHECK(s.Do("zrank k none withscore") == "nil");
  CHECK(s.Do("zscore k top") == "inf");
  CHECK(s.Do("zmscore k a none b") == "[1, nil, 2]");
  CHECK(s.Do("zcount k (1 +inf") == ":3");
  CHECK(s.Do("zrangebyscore k -inf (2 limit 1 2") == "[a, z]");
  CHECK(s.Do("zrange k 2 (-inf byscore rev") == "[b, x, z, a]");
  CHECK(s.Do("type k") == "+zset");
}

TEST_CASE("OBJECT ENCODING follows the live thresholds of sorted sets") {
  Session s;
  s.Do("zadd k 1 a");
  CHECK(s.Do("object encoding k") == "listpack");
  s.Do("config set zset-max-listpack-entries 2");
  s.Do("zadd k 1 b");
  CHECK(s.Do("object encoding k") == "listpack");
  s.Do("zadd k 1 c");
  CHECK(s.Do("object encoding k") == "skiplist");
  CHECK(s.Do("zrange k 0 -1") == "[a, b, c]");
  s.Run({"zadd", "long", "1", std::string(65, 'x')});
  CHECK(s.Do("object encoding long") == "skiplist");
  s.Do("zunionstore u 2 k k");
  CHECK(s.Do("object encoding u") == "skiplist");
  s.Do("zrangestore u k 0 1");
  CHECK(s.Do("object encoding u") == "listpack");
}

TEST_CASE("A command on a sorted set refuses other types and changes nothing") {
  Session s;
  s.Do("set s v");
  s.Do("zadd k 1 a");
  for (const char* line : {"zadd s 1 a", "zincrby s 1 a", "zrem s a", "zcard s", "zscore s a", "zrange s 0 1",
                           "zrangestore k s 0 1", "zremrangebyrank s 0 1", "zpopmin s", "zmpop 2 none s min",
                           "bzpopmin s 1", "zunion 2 k s", "zinterstore k 2 k s", "zrandmember s", "zscan s 0",
                           "geoadd s 1 1 a", "geopos s a", "geosearch s fromlonlat 0 0 byradius 1 m"}) {
    INFO(line);
    CHECK(s.Do(line).starts_with("-WRONGTYPE"));
  }
  CHECK(s.Do("zrange k 0 -1") == "[a]");
}

TEST_CASE("Wrong arguments of ZADD change nothing") {
  Session s;
  for (const char* line : {"zadd k nx xx 1 a", "zadd k gt lt 1 a", "zadd k gt nx 1 a", "zadd k incr 1 a 2 b",
                           "zadd k 1 a x b", "zadd k 1 a 2", "zadd k nan a", "zadd k 1 a 1e400 b"}) {
    INFO(line);
    CHECK(s.Do(line).starts_with("-ERR"));
    CHECK(s.Do("exists k") == ":0");
  }
  s.Do("zadd k inf a");
  CHECK(s.Do("zincrby k -inf a") == "-ERR resulting score is not a number (NaN)");
  CHECK(s.Do("zincrby k NX a") == "-ERR syntax error");
  CHECK(s.Do("zscore k a") == "inf");
}

TEST_CASE("What a sorted set command changed is reported once, with the scores that came out") {
  Session s(GENERATE("", kAlwaysLarge));
  CHECK(s.EffectsOf("zadd k 1 a 2 b") == Texts{"0: ZADD k 1 a 2 b"});
  CHECK(s.EffectsOf("zadd k 1 a").empty());
  CHECK(s.EffectsOf("zadd k xx 1 none").empty());
  CHECK(s.EffectsOf("zadd k gt 0 a 3 b") == Texts{"0: ZADD k 3 b"});
  CHECK(s.EffectsOf("zincrby k 0.5 a") == Texts{"0: ZADD k 1.5 a"});
  CHECK(s.EffectsOf("zrem k none").empty());
  CHECK(s.EffectsOf("zadd k 5 c 6 d 7 e") == Texts{"0: ZADD k 5 c 6 d 7 e"});
  CHECK(s.EffectsOf("zrem k e none") == Texts{"0: ZREM k e"});
  CHECK(s.EffectsOf("zpopmin k") == Texts{"0: ZPOPMIN k"});
  CHECK(s.EffectsOf("zmpop 1 k max") == Texts{"0: ZPOPMAX k 1"});
  CHECK(s.EffectsOf("zunionstore u 2 k k") == Texts{"0: ZADD u 6 b 10 c"});
  CHECK(s.EffectsOf("zrangestore u k 0 0") == Texts{"0: DEL u", "0: ZADD u 3 b"});
  CHECK(s.EffectsOf("zinterstore u 2 k none") == Texts{"0: DEL u"});
  CHECK(s.EffectsOf("zremrangebyscore k 5 5") == Texts{"0: ZREM k c"});
  CHECK(s.EffectsOf("bzpopmin k 0") == Texts{"0: ZPOPMIN k"});
  CHECK(s.EffectsOf("geoadd g 0 0 a") == Texts{"0: ZADD g 3377699720527872 a"});
}

TEST_CASE("What ZRANGESTORE stores loses the sign of -0 where Redis goes by way of a listpack") {
  Session s;
  const std::string large(65, 'y');
  s.Do("config set zset-max-listpack-entries 0");
  s.Run({"zadd", "k", "-0", "a", "-0", "b", "1", large, "-0", "zz"});
  s.Do("config set zset-max-listpack-entries 128");
  s.Do("zrangestore u k 0 -1");
  CHECK(s.Do("zrange u 0 -1 withscores") == "[a, 0, b, 0, zz, 0, " + large + ", 1]");
  s.Run({"zadd", "k", "-1", large});
  s.Do("zrangestore u k 0 -1");
  CHECK(s.Do("zrange u 0 -1 withscores") == "[" + large + ", -1, a, -0, b, -0, zz, -0]");
  s.Do("config set zset-max-listpack-entries 1");
  s.Do("zrangestore u k 1 -1");
  CHECK(s.Do("zrange u 0 -1 withscores") == "[a, -0, b, -0, zz, -0]");
  s.Do("zrangestore u k 0 2 byscore");
  CHECK(s.Do("zrange u 0 -1 withscores") == "[a, 0, b, -0, zz, -0]");
}

TEST_CASE("A sorted set that loses its last member is gone") {
  Session s(GENERATE("", kAlwaysLarge));
  for (const auto& [line, effect] : std::initializer_list<std::pair<const char*, const char*>>{
           {"zrem k a b", "DEL k"},
           {"zpopmin k 5", "ZPOPMIN k 2"},
           {"zpopmax k 2", "ZPOPMAX k 2"},
           {"zmpop 1 k min count 9", "ZPOPMIN k 2"},
           {"zremrangebyrank k 0 -1", "DEL k"},
           {"zremrangebyscore k 0 9", "DEL k"},
           {"zremrangebylex k - +", "DEL k"},
       }) {
    s.Do("zadd k 1 a 1 b");
    CHECK(s.EffectsOf(line) == Texts{std::string("0: ") + effect});
    CHECK(s.Do("exists k") == ":0");
  }
}

TEST_CASE("Unions and intersections add, weigh and choose scores; sets count as 1") {
  Session s;
  s.Do("zadd x 1 a 2 b");
  s.Do("zadd y 10 b 20 c");
  s.Do("sadd set b c d");
  CHECK(s.Do("zunion 2 x y withscores") == "[a, 1, b, 12, c, 20]");
  CHECK(s.Do("zunion 2 x y weights 2 0.5 aggregate max withscores") == "[a, 2, b, 5, c, 10]");
  CHECK(s.Do("zinter 3 x y set withscores") == "[b, 13]");
  CHECK(s.Do("zdiff 2 y x withscores") == "[c, 20]");
  CHECK(s.Do("zintercard 2 y set limit 1") == ":1");
  s.Do("zadd i inf a");
  s.Do("zadd j -inf a");
  CHECK(s.Do("zunion 2 i j withscores") == "[a, 0]");
  CHECK(s.Do("zunion 1 i weights 0 withscores") == "[a, 0]");
  CHECK(s.Do("zunionstore x 2 x set") == ":4");
  CHECK(s.Do("zrange x 0 -1 withscores") == "[a, 1, c, 1, d, 1, b, 3]");
}

TEST_CASE("A random history of a sorted set is that of a model, across the change of encoding") {
  Session s("zset-max-listpack-entries 60");
  std::mt19937_64 random(7);
  std::map<std::string, int> scores;
  for (int step = 0; step < 6000; ++step) {
    const std::string member = "m" + std::to_string(random() % 150);
    const int score = static_cast<int>(random() % 40);
    if (random() % 3 != 0) {
      s.Run({"zadd", "k", std::to_string(score), member});
      scores[member] = score;
    } else {
      CHECK(s.Run({"zrem", "k", member}) == (scores.erase(member) == 1 ? ":1" : ":0"));
    }
    if (step % 100 != 0 || scores.empty()) continue;
    std::set<std::pair<int, std::string>> order;
    for (const auto& [name, value] : scores) order.emplace(value, name);
    std::string expected;
    for (const auto& [value, name] : order)
      expected += (expected.empty() ? "" : ", ") + name + ", " + std::to_string(value);
    CHECK(s.Do("zrange k 0 -1 withscores") == "[" + expected + "]");
    const auto found = order.find({scores.begin()->second, scores.begin()->first});
    CHECK(s.Run({"zrank", "k", scores.begin()->first}) == ":" + std::to_string(std::distance(order.begin(), found)));
  }
}

TEST_CASE("COPY, RENAME and expiry take large sorted sets along") {
  Session s(kAlwaysLarge);
  for (int i = 0; i < 500; ++i) s.Run({"zadd", "k", std::to_string(i), "m" + std::to_string(i)});
  CHECK(s.Do("copy k c") == ":1");
  s.Do("zremrangebyrank k 1 -1");
  CHECK(s.Do("zcard c") == ":500");
  CHECK(s.Do("zrank c m321") == ":321");
  CHECK(s.Do("rename c d") == "+OK");
  CHECK(s.Do("zscore d m499") == "499");
  s.Do("pexpire d 100");
  s.Advance(200);
  CHECK(s.Do("exists d") == ":0");
  CHECK(s.Do("zrange k 0 -1") == "[m0]");
}

TEST_CASE("ZSCAN shows scores as Redis keeps them") {
  Session s;
  s.Do("zadd k 123456789012345678 a 0.5 b");
  CHECK(s.Do("zscan k 0") == "[0, [b, 0.5, a, 123456789012345680]]");
  CHECK(s.Do("zscan k 0 match a*") == "[0, [a, 123456789012345680]]");
  s.Do("config set zset-max-listpack-entries 0");
  s.Do("zadd large 123456789012345678 a");
  CHECK(s.Do("zscan large 0") == "[0, [a, 1.2345678901234568e+17]]");
  CHECK(s.Do("zscan none 0") == "[0, []]");
  CHECK(s.Do("zscan k x") == "-ERR invalid cursor");
  CHECK(s.Do("zscan k 0 count 0") == "-ERR syntax error");
}

TEST_CASE("ZRANDMEMBER never repeats with a positive count, and may with a negative one") {
  Session s(GENERATE("", kAlwaysLarge));
  s.Do("zadd k 1 a 2 b 3 c 4 d 5 e");
  for (int i = 0; i < 50; ++i) {
    const std::string two = s.Do("zrandmember k 2");
    CHECK(two.size() == 6);
    CHECK(two[1] != two[4]);
    CHECK(s.Do("zrandmember k -7").size() == 21);
  }
  CHECK(s.Do("zrandmember k 9") == "[e, d, c, b, a]");
  CHECK(s.Do("zrandmember none") == "nil");
  CHECK(s.Do("zrandmember none 3") == "[]");
}

}  // namespace
}  // namespace chestbox::testing
