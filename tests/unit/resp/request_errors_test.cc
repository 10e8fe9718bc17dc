// Protocol errors and limits of requests. The bytes on the right are what redis-server 7.0.15 sent (recorded from a
// live server with the bytes on the left, in one piece), without the '-' and the CR LF.
#include <array>
#include <string>

#include "protocol/resp/request_parser.h"
#include "tests/unit/resp/request_session.h"

#include <catch2/catch.hpp>

namespace chestbox::resp {
namespace {

using namespace std::string_literals;
using testing::RunByteByByte;
using testing::RunSession;
using testing::RunWhole;
using testing::Session;
using testing::SessionOptions;

struct BadSample {
  std::string input;
  std::string error;
};

const std::string kBadCount = "ERR Protocol error: invalid multibulk length";
const std::string kBadLength = "ERR Protocol error: invalid bulk length";
const std::string kUnbalanced = "ERR Protocol error: unbalanced quotes in request";

void RequireErrorAtEverySplit(const BadSample& sample, const SessionOptions& options = {}) {
  INFO(sample.input);
  const Session expected{{}, sample.error, 0};
  REQUIRE(RunWhole(sample.input, options) == expected);
  REQUIRE(RunByteByByte(sample.input, options) == expected);
  for (size_t cut = 0; cut <= sample.input.size(); ++cut) {
    REQUIRE(RunSession(sample.input, std::array{cut}, options) == expected);
  }
}

TEST_CASE("Malformed requests are refused in the words of Redis") {
  const std::vector<BadSample> samples = {
      {"*3000000000\r\n", kBadCount},
      {"*2147483648\r\n", kBadCount},
      {"*blabla\r\n", kBadCount},
      {"*\r\n", kBadCount},
      {"*-\r\n", kBadCount},
      {"*+1\r\n$4\r\nPING\r\n", kBadCount},
      {"*01\r\n$4\r\nPING\r\n", kBadCount},
      {"* 1\r\n$4\r\nPING\r\n", kBadCount},
      {"*1 \r\n$4\r\nPING\r\n", kBadCount},
      {"*-0\r\n", kBadCount},
      {"*-9223372036854775809\r\nPING\r\n", kBadCount},
      {"*99999999999999999999\r\n", kBadCount},
      {"*18446744073709551617\r\n", kBadCount},
      {"*1\r\nfoo\r\n", "ERR Protocol error: expected '$', got 'f'"},
      {"*1\r\n\r\n", "ERR Protocol error: expected '$', got ' '"},
      {"*1\r\n\n\r\n", "ERR Protocol error: expected '$', got ' '"},
      {"*1\r\n:1\r\n", "ERR Protocol error: expected '$', got ':'"},
      {"*1\r\n\xff\r\n", "ERR Protocol error: expected '$', got '\xff'"},
      {"*1\r\n$-5\r\n", kBadLength},
      {"*1\r\n$-1\r\n", kBadLength},
      {"*1\r\n$\r\n", kBadLength},
      {"*1\r\n$04\r\nPING\r\n", kBadLength},
      {"*1\r\n$ 4\r\nPING\r\n", kBadLength},
      {"*1\r\n$536870913\r\n", kBadLength},
      {"*1\r\n$2000000000\r\n", kBadLength},
      {"*1\r\n$9223372036854775808\r\n", kBadLength},
      {"*1\r\n$blabla\r\n", kBadLength},
      {"*2\r\n$4\r\nECHO\r\n$blabla\r\n", kBadLength},
      {"ECHO \"abc\r\n", kUnbalanced},
      {"ECHO 'abc\r\n", kUnbalanced},
      {"ECHO \"a\"b\r\n", kUnbalanced},
      {"ECHO 'a'b\r\n", kUnbalanced},
      {"ECHO \"\\\"\r\n", kUnbalanced},
  };
  for (const BadSample& sample : samples) RequireErrorAtEverySplit(sample);
}

TEST_CASE("More arguments than the limit are refused") {
  RequireErrorAtEverySplit({"*1048577\r\n", kBadCount});  // ours: Redis 7.0 goes up to 2^31 - 1
  REQUIRE(RunWhole("*1048576\r\n").error.empty());
}

TEST_CASE("proto-max-bulk-len bounds an argument") {
  const SessionOptions options{.max_bulk_bytes = 1024 * 1024};
  RequireErrorAtEverySplit({"*1\r\n$1048577\r\n", kBadLength}, options);
  REQUIRE(RunWhole("*1\r\n$1048576\r\n", options).error.empty());
}

TEST_CASE("An unauthenticated client has ten arguments and 16 KiB an argument") {
  const SessionOptions options{.authenticated = false};
  RequireErrorAtEverySplit({"*11\r\n$4\r\n", "ERR Protocol error: unauthenticated multibulk length"}, options);
  RequireErrorAtEverySplit({"*1\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length"}, options);
  RequireErrorAtEverySplit({"*1\r\n$2000000000\r\n", kBadLength}, options);
  RequireErrorAtEverySplit({"*3000000000\r\n", kBadCount}, options);
  REQUIRE(RunWhole("*10\r\n$4\r\nPING\r\n", options).error.empty());
  REQUIRE(RunWhole("*1\r\n$16384\r\n", options).error.empty());
}

TEST_CASE("The limits of the unauthenticated end with the request that authenticates") {
  RequestParser parser;
  parser.set_authenticated(false);
  std::string text = "*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n*11\r\n$4\r\n";
  REQUIRE(parser.Parse(text.data(), text.size()) == RequestParser::Status::kRequest);
  parser.set_authenticated(true);
  const size_t first = parser.consumed();
  REQUIRE(parser.Parse(text.data() + first, text.size() - first) == RequestParser::Status::kNeedMore);
}

TEST_CASE("A line that does not end within 64 KiB is refused") {
  const std::string too_long_inline = "ERR Protocol error: too big inline request";
  const std::string too_long_count = "ERR Protocol error: too big mbulk count string";
  const std::string too_long_length = "ERR Protocol error: too big bulk count string";
  std::string lines;
  for (int i = 0; i < 70; ++i) lines += std::string(1024, 'A') + "\r\n";
  const std::vector<BadSample> samples = {
      {std::string(65537, 'A'), too_long_inline},
      {"*" + std::string(65536, '1'), too_long_count},
      {"*1\r\n$" + std::string(65536, '1'), too_long_length},
      {"*1\r\n" + std::string(65537, '1'), too_long_length},
      {"\0"s + lines, too_long_inline},
      {"*\0"s + lines, too_long_count},
      {"$\0"s + lines, too_long_inline},
  };
  for (const BadSample& sample : samples) {
    INFO(sample.input.substr(0, 20));
    const Session expected{{}, sample.error, 0};
    REQUIRE(RunWhole(sample.input) == expected);
    for (size_t cut : {size_t{1}, size_t{3}, size_t{1000}, size_t{65535}, size_t{65536}}) {
      REQUIRE(RunSession(sample.input, std::array{cut}) == expected);
    }
  }
}

TEST_CASE("The longest line that is accepted does not depend on how it arrives") {
  for (const size_t newline : {kInlineBytesMax, kInlineBytesMax + 1}) {
    const std::string line = "ECHO " + std::string(newline - 5, 'x') + "\n";
    const bool accepted = newline <= kInlineBytesMax;
    REQUIRE(RunWhole(line).error.empty() == accepted);
    REQUIRE(RunWhole(line).requests.size() == (accepted ? 1 : 0));
    REQUIRE(RunSession(line, std::array{newline}) == RunWhole(line));
    REQUIRE(RunSession(line, std::array{size_t{100}, newline - 1}) == RunWhole(line));
  }
}

TEST_CASE("A failed parser stays failed until it is reset") {
  RequestParser parser;
  std::string bad = "*x\r\n";
  std::string good = "PING\r\n";
  REQUIRE(parser.Parse(bad.data(), bad.size()) == RequestParser::Status::kError);
  REQUIRE(parser.Parse(good.data(), good.size()) == RequestParser::Status::kError);
  REQUIRE(parser.error() == kBadCount);
  REQUIRE(parser.args().empty());
  parser.Reset();
  REQUIRE(parser.Parse(good.data(), good.size()) == RequestParser::Status::kRequest);
}

}  // namespace
}  // namespace chestbox::resp
