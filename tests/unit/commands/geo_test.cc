#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("Places have Redis' scores, coordinates, geohashes and distances") {
  Session s;
  CHECK(s.Do("geoadd Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania") == ":2");
  CHECK(s.Do("zscore Sicily Palermo") == "3479099956230698");
  CHECK(s.Do("geodist Sicily Palermo Catania") == "166274.1516");
  CHECK(s.Do("geodist Sicily Palermo Catania mi") == "103.3182");
  CHECK(s.Do("geodist Sicily Palermo none") == "nil");
  CHECK(s.Do("geohash Sicily Palermo none Catania") == "[sqc8b49rny0, nil, sqdtr74hyu0]");
  CHECK(s.Do("geopos Sicily Palermo none") == "[[13.36138933897018433, 38.11555639549629859], nil]");
}

TEST_CASE("A search finds what is in a circle or a box, nearest first if asked") {
  Session s;
  s.Do(
      "geoadd Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 "
      "38.788135 edge2");
  CHECK(s.Do("geosearch Sicily fromlonlat 15 37 byradius 200 km asc") == "[Catania, Palermo]");
  CHECK(s.Do("geosearch Sicily fromlonlat 15 37 bybox 400 400 km asc withdist") ==
        "[[Catania, 56.4413], [Palermo, 190.4424], [edge2, 279.7403], [edge1, 279.7405]]");
  CHECK(s.Do("geosearch Sicily frommember Palermo byradius 1 m") == "[Palermo]");
  CHECK(s.Do("georadius Sicily 15 37 200 km count 1") == "[Catania]");
  CHECK(s.Do("geosearchstore d Sicily fromlonlat 15 37 byradius 200 km storedist") == ":2");
  CHECK(s.Do("zrange d 0 0 withscores") == "[Catania, 56.441257870158204]");
  CHECK(s.Do("geosearchstore d Sicily fromlonlat -100 37 byradius 200 km") == ":0");
  CHECK(s.Do("exists d") == ":0");
}

TEST_CASE("Wrong places, units and options are refused and change nothing") {
  Session s;
  CHECK(s.Do("geoadd k 200 0 a") == "-ERR invalid longitude,latitude pair 200.000000,0.000000");
  CHECK(s.Do("geoadd k 0 86 a").starts_with("-ERR invalid"));
  CHECK(s.Do("geoadd k nx xx 0 0 a") == "-ERR syntax error");
  CHECK(s.Do("geoadd k 0 0 a 1 1").starts_with("-ERR syntax error"));
  CHECK(s.Do("exists k") == ":0");
  s.Do("geoadd k 0 0 a");
  for (const char* line :
       {"geosearch k fromlonlat 0 0", "geosearch k byradius 1 m",
        "geosearch k frommember a fromlonlat 0 0 byradius 1 m", "geosearch k frommember none byradius 1 m",
        "geosearch k frommember a byradius -1 m", "geosearch k frommember a byradius 1 x",
        "geosearch k frommember a byradius 1 m any", "geosearch k frommember a byradius 1 m count 0",
        "georadius k 0 0 1 m withdist store d", "georadius_ro k 0 0 1 m store d", "geodist k a a x"}) {
    INFO(line);
    CHECK(s.Do(line).starts_with("-ERR"));
  }
}

}  // namespace
}  // namespace chestbox::testing
