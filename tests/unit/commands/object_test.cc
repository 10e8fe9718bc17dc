#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("OBJECT ENCODING tells int, embstr and raw apart") {
  Session s;
  s.Do("set k 12");
  CHECK(s.Do("object encoding k") == "int");
  for (const char* text : {"012", "+12", "-0", "1.5", "9223372036854775808", "v"}) {
    s.Run({"set", "k", text});
    CHECK(s.Do("object encoding k") == "embstr");
  }
  s.Do("set k -9223372036854775808");
  CHECK(s.Do("object encoding k") == "int");
  s.Run({"set", "k", std::string(44, 'x')});
  CHECK(s.Do("object encoding k") == "embstr");
  s.Run({"set", "k", std::string(45, 'x')});
  CHECK(s.Do("object encoding k") == "raw");
  s.Do("set k ab");
  s.Do("append k c");
  CHECK(s.Do("object encoding k") == "raw");
  CHECK(s.Do("object encoding none") == "nil");
}

TEST_CASE("OBJECT REFCOUNT is 1, but for integers that Redis shares") {
  Session s;
  s.Do("mset a v b 9999 c 10000 d -1");
  CHECK(s.Do("object refcount a") == ":1");
  CHECK(s.Do("object refcount b") == ":2147483647");
  CHECK(s.Do("object refcount c") == ":1");
  CHECK(s.Do("object refcount d") == ":1");
  CHECK(s.Do("object refcount none") == "nil");
}

TEST_CASE("OBJECT IDLETIME counts seconds since an access, and looking is none") {
  Session s;
  s.Do("set k v");
  s.Advance(5000);
  CHECK(s.Do("object idletime k") == ":5");
  s.Do("exists k");
  s.Do("ttl k");
  s.Do("type k");
  CHECK(s.Do("object idletime k") == ":5");
  s.Do("get k");
  CHECK(s.Do("object idletime k") == ":0");
  s.Advance(3000);
  s.Do("touch k");
  CHECK(s.Do("object idletime k") == ":0");
  CHECK(s.Do("object freq k").starts_with("-ERR An LFU maxmemory policy is not selected"));
  CHECK(s.Do("object freq none") == "nil");
}

TEST_CASE("OBJECT FREQ works with LFU policies only") {
  Session s("maxmemory-policy allkeys-lfu");
  s.Do("set k v");
  CHECK(s.Do("object freq k") == ":5");
  s.Do("get k");
  CHECK(s.Do("object freq k") == ":6");  // the first step above the start is certain
  s.Do("set w v");
  s.Do("set w v");
  CHECK(s.Do("object freq w") == ":6");  // writes count
  CHECK(s.Do("object idletime k").starts_with("-ERR An LFU maxmemory policy is selected"));
}

TEST_CASE("OBJECT HELP explains, and other subcommands are refused") {
  Session s;
  CHECK(s.Do("object help")
            .starts_with("[+OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, +ENCODING <key>"));
  CHECK(s.Do("object help").ends_with("+HELP, +    Prints this help.]"));
  CHECK(s.Do("object xyz k") == "-ERR unknown subcommand 'xyz'. Try OBJECT HELP.");
  CHECK(s.Do("object encoding") == "-ERR wrong number of arguments for 'object|encoding' command");
}

}  // namespace
}  // namespace chestbox::testing
