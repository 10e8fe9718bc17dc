#include <limits>

#include "session.h"

namespace chestbox::testing {
namespace {

constexpr char kNotInteger[] = "-ERR value is not an integer or out of range";
constexpr char kSyntax[] = "-ERR syntax error";
constexpr char kTooLong[] = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";

TEST_CASE("GET returns what SET stored, and null without the key") {
  Session s;
  CHECK(s.Do("get k") == "nil");
  CHECK(s.Do("set k v") == "+OK");
  CHECK(s.Do("get k") == "v");
  CHECK(s.Run({"set", std::string_view("a\0b", 3), std::string_view("\r\n\0", 3)}) == "+OK");
  CHECK(s.Run({"get", std::string_view("a\0b", 3)}) == std::string("\r\n\0", 3));
  CHECK(s.Do("get") == "-ERR wrong number of arguments for 'get' command");
}

TEST_CASE("SET's NX and XX look at whether the key exists") {
  Session s;
  CHECK(s.Do("set k 1 xx") == "nil");
  CHECK(s.Do("set k 1 nx") == "+OK");
  CHECK(s.Do("set k 2 nx") == "nil");
  CHECK(s.Do("set k 3 Xx") == "+OK");
  CHECK(s.Do("get k") == "3");
  CHECK(s.EffectsOf("set k 4 nx") == Texts{});
}

TEST_CASE("SET GET replies the old value whether it stores or not") {
  Session s;
  CHECK(s.Do("set k 1 get") == "nil");
  CHECK(s.Do("set k 2 get") == "1");
  CHECK(s.Do("set k 3 nx get") == "2");
  CHECK(s.Do("set k 4 get xx get") == "2");
  CHECK(s.Do("get k") == "4");
  CHECK(s.Do("set other 1 xx get") == "nil");
  CHECK(s.Do("exists other") == ":0");
}

TEST_CASE("SET's expiry options set, keep or drop the expiry") {
  Session s;
  CHECK(s.Do("set k v ex 10") == "+OK");
  CHECK(s.Do("ttl k") == ":10");
  CHECK(s.Do("set k v px 9000 px 20000") == "+OK");  // the last one counts
  CHECK(s.Do("ttl k") == ":20");
  CHECK(s.Do("set k w keepttl") == "+OK");
  CHECK(s.Do("ttl k") == ":20");
  CHECK(s.Do("set k v exat 33000000000") == "+OK");
  CHECK(s.Do("pexpiretime k") == ":33000000000000");
  CHECK(s.Do("set k v pxat 33000000000001") == "+OK");
  CHECK(s.Do("pexpiretime k") == ":33000000000001");
  CHECK(s.Do("set k v") == "+OK");
  CHECK(s.Do("ttl k") == ":-1");
  CHECK(s.Do("set k v pxat 1") == "+OK");  // has come long ago
  CHECK(s.Do("get k") == "nil");
}

TEST_CASE("SET refuses options that contradict each other, and odd times") {
  Session s;
  for (const char* line :
       {"set k v nx xx", "set k v xx nx", "set k v ex 1 px 1", "set k v keepttl ex 1", "set k v ex 1 keepttl",
        "set k v ex", "set k v persist", "set k v exat 1 pxat 1", "set k v z"}) {
    CHECK(s.Do(line) == kSyntax);
  }
  CHECK(s.Do("set k v ex x") == kNotInteger);
  for (const char* line :
       {"set k v ex 0", "set k v px -1", "set k v ex 9223372036854775", "set k v ex 9223372036854775807",
        "set k v px 9223372036854775807", "set k v exat 9223372036854776"}) {
    CHECK(s.Do(line) == "-ERR invalid expire time in 'set' command");
  }
  CHECK(s.Do("exists k") == ":0");
  CHECK(s.Effects() == Texts{});
}

TEST_CASE("SETNX, SETEX, PSETEX and GETSET are SET in other words") {
  Session s;
  CHECK(s.Do("setnx k 1") == ":1");
  CHECK(s.Do("setnx k 2") == ":0");
  CHECK(s.Do("getset k 3") == "1");
  CHECK(s.Do("getset new 1") == "nil");
  CHECK(s.Do("setex k 10 v") == "+OK");
  CHECK(s.Do("ttl k") == ":10");
  CHECK(s.Do("psetex k 20000 v") == "+OK");
  CHECK(s.Do("ttl k") == ":20");
  CHECK(s.Do("getset k w") == "v");
  CHECK(s.Do("ttl k") == ":-1");
  CHECK(s.Do("setex k 0 v") == "-ERR invalid expire time in 'setex' command");
  CHECK(s.Do("psetex k -1 v") == "-ERR invalid expire time in 'psetex' command");
}

TEST_CASE("GETEX reads and changes the expiry; a moment that has come deletes") {
  Session s;
  CHECK(s.Do("getex k") == "nil");
  s.Do("set k v");
  CHECK(s.Do("getex k ex 10") == "v");
  CHECK(s.Do("ttl k") == ":10");
  CHECK(s.Do("getex k") == "v");
  CHECK(s.Do("ttl k") == ":10");
  CHECK(s.Do("getex k persist") == "v");
  CHECK(s.Do("ttl k") == ":-1");
  CHECK(s.EffectsOf("getex k persist") == Texts{});
  CHECK(s.Do("getex k ex 1 persist") == kSyntax);
  CHECK(s.Do("getex k keepttl") == kSyntax);
  CHECK(s.Do("getex k px 0") == "-ERR invalid expire time in 'getex' command");
  CHECK(s.Do("getex missing px 0") == "nil");  // nothing to complain about
  CHECK(s.Do("getex k pxat 1") == "v");
  CHECK(s.Do("exists k") == ":0");
}

TEST_CASE("GETDEL takes the key away") {
  Session s;
  s.Do("set k v");
  CHECK(s.Do("getdel k") == "v");
  CHECK(s.Do("getdel k") == "nil");
}

TEST_CASE("MSET sets all and MSETNX all or nothing; the last of equal keys wins") {
  Session s;
  CHECK(s.Do("mset a 1 b 2 a 3") == "+OK");
  CHECK(s.Do("mget a b c") == "[3, 2, nil]");
  CHECK(s.Do("msetnx c 1 a 2") == ":0");
  CHECK(s.Do("exists c") == ":0");
  CHECK(s.Do("msetnx c 1 d 2 c 3") == ":1");
  CHECK(s.Do("mget c d") == "[3, 2]");
  CHECK(s.Do("mset a 1 b") == "-ERR wrong number of arguments for 'mset' command");
  CHECK(s.Do("msetnx a 1 b") == "-ERR wrong number of arguments for 'msetnx' command");
}

TEST_CASE("APPEND grows a string and STRLEN measures it") {
  Session s;
  CHECK(s.Do("append k ab") == ":2");
  CHECK(s.Do("append k cd") == ":4");
  CHECK(s.Do("get k") == "abcd");
  CHECK(s.Do("strlen k") == ":4");
  CHECK(s.Do("strlen none") == ":0");
  std::string expected = "abcd";
  for (int i = 0; i < 2000; ++i) {
    s.Run({"append", "k", "0123456789"});
    expected += "0123456789";
  }
  CHECK(s.Do("get k") == expected);
}

TEST_CASE("APPEND and SETRANGE keep the expiry") {
  Session s;
  s.Do("set k v ex 100");
  s.Do("append k w");
  s.Do("setrange k 600 x");
  CHECK(s.Do("ttl k") == ":100");
  CHECK(s.Do("strlen k") == ":601");
}

TEST_CASE("SETRANGE overwrites, and fills a gap with zeros") {
  Session s;
  CHECK(s.Do("setrange k 2 ab") == ":4");
  CHECK(s.Do("get k") == std::string("\0\0ab", 4));
  CHECK(s.Do("setrange k 0 xy") == ":4");
  CHECK(s.Do("get k") == "xyab");
  CHECK(s.Run({"setrange", "k", "9", ""}) == ":4");
  CHECK(s.Run({"setrange", "none", "9", ""}) == ":0");
  CHECK(s.Do("exists none") == ":0");
  s.Do("set n 1234");
  CHECK(s.Do("setrange n 1 9") == ":4");
  CHECK(s.Do("get n") == "1934");
  CHECK(s.Do("object encoding n") == "raw");
  CHECK(s.Do("setrange k -1 x") == "-ERR offset is out of range");
  CHECK(s.Do("setrange k x x") == kNotInteger);
}

TEST_CASE("Strings stay within proto-max-bulk-len") {
  Session s("proto-max-bulk-len 1mb");
  CHECK(s.Do("setrange k 1048576 x") == kTooLong);
  CHECK(s.Do("setrange k 9223372036854775807 x") == kTooLong);
  CHECK(s.Do("setrange k 1048575 x") == ":1048576");
  CHECK(s.Do("append k x") == kTooLong);
  CHECK(s.Do("strlen k") == ":1048576");
}

TEST_CASE("GETRANGE cuts at both ends and counts from the end") {
  Session s;
  s.Run({"set", "k", "Hello World"});
  CHECK(s.Do("getrange k 0 3") == "Hell");
  CHECK(s.Do("getrange k 0 -1") == "Hello World");
  CHECK(s.Do("getrange k -4 -1") == "orld");
  CHECK(s.Do("getrange k 5 3") == "");
  CHECK(s.Do("getrange k 0 100") == "Hello World");
  CHECK(s.Do("getrange k -100 0") == "H");
  CHECK(s.Do("getrange k -1 -100") == "");
  CHECK(s.Do("getrange k -100 -99") == "H");  // both are cut to the first byte, as in Redis
  CHECK(s.Do("getrange k -9223372036854775808 9223372036854775807") == "Hello World");
  CHECK(s.Do("getrange none 0 -1") == "");
  CHECK(s.Do("substr k 1 2") == "el");
  CHECK(s.Do("getrange k a 1") == kNotInteger);
}

TEST_CASE("INCR and its kin count, and stop at 64 bits") {
  Session s;
  CHECK(s.Do("incr n") == ":1");
  CHECK(s.Do("incrby n 20") == ":21");
  CHECK(s.Do("decr n") == ":20");
  CHECK(s.Do("decrby n 25") == ":-5");
  CHECK(s.Do("get n") == "-5");
  s.Do("set n 9223372036854775807");
  CHECK(s.Do("incr n") == "-ERR increment or decrement would overflow");
  CHECK(s.Do("decrby n -1") == "-ERR increment or decrement would overflow");
  s.Do("set n -9223372036854775808");
  CHECK(s.Do("decr n") == "-ERR increment or decrement would overflow");
  CHECK(s.Do("decrby n -9223372036854775808") == "-ERR decrement would overflow");
  CHECK(s.Do("incrby n 9223372036854775807") == ":-1");
}

TEST_CASE("INCR takes only canonical integers") {
  Session s;
  for (const char* text : {"01", "+1", "-0", "1 ", " 1", "1.0", "", "-", "9223372036854775808", "0x1"}) {
    s.Run({"set", "n", text});
    CHECK(s.Do("incr n") == kNotInteger);
    CHECK(s.Do("get n") == text);
    CHECK(s.Run({"incrby", "other", text}) == kNotInteger);
  }
  s.Do("set n -1");
  CHECK(s.Do("incr n") == ":0");
}

TEST_CASE("INCRBYFLOAT prints plain decimals without superfluous zeros") {
  Session s;
  CHECK(s.Do("incrbyfloat f 1.50") == "1.5");
  CHECK(s.Do("incrbyfloat f 1.5") == "3");
  CHECK(s.Do("object encoding f") == "embstr");
  CHECK(s.Do("incr f") == ":4");
  CHECK(s.Do("incrbyfloat f 1e3") == "1004");
  CHECK(s.Do("incrbyfloat f -1004") == "0");
  CHECK(s.Do("incrbyfloat f 0.1") == "0.1");
  CHECK(s.Do("incrbyfloat f inf") == "-ERR increment would produce NaN or Infinity");
  CHECK(s.Do("incrbyfloat f nan") == "-ERR value is not a valid float");
  CHECK(s.Run({"incrbyfloat", "f", " 1"}) == "-ERR value is not a valid float");
  CHECK(s.Run({"incrbyfloat", "f", ""}) == "-ERR value is not a valid float");
  s.Do("set f abc");
  CHECK(s.Do("incrbyfloat f 1") == "-ERR value is not a valid float");
}

TEST_CASE("Counting keeps the expiry") {
  Session s;
  s.Do("set n 1 ex 100");
  s.Do("incr n");
  s.Do("incrbyfloat n 0.5");
  CHECK(s.Do("ttl n") == ":100");
}

TEST_CASE("LCS finds the subsequence, its length and its matches") {
  Session s;
  s.Do("mset a ohmytext b mynewtext");
  CHECK(s.Do("lcs a b") == "mytext");
  CHECK(s.Do("lcs a b len") == ":6");
  CHECK(s.Do("lcs a b idx") == "[matches, [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], len, :6]");
  CHECK(s.Do("lcs a b idx minmatchlen 4 withmatchlen") == "[matches, [[[:4, :7], [:5, :8], :4]], len, :6]");
  CHECK(s.Do("lcs a none") == "");
  CHECK(s.Do("lcs a none idx") == "[matches, [], len, :0]");
  CHECK(s.Do("lcs a b idx len") == "-ERR If you want both the length and indexes, please just use IDX.");
  CHECK(s.Do("lcs a b minmatchlen") == kSyntax);
  CHECK(s.Do("lcs a b minmatchlen x") == kNotInteger);
}

TEST_CASE("LCS refuses what would take more memory than a string may have") {
  Session s("proto-max-bulk-len 1mb");
  s.Run({"set", "a", std::string(1000, 'a')});
  s.Run({"set", "b", std::string(300, 'a')});
  CHECK(s.Do("lcs a a len") == "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  CHECK(s.Do("lcs b b len") == ":300");
}

TEST_CASE("String effects have absolute times and no sums of floats, and are small for large values") {
  Session s;
  const std::string at = std::to_string(33'000'000'000'000);
  CHECK(s.EffectsOf("set k v") == Texts{"0: SET k v"});
  CHECK(s.EffectsOf("set k v pxat " + at) == Texts{"0: SET k v PXAT " + at});
  CHECK(s.EffectsOf("set k w keepttl get") == Texts{"0: SET k w KEEPTTL"});
  CHECK(s.EffectsOf("getset k 7") == Texts{"0: SET k 7"});
  CHECK(s.EffectsOf("incr k") == Texts{"0: INCR k"});
  CHECK(s.EffectsOf("incrbyfloat k 1.5") == Texts{"0: SET k 9.5 KEEPTTL"});
  CHECK(s.EffectsOf("append k x") == Texts{"0: APPEND k x"});
  CHECK(s.EffectsOf("setrange k 1 y") == Texts{"0: SETRANGE k 1 y"});
  CHECK(s.EffectsOf("getex k exat 33000000000") == Texts{"0: PEXPIREAT k " + at});
  CHECK(s.EffectsOf("getex k persist") == Texts{"0: PERSIST k"});
  CHECK(s.EffectsOf("getex k exat 1") == Texts{"0: DEL k"});
  CHECK(s.EffectsOf("mset a 1 b 2") == Texts{"0: MSET a 1 b 2"});
  CHECK(s.EffectsOf("getdel a") == Texts{"0: DEL a"});
  CHECK(s.EffectsOf("get b") == Texts{});
  s.Effects();
  s.Do("setex k 100 v");
  const Texts effects = s.Effects();
  REQUIRE(effects.size() == 1);
  CHECK(effects[0] == "0: SET k v PXAT " + std::to_string(s.now_ms() + 100'000));
}

}  // namespace
}  // namespace chestbox::testing
