#include <random>

#include "replay.h"

namespace chestbox::testing {
namespace {

constexpr char kNotInteger[] = "-ERR value is not an integer or out of range";
constexpr char kSyntax[] = "-ERR syntax error";
constexpr char kWrongOffset[] = "-ERR bit offset is not an integer or out of range";
constexpr char kWrongBit[] = "-ERR bit is not an integer or out of range";

TEST_CASE("SETBIT sets, clears and grows, and replies what was there") {
  Session s;
  CHECK(s.Do("setbit k 1 1") == ":0");
  CHECK(s.Do("get k") == "@");
  CHECK(s.Do("setbit k 1 0") == ":1");
  CHECK(s.Run({"get", "k"}) == std::string(1, '\0'));
  CHECK(s.Do("setbit k 23 1") == ":0");
  CHECK(s.Run({"get", "k"}) == std::string("\0\0\1", 3));
  CHECK(s.Do("setbit k 8000 0") == ":0");
  CHECK(s.Do("strlen k") == ":1001");
  CHECK(s.Do("getbit k 23") == ":1");
  CHECK(s.Do("getbit k 22") == ":0");
  CHECK(s.Do("getbit k 100000") == ":0");
  CHECK(s.Do("getbit none 0") == ":0");
  CHECK(s.Do("object encoding k") == "raw");
}

TEST_CASE("A bit that is set already leaves the string as it is, but for its encoding") {
  Session s;
  s.Do("set n 1 ex 100");
  CHECK(s.Do("object encoding n") == "int");
  CHECK(s.EffectsOf("setbit n 2 1") == Texts{});
  CHECK(s.Do("object encoding n") == "raw");
  CHECK(s.Do("get n") == "1");
  s.Do("setbit n 6 1");
  CHECK(s.Do("get n") == "3");
  CHECK(s.Do("ttl n") == ":100");
}

TEST_CASE("Bit offsets end where strings do") {
  Session s("proto-max-bulk-len 1mb");
  CHECK(s.Do("setbit k 8388607 1") == ":0");
  CHECK(s.Do("setbit k 8388608 1") == kWrongOffset);
  CHECK(s.Do("getbit k 8388608") == kWrongOffset);
  CHECK(s.Do("setbit k -1 1") == kWrongOffset);
  CHECK(s.Do("setbit k x 1") == kWrongOffset);
  CHECK(s.Do("setbit k #1 1") == kWrongOffset);
  CHECK(s.Do("setbit k 0 2") == kWrongBit);
  CHECK(s.Do("setbit k 0 -1") == kWrongBit);
  CHECK(s.Do("setbit k 0 x") == kWrongBit);
  CHECK(s.Do("bitfield other get u8 #1048576") == kWrongOffset);
  CHECK(s.Do("bitfield other set u8 8388607 1") == "[:0]");
  CHECK(s.Do("strlen other") == ":1048577");  // the field's beginning counts, as in Redis
}

TEST_CASE("BITCOUNT counts bytes or bits of a range") {
  Session s;
  s.Do("set k foobar");
  CHECK(s.Do("bitcount k") == ":26");
  CHECK(s.Do("bitcount k 0 0") == ":4");
  CHECK(s.Do("bitcount k 1 1 byte") == ":6");
  CHECK(s.Do("bitcount k 5 30 BIT") == ":17");
  CHECK(s.Do("bitcount k -1 -100") == ":0");
  CHECK(s.Do("bitcount k 0") == kSyntax);
  CHECK(s.Do("bitcount k 0 1 hello") == kSyntax);
  CHECK(s.Do("bitcount k 0 1 bit x") == kSyntax);
  CHECK(s.Do("bitcount k a b") == kNotInteger);
  CHECK(s.Do("bitcount none a b c d") == ":0");
}

TEST_CASE("BITPOS finds the first set or clear bit") {
  Session s;
  s.Run({"set", "k", std::string("\xff\xf0\x00", 3)});
  CHECK(s.Do("bitpos k 0") == ":12");
  CHECK(s.Do("bitpos k 1 2") == ":-1");
  CHECK(s.Do("bitpos k 0 0 0") == ":-1");
  CHECK(s.Do("bitpos k 0 13 15 bit") == ":13");
  CHECK(s.Do("bitpos k 1 7 15 bit") == ":7");
  CHECK(s.Do("bitpos none 0") == ":0");
  CHECK(s.Do("bitpos none 1 x") == ":-1");
  CHECK(s.Do("bitpos k 2") == "-ERR The bit argument must be 1 or 0.");
  CHECK(s.Do("bitpos k x") == kNotInteger);
  CHECK(s.Do("bitpos k 0 x") == kNotInteger);
  CHECK(s.Do("bitpos k 0 0 x") == kNotInteger);
  CHECK(s.Do("bitpos k 0 0 0 hello") == kSyntax);
  CHECK(s.Do("bitpos k 0 0 0 bit x") == kSyntax);
}

TEST_CASE("BITOP combines strings of any lengths") {
  Session s;
  s.Run({"set", "a", "\xf0\x0f\xff"});
  s.Run({"set", "b", "\xff\xff"});
  CHECK(s.Do("bitop and d a b") == ":3");
  CHECK(s.Run({"get", "d"}) == std::string("\xf0\x0f\x00", 3));
  CHECK(s.Do("bitop or d a b none") == ":3");
  CHECK(s.Do("get d") == "\xff\xff\xff");
  CHECK(s.Do("bitop xor d a b") == ":3");
  CHECK(s.Do("get d") == "\x0f\xf0\xff");
  CHECK(s.Do("bitop not a a") == ":3");
  CHECK(s.Run({"get", "a"}) == std::string("\x0f\xf0\x00", 3));
  CHECK(s.Do("object encoding a") == "raw");
  CHECK(s.Do("bitop not d a b") == "-ERR BITOP NOT must be called with a single source key.");
  CHECK(s.Do("bitop nand d a b") == kSyntax);
}

TEST_CASE("BITOP replaces its target whole, and deletes it when there is nothing to store") {
  Session s;
  s.Do("set a x");
  s.Do("set d old ex 100");
  CHECK(s.EffectsOf("bitop or d a a") == Texts{"0: SET d x"});
  CHECK(s.Do("ttl d") == ":-1");
  CHECK(s.EffectsOf("bitop or d none1 none2") == Texts{"0: DEL d"});
  CHECK(s.Do("exists d") == ":0");
  CHECK(s.EffectsOf("bitop or d none1 none2") == Texts{});
}

// Both ways of storing the result: by a copy, and in place.
TEST_CASE("BITOP of large strings may write over one of its sources") {
  for (const size_t bytes : {100'000U, 700'001U}) {
    Session s;
    std::mt19937 random(3);
    std::string a(bytes, '\0');
    std::string b(bytes / 2 + 3, '\0');
    for (char& byte : a) byte = static_cast<char>(random());
    for (char& byte : b) byte = static_cast<char>(random());
    std::string expected = a;
    for (size_t i = 0; i < a.size(); ++i) expected[i] = static_cast<char>(a[i] ^ (i < b.size() ? b[i] : 0));
    for (const char* target : {"a", "b", "new"}) {
      CAPTURE(bytes, target);
      s.Run({"set", "a", a});
      s.Run({"set", "b", b});
      CHECK(s.Run({"bitop", "xor", target, "a", "b"}) == ":" + std::to_string(bytes));
      CHECK((s.Run({"get", target}) == expected));
    }
    s.Do("set d small ex 100");
    CHECK(s.Do("bitop xor d new") == ":" + std::to_string(bytes));
    CHECK((s.Do("get d") == expected));
    CHECK(s.Do("ttl d") == ":-1");
  }
}

TEST_CASE("BITFIELD reads, sets and adds") {
  Session s;
  CHECK(s.Do("bitfield k set u8 0 255 get u4 2 incrby i5 100 1 get i8 #0") == "[:0, :15, :1, :-1]");
  CHECK(s.Do("bitfield k") == "[]");
  CHECK(s.Do("bitfield none get u8 0 get i64 4000") == "[:0, :0]");
  CHECK(s.Do("exists none") == ":0");
  CHECK(s.Do("bitfield_ro k get u8 0 get u8 #1") == "[:255, :0]");
  CHECK(s.Do("bitfield_ro k set u8 0 1") == "-ERR BITFIELD_RO only supports the GET subcommand");
}

TEST_CASE("BITFIELD's overflow wraps, saturates or fails") {
  Session s;
  CHECK(s.Do("bitfield k set u8 0 255 incrby u8 0 10") == "[:0, :9]");
  CHECK(s.Do("bitfield k overflow sat incrby u8 0 1000 incrby u8 0 -1000") == "[:255, :0]");
  CHECK(s.Do("bitfield k overflow fail incrby u8 0 -1 set u8 0 256 incrby u8 0 1") == "[nil, nil, :1]");
  CHECK(s.Do("bitfield k overflow sat set i64 64 9223372036854775807 incrby i64 64 1") == "[:0, :9223372036854775807]");
  CHECK(s.Do("bitfield k incrby i64 64 1") == "[:-9223372036854775808]");
  CHECK(s.Do("bitfield k overflow sat incrby i64 64 -1") == "[:-9223372036854775808]");
  CHECK(s.Do("bitfield k overflow fail incrby i64 64 -1") == "[nil]");
  CHECK(s.Do("bitfield k overflow sat set u8 0 -1") == "[:1]");  // a large number, as for Redis
  CHECK(s.Do("bitfield k get u8 0") == "[:255]");
}

TEST_CASE("BITFIELD with an error anywhere does nothing") {
  Session s;
  const std::string type =
      "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
  CHECK(s.Do("bitfield k set u8 0 1 set u64 0 1") == type);
  CHECK(s.Do("bitfield k set u8 0 1 set u8 x 1") == kWrongOffset);
  CHECK(s.Do("bitfield k set u8 0 1 set u8 0 x") == kNotInteger);
  CHECK(s.Do("bitfield k set u8 0 1 overflow none set u8 0 1") == "-ERR Invalid OVERFLOW type specified");
  CHECK(s.Do("bitfield k set u8 0 1 get u8") == kSyntax);
  CHECK(s.Do("bitfield k set u8 0 1 overflow") == kSyntax);
  CHECK(s.Do("exists k") == ":0");
}

TEST_CASE("Bitmap effects write what came out, and nothing for nothing") {
  Session s;
  CHECK(s.EffectsOf("setbit k 7 1") == Texts{"0: SETBIT k 7 1"});
  CHECK(s.EffectsOf("setbit k 7 1") == Texts{});
  CHECK(s.EffectsOf("bitfield k incrby u8 0 4 get u8 0 set u8 0 5") == Texts{"0: BITFIELD k SET u8 0 5"});
  CHECK(s.EffectsOf("bitfield k overflow fail incrby u1 20 2") == Texts{"0: BITFIELD k SET u1 20 0"});
  CHECK(s.Do("strlen k") == ":3");
  CHECK(s.EffectsOf("bitfield k get u8 0") == Texts{});
  CHECK(s.EffectsOf("bitcount k") == Texts{});
}

TEST_CASE("Bits change in place, without copying the string") {
  Session s;
  s.Do("setbit k 8000000 1");
  const auto view = s.server().keys().Peek(0, "k");
  s.Do("setbit k 1000 1");
  s.Do("bitfield k set u63 4001 12345");
  s.Do("bitop not k k");
  CHECK(s.server().keys().Peek(0, "k")->value.data() == view->value.data());
}

TEST_CASE("Replaying the effects of a random history of bitmaps gives the same strings") {
  Session s;
  Session other;
  const Replay replay(s);
  std::mt19937 random(4);
  const auto number = [&](unsigned below) { return std::to_string(random() % below); };
  const auto key = [&] { return "k" + number(4); };
  for (int i = 0; i < 3000; ++i) {
    const char* overflows[] = {"wrap", "sat", "fail"};
    const char* operations[] = {"and", "or", "xor"};
    switch (random() % 8) {
      case 0:
        s.Run({"bitop", operations[random() % 3], key(), key(), key()});
        break;
      case 1:
        s.Run({"bitop", "not", key(), key()});
        break;
      case 2:
        s.Run({random() % 3 == 0 ? "del" : "get", key()});
        break;
      case 3:
      case 4:
        s.Run({"setbit", key(), number(3000), number(2)});
        break;
      default:
        s.Run({"bitfield", key(), "overflow", overflows[random() % 3], "incrby",
               "u" + std::to_string(1 + random() % 63), number(3000), std::to_string(static_cast<int>(random())), "set",
               "i" + std::to_string(1 + random() % 64), number(3000), number(100), "get", "u8", "0"});
    }
  }
  replay.RunOn(other);
  for (const char* name : {"k0", "k1", "k2", "k3"}) CHECK(s.Run({"get", name}) == other.Run({"get", name}));
}

}  // namespace
}  // namespace chestbox::testing
