// How long a reader of a state bears with a writer before it asks the server.
#include "protocol/shm/state_reader.h"

#include <atomic>
#include <string>

#include "hooks.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

// One state, and reads of it with `hooks` in force.
struct World {
  World() : store(arena, HashKey) {
    REQUIRE(store.Put(0, "key", "value", -1));
    store.Finish();
  }
  std::atomic<uint64_t>& version() { return store.Find(0, "key").home->version; }

  Answer Read() {
    CopiedNodes nodes(arena.view());
    Answer answer;
    looks = 0;
    answer.status = ReadState<Hooked<>>(
        arena.view(), 0, "key", store.Hash("key"), [] { return int64_t{0}; }, nodes,
        [&](const StateLook* look) {
          ++looks;
          const auto bytes = look == nullptr ? std::nullopt : look->Collection();
          if (bytes) answer.value = *bytes;
          return bytes.has_value();
        });
    hooks = {};
    return answer;
  }

  TestArena arena;
  TestStore store;
  int looks = 0;
};

TEST_CASE("A state whose change is under way is waited for") {
  World world;
  ++world.version();
  // Each attempt passes here before it looks at the version.
  OnceAt(
      ReadStep::kDirectoryRead, [&] { ++world.version(); }, kReadAttempts);
  REQUIRE(world.Read().Found("value"));
  REQUIRE(world.looks == 1);
}

TEST_CASE("A change that does not end leaves the state to the server, and so do changes during every look") {
  World world;
  SECTION("under way for ever") {
    ++world.version();
    REQUIRE(world.Read().status == ReadStatus::kAskServer);
    REQUIRE(world.looks == 0);
  }
  SECTION("another one during every look") {
    hooks.at = [&](ReadStep step) {
      if (step == ReadStep::kValueCopied) world.version() += 2;
    };
    REQUIRE(world.Read().status == ReadStatus::kAskServer);
    REQUIRE(world.looks == kStateLooksMax);
  }
  SECTION("the last look alone is left in peace") {
    int spoilt = 0;
    hooks.at = [&](ReadStep step) {
      if (step == ReadStep::kValueCopied && ++spoilt < kStateLooksMax) world.version() += 2;
    };
    REQUIRE(world.Read().Found("value"));
    REQUIRE(world.looks == kStateLooksMax);
  }
}

}  // namespace
}  // namespace chestbox::shm
