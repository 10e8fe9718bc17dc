// The writer of an index against a model, and its structure: splits, merges, the directory, memory.
#include "protocol/shm/index_writer.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <unordered_map>

#include "test_arena.h"
#include "test_store.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kScale = 1;
#else
constexpr int kScale = 8;
#endif

std::string KeyOf(uint64_t i) { return "key:" + std::to_string(i); }
std::string ValueOf(uint64_t i, uint64_t generation) {
  return std::string(i % 23, 'x') + std::to_string(i) + "/" + std::to_string(generation);
}

// Low bits that are nearly all zeros, so that a few thousand keys make the directory deep.
uint64_t SkewedHash(std::string_view key, uint64_t seed) {
  uint64_t low = ~uint64_t{0};
  for (uint64_t i = 1; i <= 4; ++i) low &= HashKey(key, seed + i);
  const uint64_t mask = (uint64_t{1} << 24) - 1;
  return (low & mask) | (HashKey(key, seed) & ~mask);
}

// Keys that begin with '=' share one hash.
uint64_t CollidingHash(std::string_view key, uint64_t seed) {
  return !key.empty() && key[0] == '=' ? HashKey("=", seed) : HashKey(key, seed);
}

struct ModelValue {
  std::string value;
  int64_t expire_at_ms = -1;
  bool swapped = false;
};
using Model = std::unordered_map<std::string, ModelValue>;

void RequireSame(TestArena& arena, TestStore& store, uint32_t database, const Model& model) {
  IndexWriter& index = store.index(database);
  uint64_t expiring = 0;
  uint64_t swapped_out = 0;
  for (const auto& [key, expected] : model) {
    swapped_out += expected.swapped ? 1 : 0;
    const SlotRef ref = store.Find(database, key);
    REQUIRE(static_cast<bool>(ref));
    REQUIRE(((ref.entry & kEntrySwapped) != 0) == expected.swapped);
    REQUIRE(((ref.entry & kEntryExpires) != 0) == (expected.expire_at_ms >= 0));
    expiring += expected.expire_at_ms >= 0 ? 1 : 0;
    std::string value;
    REQUIRE(store.Get(database, key, &value) == !expected.swapped);
    if (!expected.swapped) REQUIRE(value == expected.value);
  }
  REQUIRE(index.entries() == model.size());
  REQUIRE(index.expiring() == expiring);
  REQUIRE(index.swapped_out() == swapped_out);

  // Segments and buckets partition the positions, and what is counted of each segment is true.
  uint64_t segments = 0;
  uint64_t seen = 0;
  uint64_t position = 0;
  do {
    uint64_t segment_end = 0;
    const Link segment = index.SegmentOf(position, &segment_end);
    const SegmentInfo info = store.segments()[segment];
    SegmentInfo counted;
    do {
      const uint64_t begin = position;
      std::vector<uint64_t> positions;
      position = index.VisitBucket(position, [&](uint64_t entry, uint64_t hash) {
        positions.push_back(PositionOf(hash));
        ++counted.entries;
        if ((entry & kEntryLive) == 0 || (entry & kEntryExpires) == 0) return;
        ++counted.expiring;
        counted.earliest_expiry_ms = std::min(counted.earliest_expiry_ms, LoadExpiry(arena.At(EntryLink(entry))));
      });
      for (uint64_t each : positions) REQUIRE((each >= begin && (position == 0 || each < position)));
    } while (position != segment_end);
    REQUIRE(info.entries == counted.entries);
    REQUIRE(info.expiring == counted.expiring);
    REQUIRE(info.earliest_expiry_ms <= counted.earliest_expiry_ms);
    seen += counted.entries;
    ++segments;
  } while (position != 0);
  REQUIRE(segments == index.segments());
  REQUIRE(seen == model.size());
}

struct Mix {
  int put, erase, swap_out, rename;  // weights; the rest of 100 looks
};

// `operations` random commands on `keys` keys.
void RunModel(TestArena& arena, TestStore& store, Model& model, uint64_t keys, int operations, Mix mix, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < operations; ++i) {
    const uint64_t number = random() % keys;
    const std::string key = KeyOf(number);
    const int dice = static_cast<int>(random() % 100);
    auto known = model.find(key);
    if (dice < mix.put) {
      const int64_t expire_at_ms = random() % 4 == 0 ? static_cast<int64_t>(random() % 1000000) : -1;
      ModelValue value{ValueOf(number, static_cast<uint64_t>(i)), expire_at_ms, false};
      if (random() % 64 == 0) value.value.resize(kInlineValueBytesMax + 1 + random() % 500, 'v');
      REQUIRE(store.Put(0, key, value.value, expire_at_ms));
      model[key] = value;
    } else if (dice < mix.put + mix.erase) {
      REQUIRE(store.Erase(0, key) == (known != model.end()));
      if (known != model.end()) model.erase(known);
    } else if (dice < mix.put + mix.erase + mix.swap_out) {
      store.SwapOut(0, key);
      if (known != model.end()) known->second.swapped = true;
    } else if (dice < mix.put + mix.erase + mix.swap_out + mix.rename) {
      const std::string to = KeyOf(random() % keys);
      const bool renames = known != model.end() && !known->second.swapped && to != key;
      REQUIRE(store.Rename(0, key, to) == renames);
      if (renames) {
        model[to] = known->second;
        model.erase(key);
      }
    } else {
      std::string value;
      const bool there = known != model.end() && !known->second.swapped;
      REQUIRE(store.Get(0, key, &value) == there);
      if (there) REQUIRE(value == known->second.value);
    }
    if (random() % 3 != 0) {
      store.Finish();
      store.Drain();
    }
  }
  store.Finish();
  store.Drain();
  REQUIRE(arena.FreedBlocksIntact());
}

void EraseAll(TestStore& store, Model& model) {
  for (const auto& [key, value] : model) {
    REQUIRE(store.Erase(0, key));
    store.Finish();
  }
  store.Drain();
  model.clear();
}

uint64_t Epoch(TestStore& store) { return store.index(0).header().epoch.load(); }

}  // namespace

TEST_CASE("An index does what a map does, at every size, and gives all memory back") {
  for (uint64_t keys : {1ULL, 8ULL, 100ULL, 500ULL, 3000ULL, 50000ULL}) {
    TestArena arena;
    TestStore store(arena);
    const uint64_t baseline_bytes = arena.bytes_out();
    Model model;
    const int operations = static_cast<int>(std::min<uint64_t>(keys * 40, 60000)) * kScale;
    RunModel(arena, store, model, keys, operations, {50, 20, 5, 5}, keys);
    RequireSame(arena, store, 0, model);
    RunModel(arena, store, model, keys, operations / 2, {10, 60, 5, 5}, keys + 1);
    RequireSame(arena, store, 0, model);
    EraseAll(store, model);
    RequireSame(arena, store, 0, model);
    REQUIRE(store.index(0).depth() == 0);
    REQUIRE(store.index(0).segments() == 1);
    REQUIRE(arena.bytes_out() == baseline_bytes);
    REQUIRE(arena.committed_bytes() == kDatabases * 4096);
    REQUIRE(arena.FreedBlocksIntact());
  }
}

TEST_CASE("A large directory doubles in steps and halves again") {
  TestArena arena(256 << 20);
  TestStore store(arena, SkewedHash);
  const uint64_t baseline_bytes = arena.bytes_out();
  Model model;
  RunModel(arena, store, model, 6000, 12000, {90, 0, 2, 2}, 1);
  REQUIRE(store.index(0).depth() > 15);  // more slots than one step copies
  RequireSame(arena, store, 0, model);
  for (int round = 0; round < 3; ++round) {
    RunModel(arena, store, model, 8000, 8000, {20, 60, 2, 2}, 2);
    RequireSame(arena, store, 0, model);
    RunModel(arena, store, model, 8000, 12000, {60, 20, 2, 2}, 3);
    RequireSame(arena, store, 0, model);
  }
  EraseAll(store, model);
  RequireSame(arena, store, 0, model);
  REQUIRE(store.index(0).depth() == 0);
  REQUIRE(arena.bytes_out() == baseline_bytes);
  REQUIRE(arena.committed_bytes() == kDatabases * 4096);
}

TEST_CASE("No insert into a deep directory copies more than a step, and every key is found at each step") {
  TestArena arena(128 << 20);
  TestStore store(arena, SkewedHash);
  uint32_t depth = 0;
  uint64_t closings_while_growing = 0;
  bool stepped = false;
  for (uint64_t i = 0; i < 6000; ++i) {
    const uint64_t epoch = Epoch(store);
    REQUIRE(store.Put(0, KeyOf(i), ValueOf(i, 0)));
    store.Finish();
    const uint32_t now_depth = store.index(0).depth();
    // A doubling of 2^15 slots and more takes several inserts: at most one doubling an insert.
    if (depth >= 15) REQUIRE(now_depth <= depth + 1);
    stepped = stepped || now_depth > 15;
    if (Epoch(store) != epoch) ++closings_while_growing;
    depth = now_depth;
    if (i % 97 == 0) {
      std::string value;
      for (uint64_t k = 0; k <= i; k += 13) {
        REQUIRE(store.Get(0, KeyOf(k), &value));
        REQUIRE(value == ValueOf(k, 0));
      }
    }
  }
  REQUIRE(stepped);
  REQUIRE(closings_while_growing < 1000);
}

TEST_CASE("Growth that was given up half-way leaves nothing behind") {
  TestArena arena(128 << 20);
  TestStore store(arena, SkewedHash);
  const uint64_t baseline_bytes = arena.bytes_out();
  Model model;
  // Stop inserting at the moment when a directory of 2^17 slots has begun to double.
  uint64_t committed = 0;
  for (uint64_t i = 0; i < 20000; ++i) {
    REQUIRE(store.Put(0, KeyOf(i), "v"));
    store.Finish();
    model[KeyOf(i)] = {"v"};
    const uint64_t depth = store.index(0).depth();
    committed = arena.committed_bytes() - kDatabases * 4096;
    if (depth == 17 && committed >= (sizeof(Link) << 18) - 4096) break;
  }
  REQUIRE(store.index(0).depth() == 17);
  REQUIRE(committed == (sizeof(Link) << 18) - 4096);
  SECTION("by erasing") { EraseAll(store, model); }
  SECTION("by a flush") {
    store.Flush(0);
    store.Finish();
    store.Drain();
    model.clear();
  }
  RequireSame(arena, store, 0, model);
  REQUIRE(store.index(0).depth() == 0);
  REQUIRE(arena.bytes_out() == baseline_bytes);
  REQUIRE(arena.committed_bytes() == kDatabases * 4096);
}

TEST_CASE("Keys of one hash work: eight, eighty, and more than a segment splits at") {
  for (int same : {8, 80, 600}) {
    TestArena arena;
    TestStore store(arena, CollidingHash);
    const uint64_t baseline_bytes = arena.bytes_out();
    Model model;
    for (int i = 0; i < same; ++i) {
      const std::string key = "=" + std::to_string(i);
      REQUIRE(store.Put(0, key, ValueOf(static_cast<uint64_t>(i), 1)));
      model[key] = {ValueOf(static_cast<uint64_t>(i), 1)};
      store.Finish();
    }
    RequireSame(arena, store, 0, model);
    REQUIRE(store.index(0).depth() <= 1);  // splitting would not part them
    RunModel(arena, store, model, 2000, 20000, {70, 10, 0, 5}, 5);
    RequireSame(arena, store, 0, model);
    for (int i = 0; i < same; i += 2) {
      REQUIRE(store.Erase(0, "=" + std::to_string(i)));
      model.erase("=" + std::to_string(i));
    }
    store.Finish();
    RequireSame(arena, store, 0, model);
    EraseAll(store, model);
    REQUIRE(arena.bytes_out() == baseline_bytes);
  }
}

TEST_CASE("A live key wins over a swapped-out one of the same hash") {
  TestArena arena;
  TestStore store(arena, CollidingHash);
  REQUIRE(store.Put(0, "=cold", "1"));
  REQUIRE(store.Put(0, "=warm", "2"));
  REQUIRE(store.Put(0, "=hot", "3"));
  store.SwapOut(0, "=cold");
  std::string value;
  REQUIRE(store.Get(0, "=hot", &value));
  REQUIRE(value == "3");
  REQUIRE(store.Get(0, "=warm", &value));
  REQUIRE(value == "2");
  REQUIRE((store.Find(0, "=cold").entry & kEntrySwapped) != 0);
  REQUIRE((store.Find(0, "=unknown").entry & kEntrySwapped) != 0);  // only the swap store can tell
  store.Finish();
}

TEST_CASE("Keyless entries go where their keys go, through splits and merges") {
  TestArena arena;
  TestStore store(arena);
  for (uint64_t i = 0; i < 200; ++i) {
    REQUIRE(store.Put(0, KeyOf(i), "v", i % 2 == 0 ? 5 : -1));
    store.SwapOut(0, KeyOf(i));
  }
  store.Finish();
  REQUIRE(store.index(0).expiring() == 100);
  for (uint64_t i = 200; i < 20000; ++i) REQUIRE(store.Put(0, KeyOf(i), "v"));
  store.Finish();
  REQUIRE(store.index(0).depth() >= 5);
  for (uint64_t i = 0; i < 200; ++i) REQUIRE((store.Find(0, KeyOf(i)).entry & kEntrySwapped) != 0);
  for (uint64_t i = 200; i < 20000; ++i) REQUIRE(store.Erase(0, KeyOf(i)));
  store.Finish();
  REQUIRE(store.index(0).depth() <= 2);
  for (uint64_t i = 0; i < 200; ++i) {
    REQUIRE((store.Find(0, KeyOf(i)).entry & kEntrySwapped) != 0);
    REQUIRE(store.Erase(0, KeyOf(i)));
  }
  store.Finish();
  REQUIRE(store.index(0).entries() == 0);
  REQUIRE(store.index(0).expiring() == 0);
}

TEST_CASE("A call that fails for memory has changed nothing") {
  TestArena arena;
  TestStore store(arena);
  const uint64_t baseline_bytes = arena.bytes_out();
  Model model;
  std::mt19937_64 random(7);
  int failures = 0;
  for (uint64_t i = 0; i < 12000; ++i) {
    const std::string key = KeyOf(random() % 6000);
    const bool large = random() % 4 == 0;
    const std::string value(large ? 300 + random() % 300 : random() % 200, 'v');
    arena.FailAfter(random() % 4);
    arena.clear_failed();
    const uint64_t bytes_before = arena.bytes_out();
    const bool rename = random() % 8 == 0;
    const std::string to = KeyOf(random() % 6000);
    const bool done = rename ? store.Rename(0, key, to) : store.Put(0, key, value);
    if (random() % 4 == 0) {
      REQUIRE(store.Erase(0, to) == (model.count(to) != 0 || (done && (rename ? true : key == to))));
      if (done && !rename) model[key] = {value};
      if (done && rename) model.erase(key);
      model.erase(to);
    } else if (done && rename) {
      model[to] = model.at(key);
      model.erase(key);
    } else if (done) {
      model[key] = {value};
    } else if (arena.failed()) {
      ++failures;
      REQUIRE(arena.bytes_out() <= bytes_before + sizeof(Segment) + 64 * sizeof(Bucket));  // a split may have succeeded
    }
    store.Finish();
    store.Drain();
    if (i % 2000 == 1999) {
      arena.NeverFail();
      RequireSame(arena, store, 0, model);
    }
  }
  REQUIRE(failures > 1000);
  arena.NeverFail();
  RequireSame(arena, store, 0, model);
  store.Flush(0);
  store.Finish();
  store.Drain();
  REQUIRE(arena.bytes_out() == baseline_bytes);
  REQUIRE(arena.FreedBlocksIntact());
}

TEST_CASE("Every single allocation of a growing index may fail") {
  // The number of requests of the run is found by failing later and later, until nothing fails.
  bool failed = true;
  for (uint64_t successes = 0; failed; successes += successes < 200 ? 1 : 37) {
    TestArena arena(8 << 20);
    TestStore store(arena);
    const uint64_t baseline_bytes = arena.bytes_out();
    arena.FailAfter(successes);
    std::set<uint64_t> stored;
    for (uint64_t i = 0; i < 1200; ++i) {
      if (store.Put(0, KeyOf(i), "value")) stored.insert(i);
      store.Finish();
    }
    failed = arena.failed();
    REQUIRE(store.index(0).entries() == stored.size());
    std::string value;
    for (uint64_t i = 0; i < 1200; ++i) REQUIRE(store.Get(0, KeyOf(i), &value) == (stored.count(i) != 0));
    for (uint64_t i : stored) {  // erasing needs no memory
      REQUIRE(store.Erase(0, KeyOf(i)));
      store.Finish();
    }
    REQUIRE(store.index(0).entries() == 0);
    store.Flush(0);
    store.Finish();
    REQUIRE(arena.bytes_out() == baseline_bytes);
    REQUIRE(arena.committed_bytes() == kDatabases * 4096);
  }
}

TEST_CASE("A scan by positions sees every key that stays, whatever splits and merges meanwhile") {
  TestArena arena;
  TestStore store(arena);
  std::mt19937_64 random(11);
  for (uint64_t i = 0; i < 3000; ++i) REQUIRE(store.Put(0, KeyOf(i), "stays"));
  store.Finish();
  bool grow = true;
  uint32_t least_depth = 32;
  uint32_t most_depth = 0;
  for (int round = 0; round < 6; ++round) {
    std::set<std::string> seen;
    uint64_t position = 0;
    do {
      position = store.index(0).VisitBucket(position, [&](uint64_t entry, uint64_t) {
        const char* block = arena.At(EntryLink(entry));
        seen.emplace(block + KeyOffset(false), LoadHeader(block).key_bytes);
      });
      if (random() % 32 != 0) continue;
      for (uint64_t i = 0; i < 1500; ++i) {
        const std::string key = KeyOf(3000 + random() % 30000);
        if (grow) {
          REQUIRE(store.Put(0, key, "comes and goes"));
        } else {
          store.Erase(0, key);
        }
      }
      store.Finish();
      if (store.index(0).entries() > 28000) grow = false;
      if (store.index(0).entries() < 6000) grow = true;
      least_depth = std::min(least_depth, store.index(0).depth());
      most_depth = std::max(most_depth, store.index(0).depth());
    } while (position != 0);
    for (uint64_t i = 0; i < 3000; ++i) REQUIRE(seen.count(KeyOf(i)) == 1);
  }
  REQUIRE(most_depth > least_depth + 1);
}

}  // namespace chestbox::shm
