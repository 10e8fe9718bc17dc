#include "session.h"

namespace chestbox::testing {
namespace {

TEST_CASE("A key is gone when its time has come, and is reported as deleted") {
  Session s;
  s.Do("set k v");
  CHECK(s.Do("expire k 10") == ":1");
  CHECK(s.Do("ttl k") == ":10");
  s.Advance(9000);
  CHECK(s.Do("get k") == "v");
  s.Advance(1000);
  s.Effects();
  CHECK(s.Do("get k") == "nil");
  CHECK(s.Effects() == Texts{"0: DEL k"});
  CHECK(s.Do("ttl k") == ":-2");
}

TEST_CASE("TTL rounds to the nearest second; -1 is no expiry and -2 no key") {
  Session s;
  CHECK(s.Do("ttl k") == ":-2");
  CHECK(s.Do("pexpiretime k") == ":-2");
  s.Do("set k v");
  for (const char* command : {"ttl k", "pttl k", "expiretime k", "pexpiretime k"}) CHECK(s.Do(command) == ":-1");
  s.Do("pexpireat k 33000000000499");
  CHECK(s.Do("expiretime k") == ":33000000000");
  CHECK(s.Do("pexpiretime k") == ":33000000000499");
  s.Do("pexpireat k 33000000000500");
  CHECK(s.Do("expiretime k") == ":33000000001");
}

TEST_CASE("All four commands set the expiry in their unit and from their base") {
  Session s;
  s.Do("set k v");
  CHECK(s.Do("pexpire k 5000") == ":1");
  CHECK(s.Do("ttl k") == ":5");
  CHECK(s.Do("expireat k 33000000000") == ":1");
  CHECK(s.Do("pexpiretime k") == ":33000000000000");
  CHECK(s.Do("pexpireat k 33000000000007") == ":1");
  CHECK(s.Do("pexpiretime k") == ":33000000000007");
  CHECK(s.Do("expire none 5") == ":0");
}

TEST_CASE("A moment in the past deletes the key") {
  Session s;
  for (const char* line :
       {"expire k 0", "expire k -1", "pexpire k -9223372036854775808", "expireat k 1", "pexpireat k -5"}) {
    s.Do("set k v");
    CHECK(s.EffectsOf(line) == Texts{"0: DEL k"});
    CHECK(s.Do("exists k") == ":0");
  }
}

TEST_CASE("Conditions compare with the expiry that the key has; none counts as infinite") {
  Session s;
  s.Do("set k v");
  CHECK(s.Do("expire k 100 xx") == ":0");
  CHECK(s.Do("expire k 100 gt") == ":0");
  CHECK(s.Do("expire k 100 nx") == ":1");
  CHECK(s.Do("expire k 200 nx") == ":0");
  CHECK(s.Do("expire k 50 gt") == ":0");
  CHECK(s.Do("expire k 200 gt") == ":1");
  CHECK(s.Do("expire k 300 LT") == ":0");
  CHECK(s.Do("expire k 100 lt xx") == ":1");
  CHECK(s.Do("ttl k") == ":100");
  s.Do("persist k");
  CHECK(s.Do("expire k 100 lt") == ":1");
  s.Do("persist k");
  CHECK(s.Do("expire k 100 lt xx") == ":0");
  CHECK(s.Do("expire k 100 gt xx") == ":0");
  CHECK(s.Do("expire k 100 nx xx") == "-ERR NX and XX, GT or LT options at the same time are not compatible");
  CHECK(s.Do("expire k 100 nx gt") == "-ERR NX and XX, GT or LT options at the same time are not compatible");
  CHECK(s.Do("expire k 100 gt lt") == "-ERR GT and LT options at the same time are not compatible");
  CHECK(s.Do("expire k 100 ab") == "-ERR Unsupported option ab");
  CHECK(s.Do("expire k x ab") == "-ERR Unsupported option ab");
  CHECK(s.Run({"expire", "k", "1", {"a\0b", 3}}) == "-ERR Unsupported option a");
}

TEST_CASE("Times that do not fit are refused") {
  Session s;
  s.Do("set k v");
  CHECK(s.Do("expire k 9223372036854775807") == "-ERR invalid expire time in 'expire' command");
  CHECK(s.Do("expire k -9223372036854775808") == "-ERR invalid expire time in 'expire' command");
  CHECK(s.Do("pexpire k 9223372036854775807") == "-ERR invalid expire time in 'pexpire' command");
  CHECK(s.Do("expireat k 9223372036854776") == "-ERR invalid expire time in 'expireat' command");
  CHECK(s.Do("expire k 1.5") == "-ERR value is not an integer or out of range");
  CHECK(s.Do("ttl k") == ":-1");
  CHECK(s.Do("pexpireat k 9223372036854775807") == ":1");
  CHECK(s.Do("persist k") == ":1");
}

TEST_CASE("PERSIST takes the expiry away and changes nothing else") {
  Session s;
  CHECK(s.Do("persist k") == ":0");
  const std::string large(5000, 'x');
  s.Run({"set", "k", large});
  CHECK(s.Do("persist k") == ":0");
  s.Do("expire k 100");
  CHECK(s.EffectsOf("persist k") == Texts{"0: PERSIST k"});
  CHECK(s.Do("ttl k") == ":-1");
  CHECK(s.Do("get k") == large);
}

TEST_CASE("Expiry effects have absolute times") {
  Session s;
  s.Do("set k v");
  s.Effects();
  s.Do("expire k 100");
  CHECK(s.Effects() == Texts{"0: PEXPIREAT k " + std::to_string(s.now_ms() + 100'000)});
  CHECK(s.EffectsOf("expire k 100 nx") == Texts{});
}

}  // namespace
}  // namespace chestbox::testing
