#include "protocol/resp/quoted_arguments.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace chestbox::resp {
namespace {

using namespace std::string_literals;
using Arguments = std::vector<std::string>;

TEST_CASE("A line splits into its arguments") {
  REQUIRE(SplitQuotedArguments("") == Arguments{});
  REQUIRE(SplitQuotedArguments(" \t ") == Arguments{});
  REQUIRE(SplitQuotedArguments("save 900 1") == Arguments{"save", "900", "1"});
  REQUIRE(SplitQuotedArguments("requirepass \"a b\\x00c\"") == Arguments{"requirepass", "a b\0c"s});
  REQUIRE(SplitQuotedArguments("dir '/tmp/it\\'s'\r\n") == Arguments{"dir", "/tmp/it's"});
  REQUIRE(SplitQuotedArguments("save \"\"") == Arguments{"save", ""});
}

TEST_CASE("A NUL ends a line") {
  REQUIRE(SplitQuotedArguments("a b\0c d"s) == Arguments{"a", "b"});
  REQUIRE(SplitQuotedArguments("\"a\"\0b"s) == Arguments{"a"});
  REQUIRE(SplitQuotedArguments("\"a\0b\""s) == std::nullopt);
  REQUIRE(SplitQuotedArguments("\"a\\\0b\""s) == std::nullopt);
}

TEST_CASE("Unbalanced quotes are no line") {
  for (const char* line : {"\"", "'", "a \"b", "a 'b", "\"a\"b", "'a'b", "\"\\\"", "'\\'", "\"a\"\"b\"", "\"\\"}) {
    INFO(line);
    REQUIRE(SplitQuotedArguments(line) == std::nullopt);
  }
}

}  // namespace
}  // namespace chestbox::resp
