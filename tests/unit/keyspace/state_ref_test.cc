#include "server/state_ref.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "protocol/shm/hash.h"
#include "server/arena/arena_allocator.h"
#include "server/keyspace.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox {
namespace {

struct Store {
  Store() : arena(std::move(*ArenaAllocator::Create(uint64_t{4} << 30, 1, 42))), keys(*arena, effects, shm::HashKey) {
    REQUIRE(keys.Create());
    keys.SetTime(1000);
    baseline = arena->allocations();
  }
  uint64_t blocks() {
    keys.FinishCommand();
    keys.DrainRetired();
    return arena->allocations() - baseline;
  }

  EffectSink effects;
  std::unique_ptr<ArenaAllocator> arena;
  Keyspace keys;
  uint64_t baseline = 0;
};

constexpr auto kPacked = CollectionEncoding::kPacked;

TEST_CASE("A collection's bytes keep their beginning through every size, beside the key and outside") {
  Store store;
  std::mt19937 random(3);
  const int64_t expire_at_ms = GENERATE(as<int64_t>{}, -1, 5000);
  std::string model = "seven b";
  REQUIRE(store.keys.CreateState(0, "key", ValueType::kHash, kPacked, model, expire_at_ms).ok());
  for (int step = 0; step < 2000; ++step) {
    auto state = store.keys.FindState(0, "key", Look::kChange);
    INFO(step << " expiry " << expire_at_ms << " bytes " << model.size());
    REQUIRE(state);
    REQUIRE(state->bytes() == model);
    REQUIRE(state->type() == ValueType::kHash);
    REQUIRE(state->expire_at_ms() == expire_at_ms);
    const size_t bytes = random() % (step % 3 == 0 ? 5000 : 400);
    auto room = state->Resize(bytes);
    REQUIRE(room.ok());
    const size_t kept = std::min(bytes, model.size());
    REQUIRE(std::memcmp(*room, model.data(), kept) == 0);
    std::fill(*room + kept, *room + bytes, static_cast<char>(step));
    model.resize(kept);
    model.resize(bytes, static_cast<char>(step));
    if (step % 5 == 0 && bytes != 0) {
      state->Change()[bytes - 1] = '!';
      model.back() = '!';
    }
    REQUIRE(state->bytes() == model);
    store.keys.FinishCommand();
  }
  CHECK(store.keys.Erase(0, "key"));
  CHECK(store.blocks() == 0);
}

TEST_CASE("A collection that shrinks gives its memory back") {
  Store store;
  REQUIRE(store.keys.CreateState(0, "key", ValueType::kSet, kPacked, std::string(1 << 20, 'x'), kNoExpiry).ok());
  const uint64_t large = store.arena->allocated_bytes();
  REQUIRE(store.keys.FindState(0, "key", Look::kChange)->Resize(100).ok());
  CHECK(store.blocks() == 1);
  CHECK(store.arena->allocated_bytes() + (1 << 19) < large);
}

TEST_CASE("Replacing a value keeps key, expiry and type, and its encoding can change") {
  Store store;
  REQUIRE(store.keys.CreateState(0, "key", ValueType::kSet, kPacked, "packed", 9000).ok());
  auto state = store.keys.FindState(0, "key", Look::kPeek);
  REQUIRE(state->Replace(CollectionEncoding::kIntegerSet, std::string(1000, 'i')).ok());
  CHECK(state->encoding() == CollectionEncoding::kIntegerSet);
  CHECK(state->bytes() == std::string(1000, 'i'));
  REQUIRE(state->Replace(kPacked, "small").ok());
  state = store.keys.FindState(0, "key", Look::kPeek);
  CHECK(state->encoding() == kPacked);
  CHECK(state->bytes() == "small");
  CHECK(state->expire_at_ms() == 9000);
  CHECK(state->type() == ValueType::kSet);
  CHECK(store.blocks() == 1);
}

TEST_CASE("A collection takes the place of a string, is renamed, copied and persisted like one") {
  Store store;
  REQUIRE(store.keys.SetString(0, "key", std::string(5000, 's'), StringEncoding::kRaw, kNoExpiry).ok());
  REQUIRE(store.keys.CreateState(0, "key", ValueType::kList, kPacked, std::string(3000, 'l'), 7000).ok());
  REQUIRE(store.keys.Rename(0, "key", 1, "moved").ok());
  REQUIRE(store.keys.Copy(1, "moved", 2, "copy").ok());
  REQUIRE(store.keys.SetExpiry(2, "copy", kNoExpiry).ok());
  CHECK_FALSE(store.keys.FindState(0, "key", Look::kPeek));
  for (const auto& [database, key] : {std::pair{1U, "moved"}, std::pair{2U, "copy"}}) {
    const auto state = store.keys.FindState(database, key, Look::kRead);
    REQUIRE(state);
    CHECK(state->type() == ValueType::kList);
    CHECK(state->bytes() == std::string(3000, 'l'));
    CHECK(state->expire_at_ms() == (database == 1 ? 7000 : kNoExpiry));
  }
  REQUIRE(store.keys.SetString(1, "moved", "a string again", StringEncoding::kRaw, kNoExpiry).ok());
  store.keys.Flush(2, false);
  store.keys.Flush(1, false);
  CHECK(store.blocks() == 0);
}

TEST_CASE("A change closes the key's bucket to readers until the command ends") {
  Store store;
  REQUIRE(store.keys.CreateState(0, "key", ValueType::kHash, kPacked, "bytes", kNoExpiry).ok());
  store.keys.FinishCommand();
  const uint64_t hash = store.keys.HashOf("key");
  const auto version = [&] { return store.keys.index(0).Find("key", hash).home->version.load(); };
  const uint64_t before = version();
  CHECK(before % 2 == 0);
  (void)store.keys.FindState(0, "key", Look::kChange)->Change();
  CHECK(version() == before + 1);
  store.keys.FinishCommand();
  CHECK(version() == before + 2);
}

}  // namespace
}  // namespace chestbox
