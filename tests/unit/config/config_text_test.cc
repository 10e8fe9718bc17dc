#include "server/config/config_text.h"

#include "protocol/resp/quoted_arguments.h"

// Last, because it defines CHECK anew.
#include <catch2/catch.hpp>

using namespace chestbox;

TEST_CASE("Memory sizes take units of 1000 and of 1024 in any case") {
  CHECK(ParseMemory("0") == 0u);
  CHECK(ParseMemory("1") == 1u);
  CHECK(ParseMemory("1b") == 1u);
  CHECK(ParseMemory("1k") == 1000u);
  CHECK(ParseMemory("1kb") == 1024u);
  CHECK(ParseMemory("2M") == 2000000u);
  CHECK(ParseMemory("2Mb") == 2097152u);
  CHECK(ParseMemory("3g") == 3000000000u);
  CHECK(ParseMemory("3GB") == 3221225472u);
  CHECK_FALSE(ParseMemory("-1"));
  CHECK_FALSE(ParseMemory("1tb"));
  CHECK_FALSE(ParseMemory("1 mb"));
  CHECK_FALSE(ParseMemory("mbx"));
}

TEST_CASE("A memory size is printed with the largest unit that divides it, and reads back") {
  CHECK(FormatMemory(0) == "0");
  CHECK(FormatMemory(1000) == "1000");
  CHECK(FormatMemory(2048) == "2kb");
  CHECK(FormatMemory(uint64_t{64} << 20) == "64mb");
  CHECK(FormatMemory(uint64_t{3} << 30) == "3gb");
}

TEST_CASE("Integers are plain decimal numbers and nothing else") {
  CHECK(ParseInteger("0") == 0);
  CHECK(ParseInteger("-12") == -12);
  CHECK(ParseInteger("9223372036854775807") == INT64_MAX);
  CHECK(ParseInteger("-9223372036854775808") == INT64_MIN);
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "0x1", "1.0", "9223372036854775808"}) {
    INFO(bad);
    CHECK_FALSE(ParseInteger(bad));
  }
}

TEST_CASE("A quoted argument reads back byte for byte") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& text : {std::string(), std::string("a b"), std::string("\"'\\"), all}) {
    auto words = resp::SplitQuotedArguments("name " + QuoteArgument(text));
    REQUIRE(words);
    REQUIRE(words->size() == 2);
    CHECK((*words)[1] == text);
  }
}

TEST_CASE("Splitting at spaces keeps empty pieces") {
  CHECK(SplitAtSpaces("").empty());
  CHECK(SplitAtSpaces("a b") == std::vector<std::string>{"a", "b"});
  CHECK(SplitAtSpaces(" a  b") == std::vector<std::string>{"", "a", "", "b"});
}
