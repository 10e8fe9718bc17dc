// Each interleaving that the read protocol guards against, made to happen; and the proof that each guard is what stops
// it: with that check or that closing taken out, the same scenario gives the wrong answer that is named beside it.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "faulty_writer.h"
#include "hooks.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

uint64_t OneHash(std::string_view, uint64_t seed) { return HashKey("one", seed); }

struct World {
  explicit World(IndexWriter::HashFunction hash = HashKey) : store(arena, hash) {}

  void Put(uint32_t database, std::string_view key, std::string_view value, int64_t expire_at_ms = -1) {
    REQUIRE(store.Put(database, key, value, expire_at_ms));
    store.Finish();
  }
  void Erase(uint32_t database, std::string_view key) {
    REQUIRE(store.Erase(database, key));
    store.Finish();
  }
  std::vector<std::atomic<uint64_t>*> HomeOf(std::string_view key) { return {&store.Find(0, key).home->version}; }
  std::vector<std::atomic<uint64_t>*> EpochOf(uint32_t database) { return {&store.index(database).header().epoch}; }

  TestArena arena;
  TestStore store;
};

// A read whose value is copied in two halves, with `between` after the key was compared and before the second half.
template <class Policy>
Answer ReadInHalves(World& world, std::string_view key, std::function<void()> before, std::function<void()> between) {
  Answer answer;
  ReadStamp stamp;
  std::string copy;
  answer.status = ReadKey<Policy>(
      world.arena.view(), 0, key, world.store.Hash(key), [] { return int64_t{0}; },
      [&](const FoundKey& found) {
        if (before) std::exchange(before, {})();
        copy.assign(found.header.value_bytes, '\0');
        const size_t half = copy.size() / 2;
        RacyLoad(copy.data(), found.value, half);
        if (between) std::exchange(between, {})();
        RacyLoad(copy.data() + half, found.value + half, copy.size() - half);
        return ReadStatus::kFound;
      },
      &stamp);
  if (answer.status == ReadStatus::kFound) answer.value = copy;
  return answer;
}

// ---- One bucket ----

template <class Policy>
Answer OverwrittenBeforeBlockIsRead(Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", "old");
  FaultyWriter writer(world.store, fault, world.HomeOf("key"));
  OnceAt(ReadStep::kEntryRead, [&] { world.Put(0, "key", "new"); });
  return Read<Policy>(world.arena, world.store, "key");
}

template <class Policy>
Answer BlockReusedBeforeItIsRead(Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", "its own old value.");
  FaultyWriter writer(world.store, fault, world.HomeOf("key"));
  OnceAt(ReadStep::kEntryRead, [&] {
    world.Put(0, "key", std::string(100, 'n'));
    world.Put(1, "key", "another database's");
  });
  return Read<Policy>(world.arena, world.store, "key");
}

template <class Policy>
Answer LengthenedBetweenHeaderAndCopy(Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", "aaaa");
  FaultyWriter writer(world.store, fault, world.HomeOf("key"));
  OnceAt(ReadStep::kBlockRead, [&] {
    REQUIRE(world.store.ChangeInPlace(0, "key", "bbbbbb"));
    world.store.Finish();
  });
  return Read<Policy>(world.arena, world.store, "key");
}

template <class Policy>
Answer ChangedInPlaceDuringCopy(size_t bytes, Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", std::string(bytes, 'a'));
  FaultyWriter writer(world.store, fault, world.HomeOf("key"));
  return ReadInHalves<Policy>(world, "key", {}, [&] {
    REQUIRE(world.store.ChangeInPlace(0, "key", std::string(bytes, 'b')));
    world.store.Finish();
  });
}

template <class Policy>
Answer ErasedAndBlockGivenToAnotherKey(Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", "mine");
  FaultyWriter writer(world.store, fault, world.HomeOf("key"));
  return ReadInHalves<Policy>(world, "key",
                              [&] {
                                world.Erase(0, "key");
                                world.Put(0, "yek", "else");
                              },
                              {});
}

template <class Policy>
Answer MovedToAnEarlierSlot(Fault fault = Fault::kNone) {
  World world(OneHash);
  for (const char* key : {"a", "b", "c"}) world.Put(0, key, key);
  world.Erase(0, "a");
  FaultyWriter writer(world.store, fault, world.HomeOf("c"));
  OnceAt(ReadStep::kEntryRead, [&] {  // the reader has passed slot 0 and looks at "b"
    world.Erase(0, "c");
    world.Put(0, "c", "again");
  });
  return Read<Policy>(world.arena, world.store, "c");
}

template <class Policy>
Answer OverflowBucketFreedUnderTheReader(Fault fault = Fault::kNone) {
  World world(OneHash);
  for (char key = 'a'; key <= 'h'; ++key) world.Put(0, std::string(1, key), std::string(1, key));
  FaultyWriter writer(world.store, fault, world.HomeOf("h"));
  // Seven looks: six entries of the home bucket, then the first of the overflow bucket, where "h" is the second.
  OnceAt(
      ReadStep::kEntryRead, [&] { world.Erase(0, "g"); }, 7);
  return Read<Policy>(world.arena, world.store, "h");
}

TEST_CASE("What changes in the bucket during a read is noticed by its version") {
  using NoVersion = Hooked<ReadCheck::kVersion>;
  const auto never = Fault::kNeverCloses;
  SECTION("overwritten") {
    REQUIRE(OverwrittenBeforeBlockIsRead<Hooked<>>().Found("new"));
    REQUIRE(OverwrittenBeforeBlockIsRead<NoVersion>().status == ReadStatus::kMissing);
    REQUIRE(OverwrittenBeforeBlockIsRead<Hooked<>>(never).status == ReadStatus::kMissing);
  }
  SECTION("block reused") {
    REQUIRE(BlockReusedBeforeItIsRead<Hooked<>>().Found(std::string(100, 'n')));
    REQUIRE(BlockReusedBeforeItIsRead<NoVersion>().Found("another database's"));
    REQUIRE(BlockReusedBeforeItIsRead<Hooked<>>(never).Found("another database's"));
  }
  SECTION("lengthened in place") {
    REQUIRE(LengthenedBetweenHeaderAndCopy<Hooked<>>().Found("bbbbbb"));
    REQUIRE(LengthenedBetweenHeaderAndCopy<NoVersion>().Found("bbbb"));
    REQUIRE(LengthenedBetweenHeaderAndCopy<Hooked<>>(never).Found("bbbb"));
  }
  SECTION("changed in place") {
    for (size_t bytes : {size_t{20}, size_t{2000}}) {
      const std::string torn = std::string(bytes / 2, 'a') + std::string(bytes / 2, 'b');
      REQUIRE(ChangedInPlaceDuringCopy<Hooked<>>(bytes).Found(std::string(bytes, 'b')));
      REQUIRE(ChangedInPlaceDuringCopy<NoVersion>(bytes).Found(torn));
      REQUIRE(ChangedInPlaceDuringCopy<Hooked<>>(bytes, never).Found(torn));
    }
  }
  SECTION("erased, and its block another key's") {
    REQUIRE(ErasedAndBlockGivenToAnotherKey<Hooked<>>().status == ReadStatus::kMissing);
    REQUIRE(ErasedAndBlockGivenToAnotherKey<NoVersion>().Found("else"));
    REQUIRE(ErasedAndBlockGivenToAnotherKey<Hooked<>>(never).Found("else"));
  }
  SECTION("moved to a slot that the reader has passed") {
    REQUIRE(MovedToAnEarlierSlot<Hooked<>>().Found("again"));
    REQUIRE(MovedToAnEarlierSlot<NoVersion>().status == ReadStatus::kMissing);
    REQUIRE(MovedToAnEarlierSlot<Hooked<>>(never).status == ReadStatus::kMissing);
  }
  SECTION("overflow bucket freed") {
    REQUIRE(OverflowBucketFreedUnderTheReader<Hooked<>>().Found("h"));
    REQUIRE(OverflowBucketFreedUnderTheReader<NoVersion>().status == ReadStatus::kMissing);
    REQUIRE(OverflowBucketFreedUnderTheReader<Hooked<>>(never).status == ReadStatus::kMissing);
  }
}

// A read in the middle of a change in place. `fault` kClosesLate: the new bytes overtake the odd version (no fence in
// Close).
template <class Policy>
Answer ReadHalfWayThroughAChange(Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", std::string(20, 'a'));
  Answer answer;
  FaultyWriter writer(world.store, fault, world.HomeOf("key"), WriteStep::kChanged,
                      [&] { answer = Read<Policy>(world.arena, world.store, "key"); });
  REQUIRE(world.store.ChangeInPlace(0, "key", std::string(20, 'b')));
  world.store.Finish();
  return answer;
}

TEST_CASE("A read that begins while its bucket is closed waits, and asks the server in the end") {
  const std::string torn = std::string(10, 'b') + std::string(10, 'a');
  REQUIRE(ReadHalfWayThroughAChange<Hooked<>>().status == ReadStatus::kAskServer);
  REQUIRE(ReadHalfWayThroughAChange<Hooked<ReadCheck::kOddVersion>>().Found(torn));
  REQUIRE(ReadHalfWayThroughAChange<Hooked<>>(Fault::kClosesLate).Found(torn));
  REQUIRE(ReadHalfWayThroughAChange<Hooked<>>(Fault::kNeverCloses).Found(torn));
}

// The fence(acquire) of Validate: without it the checking loads may run before the copying ones.
TEST_CASE("Checking before copying proves nothing") {
  for (bool check_first : {false, true}) {
    World world;
    world.Put(0, "key", "aaaa");
    const ArenaView view = world.arena.view();
    ReadStamp stamp;
    FoundKey found;
    REQUIRE(FindOnce(view, 0, "key", world.store.Hash("key"), &stamp, &found) == Attempt::kFound);
    bool valid = check_first && Validate(view, stamp);
    REQUIRE(world.store.ChangeInPlace(0, "key", "bbbb"));
    const std::string copy(found.value, 4);
    if (!check_first) valid = Validate(view, stamp);
    world.store.Finish();
    REQUIRE(copy == "bbbb");  // never committed when it was read
    REQUIRE(valid == check_first);
  }
}

// The acquire of the version's and the epoch's first load: without it the entries may be loaded before them.
TEST_CASE("A version that is read after the entry proves nothing") {
  for (bool version_late : {false, true}) {
    World world;
    world.Put(0, "key", "old");
    const ArenaView view = world.arena.view();
    ReadStamp stamp;
    FoundKey found;
    REQUIRE(FindOnce(view, 0, "key", world.store.Hash("key"), &stamp, &found) == Attempt::kFound);
    world.Put(0, "key", std::string(100, 'n'));
    world.Put(1, "key", "xxx");  // takes the block
    if (version_late) stamp.version = stamp.bucket->version.load();
    REQUIRE(std::string(found.value, 3) == "xxx");
    REQUIRE(Validate(view, stamp) == version_late);
  }
}

// ---- The index ----

// Keys 0 … n-1; with 358 of them the next insert splits the only segment.
void Fill(World& world, uint32_t database, uint64_t keys) {
  for (uint64_t i = 0; i < keys; ++i) world.Put(database, "k" + std::to_string(i), "v" + std::to_string(i));
}
std::string KeyWithHashBit(World& world, uint64_t keys, uint64_t bit) {
  for (uint64_t i = 0; i < keys; ++i) {
    const std::string key = "k" + std::to_string(i);
    if ((world.store.Hash(key) & 1) == bit) return key;
  }
  return "";
}

template <class Policy>
Answer SplitDuringLookup(Fault fault = Fault::kNone) {
  World world;
  Fill(world, 0, IndexWriter::kSplitAbove);
  REQUIRE(world.store.index(0).depth() == 0);
  const std::string moves = KeyWithHashBit(world, IndexWriter::kSplitAbove, 1);
  FaultyWriter writer(world.store, fault, world.EpochOf(0));
  OnceAt(ReadStep::kDirectoryRead, [&] {
    world.Put(0, "one more", "");
    REQUIRE(world.store.index(0).depth() == 1);
  });
  return Read<Policy>(world.arena, world.store, moves);
}

template <class Policy>
Answer MergeDuringLookup(Fault fault = Fault::kNone) {
  World world;
  Fill(world, 0, IndexWriter::kSplitAbove + 1);
  REQUIRE(world.store.index(0).depth() == 1);
  // The segment that an erase happens in is kept: erase in the half of bit 0 last, so that the other one goes.
  const std::string moves = KeyWithHashBit(world, IndexWriter::kSplitAbove, 1);
  FaultyWriter writer(world.store, fault, world.EpochOf(0));
  OnceAt(ReadStep::kDirectoryRead, [&] {
    for (uint64_t bit : {1, 0}) {
      for (uint64_t i = 0; i < IndexWriter::kSplitAbove; ++i) {
        const std::string key = "k" + std::to_string(i);
        if ((world.store.Hash(key) & 1) == bit && key != moves && world.store.index(0).depth() == 1)
          world.Erase(0, key);
      }
    }
    REQUIRE(world.store.index(0).depth() == 0);
  });
  return Read<Policy>(world.arena, world.store, moves);
}

template <class Policy>
Answer FlushedAndSegmentReused(Fault fault = Fault::kNone) {
  World world;
  Fill(world, 0, IndexWriter::kSplitAbove + 1);
  Fill(world, 1, IndexWriter::kSplitAbove);
  const std::string key = KeyWithHashBit(world, IndexWriter::kSplitAbove, 1);
  world.Put(1, key, "another database's");
  FaultyWriter writer(world.store, fault, world.EpochOf(0));
  OnceAt(ReadStep::kDirectoryRead, [&] {
    world.store.Flush(0);
    world.store.Finish();
    world.Put(1, "one more", "");  // splits into the segment that the flush has freed
    REQUIRE(world.store.index(1).depth() == 1);
  });
  return Read<Policy>(world.arena, world.store, key);
}

TEST_CASE("What changes in the index during a read is noticed by its epoch") {
  using NoEpoch = Hooked<ReadCheck::kEpoch>;
  const auto never = Fault::kNeverCloses;
  SECTION("split") {
    REQUIRE(SplitDuringLookup<Hooked<>>().status == ReadStatus::kFound);
    REQUIRE(SplitDuringLookup<NoEpoch>().status == ReadStatus::kMissing);
    REQUIRE(SplitDuringLookup<Hooked<>>(never).status == ReadStatus::kMissing);
  }
  SECTION("merge") {
    REQUIRE(MergeDuringLookup<Hooked<>>().status == ReadStatus::kFound);
    REQUIRE(MergeDuringLookup<NoEpoch>().status == ReadStatus::kMissing);
    REQUIRE(MergeDuringLookup<Hooked<>>(never).status == ReadStatus::kMissing);
  }
  SECTION("flush, and the segment in use again") {
    REQUIRE(FlushedAndSegmentReused<Hooked<>>().status == ReadStatus::kMissing);
    REQUIRE(FlushedAndSegmentReused<NoEpoch>().Found("another database's"));
    REQUIRE(FlushedAndSegmentReused<Hooked<>>(never).Found("another database's"));
  }
}

template <class Policy>
Answer ReadHalfWayThroughASplit(Fault fault = Fault::kNone) {
  World world;
  Fill(world, 0, IndexWriter::kSplitAbove);
  const std::string moves = KeyWithHashBit(world, IndexWriter::kSplitAbove, 1);
  Answer answer;
  FaultyWriter writer(world.store, fault, world.EpochOf(0), WriteStep::kSplitHalf,
                      [&] { answer = Read<Policy>(world.arena, world.store, moves); });
  world.Put(0, "one more", "");
  return answer;
}

TEST_CASE("A read that begins while its index is closed waits, and asks the server in the end") {
  REQUIRE(ReadHalfWayThroughASplit<Hooked<>>().status == ReadStatus::kAskServer);
  REQUIRE(ReadHalfWayThroughASplit<Hooked<ReadCheck::kOddEpoch>>().status == ReadStatus::kMissing);
  REQUIRE(ReadHalfWayThroughASplit<Hooked<>>(Fault::kClosesLate).status == ReadStatus::kMissing);
  REQUIRE(ReadHalfWayThroughASplit<Hooked<>>(Fault::kNeverCloses).status == ReadStatus::kMissing);
}

template <class Policy>
Answer DatabasesSwappedDuringRead() {
  World world;
  world.Put(0, "key", "zero");
  world.Put(1, "key", "one");
  OnceAt(ReadStep::kMapRead, [&] {
    world.store.SwapDatabases(0, 1);
    world.Put(1, "key", "never in database 0");
  });
  return Read<Policy>(world.arena, world.store, "key");
}

TEST_CASE("SWAPDB during a read is noticed by the map") {
  REQUIRE(DatabasesSwappedDuringRead<Hooked<>>().Found("one"));
  REQUIRE(DatabasesSwappedDuringRead<Hooked<ReadCheck::kMap>>().Found("never in database 0"));
}

// EXEC { SWAPDB 0 1; SET key in 0 }, read between the two: database 0 has never had what was in 1.
template <class Policy>
Answer ReadAfterSwapWithinACommand(Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", "zero");
  world.Put(1, "key", "one");
  Answer answer;
  {
    FaultyWriter writer(world.store, fault, {world.EpochOf(0)[0], world.EpochOf(1)[0]});
    world.store.SwapDatabases(0, 1);
    answer = Read<Policy>(world.arena, world.store, "key");
    world.Put(0, "key", "new zero");
  }
  REQUIRE(Read<Policy>(world.arena, world.store, "key").Found("new zero"));
  return answer;
}

TEST_CASE("SWAPDB within a command is not seen before the command's end") {
  REQUIRE(ReadAfterSwapWithinACommand<Hooked<>>().status == ReadStatus::kAskServer);
  REQUIRE(ReadAfterSwapWithinACommand<Hooked<>>(Fault::kNeverCloses).Found("one"));
}

// ---- Bounds ----

// The block is reused by one that looks the same but for a link that leads out of the arena.
template <class Policy>
Answer LinkOutOfTheArena() {
  World world;
  world.Put(0, "key", std::string(1000, 'a'));
  OnceAt(ReadStep::kEntryRead, [&] {
    char* block = world.arena.At(EntryLink(world.store.Find(0, "key").entry));
    const std::string saved(block, KeyBlockBytes(false, 3, 1000));
    world.Put(0, "key", "new");
    const Link reused = world.arena.Allocate(saved.size());
    REQUIRE(world.arena.At(reused) == block);
    RacyStore(block, saved.data(), saved.size());
    RacyStore32(block + ValueLinkOffset(false, 3), static_cast<Link>(world.arena.view().mapped_bytes / kGranuleBytes));
  });
  return Read<Policy>(world.arena, world.store, "key");
}

TEST_CASE("A link out of the arena costs a retry; unchecked, it would kill the reader") {
  REQUIRE(LinkOutOfTheArena<Hooked<>>().Found("new"));
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    LinkOutOfTheArena<Hooked<ReadCheck::kBounds>>();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE_FALSE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

// ---- Expiry ----

TEST_CASE("A state is dead by the server's clock, alive by the reader's, and between the server's to judge") {
  World world;
  world.Put(0, "key", "v", 1000);
  auto at = [&](int64_t clock_ms, int64_t own_now_ms) {
    world.store.SetClock(clock_ms);
    return Read<Hooked<>>(world.arena, world.store, "key", [=] { return own_now_ms; }).status;
  };
  REQUIRE(at(999, 999) == ReadStatus::kFound);
  REQUIRE(at(500, 999) == ReadStatus::kFound);
  REQUIRE(at(999, 1000) == ReadStatus::kAskServer);
  REQUIRE(at(1000, 1000) == ReadStatus::kMissing);
  REQUIRE(at(1000, 999) == ReadStatus::kMissing);  // the server has promised
  REQUIRE(at(2000, 0) == ReadStatus::kMissing);
}

template <class Policy>
Answer LifeProlongedBeforeTheClockTicks(Fault fault = Fault::kNone) {
  World world;
  world.Put(0, "key", "v", 1000);
  FaultyWriter writer(world.store, fault, world.HomeOf("key"));
  bool first = true;
  return Read<Policy>(world.arena, world.store, "key", [&] {
    if (std::exchange(first, false)) {
      world.Put(0, "key", "v", 5000);
      world.store.SetClock(1000);
    }
    return int64_t{999};
  });
}

TEST_CASE("Not even \"expired\" is returned unchecked") {
  REQUIRE(LifeProlongedBeforeTheClockTicks<Hooked<>>().Found("v"));
  REQUIRE(LifeProlongedBeforeTheClockTicks<Hooked<ReadCheck::kVersion>>().status == ReadStatus::kMissing);
  REQUIRE(LifeProlongedBeforeTheClockTicks<Hooked<>>(Fault::kNeverCloses).status == ReadStatus::kMissing);
}

template <class Policy>
ReadStatus SwappedInDuringRead() {
  World world;
  world.Put(0, "key", "v");
  world.store.SwapOut(0, "key");
  world.store.Finish();
  OnceAt(ReadStep::kVersionRead, [&] { world.Put(0, "key", "back"); });
  return Read<Policy>(world.arena, world.store, "key").status;
}

TEST_CASE("Swapped-out keys, and misses in an index that is not complete, are the server's to answer") {
  World world;
  world.Put(0, "key", "v");
  REQUIRE(Read<Hooked<>>(world.arena, world.store, "none").status == ReadStatus::kMissing);
  world.store.SwapOut(0, "key");
  world.store.Finish();
  REQUIRE(Read<Hooked<>>(world.arena, world.store, "key").status == ReadStatus::kAskServer);
  world.store.index(0).header().complete.store(0);
  REQUIRE(Read<Hooked<>>(world.arena, world.store, "none").status == ReadStatus::kAskServer);
  REQUIRE(SwappedInDuringRead<Hooked<>>() == ReadStatus::kFound);
}

}  // namespace
}  // namespace chestbox::shm
