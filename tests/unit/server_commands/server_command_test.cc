#include <chrono>

#include "tests/unit/commands/session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("TIME tells seconds and microseconds") {
  Session s;
  const auto now_s =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const std::string reply = s.Do("time");
  REQUIRE(reply.size() > 12);
  CHECK(std::abs(std::stoll(reply.substr(1)) - now_s.count()) <= 10);
  CHECK(s.Do("time x") == "-ERR wrong number of arguments for 'time' command");
  CHECK(s.Do("lastsave").starts_with(":"));
}

TEST_CASE("SHUTDOWN ends the server, without a reply") {
  for (const char* line : {"shutdown", "shutdown nosave", "SHUTDOWN SAVE NOW FORCE"}) {
    Session s;
    CHECK(s.server().Do(line).empty());
    CHECK(s.server().host().stopped());
    CHECK(s.server().client().close_after_reply);
  }
}

TEST_CASE("SHUTDOWN refuses what makes no sense and goes on") {
  Session s;
  for (const char* line : {"shutdown foo", "shutdown save nosave", "shutdown abort now", "shutdown abort save"}) {
    CHECK(s.Do(line) == "-ERR syntax error");
  }
  CHECK(s.Do("shutdown abort") == "-ERR No shutdown in progress.");
  CHECK_FALSE(s.server().host().stopped());
}

TEST_CASE("CONFIG reads and changes settings") {
  Session s;
  CHECK(s.Do("config get maxmemory-policy") == "[maxmemory-policy, noeviction]");
  CHECK(s.Do("config set maxmemory-policy allkeys-lru hz 20") == "+OK");
  CHECK(s.Do("config get maxmemory-policy hz nosuch") == "[hz, 20, maxmemory-policy, allkeys-lru]");
  CHECK(s.Do("config set hz") == "-ERR wrong number of arguments for 'config|set' command");
  CHECK(s.Do("config set hz 20 port") == "-ERR syntax error");
  CHECK(s.Do("config set nosuch 1") == "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
  CHECK(s.Run({"config", "set", {"\0x", 2}, "1"}) == "-ERR Unknown option or number of arguments for CONFIG SET - ''");
  CHECK(s.Do("config rewrite") == "-ERR The server is running without a config file");
  CHECK(s.Do("config resetstat") == "+OK");
  CHECK(s.server().Do("hello 3").starts_with("%"));
  CHECK(s.server().Do("config get hz") == "%1\r\n$2\r\nhz\r\n$2\r\n20\r\n");
}

TEST_CASE("HELP of every container ends with itself") {
  Session s;
  for (const char* container : {"client", "command", "config", "debug", "function", "object", "script"}) {
    const std::string reply = s.Do(std::string(container) + " help");
    INFO(container);
    CHECK(reply.find("<subcommand> [<arg> [value] [opt] ...]. Subcommands are:") != std::string::npos);
    CHECK(reply.ends_with("+HELP, +    Prints this help.]"));
  }
}

TEST_CASE("There is no cluster, and libraries that ask are told so") {
  Session s;
  for (const char* line : {"cluster info", "cluster slots", "cluster help", "readonly", "readwrite", "asking"}) {
    INFO(line);
    CHECK(s.Do(line) == "-ERR This instance has cluster support disabled");
  }
  CHECK(s.Do("cluster nope") == "-ERR unknown subcommand 'nope'. Try CLUSTER HELP.");
  CHECK(s.Do("cluster") == "-ERR wrong number of arguments for 'cluster' command");
}

TEST_CASE("There are no modules, and none can be loaded") {
  Session s;
  CHECK(s.Do("module list") == "[]");
  CHECK(s.Do("module load x").starts_with("-ERR MODULE command not allowed. If the enable-module-command option"));
  CHECK(s.Do("module help").starts_with("[+MODULE <subcommand>"));
  Session open("enable-module-command yes\n");
  CHECK(open.Do("module load x") == "-ERR Error loading the extension. Please check the server logs.");
  CHECK(open.Do("module loadex x") == "-ERR Error loading the extension. Please check the server logs.");
  CHECK(open.Do("MODULE UNLOAD x") == "-ERR Error unloading module: no such module with that name");
}

}  // namespace
}  // namespace chestbox::testing
