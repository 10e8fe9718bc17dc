// The end of a command: what it detached, what it may free only then, and the versions that it opens.
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/shm/index_writer.h"
#include "test_arena.h"
#include "test_store.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

std::string KeyOf(uint64_t i) { return "key:" + std::to_string(i); }
uint64_t Epoch(TestStore& store) { return store.index(0).header().epoch.load(); }

}  // namespace

TEST_CASE("FLUSH detaches everything at once, and what it detached is freed segment by segment") {
  TestArena arena;
  TestStore store(arena);
  const uint64_t baseline_bytes = arena.bytes_out();
  for (uint64_t i = 0; i < 20000; ++i) REQUIRE(store.Put(0, KeyOf(i), KeyOf(i), i % 3 == 0 ? 1000 : -1));
  for (uint64_t i = 0; i < 20000; i += 5) store.SwapOut(0, KeyOf(i));
  store.Finish();
  IndexWriter& index = store.index(0);
  const uint64_t segments = index.segments();
  IndexWriter::Detached detached;
  index.Clear(&detached);
  store.Finish();
  REQUIRE(detached.segments.size() == segments - 1);
  REQUIRE(index.entries() == 0);
  REQUIRE(index.expiring() == 0);
  REQUIRE(index.segments() == 1);
  REQUIRE(index.depth() == 0);
  // New keys come while the old ones are still being freed.
  for (uint64_t i = 0; i < 2000; ++i) REQUIRE(store.Put(0, KeyOf(i), "new"));
  store.Finish();
  std::vector<uint64_t> entries = detached.entries;
  for (Link segment : detached.segments) index.TakeDetached(segment, &entries);
  REQUIRE(entries.size() == 20000);
  for (uint64_t entry : entries) {
    if ((entry & kEntryLive) != 0) arena.Free(EntryLink(entry));
  }
  std::string value;
  for (uint64_t i = 0; i < 2000; ++i) {
    REQUIRE(store.Get(0, KeyOf(i), &value));
    REQUIRE(value == "new");
  }
  store.Flush(0);
  store.Finish();
  REQUIRE(arena.bytes_out() == baseline_bytes);
  REQUIRE(arena.FreedBlocksIntact());
}

// A command that closed a bucket of a segment which it then merges away or flushes: its end opens that bucket again,
// and must not write into memory that is somebody else's by then.
TEST_CASE("A segment is freed only after the command that had closed a bucket of it has opened it") {
  TestArena arena;
  TestStore store(arena);
  SECTION("merged away") {
    for (uint64_t i = 0; i < 5000; ++i) REQUIRE(store.Put(0, KeyOf(i), "v"));
    store.Finish();
    for (uint64_t i = 0; i < 5000; ++i) REQUIRE(store.Erase(0, KeyOf(i)));  // one command
    REQUIRE(store.index(0).segments() == 1);
    store.Finish();
    REQUIRE(arena.FreedBlocksIntact());
  }
  SECTION("flushed") {
    for (uint64_t i = 0; i < 5000; ++i) REQUIRE(store.Put(0, KeyOf(i), "v"));
    store.Flush(0);  // in the same command
    for (uint64_t i = 0; i < 5000; ++i) REQUIRE(store.Put(0, KeyOf(i), "w"));
    store.Finish();
    REQUIRE(arena.FreedBlocksIntact());
    std::string value;
    for (uint64_t i = 0; i < 5000; ++i) REQUIRE(store.Get(0, KeyOf(i), &value));
  }
  SECTION("freed at once: this test notices") {
    const Link segment = arena.Allocate(sizeof(Segment));
    auto* bucket = reinterpret_cast<Bucket*>(arena.At(segment));
    bucket->version.store(0);
    store.scope().Close(bucket->version);
    arena.Free(segment);
    store.Finish();
    REQUIRE_FALSE(arena.FreedBlocksIntact());
  }
}

TEST_CASE("Versions and epochs are even between commands and rise with each change") {
  TestArena arena;
  TestStore store(arena);
  REQUIRE(store.Put(0, "k", "v"));
  store.Finish();
  const Bucket* home = store.Find(0, "k").home;
  const uint64_t before = home->version.load();
  REQUIRE(before % 2 == 0);
  REQUIRE(store.Put(0, "k", "w"));
  REQUIRE(home->version.load() == before + 1);
  REQUIRE(store.Put(0, "k", "x"));
  REQUIRE(home->version.load() == before + 1);
  store.Finish();
  REQUIRE(home->version.load() == before + 2);
  const uint64_t epoch = Epoch(store);
  REQUIRE(epoch % 2 == 0);
  store.Flush(0);
  REQUIRE(Epoch(store) == epoch + 1);
  store.Finish();
  REQUIRE(Epoch(store) == epoch + 2);
}

}  // namespace chestbox::shm
