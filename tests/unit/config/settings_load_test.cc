#include <random>
#include <sstream>

#include "tests/unit/config/settings_test_support.h"

// Last, because it defines CHECK anew.
#include <catch2/catch.hpp>

using namespace chestbox;

TEST_CASE("Comments, blank lines, quotes and case are read as in redis.conf") {
  Settings settings;
  REQUIRE(
      settings.LoadText("# a comment\n\n  \t\r\nPORT 7777\r\n  requirepass \"a b\\x41\"\nlogfile 'it\\'s'\n"
                        "bind 127.0.0.1 -::1\nunixsocketperm 770\ntimeout 5"));
  const Config& config = settings.config();
  CHECK(config.port == 7777);
  CHECK(config.requirepass == "a bA");
  CHECK(config.logfile == "it's");
  CHECK(config.bind == std::vector<std::string>{"127.0.0.1", "-::1"});
  CHECK(config.unixsocketperm == 0770);
  CHECK(config.timeout_s == 5);
}

TEST_CASE("An error names the line, in Redis' form") {
  Settings settings;
  Result<void> loaded = settings.LoadText("port 1\n\n  nosuch setting\n");
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().message == "\n*** FATAL CONFIG FILE ERROR (ChestBox " + std::string(kChestboxVersion) +
                                      ") ***\nReading the configuration file, at line 3\n>>> 'nosuch setting'\n"
                                      "Bad directive or wrong number of arguments\n");
}

TEST_CASE("Lines with the wrong number of words or unbalanced quotes are refused") {
  CHECK(LoadError("port") == "wrong number of arguments");
  CHECK(LoadError("port 1 2") == "wrong number of arguments");
  CHECK(LoadError("logfile \"x") == "Unbalanced quotes in configuration line");
  CHECK(LoadError("bind \"'a b\"") == "Unbalanced quotes in configuration line");
  CHECK(LoadError("include") == "Bad directive or wrong number of arguments");
  CHECK(LoadError("rename-command get") == "Bad directive or wrong number of arguments");
  CHECK(LoadError("port 70000") == "argument must be between 0 and 65535 inclusive");
}

TEST_CASE("Features of later are refused with a reason, not passed over") {
  for (const char* line : {"loadmodule x.so", "replicaof 127.0.0.1 6379",
                           "slaveof 127.0.0.1 6379", "cluster-enabled yes", "tls-port 6380", "sentinel monitor x"}) {
    INFO(line);
    CHECK(LoadError(line).find("not ") != std::string::npos);
  }
  for (const char* line : {"aclfile \"\"", "replicaof no one", "cluster-enabled no", "tls-port 0",
                           "list-max-ziplist-entries 5", "lua-replicate-commands yes"}) {
    INFO(line);
    CHECK(LoadError(line) == "");
  }
}

TEST_CASE("Command renames are kept in order") {
  Settings settings;
  REQUIRE(settings.LoadText("rename-command CONFIG c0nfig\nrename-command FLUSHALL \"\"\n"));
  using Pair = std::pair<std::string, std::string>;
  CHECK(settings.config().renamed_commands == std::vector<Pair>{{"CONFIG", "c0nfig"}, {"FLUSHALL", ""}});
}

TEST_CASE("The first save of a file replaces the default, the next ones add, an empty one clears") {
  auto save_of = [](std::string_view text) {
    Settings settings;
    REQUIRE(settings.LoadText(text));
    return GetValue(settings, "save");
  };
  CHECK(save_of("port 1").empty());
  CHECK(save_of("save 10 1\nsave 20 2 30 3\n") == "10 1 20 2 30 3");
  CHECK(save_of("save \"10 1 20 2\"") == "10 1 20 2");
  CHECK(save_of("save 10 1\nsave \"\"\n") == "");
  CHECK(save_of("save 10 1\nsave \"\"\nsave 5 5\n") == "5 5");
}

TEST_CASE("Includes are read in place, relative to the working directory, wildcards too") {
  TemporaryDirectory directory;
  directory.Write("a.conf", "port 1001\ntimeout 1");
  directory.Write("b.conf", "port 1002\n");
  directory.Write("main.conf",
                  "dir " + directory.path() + "\ninclude *.inc\ninclude a.conf\ninclude b.con[f]\nhz 20\n");
  Settings settings;
  REQUIRE(settings.LoadFile(directory.Path("main.conf")));
  CHECK(settings.config().port == 1002);
  CHECK(settings.config().timeout_s == 1);
  CHECK(settings.config().hz == 20);
  CHECK(settings.config_file() == directory.Path("main.conf"));
}

TEST_CASE("An error in an included file names the line of that file; a missing one is named itself") {
  TemporaryDirectory directory;
  std::string inner = directory.Write("inner.conf", "port 1\nnosuch 1\n");
  std::string outer = directory.Write("outer.conf", "# 1\n# 2\n# 3\ninclude " + inner + "\n");
  Settings settings;
  Result<void> loaded = settings.LoadFile(outer);
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().message.find("at line 2\n>>> 'nosuch 1'\n") != std::string::npos);

  Result<void> missing = Settings().LoadText("include /nonexistent/x.conf");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message ==
        "Fatal error, can't open config file '/nonexistent/x.conf': No such file or directory");
  CHECK_FALSE(Settings().LoadFile(directory.path()).ok());
}

TEST_CASE("A file without end is refused") {
  Result<void> loaded = Settings().LoadFile("/dev/zero");
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().message == "Fatal error, can't open config file '/dev/zero': File too large");
}

TEST_CASE("A file that includes itself is refused") {
  TemporaryDirectory directory;
  std::string path = directory.Path("loop.conf");
  directory.Write("loop.conf", "include " + path + "\n");
  Settings settings;
  Result<void> loaded = settings.LoadFile(path);
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().message.find("include is nested too deep") != std::string::npos);
}

TEST_CASE("Garbage lines are refused or taken, and never crash") {
  std::mt19937 random(3);
  const std::vector<std::string> pieces = {"port",
                                           "save",
                                           "bind",
                                           "\"",
                                           "'",
                                           "\\x4",
                                           " ",
                                           "\t",
                                           "#",
                                           "include",
                                           "1",
                                           "-1",
                                           "5mb",
                                           "%",
                                           "yes",
                                           "{",
                                           "\n",
                                           "\r",
                                           "\xff",
                                           "a.b",
                                           "maxmemory",
                                           "client-output-buffer-limit",
                                           "normal",
                                           "hz",
                                           std::string(1, '\0'),
                                           "latency-tracking-info-percentiles",
                                           "shutdown-on-sigint",
                                           "replicaof"};
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t n = random() % 12; n > 0; --n) {
      text += pieces[random() % pieces.size()];
      if (random() % 2 == 0) text += ' ';
    }
    Settings settings;
    Result<void> loaded = settings.LoadText(text);
    if (!loaded) CHECK_FALSE(loaded.error().message.empty());
  }
}

TEST_CASE("File, standard input and options are read in this order, the last wins") {
  TemporaryDirectory directory;
  CommandLine line;
  line.config_file = directory.Write("x.conf", "port 1\nhz 11\ntimeout 1\n");
  line.reads_standard_input = true;
  line.options = "timeout 3";
  std::istringstream input("timeout 2\nhz 12");
  Settings settings;
  REQUIRE(settings.Load(line, input));
  CHECK(settings.config().port == 1);
  CHECK(settings.config().hz == 12);
  CHECK(settings.config().timeout_s == 3);
}
