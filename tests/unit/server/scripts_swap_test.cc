// Scripts meet keys that are on disk, those that they did not name as well.
#include "swap_lab.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

std::string Eval(SwapLab& lab, const std::string& script) { return lab.Run({"eval", script, "0"}); }

TEST_CASE("A key that the script did not name is brought in when it asks for it") {
  SwapLab lab;
  const std::string large = ValueFor("large", 3 << 20);
  lab.Do("set k v");
  lab.Do("rpush list a b c");
  lab.Run({"set", "large", large});
  lab.Do("set other v2");
  lab.SwapOutAll();
  REQUIRE(Eval(lab, "return redis.call('get', 'k')") == Bulk("v"));
  REQUIRE(Eval(lab, "return redis.call('lrange', 'list', 1, 1)[1]") == Bulk("b"));
  REQUIRE(Eval(lab, "return redis.call('get', 'large')") == Bulk(large));
  REQUIRE(Eval(lab, "return redis.call('get', 'missing')") == "$-1\r\n");
  REQUIRE(lab.IsOut(0, "other"));
  REQUIRE(
      Eval(lab, "redis.call('set', 'k', 1); redis.call('append', 'other', 'x'); return redis.call('get', 'other')") ==
      Bulk("v2x"));
  lab.Restart();
  REQUIRE(Eval(lab, "return redis.call('get', 'other')") == Bulk("v2x"));
  REQUIRE(Eval(lab, "return redis.call('get', 'missing')") == "$-1\r\n");
  REQUIRE(lab.Do("dbsize") == ":4\r\n");
}

TEST_CASE("Keys that the script names are there before it begins") {
  SwapLab lab;
  lab.Do("set k v");
  lab.SwapOutAll();
  lab.gates().load.Close();
  Client& client = lab.AddClient();
  REQUIRE_FALSE(lab.Begin(client, {"eval", "return redis.call('get', KEYS[1])", "1", "k"}));
  lab.gates().load.Open();
  REQUIRE(lab.Finish(client) == Bulk("v"));
}

TEST_CASE("A script walks over keys that are on disk, and sorts by them") {
  SwapLab lab;
  lab.Do("mset a 1 b 2 c 3");
  lab.Do("rpush l a b c");
  lab.Do("mset w_a 3 w_b 2 w_c 1");
  lab.SwapOutAll();
  REQUIRE(Eval(lab, "return #redis.call('keys', '*')") == ":7\r\n");
  REQUIRE(Eval(lab,
               "local n, c = 0, '0'; repeat local r = redis.call('scan', c); c = r[1]; n = n + #r[2] until c == '0'; "
               "return n") == ":7\r\n");
  REQUIRE(Eval(lab, "return redis.call('sort', 'l', 'by', 'w_*', 'get', 'w_*')") ==
          "*3\r\n" + Bulk("1") + Bulk("2") + Bulk("3"));
}

TEST_CASE("A disk that fails is an error of the command") {
  SwapLab lab;
  lab.Do("set k v");
  lab.SwapOutAll();
  lab.faults().reads_fail = true;
  const std::string reply = Eval(lab, "redis.call('set', 'done', 1); return redis.call('get', 'k')");
  REQUIRE(reply.find("-ERR the state could not be read from disk: ") == 0);
  lab.faults().reads_fail = false;
  REQUIRE(Eval(lab, "return redis.call('get', 'k')") == Bulk("v"));
  REQUIRE(lab.Do("get done") == Bulk("1"));
}

TEST_CASE("Keys of one hash are told apart in scripts as well") {
  SwapLab lab({}, [](std::string_view, uint64_t) { return uint64_t{42} << 20; });
  lab.Do("set a 1");
  lab.SwapOutAll();
  REQUIRE(Eval(lab, "return redis.call('get', 'b')") == "$-1\r\n");
  lab.SwapOutAll();
  REQUIRE(Eval(lab, "redis.call('set', 'b', 2); return redis.call('get', 'a')") == Bulk("1"));
  REQUIRE(lab.Do("mget a b") == "*2\r\n" + Bulk("1") + Bulk("2"));
}

TEST_CASE("Functions survive a clean stop") {
  SwapLab lab;
  REQUIRE(lab.Run({"function", "load", "#!lua name=lib\nredis.register_function('f', function() return 7 end)"}) ==
          Bulk("lib"));
  lab.Restart();
  REQUIRE(lab.Do("fcall f 0") == ":7\r\n");
  lab.Do("function flush");
  lab.Restart();
  REQUIRE(lab.Do("fcall f 0") == "-ERR Function not found\r\n");
}

}  // namespace
}  // namespace chestbox::testing
