// Pins: what the reader's fence and recheck, the mutable flag, and the writer's scans are for.
#include "protocol/shm/pins.h"

#include <memory>
#include <set>
#include <string>

#include "faulty_writer.h"
#include "hooks.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

struct World {
  World() : store(arena), page(std::make_unique<ClientPage>()), pins(page.get()) { store.AddPage(page.get()); }

  void Put(std::string_view key, std::string_view value) {
    REQUIRE(store.Put(0, key, value));
    store.Finish();
    store.Drain();
  }
  void Change(std::string_view key, std::string_view value) {
    REQUIRE(store.ChangeInPlace(0, key, value));
    store.Finish();
    store.Drain();
  }
  template <class Policy>
  ReadStatus Pin(std::string_view key, PinnedString* view) {
    return PinString<Policy>(
        arena.view(), 0, key, store.Hash(key), [] { return int64_t{0}; }, pins, small, view);
  }
  // The end of a scenario: a delayed store arrives now at the latest.
  std::string See(const PinnedString& view) {
    hooks.DrainStoreBuffer();
    hooks = {};
    return {view.data, view.size};
  }

  TestArena arena;
  TestStore store;
  std::unique_ptr<ClientPage> page;
  PinTable pins;
  char small[kInlineValueBytesMax];
};

const std::string kA(1000, 'a');
const std::string kB(1000, 'b');
const std::string kC(1000, 'c');

template <class Policy>
std::string OverwrittenUnderAView(WriterFaults faults = {}) {
  World world;
  world.store.faults = faults;
  world.Put("key", kA);
  PinnedString view;
  REQUIRE(world.Pin<Policy>("key", &view) == ReadStatus::kFound);
  world.Put("key", kB);
  world.Put("other", kC);  // takes the block, if it was freed
  return world.See(view);
}

TEST_CASE("A view's block is not freed: the pin is visible before the recheck, and the writer looks for it") {
  REQUIRE(OverwrittenUnderAView<Hooked<>>() == kA);
  REQUIRE(OverwrittenUnderAView<WithoutPinFence>() == kC);
  REQUIRE(OverwrittenUnderAView<Hooked<>>({.frees_without_scan = true}) == kC);
}

template <class Policy>
std::string OverwrittenBeforeThePinIsStored() {
  World world;
  world.Put("key", kA);
  hooks.before_pin = [&] {
    world.Put("key", kB);
    world.Put("other", kC);
  };
  PinnedString view;
  REQUIRE(world.Pin<Policy>("key", &view) == ReadStatus::kFound);
  return world.See(view);
}

TEST_CASE("A pin that comes too late is noticed by the recheck") {
  REQUIRE(OverwrittenBeforeThePinIsStored<Hooked<>>() == kB);
  REQUIRE(OverwrittenBeforeThePinIsStored<Hooked<ReadCheck::kPinRecheck>>() == kC);
}

template <class Policy>
std::string ChangedInPlaceUnderAView(WriterFaults faults = {}) {
  World world;
  world.store.faults = faults;
  world.Put("key", kA);
  PinnedString view;
  REQUIRE(world.Pin<Policy>("key", &view) == ReadStatus::kFound);
  world.Change("key", kB);
  std::string now;
  REQUIRE(world.store.Get(0, "key", &now));
  REQUIRE(now == kB);
  return world.See(view);
}

TEST_CASE("A view's block is not changed in place: the writer looks for pins first, and copies") {
  REQUIRE(ChangedInPlaceUnderAView<Hooked<>>() == kA);
  REQUIRE(ChangedInPlaceUnderAView<WithoutPinFence>() == kB);
  REQUIRE(ChangedInPlaceUnderAView<Hooked<>>({.changes_without_scan = true}) == kB);
}

// Close's fence before the scan: without it, the scan may run before the odd version is visible.
std::string PinnedJustAfterTheScan(Fault fault, ReadStatus* status) {
  World world;
  world.Put("key", kA);
  PinnedString view;
  {
    FaultyWriter writer(world.store, fault, {&world.store.Find(0, "key").home->version}, WriteStep::kPinsScanned,
                        [&] { *status = world.Pin<Hooked<>>("key", &view); });
    world.Change("key", kB);
  }
  return *status == ReadStatus::kFound ? world.See(view) : "";
}

TEST_CASE("No pin slips in between the writer's scan and its change") {
  ReadStatus status;
  PinnedJustAfterTheScan(Fault::kNone, &status);
  REQUIRE(status == ReadStatus::kAskServer);
  REQUIRE(PinnedJustAfterTheScan(Fault::kClosesLate, &status) == kB);  // changed under the view
  REQUIRE(PinnedJustAfterTheScan(Fault::kNeverCloses, &status) == kB);
}

TEST_CASE("A value that is changed in place is not pinned before the server has frozen it") {
  World world;
  world.Put("key", kA);
  world.Change("key", kB);
  PinnedString view;
  REQUIRE(world.Pin<Hooked<>>("key", &view) == ReadStatus::kMutable);
  SECTION("frozen, then pinned: the next change copies") {
    world.store.Freeze(0, "key");
    world.store.Finish();
    REQUIRE(world.Pin<Hooked<>>("key", &view) == ReadStatus::kFound);
    world.Change("key", kC);
    REQUIRE(world.See(view) == kB);
  }
  SECTION("pinned all the same: changed under the view") {
    REQUIRE(world.Pin<Hooked<ReadCheck::kMutable>>("key", &view) == ReadStatus::kFound);
    world.Change("key", kC);
    REQUIRE(world.See(view) == kC);
  }
}

TEST_CASE("A view outlives the key, its index and its database, and its block comes back when it ends") {
  World world;
  const uint64_t baseline_bytes = world.arena.bytes_out();
  world.Put("key", kA);
  PinnedString view;
  REQUIRE(world.Pin<ReadPolicy>("key", &view) == ReadStatus::kFound);
  SECTION("erased") { REQUIRE(world.store.Erase(0, "key")); }
  SECTION("flushed") { world.store.Flush(0); }
  SECTION("swapped out") {
    world.store.SwapOut(0, "key");
    world.store.Flush(0);
  }
  SECTION("renamed, then erased") {
    REQUIRE(world.store.Rename(0, "key", "other"));
    world.store.Finish();
    REQUIRE(world.store.Erase(0, "other"));
  }
  SECTION("databases swapped") {
    world.store.SwapDatabases(0, 1);
    world.store.Flush(1);
  }
  world.store.Finish();
  world.store.Drain();
  REQUIRE(world.store.retired().blocks() == 1);
  REQUIRE(world.See(view) == kA);
  world.pins.Release(view.pin);
  world.store.Drain();
  REQUIRE(world.store.retired().empty());
  REQUIRE(world.store.retired().bytes() == 0);
  REQUIRE(world.arena.bytes_out() == baseline_bytes);
}

TEST_CASE("Small values are copied and pin nothing") {
  World world;
  world.Put("key", std::string(kInlineValueBytesMax, 's'));
  PinnedString view;
  REQUIRE(world.Pin<ReadPolicy>("key", &view) == ReadStatus::kFound);
  REQUIRE(view.pin == kNoPinSlot);
  world.Put("key", "other");
  REQUIRE(world.See(view) == std::string(kInlineValueBytesMax, 's'));
  REQUIRE(world.page->summary.load() == 0);
}

TEST_CASE("A client has kPinSlots views at most, and gets each slot again") {
  World world;
  world.Put("key", kA);
  std::set<uint32_t> slots;
  PinnedString view;
  for (uint32_t i = 0; i < kPinSlots; ++i) {
    REQUIRE(world.Pin<ReadPolicy>("key", &view) == ReadStatus::kFound);
    REQUIRE(world.pins.Holds(view.pin));
    slots.insert(view.pin);
  }
  REQUIRE(slots.size() == kPinSlots);
  REQUIRE(world.Pin<ReadPolicy>("key", &view) == ReadStatus::kNoPin);
  world.Put("key", kB);
  for (uint32_t slot : slots) {
    world.store.Drain();
    REQUIRE(world.store.retired().blocks() == 1);
    world.pins.Release(slot);
    REQUIRE_FALSE(world.pins.Holds(slot));
  }
  REQUIRE_FALSE(world.pins.Holds(kPinSlots));
  world.store.Drain();
  REQUIRE(world.store.retired().empty());
  REQUIRE(world.page->summary.load() == 0);
  REQUIRE(world.Pin<ReadPolicy>("key", &view) == ReadStatus::kFound);
}

TEST_CASE("Nonsense in a client's page keeps nothing but the blocks it happens to name") {
  World world;
  world.page->summary.store(~uint64_t{0});
  for (uint32_t i = 0; i < kPinSlots; ++i) world.page->slots[i].store(0xffff'fff0 + i * 77777);
  world.Put("key", kA);
  world.Put("key", kB);
  REQUIRE(world.store.retired().empty());
  size_t visited = 0;
  ScanPins(*world.page, [&](Link) { ++visited; });
  REQUIRE(visited <= kPinSlots);
}

}  // namespace
}  // namespace chestbox::shm
