
#include "server/config/settings_table.h"
#include "tests/unit/config/settings_test_support.h"

// Last, because it defines CHECK anew.
#include <catch2/catch.hpp>

using namespace chestbox;

namespace {
std::string Failed(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " + std::string(reason);
}
}  // namespace

TEST_CASE("A value that was set is in the Config and in CONFIG GET") {
  Settings settings;
  CHECK(SetValues(settings, {"maxmemory", "100mb", "timeout", "7", "protected-mode", "NO"}) == "OK");
  CHECK(settings.config().maxmemory_bytes == 100 << 20);
  CHECK(settings.config().timeout_s == 7);
  CHECK_FALSE(settings.config().protected_mode);
  CHECK(GetValue(settings, "maxmemory") == "104857600");
  CHECK(GetValue(settings, "protected-mode") == "no");
}

TEST_CASE("Each type refuses what it can't take, in Redis' words") {
  Settings settings;
  CHECK(SetValues(settings, {"protected-mode", "maybe"}) == Failed("protected-mode", "argument must be 'yes' or 'no'"));
  CHECK(SetValues(settings, {"timeout", "x"}) == Failed("timeout", "argument couldn't be parsed into an integer"));
  CHECK(SetValues(settings, {"timeout", "-1"}) ==
        Failed("timeout", "argument must be between 0 and 2147483647 inclusive"));
  CHECK(SetValues(settings, {"maxmemory", "x"}) == Failed("maxmemory", "argument must be a memory value"));
  CHECK(SetValues(settings, {"maxmemory-clients", "x"}) ==
        Failed("maxmemory-clients", "argument must be a memory or percent value"));
  CHECK(SetValues(settings, {"maxmemory-clients", "101%"}) ==
        Failed("maxmemory-clients", "percentage argument must be less or equal to 100"));
  CHECK(SetValues(settings, {"loglevel", "loud"}) ==
        Failed("loglevel", "argument(s) must be one of the following: debug, verbose, notice, warning"));
  CHECK(SetValues(settings, {"shutdown-on-sigterm", "save nosave"}) ==
        Failed("shutdown-on-sigterm", "shutdown options SAVE and NOSAVE can't be used simultaneously"));
  CHECK(SetValues(settings, {"save", "1"}) == Failed("save", "Invalid save parameters"));
  CHECK(SetValues(settings, {"notify-keyspace-events", "q"}) ==
        Failed("notify-keyspace-events", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."));
}

TEST_CASE("Limits that Redis does not have say why") {
  Settings settings;
  CHECK(SetValues(settings, {"maxmemory", "64gb"}) == "OK");
  CHECK(SetValues(settings, {"maxmemory", "65gb"}) ==
        Failed("maxmemory", "argument must be at most 64gb: links in shared memory reach no further"));
  CHECK(SetValues(settings, {"maxmemory", "99999999999999999999"}) != "OK");
  CHECK(GetValue(settings, "maxmemory") == "68719476736");
  CHECK(LoadError("databases 17") ==
        "at most 16 databases are possible: the map of logical to physical databases is one 8-byte word");
  CHECK(LoadError("databases 0") == "argument must be between 1 and 2147483647 inclusive");
  CHECK(LoadError("databases 3") == "");
}

TEST_CASE("Watermarks are checked together") {
  Settings settings;
  CHECK(SetValues(settings, {"swap-high-watermark-percent", "90"}) ==
        Failed("swap-high-watermark-percent", "swap-low-watermark-percent must be below swap-high-watermark-percent"));
  CHECK(SetValues(settings, {"swap-high-watermark-percent", "50", "swap-low-watermark-percent", "40"}) == "OK");
  CHECK(settings.config().swap_low_watermark_percent == 40);
  CHECK(LoadError("swap-low-watermark-percent 99") ==
        "swap-low-watermark-percent must be below swap-high-watermark-percent");
}

TEST_CASE("Unknown, immutable, protected and double names are refused as Redis refuses them") {
  Settings settings;
  CHECK(SetValues(settings, {"foo", "bar"}) == "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
  CHECK(SetValues(settings, {"timeout", "1", "Foo", "bar"}) ==
        "ERR Unknown option or number of arguments for CONFIG SET - 'Foo'");
  CHECK(SetValues(settings, {"Databases", "3"}) == Failed("Databases", "can't set immutable config"));
  CHECK(SetValues(settings, {"DIR", "/"}) == Failed("DIR", "can't set protected config"));
  CHECK(SetValues(settings, {"timeout", "1", "TIMEOUT", "2"}) == Failed("TIMEOUT", "duplicate parameter"));
  CHECK(SetValues(settings, {"timeout", "1", "port"}) == "ERR syntax error");
  CHECK(settings.config().timeout_s == 0);
}

TEST_CASE("Protected settings follow enable-protected-configs") {
  TemporaryDirectory directory;
  Settings settings;
  REQUIRE(settings.LoadText("enable-protected-configs local"));
  std::vector<std::string_view> words = {"dir", directory.path()};
  CHECK_FALSE(settings.Set(words, false));
  CHECK(settings.Set(words, true));
  CHECK(settings.config().dir == directory.path());
  Settings open;
  REQUIRE(open.LoadText("enable-protected-configs yes"));
  CHECK(open.Set(words, false));
}

TEST_CASE("A set of several values is all or nothing") {
  TemporaryDirectory directory;
  Settings settings;
  REQUIRE(settings.LoadText("enable-protected-configs yes"));
  std::string dir = settings.config().dir;
  CHECK(SetValues(settings, {"timeout", "5", "dir", directory.path(), "save", "1 2", "hash-max-ziplist-value", "x"}) ==
        Failed("hash-max-ziplist-value", "argument must be a memory value"));
  CHECK(settings.config().timeout_s == 0);
  CHECK(settings.config().dir == dir);
  CHECK(GetValue(settings, "save").empty());
}

TEST_CASE("Those who registered hear of a change once, and only of a change") {
  Settings settings;
  std::vector<int64_t> seen;
  settings.OnChange({"port", "bind"}, [&](const Config& config) -> Result<void> {
    seen.push_back(config.port);
    return {};
  });
  CHECK(SetValues(settings, {"port", "7000", "bind", "127.0.0.1"}) == "OK");
  CHECK(seen == std::vector<int64_t>{7000});
  CHECK(SetValues(settings, {"port", "7000"}) == "OK");
  CHECK(SetValues(settings, {"timeout", "3"}) == "OK");
  CHECK(seen.size() == 1);
}

TEST_CASE("A change that can't be applied is undone, and so is what was applied before it") {
  Settings settings;
  std::vector<std::string> calls;
  settings.OnChange("hz", [&](const Config& config) -> Result<void> {
    calls.push_back("hz " + std::to_string(config.hz));
    return {};
  });
  settings.OnChange("port", [&](const Config& config) -> Result<void> {
    calls.push_back("port " + std::to_string(config.port));
    if (config.port == 1) return Error{"Unable to listen on this port. Check server logs."};
    return {};
  });
  CHECK(SetValues(settings, {"hz", "50", "port", "1"}) ==
        Failed("port", "Unable to listen on this port. Check server logs."));
  CHECK(calls == std::vector<std::string>{"hz 50", "port 1", "hz 10", "port 6379"});
  CHECK(settings.config().hz == 10);
  CHECK(settings.config().port == 6379);
}

TEST_CASE("An alias sets and gets the same value, and each name is reported by its own pattern") {
  Settings settings;
  CHECK(SetValues(settings, {"hash-max-ziplist-entries", "9"}) == "OK");
  CHECK(settings.config().hash_max_listpack_entries == 9);
  CHECK(GetPairs(settings, {"hash-max-*-entries"}) ==
        std::vector<std::string>{"hash-max-listpack-entries=9", "hash-max-ziplist-entries=9"});
  CHECK(GetPairs(settings, {"slave-*only"}) == std::vector<std::string>{"slave-read-only=yes"});
}

TEST_CASE("Several patterns give each setting once; exact names keep the case of the question") {
  Settings settings;
  CHECK(GetPairs(settings, {"maxmemory-s*", "MAXMEMORY", "maxm*mory", "maxmemory"}) ==
        std::vector<std::string>{"MAXMEMORY=0", "maxmemory-samples=5"});
  CHECK(GetPairs(settings, {"nosuch", "nosuch*", ""}).empty());
  CHECK(settings.Get({}).empty());
}

TEST_CASE("Hidden settings answer to their exact name only") {
  Settings settings;
  CHECK(GetPairs(settings, {"key-load-d*"}).empty());
  CHECK(GetPairs(settings, {"key-load-delay"}) == std::vector<std::string>{"key-load-delay=0"});
}

TEST_CASE("Every setting has a default that it accepts itself, and prints the same again") {
  for (const Setting* setting : AllSettings()) {
    INFO(setting->name());
    if (setting->name() == "replicaof" || setting->name() == "dir") continue;
    Config config;
    ParseContext context;
    std::string text = FormatSetting(*setting, DefaultConfig());
    std::vector<std::string> words = {text};
    if (setting->Has(kMultiArgument)) {
      words.clear();
      for (size_t start = 0; start < text.size();) {
        size_t end = std::min(text.find(' ', start), text.size());
        words.push_back(text.substr(start, end - start));
        start = end + 1;
      }
    }
    Result<void> parsed = ParseSetting(*setting, words, context, config);
    CHECK(parsed.ok());
    CHECK(FormatSetting(*setting, config) == text);
  }
}

TEST_CASE("hz is brought into its range instead of refused") {
  Settings settings;
  CHECK(SetValues(settings, {"hz", "1000"}) == "OK");
  CHECK(settings.config().hz == 500);
  CHECK(SetValues(settings, {"hz", "0"}) == "OK");
  CHECK(settings.config().hz == 1);
}

TEST_CASE("Passwords are known to be secret") {
  CHECK(Settings::IsSensitive("requirepass"));
  CHECK(Settings::IsSensitive("MASTERAUTH"));
  CHECK_FALSE(Settings::IsSensitive("port"));
  CHECK_FALSE(Settings::IsSensitive("nosuch"));
}

TEST_CASE("A setting without effect is warned about when it was given a value") {
  Settings settings;
  CHECK(settings.Warnings().empty());
  REQUIRE(settings.LoadText("io-threads 4\nappendonly yes\ntimeout 3\nslowlog-max-len 5\n"));
  std::vector<std::string> warnings = settings.Warnings();
  REQUIRE(warnings.size() == 3);
  CHECK(warnings[0].find("'appendonly'") != std::string::npos);
  CHECK(warnings[1].find("'io-threads'") != std::string::npos);
  CHECK(warnings[2] == "setting 'slowlog-max-len' is accepted and has no effect yet");
}
