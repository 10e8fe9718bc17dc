// Reads in shared memory, as the keyspace hears of them: 48 bits of a hash, and how often.
#include <cmath>
#include <memory>
#include <string>

#include "protocol/shm/hash.h"
#include "server/arena/arena_allocator.h"
#include "server/keyspace.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox {
namespace {

constexpr uint64_t kHashMask = 0x0000'ffff'ffff'ffff;

struct Store {
  explicit Store(Keyspace::HashFunction hash_of = shm::HashKey)
      : arena(std::move(*ArenaAllocator::Create(uint64_t{4} << 30, 1, 42))), keys(*arena, effects, hash_of) {
    REQUIRE(keys.Create());
    keys.SetTime(1'000'000);
  }
  void Set(const std::string& key) {
    REQUIRE(keys.SetString(0, key, "value", StringEncoding::kEmbedded, kNoExpiry).ok());
    keys.FinishCommand();
  }
  void Touch(const std::string& key, uint32_t uses = 1) { keys.TouchHashed(0, keys.HashOf(key) & kHashMask, uses); }
  uint32_t Idle(const std::string& key) { return keys.IdleSeconds(keys.Peek(0, key)->access); }
  uint32_t Frequency(const std::string& key) { return keys.LfuCounter(keys.Peek(0, key)->access); }

  EffectSink effects;
  std::unique_ptr<ArenaAllocator> arena;
  Keyspace keys;
};

std::string Name(int i) { return "key" + std::to_string(i); }

TEST_CASE("A use told by hash touches that key, in an index of any size") {
  Store store;
  constexpr int kKeys = 20000;
  for (int i = 0; i < kKeys; ++i) store.Set(Name(i));
  store.keys.SetTime(1'100'000);
  for (int i = 0; i < kKeys; i += 10) store.Touch(Name(i));
  int strangers = 0;
  for (int i = 0; i < kKeys; ++i) {
    if (i % 10 == 0) {
      REQUIRE(store.Idle(Name(i)) == 0);
    } else {
      strangers += store.Idle(Name(i)) == 0 ? 1 : 0;
    }
  }
  // 2000 looks at buckets of at most some ten entries, of which one in 65536 has another key's tag.
  CHECK(strangers <= 10);
}

TEST_CASE("A hash that no key has touches nothing and harms nothing") {
  Store store;
  for (uint64_t hash : {uint64_t{0}, kHashMask, uint64_t{0x1234'5678'9abc}}) store.keys.TouchHashed(15, hash, 1);
  store.Set("key");
  store.keys.SetTime(1'050'000);
  CHECK(store.keys.Erase(0, "key"));
  store.keys.FinishCommand();
  store.Touch("key");
  CHECK_FALSE(store.keys.Exists(0, "key"));
}

TEST_CASE("More keys of one hash than a reader follows are touched within bounds") {
  Store store([](std::string_view, uint64_t) { return uint64_t{77} << 32; });
  for (int i = 0; i < 2000; ++i) store.Set(Name(i));
  store.keys.SetTime(1'100'000);
  store.Touch("any");
  int touched = 0;
  for (int i = 0; i < 2000; ++i) touched += store.Idle(Name(i)) == 0 ? 1 : 0;
  CHECK(touched > 0);
  CHECK(touched <= static_cast<int>(shm::kReaderChainMax * shm::kEntriesPerBucket));
}

TEST_CASE("Under LFU, many uses told at once raise the counter as far as one by one") {
  constexpr uint32_t kUses = 2000;
  constexpr int kKeys = 200;
  Store store;
  store.keys.SetAccessPolicy(true, 10, 1);
  double at_once = 0;
  double one_by_one = 0;
  for (int i = 0; i < kKeys; ++i) {
    store.Set(Name(i));
    store.Touch(Name(i), kUses);
    at_once += store.Frequency(Name(i));
    store.Set(Name(i + kKeys));
    for (uint32_t use = 0; use < kUses; ++use) store.Touch(Name(i + kKeys));
    one_by_one += store.Frequency(Name(i + kKeys));
  }
  CHECK(at_once / kKeys > 15);
  CHECK(std::abs(at_once - one_by_one) / kKeys < 1.5);
}

TEST_CASE("Under LFU, a use of each kind counts where every use must") {
  Store store;
  store.keys.SetAccessPolicy(true, 0, 1);  // factor 0: each use counts
  store.Set("key");
  const uint32_t before = store.Frequency("key");
  store.Touch("key", 3);
  CHECK(store.Frequency("key") == before + 3);
  store.Touch("key", ~uint32_t{0});
  CHECK(store.Frequency("key") == 255);
  store.Touch("key", 0);
  CHECK(store.Frequency("key") == 255);
}

}  // namespace
}  // namespace chestbox
