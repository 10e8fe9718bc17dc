#include "server/keyspace.h"

#include <sys/mman.h>

#include <map>
#include <random>
#include <string>

#include "protocol/shm/hash.h"
#include "protocol/shm/index_reader.h"
#include "server/arena/arena_allocator.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox {
namespace {

struct Store {
  explicit Store(Keyspace::HashFunction hash_of = shm::HashKey)
      : arena(std::move(*ArenaAllocator::Create(uint64_t{4} << 30, 1, 42))), keys(*arena, effects, hash_of) {
    REQUIRE(keys.Create());
    keys.SetTime(1000);
    baseline = arena->allocations();
  }
  void Set(std::string_view key, std::string_view value, int64_t expire_at_ms = kNoExpiry) {
    REQUIRE(keys.SetString(0, key, value, EncodingFor(value), expire_at_ms).ok());
    keys.FinishCommand();
  }
  std::string Get(std::string_view key, uint32_t database = 0) {
    auto state = keys.Read(database, key);
    return state ? std::string(state->value) : "<none>";
  }
  shm::ArenaView view() const { return {arena->base(), arena->file().reach_bytes()}; }
  uint64_t blocks() {
    keys.DrainRetired();
    return arena->allocations() - baseline;
  }

  EffectSink effects;
  std::unique_ptr<ArenaAllocator> arena;
  Keyspace keys;
  uint64_t baseline = 0;
};

std::string Big(char c, size_t bytes = 100000) { return std::string(bytes, c); }

TEST_CASE("A value is read back, whatever its size, and leaves no block behind") {
  Store store;
  for (size_t bytes : {0, 1, 255, 256, 257, 4096, 16384, 1 << 20}) {
    store.Set("key", Big('a', bytes));
    CHECK(store.Get("key") == Big('a', bytes));
  }
  CHECK(store.keys.Erase(0, "key"));
  store.keys.FinishCommand();
  CHECK(store.Get("key") == "<none>");
  CHECK(store.blocks() == 0);
}

TEST_CASE("Encodings are chosen as Redis chooses them") {
  CHECK(EncodingFor("123") == StringEncoding::kInt);
  CHECK(EncodingFor("-9223372036854775808") == StringEncoding::kInt);
  CHECK(EncodingFor("9223372036854775808") == StringEncoding::kEmbedded);
  CHECK(EncodingFor("-0") == StringEncoding::kEmbedded);
  CHECK(EncodingFor("007") == StringEncoding::kEmbedded);
  CHECK(EncodingFor("+1") == StringEncoding::kEmbedded);
  CHECK(EncodingFor("") == StringEncoding::kEmbedded);
  CHECK(EncodingFor(std::string(44, 'x')) == StringEncoding::kEmbedded);
  CHECK(EncodingFor(std::string(45, 'x')) == StringEncoding::kRaw);
}

TEST_CASE("A key whose time has come is gone, and its deletion is reported once") {
  struct Recorder : EffectListener {
    void OnEffect(const Effect& effect) override { seen.emplace_back(effect.command[1]); }
    std::vector<std::string> seen;
  } recorder;
  Store store;
  store.effects.Add(&recorder);
  store.Set("soon", "v", 1500);
  store.Set("later", Big('l'), 5000);
  CHECK(store.keys.ExpiringSize(0) == 2);
  store.keys.SetTime(1499);
  CHECK(store.Get("soon") == "v");
  store.keys.SetTime(1500);
  CHECK(store.Get("soon") == "<none>");
  CHECK(store.Get("soon") == "<none>");
  store.keys.SetTime(6000);
  CHECK(store.keys.ExpireStep(1000000) == 1);
  CHECK(recorder.seen == std::vector<std::string>{"soon", "later"});
  CHECK(store.keys.Size(0) == 0);
  CHECK(store.blocks() == 0);
}

TEST_CASE("Setting and removing an expiry keeps the value, small or large") {
  Store store;
  for (const std::string& value : {std::string("small"), Big('b')}) {
    store.Set("key", value);
    REQUIRE(store.keys.SetExpiry(0, "key", 9000).ok());
    CHECK(store.keys.Peek(0, "key")->expire_at_ms == 9000);
    REQUIRE(store.keys.SetExpiry(0, "key", 9500).ok());
    CHECK(store.keys.Peek(0, "key")->expire_at_ms == 9500);
    REQUIRE(store.keys.SetExpiry(0, "key", kNoExpiry).ok());
    CHECK(store.keys.Peek(0, "key")->expire_at_ms == kNoExpiry);
    store.keys.FinishCommand();
    CHECK(store.Get("key") == value);
    CHECK(store.keys.ExpiringSize(0) == 0);
  }
  CHECK(store.keys.Erase(0, "key"));
  store.keys.FinishCommand();
  CHECK(store.blocks() == 0);
}

TEST_CASE("A string grows in steps across all of its forms") {
  Store store;
  store.Set("key", "");
  std::string model;
  std::mt19937 random(7);
  for (int i = 0; i < 400; ++i) {
    const std::string tail(random() % 300, static_cast<char>('a' + i % 26));
    auto bytes = store.keys.ResizeString(0, "key", model.size() + tail.size());
    REQUIRE(bytes.ok());
    shm::RacyStore(bytes->data() + model.size(), tail.data(), tail.size());
    store.keys.FinishCommand();
    model += tail;
    REQUIRE(store.Get("key") == model);
  }
  CHECK(store.keys.Peek(0, "key")->encoding == StringEncoding::kRaw);
  CHECK(store.keys.Erase(0, "key"));
  store.keys.FinishCommand();
  CHECK(store.blocks() == 0);
}

TEST_CASE("Bytes that a string grows by are zero, also where an older value lay") {
  Store store;
  store.Set("key", Big('x', 300));
  REQUIRE(store.keys.ResizeString(0, "key", 10).ok());
  REQUIRE(store.keys.ResizeString(0, "key", 400).ok());
  store.keys.FinishCommand();
  CHECK(store.Get("key") == Big('x', 10) + std::string(390, '\0'));
}

TEST_CASE("A pinned value survives overwriting, appending and deleting") {
  Store store;
  auto page = std::make_unique<shm::ClientPage>();
  store.keys.AddClientPage(page.get());
  shm::PinTable pins(page.get());
  store.Set("key", Big('p'));
  char small[shm::kInlineValueBytesMax];
  shm::PinnedString pinned;
  const auto pin = [&] {
    return shm::PinString(
        store.view(), 0, "key", store.keys.HashOf("key"), [] { return int64_t{0}; }, pins, small, &pinned);
  };
  const auto intact = [&] { return std::string_view(pinned.data, pinned.size) == Big('p'); };
  REQUIRE(pin() == shm::ReadStatus::kFound);

  auto bytes = store.keys.ResizeString(0, "key", 100010);  // in place would fit
  REQUIRE(bytes.ok());
  std::fill(bytes->begin(), bytes->end(), 'q');
  store.keys.FinishCommand();
  store.keys.DrainRetired();
  CHECK(intact());
  CHECK(store.Get("key") == Big('q', 100010));

  CHECK(store.keys.Erase(0, "key"));
  store.keys.FinishCommand();
  for (int i = 0; i < 50; ++i) store.Set("other" + std::to_string(i), Big('o'));
  store.keys.DrainRetired();
  CHECK(intact());
  pins.Release(pinned.pin);
  store.keys.Flush(0, false);
  store.keys.FinishCommand();
  CHECK(store.blocks() == 0);
  store.keys.RemoveClientPage(page.get());
}

TEST_CASE("A value that is changed in place is not pinned until it is frozen") {
  Store store;
  auto page = std::make_unique<shm::ClientPage>();
  store.keys.AddClientPage(page.get());
  shm::PinTable pins(page.get());
  store.Set("key", Big('m'));
  REQUIRE(store.keys.ResizeString(0, "key", 100001).ok());
  store.keys.FinishCommand();
  REQUIRE(store.keys.ResizeString(0, "key", 100002).ok());
  store.keys.FinishCommand();
  char small[shm::kInlineValueBytesMax];
  shm::PinnedString pinned;
  const auto pin = [&] {
    return shm::PinString(
        store.view(), 0, "key", store.keys.HashOf("key"), [] { return int64_t{0}; }, pins, small, &pinned);
  };
  CHECK(pin() == shm::ReadStatus::kMutable);
  CHECK(store.keys.Freeze(0, "key"));
  store.keys.FinishCommand();
  CHECK(pin() == shm::ReadStatus::kFound);
  store.keys.RemoveClientPage(page.get());
}

TEST_CASE("Rename, copy and move keep value, expiry and encoding; flags follow") {
  Store store;
  store.Set("a", Big('1'), 7000);
  store.Set("b", "2");
  REQUIRE(store.keys.Rename(0, "a", 0, "b").ok());
  store.keys.FinishCommand();
  CHECK(store.Get("a") == "<none>");
  CHECK(store.Get("b") == Big('1'));
  CHECK(store.keys.Peek(0, "b")->expire_at_ms == 7000);
  REQUIRE(store.keys.Copy(0, "b", 3, "c").ok());
  store.keys.FinishCommand();
  CHECK(store.Get("c", 3) == Big('1'));
  REQUIRE(store.keys.Rename(0, "b", 5, "b").ok());
  store.keys.FinishCommand();
  CHECK(store.Get("b", 5) == Big('1'));
  store.keys.SwapDatabases(0, 5);
  CHECK(store.Get("b") == Big('1'));
  CHECK(store.Get("c", 3) == Big('1'));
  for (uint32_t i = 0; i < 16; ++i) store.keys.Flush(i, i % 2 == 0);
  while (store.keys.FreeStep()) {
  }
  store.keys.FinishCommand();
  CHECK(store.blocks() == 0);
}

TEST_CASE("Several keys are set all or not at all, the last of equal ones wins") {
  Store store;
  store.Set("a", "old");
  const std::string big = Big('B');
  const std::string_view pairs[] = {"a", "1", "b", big, "a", "3"};
  REQUIRE(store.keys.SetStrings(0, pairs).ok());
  store.keys.FinishCommand();
  CHECK(store.Get("a") == "3");
  CHECK(store.Get("b") == big);
  CHECK(store.keys.Size(0) == 2);
  store.keys.Flush(0, false);
  store.keys.FinishCommand();
  CHECK(store.blocks() == 0);
}

TEST_CASE("A reader sees every bucket of a command closed until the command is finished") {
  Store store;
  store.Set("a", "1");
  shm::ReadStamp stamp;
  char buffer[8];
  size_t size = 0;
  const auto read = [&] {
    return shm::ReadString(
        store.view(), 0, "a", store.keys.HashOf("a"), [] { return int64_t{0}; }, buffer, &size, &stamp);
  };
  CHECK(read() == shm::ReadStatus::kFound);
  REQUIRE(store.keys.SetString(0, "a", "2", StringEncoding::kInt, kNoExpiry).ok());
  CHECK(read() == shm::ReadStatus::kAskServer);
  store.keys.FinishCommand();
  CHECK(read() == shm::ReadStatus::kFound);
  CHECK(buffer[0] == '2');
}

TEST_CASE("A random history agrees with a model, in memory that all comes back") {
  Store store;
  std::map<std::string, std::string> model;
  std::mt19937 random(20261124);
  for (int step = 0; step < 200000; ++step) {
    const std::string key = "key:" + std::to_string(random() % 20000);
    switch (random() % 8) {
      case 0:
        CHECK(store.keys.Erase(0, key) == (model.erase(key) == 1));
        break;
      case 1:
        if (model.contains(key)) {
          const std::string to = "key:" + std::to_string(random() % 20000);
          if (to == key) break;
          REQUIRE(store.keys.Rename(0, key, 0, to).ok());
          model[to] = model[key];
          model.erase(key);
        }
        break;
      default: {
        const std::string value(random() % (step % 100 == 0 ? 3000 : 150), static_cast<char>('a' + step % 26));
        REQUIRE(store.keys.SetString(0, key, value, EncodingFor(value), kNoExpiry).ok());
        model[key] = value;
      }
    }
    store.keys.FinishCommand();
  }
  store.keys.DrainRetired();
  REQUIRE(store.keys.Size(0) == model.size());
  for (const auto& [key, value] : model) REQUIRE(store.Get(key) == value);
  size_t walked = 0;
  uint64_t position = 0;
  uint64_t swapped_out = 0;
  do {
    position = store.keys.VisitBucket(
        0, position,
        [&](const Keyspace::KeyInfo& info) {
          ++walked;
          REQUIRE(model.contains(std::string(info.key)));
        },
        &swapped_out);
  } while (position != 0);
  CHECK(walked == model.size());
  for (const auto& [key, value] : model) {
    REQUIRE(store.keys.Erase(0, key));
    store.keys.FinishCommand();
  }
  CHECK(store.blocks() == 0);
}

TEST_CASE("Every key is as likely as another to be the random one") {
  Store store;
  std::map<std::string, int> seen;
  for (int i = 0; i < 10; ++i) store.Set("key" + std::to_string(i), "v");
  for (int i = 0; i < 10000; ++i) ++seen[*store.keys.RandomKey(0)];
  REQUIRE(seen.size() == 10);
  for (const auto& [key, count] : seen) CHECK(count > 700);
}

}  // namespace
}  // namespace chestbox
