// The hit log: what a client tells, what the server makes of it, and what it makes of nonsense.
#include "protocol/shm/hit_log.h"

#include <map>
#include <memory>
#include <utility>

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

using Uses = std::map<std::pair<uint32_t, uint64_t>, uint32_t>;  // by database and hash

struct World {
  // Everything that is to be drained, at once.
  Uses Drain() {
    Uses uses;
    counts = reader.TakeCounts();
    while (reader.Drain(kHitSlots, [&](uint32_t database, uint64_t hash, uint32_t count) {
      uses[{database, hash}] += count;
    }) != 0) {
    }
    return uses;
  }

  std::unique_ptr<HitLog> log = std::make_unique<HitLog>();
  HitLogReader reader{log.get()};
  HitCounts counts;
};

// A hash of 48 bits whose word is number `slot`.
uint64_t HashIn(uint64_t slot, uint64_t low) { return slot << 39 | low; }

TEST_CASE("Reads of a key are told once a drain, with how many there were") {
  World world;
  for (int i = 0; i < 5; ++i) LogHit(*world.log, 3, HashIn(7, 42));
  LogHit(*world.log, 0, HashIn(8, 42));
  CountMiss(*world.log);
  CHECK(world.Drain() == Uses{{{3, HashIn(7, 42)}, 5}, {{0, HashIn(8, 42)}, 1}});
  CHECK(world.counts.hits == 6);
  CHECK(world.counts.misses == 1);
  CHECK(world.Drain().empty());
  CHECK(world.counts.hits == 0);
  LogHit(*world.log, 3, HashIn(7, 42));
  CHECK(world.Drain() == Uses{{{3, HashIn(7, 42)}, 1}});
}

TEST_CASE("Bits of the hash above 48 don't reach database and count") {
  World world;
  LogHit(*world.log, 15, ~uint64_t{0});
  CHECK(world.Drain() == Uses{{{15, 0x0000'ffff'ffff'ffff}, 1}});
}

TEST_CASE("Of keys that share a word, one is told a drain; no read goes uncounted") {
  World world;
  for (int i = 0; i < 9; ++i) LogHit(*world.log, 0, HashIn(1, 1));
  LogHit(*world.log, 0, HashIn(1, 2));
  LogHit(*world.log, 1, HashIn(1, 2));  // the same hash in another database is another key
  CHECK(world.Drain().size() == 1);
  CHECK(world.counts.hits == 11);
}

TEST_CASE("Keys that share a word and are read in turn are all told now and then, whatever the period") {
  constexpr int kDrains = 200;
  for (int period : {2, 3, 4, 7, 16, 89, 128, 144, 233, 377, 500}) {
    INFO("period " << period);
    World world;
    int first = 0;
    int second = 0;
    for (int drain = 0; drain < kDrains; ++drain) {
      // Always in the same order, and the others in words of their own.
      LogHit(*world.log, 0, HashIn(1, 1));
      LogHit(*world.log, 0, HashIn(1, 2));
      for (int other = 2; other < period; ++other) LogHit(*world.log, 0, HashIn(static_cast<uint64_t>(other), 1));
      const Uses uses = world.Drain();
      first += uses.contains({0, HashIn(1, 1)}) ? 1 : 0;
      second += uses.contains({0, HashIn(1, 2)}) ? 1 : 0;
    }
    CHECK(first + second == kDrains);
    CHECK(first > kDrains / 5);
    CHECK(second > kDrains / 5);
  }
}

TEST_CASE("A word's count stays at its maximum") {
  World world;
  for (uint64_t i = 0; i < internal::kHitCountMax + 10; ++i) LogHit(*world.log, 2, HashIn(5, 5));
  CHECK(world.Drain() == Uses{{{2, HashIn(5, 5)}, static_cast<uint32_t>(internal::kHitCountMax)}});
}

TEST_CASE("A look that is no use counts and touches nothing") {
  World world;
  CountHit(*world.log);
  CHECK(world.Drain().empty());
  CHECK(world.counts.hits == 1);
}

TEST_CASE("A drain looks at no more words than it may, and goes on where it stopped") {
  World world;
  for (uint64_t slot = 0; slot < kHitSlots; ++slot) LogHit(*world.log, 0, HashIn(slot, 1));
  (void)world.reader.TakeCounts();
  uint32_t told = 0;
  uint32_t looked = 0;
  while (const uint32_t step = world.reader.Drain(100, [&](uint32_t, uint64_t, uint32_t) { ++told; })) {
    CHECK(step <= 100);
    looked += step;
  }
  CHECK(told == kHitSlots);
  CHECK(looked == kHitSlots);
}

TEST_CASE("A client that reads nothing costs no look at its words") {
  World world;
  world.log->slots[3].store(~uint64_t{0});
  CHECK(world.reader.TakeCounts().hits == 0);
  CHECK(world.reader.Drain(kHitSlots, [](uint32_t, uint64_t, uint32_t) {}) == 0);
}

TEST_CASE("Counters that go backwards or leap count nothing, and go on from there") {
  World world;
  for (uint64_t absurd : {~uint64_t{0}, uint64_t{5}, uint64_t{1} << 63, uint64_t{0}}) {
    world.log->hits.store(absurd);
    world.log->misses.store(absurd);
    const HitCounts counts = world.reader.TakeCounts();
    CHECK(counts.hits <= uint64_t{1} << 32);
    CHECK(counts.misses <= uint64_t{1} << 32);
  }
  world.log->hits.store(3);
  CHECK(world.reader.TakeCounts().hits == 3);
}

TEST_CASE("Any word at all names a database there is and a hash of 48 bits") {
  World world;
  for (uint64_t i = 0; i < kHitSlots; ++i) world.log->slots[i].store(i * 0x9e37'79b9'7f4a'7c15 | 1);
  world.log->hits.store(1);
  (void)world.reader.TakeCounts();
  uint32_t told = 0;
  world.reader.Drain(kHitSlots, [&](uint32_t database, uint64_t hash, uint32_t count) {
    ++told;
    CHECK(database < 16);
    CHECK(hash >> 48 == 0);
    CHECK(count <= internal::kHitCountMax);
  });
  CHECK(told == kHitSlots);
}

}  // namespace
}  // namespace chestbox::shm
