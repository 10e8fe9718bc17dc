#include "server/config/command_line.h"

#include <filesystem>
#include <sstream>

#include "tests/unit/config/settings_test_support.h"

// Last, because it defines CHECK anew.
#include <catch2/catch.hpp>

using namespace chestbox;

namespace {

CommandLine Parse(std::vector<std::string_view> arguments) {
  Result<CommandLine> line = ParseCommandLine(arguments);
  REQUIRE(line.ok());
  return *line;
}

// The value of a setting after a start with these arguments, or the last line of the error.
std::string Value(std::vector<std::string_view> arguments, std::string_view name) {
  Settings settings;
  std::istringstream empty;
  Result<void> loaded = settings.Load(Parse(std::move(arguments)), empty);
  return loaded ? GetValue(settings, name) : loaded.error().message;
}

}  // namespace

TEST_CASE("Options may have one value, several, or their value in the same word") {
  CHECK(Value({"--port", "7777"}, "port") == "7777");
  CHECK(Value({"--port 7777"}, "port") == "7777");
  CHECK(Value({"--PORT", "7777", "--hz", "20"}, "hz") == "20");
  CHECK(Value({"--bind", "127.0.0.1", "::1", "--port", "0"}, "bind") == "127.0.0.1 ::1");
  CHECK(Value({"--bind", "127.0.0.1 ::1"}, "bind") == "127.0.0.1 ::1");
  CHECK(Value({"--port", "1", "--port", "2"}, "port") == "2");
  CHECK(Value({"--requirepass", "a \"b\" c\n"}, "requirepass") == "a \"b\" c\n");
  CHECK(Value({"--requirepass", ""}, "requirepass") == "");
}

TEST_CASE("Save is given in every way that Redis takes it") {
  CHECK(Value({"--save", "10", "5"}, "save") == "10 5");
  CHECK(Value({"--save", "10 5", "--port", "0"}, "save") == "10 5");
  CHECK(Value({"--save", "10", "5", "--save", "20", "6"}, "save") == "10 5 20 6");
  CHECK(Value({"--save", ""}, "save") == "");
  CHECK(Value({"--save"}, "save") == "");
  CHECK(Value({"--save", "--port", "0"}, "save") == "");
}

TEST_CASE("A value that looks like an option is a value when the name before it has none") {
  CHECK(Value({"--requirepass", "--secret"}, "requirepass") == "--secret");
  CHECK(Value({"--requirepass", "--secret", "--port", "3"}, "port") == "3");
}

TEST_CASE("An unknown or incomplete option is refused with its line") {
  CHECK(Value({"--nosuch", "1"}, "port").find(">>> 'nosuch \"1\"'\nBad directive") != std::string::npos);
  CHECK(Value({"--port"}, "port").find("wrong number of arguments") != std::string::npos);
}

TEST_CASE("The first word is the file when it has no dash, as an absolute path") {
  CommandLine line = Parse({"some.conf", "--port", "1"});
  CHECK(line.config_file == (std::filesystem::current_path() / "some.conf").string());
  CHECK(line.options == "port \"1\" ");
  CHECK(Parse({"--port", "1"}).config_file.empty());
  CHECK(Parse({}).config_file.empty());
}

TEST_CASE("A dash alone, first or last, reads standard input") {
  CHECK(Parse({"-"}).reads_standard_input);
  CHECK(Parse({"x.conf", "--port", "1", "-"}).reads_standard_input);
  CommandLine middle = Parse({"x.conf", "--port", "-", "--hz", "5"});
  CHECK_FALSE(middle.reads_standard_input);
  CHECK(middle.options == "port \"-\" \nhz \"5\" ");
}

TEST_CASE("Help and version are actions, the memory test is refused") {
  CHECK(Parse({"--help"}).action == CommandLine::Action::kPrintHelp);
  CHECK(Parse({"-h"}).action == CommandLine::Action::kPrintHelp);
  CHECK(Parse({"--version"}).action == CommandLine::Action::kPrintVersion);
  CHECK(Parse({"-v"}).action == CommandLine::Action::kPrintVersion);
  CHECK(Parse({"--print-settings-table"}).action == CommandLine::Action::kPrintSettingsTable);
  CHECK(Parse({}).action == CommandLine::Action::kServe);
  std::vector<std::string_view> test = {"--test-memory", "10"};
  CHECK_FALSE(ParseCommandLine(test).ok());
  CHECK(VersionText().find(kChestboxVersion) != std::string::npos);
  CHECK(UsageText().starts_with("Usage: chestbox-server"));
}
