// Several keys as one snapshot.
#include "protocol/shm/read_set.h"

#include <string>

#include "hooks.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

struct World {
  World() : store(arena) {}

  void Put(std::string_view key, std::string_view value, int64_t expire_at_ms = -1) {
    REQUIRE(store.Put(0, key, value, expire_at_ms));
    store.Finish();
  }
  template <class Policy>
  ReadStatus ReadAll(std::initializer_list<std::string_view> keys, SetWants wants = SetWants::kStrings,
                     int64_t now_ms = 0) {
    members.clear();
    for (std::string_view key : keys) {
      SetMember member;
      member.key = key;
      member.hash = store.Hash(key);
      members.push_back(member);
    }
    const ReadStatus status = ReadSet<Policy>(
        arena.view(), 0, members, wants,
        [&] {
          ++clock_reads;
          return now_ms;
        },
        &storage);
    hooks = {};
    return status;
  }
  // "-" where there is none, "!" for another type.
  std::string Value(size_t i) const {
    if (members[i].status == ReadStatus::kMissing) return "-";
    if (members[i].status == ReadStatus::kWrongType) return "!";
    return {storage.bytes.data() + members[i].offset, members[i].bytes};
  }

  TestArena arena;
  TestStore store;
  std::vector<SetMember> members;
  SetStorage storage{.bytes = {}, .used_bytes = 0, .bytes_max = 1 << 20};
  int clock_reads = 0;
};

TEST_CASE("A set of keys is read, with repeats, misses, empty and large values") {
  World world;
  const std::string large(5000, 'l');
  world.Put("a", "1");
  world.Put("empty", "");
  world.Put("large", large);
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "none", "large", "empty", "a", "large"}) == ReadStatus::kFound);
  REQUIRE(world.Value(0) == "1");
  REQUIRE(world.Value(1) == "-");
  REQUIRE(world.Value(2) == large);
  REQUIRE(world.Value(3) == "");
  REQUIRE(world.Value(4) == "1");
  REQUIRE(world.Value(5) == large);
  REQUIRE(world.clock_reads == 0);
  REQUIRE(world.ReadAll<ReadPolicy>({}) == ReadStatus::kFound);
  REQUIRE(world.ReadAll<ReadPolicy>({"empty", "none"}) == ReadStatus::kFound);
  REQUIRE(world.Value(0) == "");
}

TEST_CASE("Existence copies nothing and takes any type") {
  World world;
  world.Put("a", std::string(5000, 'a'));
  world.Put("list", "pretend");
  SlotRef ref = world.store.Find(0, "list");
  RacyStore32(world.arena.At(EntryLink(ref.entry)), MakeMeta(ValueType::kList, 0, 0));
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "list", "none"}, SetWants::kExistence) == ReadStatus::kFound);
  REQUIRE(world.members[0].status == ReadStatus::kFound);
  REQUIRE(world.members[1].status == ReadStatus::kFound);
  REQUIRE(world.members[2].status == ReadStatus::kMissing);
  REQUIRE(world.storage.used_bytes == 0);
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "list"}) == ReadStatus::kFound);
  REQUIRE(world.Value(1) == "!");
}

// RENAME a b while the set { first, second } is being read: exactly one of them is there, always.
template <class Policy>
int FoundDuringRename(std::string_view first, std::string_view second) {
  World world;
  world.Put("a", "1");
  OnceAt(ReadStep::kSetMemberRead, [&] {
    REQUIRE(world.store.Rename(0, "a", "b"));
    world.store.Finish();
  });
  REQUIRE(world.ReadAll<Policy>({first, second}) == ReadStatus::kFound);
  return (world.Value(0) == "1" ? 1 : 0) + (world.Value(1) == "1" ? 1 : 0);
}

TEST_CASE("A rename is never seen half") {
  REQUIRE(FoundDuringRename<Hooked<>>("a", "b") == 1);
  REQUIRE(FoundDuringRename<Hooked<>>("b", "a") == 1);
  REQUIRE(FoundDuringRename<Hooked<ReadCheck::kSetRecheck>>("a", "b") == 2);
  REQUIRE(FoundDuringRename<Hooked<ReadCheck::kSetRecheck>>("b", "a") == 0);
}

// A command that sets a and b, read when it has done the first half. Ending its scope there is what must not happen.
std::string SetReadWithinACommand(bool scope_ends_early) {
  World world;
  world.Put("a", "old");
  world.Put("b", "old");
  REQUIRE(world.store.Put(0, "a", "new"));
  if (scope_ends_early) world.store.Finish();
  std::string seen = "ask";
  if (world.ReadAll<ReadPolicy>({"a", "b"}) == ReadStatus::kFound) seen = world.Value(0) + world.Value(1);
  REQUIRE(world.store.Put(0, "b", "new"));
  world.store.Finish();
  return seen;
}

TEST_CASE("A command of several keys keeps them closed until its end") {
  REQUIRE(SetReadWithinACommand(false) == "ask");
  REQUIRE(SetReadWithinACommand(true) == "newold");
}

TEST_CASE("Only what has changed is read again, and after three rounds the server is asked") {
  World world;
  for (const char* key : {"a", "b", "c"}) world.Put(key, "0");
  int reads = 0;
  int changes = 0;
  auto run = [&](int rounds_disturbed) {
    reads = 0;
    changes = 0;
    hooks.at = [&world, &reads, &changes, rounds_disturbed](ReadStep step) {
      if (step != ReadStep::kSetMemberRead) return;
      ++reads;
      if (reads >= 3 && changes < rounds_disturbed) {
        ++changes;
        world.Put("b", std::to_string(changes) + std::string(static_cast<size_t>(changes) * 100, 'x'));
      }
    };
    return world.ReadAll<Hooked<>>({"a", "b", "c"});
  };
  REQUIRE(run(0) == ReadStatus::kFound);
  REQUIRE(reads == 3);
  REQUIRE(run(1) == ReadStatus::kFound);
  REQUIRE(reads == 4);
  REQUIRE(world.Value(1) == "1" + std::string(100, 'x'));
  REQUIRE(run(2) == ReadStatus::kFound);
  REQUIRE(reads == 5);
  REQUIRE(world.Value(0) == "0");
  REQUIRE(world.Value(1) == "2" + std::string(200, 'x'));
  REQUIRE(run(3) == ReadStatus::kAskServer);
}

TEST_CASE("One clock judges all keys, after all were read") {
  World world;
  world.Put("a", "1", 1000);
  world.Put("b", "2", 2000);
  world.Put("c", "3");
  world.store.SetClock(500);
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "b", "c"}, SetWants::kStrings, 999) == ReadStatus::kFound);
  REQUIRE(world.clock_reads == 1);
  REQUIRE(world.Value(0) + world.Value(1) + world.Value(2) == "123");
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "b", "c"}, SetWants::kStrings, 1000) == ReadStatus::kAskServer);
  world.store.SetClock(1000);
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "b", "c"}, SetWants::kStrings, 1500) == ReadStatus::kFound);
  REQUIRE(world.Value(0) + world.Value(1) + world.Value(2) == "-23");

  // "a" dies while "c" is read, and then "c" is written: the new "c" beside a living "a" was never so.
  World later;
  later.Put("a", "1", 1000);
  later.Put("c", "3");
  later.store.SetClock(999);
  OnceAt(ReadStep::kSetMemberRead, [&] {
    later.store.SetClock(1000);
    later.Put("c", "4");
  });
  REQUIRE(later.ReadAll<Hooked<>>({"a", "c"}, SetWants::kStrings, 999) == ReadStatus::kFound);
  REQUIRE(later.Value(0) + later.Value(1) == "-4");
}

TEST_CASE("What the client can not answer alone, the server answers whole") {
  World world;
  world.Put("a", "1");
  world.Put("cold", "2");
  world.store.SwapOut(0, "cold");
  world.store.Finish();
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "cold"}) == ReadStatus::kAskServer);
  REQUIRE(world.ReadAll<ReadPolicy>({"a"}) == ReadStatus::kFound);
  world.store.index(0).header().complete.store(0);
  REQUIRE(world.ReadAll<ReadPolicy>({"a"}) == ReadStatus::kFound);
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "none"}) == ReadStatus::kAskServer);
}

TEST_CASE("Storage grows by lengths that were checked, up to its cap") {
  World world;
  world.storage.bytes_max = 1000;
  world.Put("a", std::string(600, 'a'));
  world.Put("b", std::string(400, 'b'));
  world.Put("c", "c");
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "b"}) == ReadStatus::kFound);
  REQUIRE(world.Value(1) == std::string(400, 'b'));
  REQUIRE(world.ReadAll<ReadPolicy>({"a", "b", "c"}) == ReadStatus::kAskServer);
  REQUIRE(world.storage.bytes.size() <= 1000);

  // A block that changes its length after the header was read: 600 bytes are never asked for.
  World torn;
  torn.Put("a", std::string(600, 'a'));
  OnceAt(ReadStep::kBlockRead, [&] { torn.Put("a", "short"); });
  REQUIRE(torn.ReadAll<Hooked<>>({"a"}) == ReadStatus::kFound);
  REQUIRE(torn.Value(0) == "short");
  REQUIRE(torn.storage.bytes.size() < 600);
}

}  // namespace
}  // namespace chestbox::shm
