// Reads of arenas that are not what they should be.
#include <cstring>
#include <random>

#include "arena_abuse.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr int kRounds = 30;
#else
constexpr int kRounds = 300;
#endif

TEST_CASE("Reads of pure garbage end, within bounds") {
  ArenaAbuse abuse;
  abuse.ReadEverything();
  std::mt19937_64 random(1);
  for (int round = 0; round < kRounds; ++round) {
    abuse.Restore();
    // The header first only in some rounds: garbage there stops a read early. All bits, small numbers, or few bits.
    const bool with_header = round % 4 == 0;
    const uint64_t mask = round % 3 == 0 ? ~uint64_t{0} : round % 3 == 1 ? 0xff00'0000'0000'ffff : 0xfe;
    for (uint64_t position = with_header ? 0 : 4096; position + 8 <= abuse.bytes(); position += 8) {
      const uint64_t word = random() & mask;
      std::memcpy(abuse.At(position), &word, sizeof word);
    }
    abuse.ReadEverything();
  }
}

TEST_CASE("Reads of an arena with some bits flipped end, within bounds") {
  ArenaAbuse abuse;
  std::mt19937_64 random(2);
  for (int round = 0; round < kRounds * 4; ++round) {
    abuse.Restore();
    for (uint64_t flips = 1 + random() % (round % 2 == 0 ? 20 : 20000); flips > 0; --flips) {
      // Half of them where the structure is: header, directories and the first segments.
      const uint64_t position = random() % (flips % 2 == 0 ? abuse.bytes() : 64 << 10);
      char* byte = abuse.At(position);
      *byte = static_cast<char>(*byte ^ (1 << (random() % 8)));
    }
    abuse.ReadEverything();
  }
}

TEST_CASE("A chain of buckets in a circle ends") {
  TestArena arena(1 << 20);
  TestStore store(arena, [](std::string_view, uint64_t) { return uint64_t{77}; });
  for (int i = 0; i < 9; ++i) REQUIRE(store.Put(0, std::to_string(i), "v"));
  store.Finish();
  Bucket* home = store.Find(0, "0").home;
  const uint64_t overflow = home->entries[kEntriesPerBucket - 1].load();
  REQUIRE((overflow & kEntryOverflow) != 0);
  auto* second = reinterpret_cast<Bucket*>(arena.At(EntryLink(overflow)));
  second->entries[kEntriesPerBucket - 1].store(overflow);
  ReadStamp stamp;
  size_t size = 0;
  REQUIRE(ReadString(
              arena.view(), 0, "none", 77, [] { return int64_t{0}; }, {}, &size, &stamp) == ReadStatus::kAskServer);
}

}  // namespace
}  // namespace chestbox::shm
