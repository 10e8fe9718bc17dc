#include "server/blocked_clients.h"
#include "server/config/settings.h"
#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("XADD takes whole IDs, those that leave the sequence to the stream, and none that do not ascend") {
  Session s;
  CHECK(s.Do("xadd s 0-0 f v") == "-ERR The ID specified in XADD must be greater than 0-0");
  CHECK(s.Do("exists s") == ":0");
  CHECK(s.Do("xadd s 5-1 f v") == "5-1");
  CHECK(s.Do("xadd s 5-* f v") == "5-2");
  CHECK(s.Do("xadd s 7 f v g w") == "7-0");
  CHECK(s.Do("xadd s 7-0 f v") == "-ERR The ID specified in XADD is equal or smaller than the target stream top item");
  CHECK(s.Do("xadd s 8-0 f") == "-ERR wrong number of arguments for 'xadd' command");
  CHECK(s.Do("xadd none nomkstream 1-1 f v") == "nil");
  CHECK(s.Do("exists none") == ":0");
  CHECK(s.Do("xlen s") == ":3");
  CHECK(s.Do("xrange s - +") == "[[5-1, [f, v]], [5-2, [f, v]], [7-0, [f, v, g, w]]]");
  CHECK(s.Do("xrevrange s + (5-1 count 1") == "[[7-0, [f, v, g, w]]]");
  CHECK(s.Do("xrange s (18446744073709551615-18446744073709551615 +") == "-ERR invalid start ID for the interval");
  CHECK(s.Do("type s") == "+stream");
  CHECK(s.Do("object encoding s") == "stream");
  CHECK(s.Do("xadd s 18446744073709551615-18446744073709551615 f v") == "18446744073709551615-18446744073709551615");
  CHECK(s.Do("xadd s * f v") == "-ERR The stream has exhausted the last possible ID, unable to add more items");
  s.Do("set string v");
  CHECK(s.Do("xadd string * f v") == "-WRONGTYPE Operation against a key holding the wrong kind of value");
}

TEST_CASE("An ID ends at a NUL, and so does what may stand in its place") {
  using namespace std::string_view_literals;
  Session s;
  CHECK(s.Run({"xadd", "s", "5-5\0junk"sv, "f", "v"}) == "5-5");
  CHECK(s.Run({"xadd", "s", "6-*\0"sv, "f", "v"}) == "6-0");
  CHECK(s.Run({"xadd", "s", "*\0"sv, "f", "v"}) != "-ERR Invalid stream ID specified as stream command argument");
  CHECK(s.Run({"xadd", "s", "\0"sv, "f", "v"}) == "-ERR Invalid stream ID specified as stream command argument");
  CHECK(s.Run({"xrange", "s", "-\0x"sv, "(6-0\0x"sv}) == "[[5-5, [f, v]]]");
  CHECK(s.Run({"xrange", "s", "6"sv, "+\0x"sv, "count", "1"}) == "[[6-0, [f, v]]]");
  CHECK(s.Run({"xread", "streams", "s", "$\0"sv}) == "nil");
  CHECK(s.Run({"xgroup", "create", "s", "g", "$\0"sv}) == "+OK");
  CHECK(s.Run({"xgroup", "setid", "s", "g", "$\0"sv}) == "+OK");
  CHECK(s.Run({"xreadgroup", "group", "g", "c", "streams", "s", ">\0"sv}) == "nil");
  const std::string too_long = "7-0" + std::string(125, '\0');
  CHECK(s.Run({"xadd", "s", too_long, "f", "v"}) == "-ERR Invalid stream ID specified as stream command argument");
}

TEST_CASE("An ID of the server's own is the time, or the one after the last") {
  Session s;
  const std::string now = std::to_string(s.now_ms());
  const std::string id = s.Do("xadd s * f v");
  CHECK(id.size() == now.size() + 2);
  CHECK(s.EffectsOf("xadd t 99999999999999-5 f v") == Texts{"0: XADD t 99999999999999-5 f v"});
  CHECK(s.EffectsOf("xadd t * f v") == Texts{"0: XADD t 99999999999999-6 f v"});
}

TEST_CASE("Trimming is reported by what it left") {
  Session s("stream-node-max-entries 2\n");
  for (int i = 1; i <= 9; ++i) s.Do("xadd s " + std::to_string(i) + "-0 f v");
  CHECK(s.EffectsOf("xtrim s maxlen ~ 6") == Texts{"0: XTRIM s MAXLEN = 7"});
  CHECK(s.EffectsOf("xadd s minid 5 10-0 f v") == Texts{"0: XADD s MAXLEN = 6 10-0 f v"});
  CHECK(s.Do("xrange s - + count 1") == "[[5-0, [f, v]]]");
  CHECK(s.EffectsOf("xtrim s maxlen 100").empty());
  CHECK(s.EffectsOf("xdel s 5-0 77-0 6-0") == Texts{"0: XDEL s 5-0 6-0"});
  CHECK(s.Do("xtrim s maxlen 0") == ":4");
  CHECK(s.Do("exists s") == ":1");
  CHECK(s.Do("xtrim s maxlen 1 limit 5") == "-ERR syntax error, LIMIT cannot be used without the special ~ option");
}

TEST_CASE("What a consumer reads is pending for it until it is acknowledged") {
  Session s;
  s.Do("xadd s 1-0 f a");
  s.Do("xadd s 2-0 f b");
  CHECK(s.EffectsOf("xgroup create s g 0") == Texts{"0: XGROUP CREATE s g 0-0 ENTRIESREAD -1"});
  CHECK(s.Do("xgroup create s g 0") == "-BUSYGROUP Consumer Group name already exists");
  CHECK(s.Do("xreadgroup group g ann count 1 streams s >") == "[[s, [[1-0, [f, a]]]]]");
  CHECK(s.Do("xreadgroup group g bob streams s >") == "[[s, [[2-0, [f, b]]]]]");
  CHECK(s.Do("xreadgroup group g bob streams s >") == "nil");
  CHECK(s.Do("xreadgroup group g bob streams s 0") == "[[s, [[2-0, [f, b]]]]]");
  CHECK(s.Do("xpending s g") == "[:2, 1-0, 2-0, [[ann, 1], [bob, 1]]]");
  CHECK(s.Do("xinfo groups s") ==
        "[[name, g, consumers, :2, pending, :2, last-delivered-id, 2-0, entries-read, :2, lag, :0]]");
  CHECK(s.EffectsOf("xack s g 1-0 9-9") == Texts{"0: XACK s g 1-0"});
  CHECK(s.Do("xpending s g - + 10 ann") == "[]");
  s.Do("xdel s 2-0");
  CHECK(s.Do("xreadgroup group g bob streams s 0") == "[[s, [[2-0, nil]]]]");
  CHECK(s.Do("xreadgroup group none bob streams s >") ==
        "-NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option");
  CHECK(s.EffectsOf("xgroup delconsumer s g bob") == Texts{"0: XGROUP DELCONSUMER s g bob"});
  CHECK(s.EffectsOf("xgroup destroy s g") == Texts{"0: XGROUP DESTROY s g"});
}

TEST_CASE("Deliveries are reported as claims that depend on nothing") {
  Session s;
  s.Do("xgroup create s g $ mkstream");
  s.Do("xadd s 1-0 f a");
  s.Effects();
  s.Do("xreadgroup group g ann streams s >");
  const std::string now = std::to_string(s.now_ms());
  CHECK(s.Effects() == Texts{"0: XCLAIM s g ann 0 1-0 TIME " + now + " RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
                             "0: XGROUP SETID s g 1-0 ENTRIESREAD 1"});
  s.Do("xclaim s g bob 0 1-0 idle 1000 retrycount 7 justid");
  const std::string then = std::to_string(s.now_ms() - 1000);
  CHECK(s.Effects() == Texts{"0: XCLAIM s g bob 0 1-0 TIME " + then + " RETRYCOUNT 7 FORCE JUSTID LASTID 1-0"});
  CHECK(s.Do("xclaim s g bob 60000 1-0") == "[]");
  CHECK(s.Do("xautoclaim s g ann 0 - count 1") == "[0-0, [[1-0, [f, a]]], []]");
  s.Do("xdel s 1-0");
  CHECK(s.EffectsOf("xautoclaim s g bob 0 -") == Texts{"0: XACK s g 1-0"});
}

TEST_CASE("Streams are copied, renamed and deleted with their groups") {
  Session s("stream-node-max-entries 3\n");
  for (int i = 1; i <= 50; ++i) s.Do("xadd s " + std::to_string(i) + "-0 f v");
  s.Do("xgroup create s g 0");
  s.Do("xreadgroup group g ann count 20 streams s >");
  const std::string full = s.Do("xinfo stream s full");
  CHECK(s.Do("copy s t") == ":1");
  CHECK(s.Do("xinfo stream t full") == full);
  CHECK(s.Do("xack t g 1-0") == ":1");
  CHECK(s.Do("xdel t 1-0") == ":1");
  CHECK(s.Do("xinfo stream s full") == full);
  s.Do("rename s u");
  CHECK(s.Do("xinfo stream u full") == full);
  s.Do("del u");
  CHECK(s.Do("xlen t") == ":49");
  s.Do("set t string");
  CHECK(s.Do("get t") == "string");
}

class Waiting {
 public:
  Client& Wait(std::initializer_list<std::string_view> args) {
    Client& client = s.server().AddClient();
    CHECK(s.server().RunAs(client, args).empty());
    CHECK(client.is_waiting());
    return client;
  }
  static std::string Got(Client& client) {
    const std::string text(client.output.view());
    client.output.Clear();
    return text.empty() ? "" : Session::Text(text);
  }
  Session s;
};

TEST_CASE("XREAD waits for entries behind the one that was last when it was called") {
  Waiting w;
  w.s.Do("xadd s 1-0 f a");
  Client& reader = w.Wait({"xread", "block", "0", "streams", "s", "t", "$", "5-0"});
  w.s.Do("xadd t 4-0 f b");
  CHECK(reader.is_waiting());
  w.s.Do("xgroup create s g 0");
  w.s.Do("xdel s 1-0");
  CHECK(reader.is_waiting());
  w.s.Do("xadd s 2-0 f c");
  CHECK(Waiting::Got(reader) == "[[s, [[2-0, [f, c]]]]]");
  CHECK_FALSE(reader.is_waiting());
  CHECK(w.s.Do("xread block -1 streams s $") == "-ERR timeout is negative");
}

TEST_CASE("Consumers that wait for new entries get one each, and pending ones need no waiting") {
  Waiting w;
  w.s.Do("xgroup create s g $ mkstream");
  Client& ann = w.Wait({"xreadgroup", "group", "g", "ann", "count", "1", "block", "0", "streams", "s", ">"});
  Client& bob = w.Wait({"xreadgroup", "group", "g", "bob", "count", "1", "block", "0", "streams", "s", ">"});
  w.s.Do("xadd s 1-0 f a");
  CHECK(Waiting::Got(ann) == "[[s, [[1-0, [f, a]]]]]");
  CHECK(bob.is_waiting());
  w.s.Do("xadd s 2-0 f b");
  CHECK(Waiting::Got(bob) == "[[s, [[2-0, [f, b]]]]]");
  CHECK(w.s.Do("xreadgroup group g cat block 0 streams s 0") == "[[s, []]]");
}

TEST_CASE("A consumer that waits is told when its group or its key is gone") {
  Waiting w;
  const auto wait = [&]() -> Client& {
    w.s.Do("xgroup create s g $ mkstream");
    return w.Wait({"xreadgroup", "group", "g", "ann", "block", "0", "streams", "s", ">"});
  };
  const std::string gone = "-UNBLOCKED the stream key no longer exists";
  Client& destroyed = wait();
  w.s.Do("xgroup destroy s g");
  CHECK(Waiting::Got(destroyed) == "-NOGROUP the consumer group this client was blocked on no longer exists");
  Client& deleted = wait();
  w.s.Do("del s");
  CHECK(Waiting::Got(deleted) == gone);
  Client& replaced = wait();
  w.s.Do("set s string");
  CHECK(Waiting::Got(replaced) == gone);
  w.s.Do("del s");
  Client& flushed = wait();
  w.s.Do("flushall");
  CHECK(Waiting::Got(flushed) == gone);
  Client& swapped = wait();
  w.s.Do("swapdb 0 1");
  CHECK(Waiting::Got(swapped) == gone);
}

}  // namespace
}  // namespace chestbox::testing
