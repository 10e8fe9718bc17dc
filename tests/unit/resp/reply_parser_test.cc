#include "protocol/resp/reply_parser.h"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace chestbox::resp {
namespace {

using namespace std::string_literals;

// The replies in `input`, received in the given pieces, and how it ended.
std::vector<std::string> Replies(std::string_view input, const std::vector<size_t>& cuts,
                                 const ReplyLimits& limits = {}) {
  ReplyParser parser(limits);
  std::vector<std::string> replies;
  std::string unread;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : input.size();
    unread.append(input.substr(begin, end - begin));
    begin = end;
    while (true) {
      const ReplyParser::Status status = parser.Parse(std::string(unread));
      if (status == ReplyParser::Status::kError) {
        replies.push_back("failed: " + parser.error());
        return replies;
      }
      unread.erase(0, parser.consumed());
      if (status == ReplyParser::Status::kNeedMore) break;
      replies.push_back(DebugString(parser.TakeReply()));
    }
  }
  return replies;
}

void RequireAtEverySplit(std::string_view input, const std::vector<std::string>& expected,
                         const ReplyLimits& limits = {}) {
  INFO(input);
  std::vector<size_t> every_byte;
  for (size_t i = 1; i < input.size(); ++i) every_byte.push_back(i);
  REQUIRE(Replies(input, {}, limits) == expected);
  REQUIRE(Replies(input, every_byte, limits) == expected);
  for (size_t cut = 0; cut <= input.size(); ++cut) REQUIRE(Replies(input, {cut}, limits) == expected);
}

TEST_CASE("A reply reads the same wherever its bytes are cut") {
  RequireAtEverySplit("+OK\r\n", {"simple\"OK\""});
  RequireAtEverySplit("+\r\n-ERR x\r\n", {"simple\"\"", "error\"ERR x\""});
  RequireAtEverySplit(":0\r\n:-12\r\n:9223372036854775807\r\n",
                      {"integer 0", "integer -12", "integer 9223372036854775807"});
  RequireAtEverySplit("$5\r\na\r\n\0b\r\n$0\r\n\r\n$-1\r\n"s, {"bulk\"a\\x0d\\x0a\\x00b\"", "bulk\"\"", "null"});
  RequireAtEverySplit("*-1\r\n*0\r\n_\r\n", {"null", "array[]", "null"});
  RequireAtEverySplit("*2\r\n*1\r\n:1\r\n*2\r\n+a\r\n*0\r\n", {"array[array[integer 1], array[simple\"a\", array[]]]"});
  RequireAtEverySplit("#t\r\n#f\r\n", {"bool 1", "bool 0"});
  RequireAtEverySplit(
      ",1.5\r\n,-inf\r\n,inf\r\n,nan\r\n,1e10\r\n,-3\r\n",
      {"double\"1.5\"", "double\"-inf\"", "double\"inf\"", "double\"nan\"", "double\"1e10\"", "double\"-3\""});
  RequireAtEverySplit("(-123456789012345678901234567890\r\n", {"bignumber\"-123456789012345678901234567890\""});
  RequireAtEverySplit("!5\r\nERR x\r\n=8\r\ntxt:abcd\r\n=4\r\nmkd:\r\n",
                      {"error\"ERR x\"", "verbatim(txt)\"abcd\"", "verbatim(mkd)\"\""});
  RequireAtEverySplit("%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n:2\r\n%0\r\n~0\r\n",
                      {"map[simple\"a\", integer 1, simple\"b\", set[integer 2]]", "map[]", "set[]"});
  RequireAtEverySplit(">2\r\n+message\r\n+hi\r\n+OK\r\n", {"push[simple\"message\", simple\"hi\"]", "simple\"OK\""});
}

TEST_CASE("Attributes belong to the value behind them") {
  RequireAtEverySplit("|1\r\n+k\r\n:1\r\n+OK\r\n+OK\r\n", {"{simple\"k\", integer 1}simple\"OK\"", "simple\"OK\""});
  RequireAtEverySplit("*2\r\n:1\r\n|1\r\n+ttl\r\n:5\r\n:2\r\n",
                      {"array[integer 1, {simple\"ttl\", integer 5}integer 2]"});
  RequireAtEverySplit("|0\r\n|1\r\n+a\r\n*0\r\n|1\r\n+b\r\n+c\r\n*1\r\n:1\r\n",
                      {"{simple\"a\", array[], simple\"b\", simple\"c\"}array[integer 1]"});
}

TEST_CASE("The values of a reply are there to use") {
  ReplyParser parser;
  REQUIRE(parser.Parse("*3\r\n:-7\r\n,2.5\r\n+x\r\n") == ReplyParser::Status::kReply);
  const Reply reply = parser.TakeReply();
  REQUIRE(reply.type == Reply::Type::kArray);
  REQUIRE(reply.elements.size() == 3);
  REQUIRE(reply.elements[0].integer == -7);
  REQUIRE(reply.elements[1].number == 2.5);
  REQUIRE(reply.elements[2].text == "x");
  REQUIRE_FALSE(reply.is_error());
}

TEST_CASE("Malformed replies are refused") {
  const std::vector<std::pair<std::string, std::string>> samples = {
      {"\r\n", "failed: malformed line"},
      {"+OK\rX", "failed: malformed line"},
      {"+O\nK\r\n", "failed: malformed line"},
      {"OK\r\n", "failed: malformed value"},
      {"\0\r\n"s, "failed: malformed value"},
      {":\r\n", "failed: malformed value"},
      {":1x\r\n", "failed: malformed value"},
      {":+1\r\n", "failed: malformed value"},
      {": 1\r\n", "failed: malformed value"},
      {":9223372036854775808\r\n", "failed: malformed value"},
      {"_x\r\n", "failed: malformed value"},
      {"#x\r\n", "failed: malformed value"},
      {"#tt\r\n", "failed: malformed value"},
      {",\r\n", "failed: malformed value"},
      {",1.5x\r\n", "failed: malformed value"},
      {",infinity\r\n", "failed: malformed value"},
      {",1e999\r\n", "failed: malformed value"},
      {"(12a\r\n", "failed: malformed value"},
      {"(-\r\n", "failed: malformed value"},
      {"$-2\r\n", "failed: malformed string length"},
      {"$\r\n", "failed: malformed string length"},
      {"$01\r\n", "failed: malformed string length"},
      {"$?\r\n", "failed: malformed string length"},
      {"$18446744073709551616\r\n", "failed: malformed string length"},
      {"!-1\r\n", "failed: malformed string length"},
      {"=3\r\nabc\r\n", "failed: malformed string length"},
      {"=4\r\nabcd\r\n", "failed: malformed verbatim string"},
      {"$3\r\nabcXY", "failed: string without its end"},
      {"*-2\r\n", "failed: malformed element count"},
      {"*x\r\n", "failed: malformed element count"},
      {"*?\r\n", "failed: malformed element count"},
      {"%-1\r\n", "failed: malformed element count"},
      {"*1\r\n>1\r\n", "failed: push inside a reply"},
      {"*18446744073709551615\r\n", "failed: too many elements"},
      {"%9223372036854775808\r\n", "failed: too many elements"},
  };
  for (const auto& [input, expected] : samples) RequireAtEverySplit(input, {expected});
}

TEST_CASE("A reply is bounded in depth, elements and sizes") {
  const ReplyLimits limits{
      .depth_max = 3, .elements_max = 6, .bulk_bytes_max = 10, .reply_bytes_max = 15, .line_bytes_max = 20};
  RequireAtEverySplit("*1\r\n*1\r\n*1\r\n:1\r\n", {"array[array[array[integer 1]]]"}, limits);
  RequireAtEverySplit("*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", {"failed: nested too deeply"}, limits);
  RequireAtEverySplit("|1\r\n|1\r\n|1\r\n|1\r\n:1\r\n", {"failed: too many elements"}, limits);
  RequireAtEverySplit("*7\r\n", {"failed: too many elements"}, limits);
  RequireAtEverySplit("%4\r\n", {"failed: too many elements"}, limits);
  RequireAtEverySplit("*2\r\n*2\r\n:1\r\n:2\r\n*3\r\n", {"failed: too many elements"}, limits);
  RequireAtEverySplit("$10\r\n0123456789\r\n", {"bulk\"0123456789\""}, limits);
  RequireAtEverySplit("$11\r\n", {"failed: string too long"}, limits);
  RequireAtEverySplit("*2\r\n$10\r\n0123456789\r\n$6\r\n", {"failed: reply too large"}, limits);
  RequireAtEverySplit("*2\r\n$10\r\n0123456789\r\n+012345\r\n", {"failed: reply too large"}, limits);
  RequireAtEverySplit("+" + std::string(15, 'x') + "\r\n+y\r\n",
                      {"simple\"" + std::string(15, 'x') + "\"", "simple\"y\""}, limits);
  RequireAtEverySplit("+" + std::string(20, 'x'), {"failed: line too long"}, limits);
}

TEST_CASE("Half a string is taken over, so that the caller may drop its bytes") {
  ReplyParser parser;
  REQUIRE(parser.Parse("$10\r\n01234") == ReplyParser::Status::kNeedMore);
  REQUIRE(parser.consumed() == 10);
  REQUIRE(parser.Parse("56789\r") == ReplyParser::Status::kNeedMore);
  REQUIRE(parser.consumed() == 5);
  REQUIRE(parser.Parse("\r\n+OK\r\n") == ReplyParser::Status::kReply);
  REQUIRE(parser.consumed() == 2);
  REQUIRE(parser.TakeReply().text == "0123456789");
}

TEST_CASE("A failed reply parser stays failed until it is reset") {
  ReplyParser parser;
  REQUIRE(parser.Parse("?\r\n") == ReplyParser::Status::kError);
  REQUIRE(parser.Parse("+OK\r\n") == ReplyParser::Status::kError);
  parser.Reset();
  REQUIRE(parser.Parse("+OK\r\n") == ReplyParser::Status::kReply);
}

}  // namespace
}  // namespace chestbox::resp
