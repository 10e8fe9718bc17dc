// What requests mean, however they are cut into reads. Errors and limits: request_errors_test.cc.
#include "protocol/resp/request_parser.h"

#include <array>
#include <string>

#include "protocol/resp/request_writer.h"
#include "tests/unit/resp/request_session.h"

#include <catch2/catch.hpp>

namespace chestbox::resp {
namespace {

using namespace std::string_literals;
using testing::RunByteByByte;
using testing::RunSession;
using testing::RunWhole;
using testing::Session;
using Requests = std::vector<std::vector<std::string>>;

struct Sample {
  std::string input;
  Requests requests;
  size_t unread_bytes = 0;
};

const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = {
      {"", {}},
      {"*1\r\n$4\r\nPING\r\n", {{"PING"}}},
      {"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", {{"GET", "key"}}},
      {"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$12\r\nvalue\r\nlines\r\n", {{"SET", "key", "value\r\nlines"}}},
      {"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", {{"ECHO", ""}}},
      {"*2\r\n$4\r\nECHO\r\n$3\r\na\0b\r\n"s, {{"ECHO", "a\0b"s}}},
      {"*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\nPING\r\n", {{"PING"}, {"ECHO", "x"}, {"PING"}}},
      {"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI", {{"PING"}}, 10},
      // Requests without arguments are skipped by the server.
      {"*0\r\nPING\r\n", {{}, {"PING"}}},
      {"*-1\r\nPING\r\n", {{}, {"PING"}}},
      {"*-9223372036854775808\r\nPING\r\n", {{}, {"PING"}}},
      {"\r\n\n  \r\nPING\r\n", {{}, {}, {}, {"PING"}}},
      // Redis looks for '\r' only, skips one byte behind it, and never looks at the two behind an argument.
      {"*1\rX$4\rYPINGZZPING\n", {{"PING"}, {"PING"}}},
      {"*1\n$4\nPING\n", {}, 11},
      // Inline commands.
      {"PING\n", {{"PING"}}},
      {"  SET  key\tvalue \r\n", {{"SET", "key", "value"}}},
      {"ECHO \"a b\"\r\n", {{"ECHO", "a b"}}},
      {"ECHO \"\\x41\\xfF\\n\\r\\t\\b\\a\\q\\\"\\\\\" x\r\n", {{"ECHO", "A\xff\n\r\t\b\aq\"\\", "x"}}},
      {"ECHO \"\\x4\\xg1\"\r\n", {{"ECHO", "x4xg1"}}},
      {"ECHO 'a\\'b\\n\"' 'c'\r\n", {{"ECHO", "a'b\\n\"", "c"}}},
      {"ECHO \"\" ''\r\n", {{"ECHO", "", ""}}},
      {"ECHO a\"b c\" d'e f'\r\n", {{"ECHO", "ab c", "de f"}}},
      {"ECHO a\x0b"
       "b \x0b\x0c c\x0c\r\n",
       {{"ECHO",
         "a\x0b"
         "b",
         "c\x0c"}}},
      {"ECHO \"a\"\x0b\r\n", {{"ECHO", "a"}}},
      {"ECHO a\rb\r\n", {{"ECHO", "a", "b"}}},
      {"PING\r\r\n", {{"PING"}}},
      {"\\x41\r\n", {{"\\x41"}}},
      {"+\r\n$-1\r\n:1\r\n", {{"+"}, {"$-1"}, {":1"}}},
      // A NUL hides the rest of the line, the end of the line too.
      {"PI\0NG\r\nPING\r\n"s, {}, 13},
      {"\0"s, {}, 1},
      {"*1\0\r\n$4\r\nPING\r\n"s, {}, 15},
      {"*1\r\n$\0"
       "4\r\nPING\r\n"s,
       {},
       15},
  };
  return samples;
}

TEST_CASE("A request means the same wherever its bytes are cut") {
  for (const Sample& sample : Samples()) {
    INFO(sample.input);
    const Session expected{sample.requests, "", sample.unread_bytes};
    REQUIRE(RunWhole(sample.input) == expected);
    REQUIRE(RunByteByByte(sample.input) == expected);
    for (size_t first = 0; first <= sample.input.size(); ++first) {
      for (size_t second = first; second <= sample.input.size(); ++second) {
        REQUIRE(RunSession(sample.input, std::array{first, second}) == expected);
      }
    }
  }
}

TEST_CASE("A serialised request parses to its arguments") {
  const std::string text = FormatRequest({"SET", "k\0y"s, "", "\r\n"});
  REQUIRE(text == "*4\r\n$3\r\nSET\r\n$3\r\nk\0y\r\n$0\r\n\r\n$2\r\n\r\n\r\n"s);
  REQUIRE(RunWhole(text).requests == Requests{{"SET", "k\0y"s, "", "\r\n"}});
}

TEST_CASE("An unfinished argument tells exactly how many bytes it lacks") {
  std::string text = "*2\r\n$4\r\nECHO\r\n$100\r\nabc";
  RequestParser parser;
  REQUIRE(parser.Parse(text.data(), text.size()) == RequestParser::Status::kNeedMore);
  REQUIRE(parser.bytes_wanted() == 99);
  REQUIRE(parser.pending_args() == 1);
  REQUIRE_FALSE(parser.in_big_bulk());
  REQUIRE(parser.bulk_offset() == text.size() - 3);
  text.append(97, 'x').append("\r");
  REQUIRE(parser.Parse(text.data(), text.size()) == RequestParser::Status::kNeedMore);
  REQUIRE(parser.bytes_wanted() == 1);
  text.append("\n");
  REQUIRE(parser.Parse(text.data(), text.size()) == RequestParser::Status::kRequest);
  REQUIRE(parser.args()[1] == "abc" + std::string(97, 'x'));
}

TEST_CASE("A big argument arrives in a buffer that moves and grows") {
  constexpr size_t kBytes = 4 * 1024 * 1024 + 17;
  std::string value(kBytes, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31 + i / 251);
  const std::string text = FormatRequest({"SET", "big", value, "NX"});

  RequestParser parser;
  std::unique_ptr<char[]> buffer;
  RequestParser::Status status = RequestParser::Status::kNeedMore;
  size_t size = 0;
  while (status == RequestParser::Status::kNeedMore && size < text.size()) {
    size = std::min(text.size(), size + std::min<size_t>(150'000, std::max<size_t>(parser.bytes_wanted(), 40'000)));
    auto moved = std::make_unique<char[]>(size);
    std::memcpy(moved.get(), text.data(), size);
    buffer = std::move(moved);
    status = parser.Parse(buffer.get(), size);
    if (status == RequestParser::Status::kNeedMore && size > 100'000 && size < kBytes) REQUIRE(parser.in_big_bulk());
  }
  REQUIRE(status == RequestParser::Status::kRequest);
  REQUIRE(parser.args().size() == 4);
  REQUIRE(parser.args()[1] == "big");
  REQUIRE(parser.args()[2] == value);
  REQUIRE(parser.args()[2].data() > buffer.get());
  REQUIRE(parser.args()[3] == "NX");
  REQUIRE(parser.consumed() == text.size());
}

TEST_CASE("A request of as many arguments as allowed arrives in pieces") {
  std::string text = "*" + std::to_string(kArgsMax) + "\r\n";
  for (size_t i = 0; i < kArgsMax; ++i) text.append("$1\r\n").append(1, static_cast<char>('a' + i % 26)).append("\r\n");
  RequestParser parser;
  for (size_t size = 60'000; size < text.size(); size += 60'000) {
    REQUIRE(parser.Parse(text.data(), size) == RequestParser::Status::kNeedMore);
  }
  REQUIRE(parser.Parse(text.data(), text.size()) == RequestParser::Status::kRequest);
  REQUIRE(parser.args().size() == kArgsMax);
  REQUIRE(parser.args()[27] == "b");
  REQUIRE(parser.args().back() == std::string(1, static_cast<char>('a' + (kArgsMax - 1) % 26)));

  parser.Reset();
  std::string ping = "PING\r\n";
  REQUIRE(parser.Parse(ping.data(), ping.size()) == RequestParser::Status::kRequest);
  REQUIRE(parser.args().size() == 1);
}

TEST_CASE("The next Parse after a request begins the next one") {
  std::string text = "*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n";
  RequestParser parser;
  REQUIRE(parser.Parse(text.data(), text.size()) == RequestParser::Status::kRequest);
  const size_t first = parser.consumed();
  REQUIRE(parser.Parse(text.data() + first, text.size() - first) == RequestParser::Status::kRequest);
  REQUIRE(parser.args()[0] == "b");
}

TEST_CASE("Reset drops half a request") {
  std::string half = "*2\r\n$4\r\nECHO\r\n$5\r\nab";
  std::string ping = "*1\r\n$4\r\nPING\r\n";
  RequestParser parser;
  REQUIRE(parser.Parse(half.data(), half.size()) == RequestParser::Status::kNeedMore);
  REQUIRE(parser.in_request());
  parser.Reset();
  REQUIRE_FALSE(parser.in_request());
  REQUIRE(parser.Parse(ping.data(), ping.size()) == RequestParser::Status::kRequest);
  REQUIRE(parser.args().size() == 1);
}

}  // namespace
}  // namespace chestbox::resp
