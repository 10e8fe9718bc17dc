#include <algorithm>
#include <random>

#include "replay.h"

namespace chestbox::testing {
namespace {

constexpr char kNotHyperloglog[] = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr char kCorrupt[] = "-INVALIDOBJ Corrupted HLL object detected";

// "element:0", …
void Add(Session& s, const std::string& key, int from, int to) {
  for (int i = from; i < to; ++i) s.Run({"pfadd", key, "element:" + std::to_string(i)});
}

std::string Header(char encoding) { return std::string("HYLL") + encoding + std::string(11, '\0'); }

TEST_CASE("PFADD makes the bytes that redis-server makes") {
  Session s;
  CHECK(s.Do("pfadd empty") == ":1");
  CHECK(s.Do("pfadd empty") == ":0");
  CHECK(s.Run({"get", "empty"}) == std::string("HYLL\1\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff", 18));
  CHECK(s.Do("object encoding empty") == "raw");
  CHECK(s.Do("pfadd k a b c") == ":1");
  CHECK(s.Do("pfadd k a b c") == ":0");
  CHECK(s.Run({"get", "k"}) ==
        std::string("HYLL\1\0\0\0\0\0\0\0\0\0\0\x80\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a", 27));
  CHECK(s.Do("pfdebug decode k") == "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603");
}

// Sizes and counts noted down from redis-server 7.0.15; the differential test compares all bytes.
TEST_CASE("PFCOUNT comes to the same numbers as redis-server, in either encoding") {
  Session s;
  int added = 0;
  const auto grow_to = [&](int elements) {
    Add(s, "k", added, elements);
    added = elements;
    return s.Do("pfcount k") + " " + s.Do("strlen k") + " " + s.Do("pfdebug encoding k");
  };
  CHECK(grow_to(100) == ":99 :285 +sparse");
  CHECK(grow_to(500) == ":502 :1050 +sparse");
  CHECK(grow_to(1000) == ":997 :1897 +sparse");
  CHECK(grow_to(1500) == ":1500 :2722 +sparse");
  CHECK(grow_to(5000) == ":5005 :12304 +dense");
  CHECK(grow_to(100000) == ":100039 :12304 +dense");
}

TEST_CASE("PFCOUNT keeps what it counted in the value, until something is added") {
  Session s;
  s.Do("pfadd k a b c");
  CHECK(s.EffectsOf("pfcount k") == Texts{"0: PFCOUNT k"});
  CHECK(s.Run({"getrange", "k", "8", "15"}) == std::string("\3\0\0\0\0\0\0\0", 8));
  CHECK(s.EffectsOf("pfcount k") == Texts{});
  s.Run({"setrange", "k", "8", "\x2a"});
  CHECK(s.Do("pfcount k") == ":42");
  CHECK(s.Do("pfadd k a") == ":0");
  CHECK(s.Do("pfcount k") == ":42");
  CHECK(s.Do("pfadd k d") == ":1");
  CHECK(s.Do("pfcount k") == ":4");
  CHECK(s.Do("pfcount none") == ":0");
}

TEST_CASE("Several keys are counted as their union, and merged into it") {
  Session s;
  s.Do("pfadd a 1 2 3");
  s.Do("pfadd b 3 4 5");
  Add(s, "dense", 0, 4000);
  CHECK(s.Do("pfcount a b none") == ":5");
  CHECK(s.Do("pfmerge c a b none") == "+OK");
  CHECK(s.Do("pfcount c") == ":5");
  CHECK(s.Do("pfdebug encoding c") == "+sparse");
  s.Do("expire c 100");
  CHECK(s.Do("pfmerge c dense") == "+OK");
  CHECK(s.Do("pfdebug encoding c") == "+dense");
  CHECK(s.Do("ttl c") == ":100");
  CHECK(s.Do("pfcount c") == s.Do("pfcount a b dense"));
  CHECK(s.Do("pfmerge new") == "+OK");
  CHECK(s.Do("pfcount new") == ":0");
}

TEST_CASE("hll-sparse-max-bytes holds from the moment it is set") {
  Session s;
  s.Do("pfadd k a");
  CHECK(s.Do("pfdebug encoding k") == "+sparse");
  CHECK(s.Do("config set hll-sparse-max-bytes 21") == "+OK");
  CHECK(s.Do("pfadd k a") == ":0");
  CHECK(s.Do("pfdebug encoding k") == "+sparse");
  CHECK(s.Do("pfadd k b") == ":1");
  CHECK(s.Do("pfdebug encoding k") == "+dense");
  CHECK(s.Do("config set hll-sparse-max-bytes 100000") == "+OK");
  Add(s, "large", 0, 20000);
  CHECK(s.Do("pfdebug encoding large") == "+sparse");
  Add(s, "dense", 0, 1);
  s.Do("pfdebug todense dense");
  Add(s, "dense", 1, 20000);
  CHECK(s.Do("pfcount large") == s.Do("pfcount dense"));
  s.Do("pfdebug todense large");
  s.Do("pfcount large");
  CHECK(s.Do("get large") == s.Do("get dense"));
}

TEST_CASE("Strings that are no HyperLogLogs are refused") {
  Session s;
  const std::string values[] = {"",
                                "12345678901234567890",
                                "42",
                                Header('\1').substr(0, 15),
                                Header('\2') + "\x7f\xff",
                                "HYLM" + Header('\1').substr(4) + "\x7f\xff",
                                Header('\0'),
                                Header('\0') + std::string(12289, '\0')};
  for (const std::string& value : values) {
    CAPTURE(value);
    s.Run({"set", "k", value});
    for (const char* command :
         {"pfadd k a", "pfcount k", "pfcount k k", "pfmerge k", "pfmerge other k", "pfdebug decode k"}) {
      CHECK(s.EffectsOf(command) == Texts{});
      CHECK(s.Do(command) == kNotHyperloglog);
    }
    CHECK(s.Do("get k") == value);
    CHECK(s.Do("exists other") == ":0");
  }
}

TEST_CASE("Corrupt runs are found, and nothing is changed by the command that finds them") {
  Session s;
  s.Do("config set hll-sparse-max-bytes 18");
  const std::string invalid = std::string("HYLL\1\0\0\0\0\0\0\0\0\0\0\x80", 16);
  const std::string runs[] = {"",                            // none
                              "\x7f\xfe",                    // a register short
                              std::string("\x7f\xff\0", 3),  // one too many
                              "\x7f",                        // cut off
                              "\x7f\xfe\x81",                // values beyond the last
                              std::string(20000, '\xff')};
  for (const std::string& run : runs) {
    CAPTURE(run);
    s.Run({"set", "k", invalid + run});
    for (const char* command :
         {"pfcount k", "pfcount k none", "pfmerge other k", "pfmerge k", "pfdebug todense k", "pfdebug getreg k"}) {
      CAPTURE(command);
      CHECK(s.EffectsOf(command) == Texts{});
      CHECK(s.Do(command) == kCorrupt);
    }
    s.Do("pfadd k a b c d e f g h");  // may find its registers before the damage
    CHECK(s.Do("exists other") == ":0");
  }
  s.Run({"set", "k", invalid + "\x7f\xff\x7f\xff"});
  CHECK(s.Do("pfadd k a b") == kCorrupt);
  CHECK(s.Do("get k") == invalid + "\x7f\xff\x7f\xff");
}

TEST_CASE("Random bytes behind a header never harm") {
  Session s;
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string value = Header('\1');
    value[15] = '\x80';
    value.resize(16 + random() % 300);
    for (size_t i = 16; i < value.size(); ++i) value[i] = static_cast<char>(random());
    s.Run({"set", "k", value});
    for (int i = 0; i < 20; ++i) s.Run({"pfadd", "k", std::to_string(random()), std::to_string(random())});
    s.Do("pfcount k");
    s.Do("pfcount k k");
    s.Do("pfdebug decode k");
    s.Do("pfmerge k k");
    s.Do("pfdebug getreg k");
  }
}

TEST_CASE("PFDEBUG shows and converts") {
  Session s;
  s.Do("pfadd k a");
  CHECK(s.Do("pfdebug encoding k") == "+sparse");
  CHECK(s.EffectsOf("pfdebug todense k") == Texts{"0: PFDEBUG TODENSE k"});
  CHECK(s.Do("pfdebug todense k") == ":0");
  CHECK(s.Do("strlen k") == ":12304");
  CHECK(s.Do("pfdebug decode k") == "-ERR HLL encoding is not sparse");
  CHECK(s.Do("pfdebug nonsense k") == "-ERR Unknown PFDEBUG subcommand 'nonsense'");
  CHECK(s.Do("pfdebug encoding none") == "-ERR The specified key does not exist");
  const std::string registers = s.Do("pfdebug getreg k");
  CHECK(std::count(registers.begin(), registers.end(), ':') == 16384);
}

TEST_CASE("PFSELFTEST passes") {
  Session s;
  CHECK(s.Do("pfselftest") == "+OK");
}

TEST_CASE("Registers of a dense value change in place") {
  Session s;
  Add(s, "k", 0, 5000);
  const auto view = s.server().keys().Peek(0, "k");
  Add(s, "k", 5000, 9000);
  s.Do("pfcount k");
  CHECK(s.server().keys().Peek(0, "k")->value.data() == view->value.data());
}

TEST_CASE("Replaying the effects of a random history of HyperLogLogs gives the same strings") {
  Session s;
  Session other;
  const Replay replay(s);
  std::mt19937 random(6);
  const auto key = [&] { return "k" + std::to_string(random() % 4); };
  for (int i = 0; i < 4000; ++i) {
    switch (random() % 12) {
      case 0:
        s.Run({"pfmerge", key(), key(), key()});
        break;
      case 1:
        s.Run({"pfcount", key()});
        break;
      case 2:
        s.Run({random() % 20 == 0 ? "del" : "pfcount", key()});
        break;
      case 3:
        s.Run({"pfdebug", random() % 20 == 0 ? "getreg" : "encoding", key()});
        break;
      default:
        s.Run({"pfadd", key(), std::to_string(random() % 100), std::to_string(random()), std::to_string(random())});
    }
  }
  replay.RunOn(other);
  for (const char* name : {"k0", "k1", "k2", "k3"}) CHECK((s.Run({"get", name}) == other.Run({"get", name})));
}

}  // namespace
}  // namespace chestbox::testing
