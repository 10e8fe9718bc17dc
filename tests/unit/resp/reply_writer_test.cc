#include "protocol/resp/reply_writer.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "protocol/resp/reply_parser.h"

#include <catch2/catch.hpp>

namespace chestbox::resp {
namespace {

using namespace std::string_literals;
using Write = std::function<void(ReplyWriter&)>;

std::string Written(int protocol, const Write& write) {
  ReplyBuffer buffer;
  ReplyWriter writer(buffer, protocol);
  write(writer);
  return std::string(buffer.view());
}

// What a client makes of it; every byte has to belong to that one reply.
std::string ReadBack(int protocol, const Write& write) {
  const std::string bytes = Written(protocol, write);
  ReplyParser parser;
  if (parser.Parse(bytes) != ReplyParser::Status::kReply) return "unreadable: " + parser.error();
  if (parser.consumed() != bytes.size()) return "bytes left over";
  return DebugString(parser.TakeReply());
}

struct WriterSample {
  Write write;
  std::string resp2;
  std::string resp3;
  std::string resp2_read_back;
  std::string resp3_read_back;
};

TEST_CASE("Each kind of reply is written as the protocol says and reads back") {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  const std::vector<WriterSample> samples = {
      {[](auto& w) { w.Ok(); }, "+OK\r\n", "+OK\r\n", "simple\"OK\"", "simple\"OK\""},
      {[](auto& w) { w.SimpleString("a\r\nb"); }, "+a  b\r\n", "+a  b\r\n", "simple\"a  b\"", "simple\"a  b\""},
      {[](auto& w) { w.Error("ERR bad\r\nthing\r\n"); }, "-ERR bad  thing\r\n", "-ERR bad  thing\r\n",
       "error\"ERR bad  thing\"", "error\"ERR bad  thing\""},
      {[](auto& w) { w.Error("\n"); }, "-\r\n", "-\r\n", "error\"\"", "error\"\""},
      {[](auto& w) { w.Integer(0); }, ":0\r\n", ":0\r\n", "integer 0", "integer 0"},
      {[](auto& w) { w.Integer(-1); }, ":-1\r\n", ":-1\r\n", "integer -1", "integer -1"},
      {[](auto& w) { w.Integer(10); }, ":10\r\n", ":10\r\n", "integer 10", "integer 10"},
      {[](auto& w) { w.Integer(kMin); }, ":-9223372036854775808\r\n", ":-9223372036854775808\r\n",
       "integer -9223372036854775808", "integer -9223372036854775808"},
      {[](auto& w) { w.Bulk("a\r\n\0b"s); }, "$5\r\na\r\n\0b\r\n"s, "$5\r\na\r\n\0b\r\n"s, "bulk\"a\\x0d\\x0a\\x00b\"",
       "bulk\"a\\x0d\\x0a\\x00b\""},
      {[](auto& w) { w.Bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n", "bulk\"\"", "bulk\"\""},
      {[](auto& w) { w.Bulk("0123456789"); }, "$10\r\n0123456789\r\n", "$10\r\n0123456789\r\n", "bulk\"0123456789\"",
       "bulk\"0123456789\""},
      {[](auto& w) { w.BulkInteger(kMin); }, "$20\r\n-9223372036854775808\r\n", "$20\r\n-9223372036854775808\r\n",
       "bulk\"-9223372036854775808\"", "bulk\"-9223372036854775808\""},
      {[](auto& w) { std::memcpy(w.BulkInPlace(3), "abc", 3); }, "$3\r\nabc\r\n", "$3\r\nabc\r\n", "bulk\"abc\"",
       "bulk\"abc\""},
      {[](auto& w) { w.BulkHeader(3), w.Raw("a"), w.Raw("bc"), w.BulkEnd(); }, "$3\r\nabc\r\n", "$3\r\nabc\r\n",
       "bulk\"abc\"", "bulk\"abc\""},
      {[](auto& w) { w.Null(); }, "$-1\r\n", "_\r\n", "null", "null"},
      {[](auto& w) { w.NullArray(); }, "*-1\r\n", "_\r\n", "null", "null"},
      {[](auto& w) { w.Array(0); }, "*0\r\n", "*0\r\n", "array[]", "array[]"},
      {[](auto& w) { w.Array(2), w.Integer(1), w.Null(); }, "*2\r\n:1\r\n$-1\r\n", "*2\r\n:1\r\n_\r\n",
       "array[integer 1, null]", "array[integer 1, null]"},
      {[](auto& w) { w.Map(1), w.Bulk("k"), w.Array(1), w.Ok(); }, "*2\r\n$1\r\nk\r\n*1\r\n+OK\r\n",
       "%1\r\n$1\r\nk\r\n*1\r\n+OK\r\n", "array[bulk\"k\", array[simple\"OK\"]]",
       "map[bulk\"k\", array[simple\"OK\"]]"},
      {[](auto& w) { w.Set(1), w.Integer(7); }, "*1\r\n:7\r\n", "~1\r\n:7\r\n", "array[integer 7]", "set[integer 7]"},
      {[](auto& w) { w.Push(1), w.Bulk("m"); }, "*1\r\n$1\r\nm\r\n", ">1\r\n$1\r\nm\r\n", "array[bulk\"m\"]",
       "push[bulk\"m\"]"},
      {[](auto& w) { w.Bool(true); }, ":1\r\n", "#t\r\n", "integer 1", "bool 1"},
      {[](auto& w) { w.Bool(false); }, ":0\r\n", "#f\r\n", "integer 0", "bool 0"},
      {[](auto& w) { w.BigNumber("-12345678901234567890123"); }, "$24\r\n-12345678901234567890123\r\n",
       "(-12345678901234567890123\r\n", "bulk\"-12345678901234567890123\"", "bignumber\"-12345678901234567890123\""},
      {[](auto& w) { w.Verbatim("txt", "a\nb"); }, "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n", "bulk\"a\\x0ab\"",
       "verbatim(txt)\"a\\x0ab\""},
      {[](auto& w) { w.Double(0.1); }, "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n",
       "bulk\"0.10000000000000001\"", "double\"0.10000000000000001\""},
      {[](auto& w) { w.HumanDouble(0.1L); }, "$3\r\n0.1\r\n", ",0.1\r\n", "bulk\"0.1\"", "double\"0.1\""},
      {[](auto& w) { w.BulkHumanDouble(0.1L); }, "$3\r\n0.1\r\n", "$3\r\n0.1\r\n", "bulk\"0.1\"", "bulk\"0.1\""},
  };
  for (const WriterSample& sample : samples) {
    REQUIRE(Written(2, sample.write) == sample.resp2);
    REQUIRE(Written(3, sample.write) == sample.resp3);
    REQUIRE(ReadBack(2, sample.write) == sample.resp2_read_back);
    REQUIRE(ReadBack(3, sample.write) == sample.resp3_read_back);
  }
}

TEST_CASE("An attribute comes in front of its reply") {
  const Write write = [](auto& w) { w.Attribute(1), w.SimpleString("ttl"), w.Integer(5), w.Bulk("v"); };
  REQUIRE(Written(3, write) == "|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n");
  REQUIRE(ReadBack(3, write) == "{simple\"ttl\", integer 5}bulk\"v\"");
}

TEST_CASE("Doubles look as printf of 17 digits prints them") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto in_resp3 = [](double value) { return Written(3, [&](auto& w) { w.Double(value); }); };
  for (double value : {0.0, -0.0, 1.0, -1.0, 3.5, 1e16, 99999999999999984.0, 1e17, 1e18, -1e17, 1.0 / 3, 1e-5, 1e-4,
                       5e-324, 2e22, 1.7976931348623157e308, 123456789012345.6, 3.0e-310}) {
    char expected[64];
    std::snprintf(expected, sizeof expected, ",%.17g\r\n", value);
    REQUIRE(in_resp3(value) == expected);
  }
  REQUIRE(in_resp3(kInfinity) == ",inf\r\n");
  REQUIRE(in_resp3(-kInfinity) == ",-inf\r\n");
  REQUIRE(in_resp3(std::nan("")) == ",nan\r\n");
  REQUIRE(in_resp3(-std::nan("")) == ",nan\r\n");
  REQUIRE(Written(2, [](auto& w) { w.Double(-kInfinity); }) == "$4\r\n-inf\r\n");
}

TEST_CASE("Human doubles have no exponent and no superfluous zeros") {
  const auto human = [](long double value) { return Written(3, [&](auto& w) { w.HumanDouble(value); }); };
  REQUIRE(human(3.0L) == ",3\r\n");
  REQUIRE(human(-0.0L) == ",0\r\n");
  REQUIRE(human(-1e-30L) == ",0\r\n");
  REQUIRE(human(100.0L) == ",100\r\n");
  REQUIRE(human(5.0e3L) == ",5000\r\n");
  REQUIRE(human(10.1L + 0.5L) == ",10.6\r\n");
  REQUIRE(human(1e20L) == ",100000000000000000000\r\n");
  REQUIRE(human(std::numeric_limits<long double>::infinity()) == ",inf\r\n");
  REQUIRE(human(std::numeric_limits<long double>::max()).size() == 4933 + 3);
}

TEST_CASE("A deferred length gives the same bytes as a known one") {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{9}, size_t{10}, size_t{100}, size_t{12345}}) {
    for (const size_t expected : {size_t{0}, size_t{10}, size_t{1'000'000}, count}) {
      for (int protocol : {2, 3}) {
        const auto elements = [&](ReplyWriter& w, size_t n) {
          for (size_t i = 0; i < n; ++i) w.Integer(static_cast<int64_t>(i));
        };
        const std::string known = Written(protocol, [&](auto& w) {
          w.Ok(), w.Array(count), elements(w, count), w.Map(count), elements(w, 2 * count), w.Set(count),
              elements(w, count);
        });
        const std::string deferred = Written(protocol, [&](auto& w) {
          w.Ok();
          size_t mark = w.BeginDeferredArray(expected);
          elements(w, count);
          w.EndDeferredArray(mark, count);
          mark = w.BeginDeferredMap(expected);
          elements(w, 2 * count);
          w.EndDeferredMap(mark, count);
          mark = w.BeginDeferredSet(expected);
          elements(w, count);
          w.EndDeferredSet(mark, count);
        });
        REQUIRE(deferred == known);
      }
    }
  }
}

TEST_CASE("A deferred length that outgrows its placeholder finds room in a full buffer") {
  ReplyBuffer buffer;
  ReplyWriter writer(buffer);
  const size_t mark = writer.BeginDeferredArray();
  const std::string elements(buffer.capacity() - buffer.size(), 'x');
  writer.Raw(elements);
  REQUIRE(buffer.size() == buffer.capacity());
  writer.EndDeferredArray(mark, 1'000'000);
  REQUIRE(buffer.view() == "*1000000\r\n" + elements);
  REQUIRE(buffer.size() <= buffer.capacity());
}

TEST_CASE("Deferred lengths nest") {
  REQUIRE(ReadBack(3, [](auto& w) {
            const size_t outer = w.BeginDeferredArray(100);
            for (int i = 0; i < 2; ++i) {
              const size_t inner = w.BeginDeferredMap(10);
              w.Bulk("k"), w.Integer(i);
              w.EndDeferredMap(inner, 1);
            }
            w.EndDeferredArray(outer, 2);
          }) == "array[map[bulk\"k\", integer 0], map[bulk\"k\", integer 1]]");
}

TEST_CASE("Truncating to a mark leaves nothing of a failed handler") {
  ReplyBuffer buffer;
  ReplyWriter writer(buffer);
  writer.Ok();
  const size_t mark = writer.size();
  writer.Array(3), writer.Bulk("one");
  const size_t deferred = writer.BeginDeferredArray();
  writer.Integer(1);
  writer.EndDeferredArray(deferred, 1);
  writer.Truncate(mark);
  writer.Error("ERR no");
  REQUIRE(buffer.view() == "+OK\r\n-ERR no\r\n");
}

TEST_CASE("A reply buffer keeps its memory until it is told to release it") {
  ReplyBuffer buffer;
  REQUIRE(buffer.capacity() == 0);
  buffer.Append(std::string(100'000, 'x'));
  const size_t capacity = buffer.capacity();
  buffer.ReleaseAbove(0);
  REQUIRE(buffer.size() == 100'000);  // never with content
  buffer.Clear();
  REQUIRE(buffer.capacity() == capacity);
  buffer.ReleaseAbove(capacity);
  REQUIRE(buffer.capacity() == capacity);
  buffer.ReleaseAbove(capacity - 1);
  REQUIRE(buffer.capacity() == 0);
  buffer.Append("abc");
  buffer.DropFront(1);
  REQUIRE(buffer.view() == "bc");

  ReplyBuffer moved = std::move(buffer);
  REQUIRE(moved.view() == "bc");
}

TEST_CASE("A large reply does not hold much more than its size") {
  ReplyBuffer buffer;
  const std::string piece(64 * 1024, 'x');
  for (int i = 0; i < 512; ++i) buffer.Append(piece);
  REQUIRE(buffer.capacity() <= buffer.size() + buffer.size() / 2);
  ReplyBuffer exact;
  ReplyWriter(exact).Bulk(std::string(8 * 1024 * 1024, 'x'));
  REQUIRE(exact.capacity() <= exact.size() + 64);
}

}  // namespace
}  // namespace chestbox::resp
