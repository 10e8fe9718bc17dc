#include <sys/mman.h>

#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "server/arena/arena_allocator.h"
#include "server/arena/extent_pool.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox {
namespace {

// Waits for a condition, with a bound.
template <class Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST_CASE("Free ranges that touch become one, and the smallest that fits is taken") {
  RangeSet ranges;
  ranges.Add(4096, 4096);
  ranges.Add(12288, 4096);
  CHECK_FALSE(ranges.Take(8192, 4096));
  ranges.Add(8192, 4096);
  CHECK(ranges.bytes() == 3 * 4096);
  CHECK(ranges.Take(8192, 8192) == 8192);
  CHECK(ranges.Take(4096, 4096) == 4096);
  CHECK(ranges.bytes() == 0);
}

TEST_CASE("What lies within a range is cut out of the free ranges around it") {
  RangeSet ranges;
  ranges.Add(0, 8192);
  ranges.Add(12288, 4096);
  ranges.Add(20480, 8192);
  CHECK(ranges.TakeWithin(4096, 20480) == RangeSet::Ranges{{4096, 4096}, {12288, 4096}, {20480, 4096}});
  CHECK(ranges.TakeWithin(8192, 12288).empty());
  CHECK(ranges.bytes() == 8192);
  CHECK(ranges.TakeWithin(24576, 4096) == RangeSet::Ranges{{24576, 4096}});
  CHECK(ranges.TakeWithin(0, 4096) == RangeSet::Ranges{{0, 4096}});
  CHECK(ranges.bytes() == 0);
}

TEST_CASE("The pool reuses dirty extents first, then clean ones, then grows") {
  ExtentPool pool(4096, 1 << 20);
  CHECK(pool.Take(4096, 4096)->offset == 4096);
  CHECK(pool.Take(4096, 4096)->offset == 8192);
  pool.AddClean(4096, 4096);
  pool.AddDirty(8192, 4096);
  CHECK(pool.Take(4096, 4096)->dirty);
  CHECK_FALSE(pool.Take(4096, 4096)->dirty);
  CHECK(pool.high_water() == 12288);
  CHECK_FALSE(pool.Take(2 << 20, 4096));
}

TEST_CASE("Blocks are granule-aligned, page-aligned when large, and never overlap") {
  auto arena = std::move(*ArenaAllocator::Create(uint64_t{4} << 30, 1, 2));
  std::mt19937 random(3);
  struct Block {
    shm::Link link;
    uint64_t bytes;
    char fill;
  };
  std::vector<Block> blocks;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 3 != 0 || blocks.empty()) {
      const uint64_t bytes = random() % 50 == 0 ? 1 + random() % 200000 : 1 + random() % 400;
      const shm::Link link = arena->Allocate(bytes);
      REQUIRE(link != 0);
      REQUIRE(arena->UsableBytes(link) >= bytes);
      if (bytes >= 16384) REQUIRE(uint64_t{link} * shm::kGranuleBytes % 4096 == 0);
      std::memset(arena->At(link), static_cast<char>(i), bytes);
      blocks.push_back({link, bytes, static_cast<char>(i)});
    } else {
      const size_t victim = random() % blocks.size();
      const Block block = blocks[victim];
      for (uint64_t k = 0; k < block.bytes; ++k) REQUIRE(arena->At(block.link)[k] == block.fill);
      arena->Free(block.link);
      blocks[victim] = blocks.back();
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) arena->Free(block.link);
  CHECK(arena->allocated_bytes() == 0);
  CHECK(arena->allocations() == 0);
}

TEST_CASE("Freed memory goes back to the kernel") {
  auto arena = std::move(*ArenaAllocator::Create(uint64_t{4} << 30, 1, 2));
  const uint64_t before = arena->resident_bytes();
  std::vector<shm::Link> links;
  for (int i = 0; i < 100000; ++i) links.push_back(arena->Allocate(600));
  links.push_back(arena->Allocate(64 << 20));
  CHECK(arena->resident_bytes() > before + (100 << 20));
  for (shm::Link link : links) arena->Free(link);
  arena->FlushCache();
  CHECK(Eventually([&] { return arena->resident_bytes() < before + (3 << 20); }));
}

// jemalloc gets such extents dirty, commits a part of them, and keeps the rest for itself.
TEST_CASE("Memory goes back to the kernel after many sizes came and went") {
  auto arena = std::move(*ArenaAllocator::Create(uint64_t{4} << 30, 1, 2));
  const uint64_t before = arena->resident_bytes();
  std::mt19937 random(5);
  std::vector<std::pair<shm::Link, char>> blocks;
  for (int i = 0; i < 60000; ++i) {
    if (blocks.size() < 4000 || random() % 2 == 0) {
      const uint64_t bytes = random() % 8 == 0 ? 1 + random() % 100000 : 1 + random() % 3000;
      const shm::Link link = arena->Allocate(bytes);
      REQUIRE(link != 0);
      std::memset(arena->At(link), static_cast<char>(i), bytes);
      blocks.emplace_back(link, static_cast<char>(i));
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      REQUIRE(*arena->At(blocks.back().first) == blocks.back().second);
      arena->Free(blocks.back().first);
      blocks.pop_back();
    }
  }
  CHECK(arena->resident_bytes() > before + (16 << 20));
  for (const auto& [link, fill] : blocks) {
    REQUIRE(*arena->At(link) == fill);
    arena->Free(link);
  }
  arena->FlushCache();
  CHECK(Eventually([&] { return arena->resident_bytes() < before + (512 << 10); }));
}

TEST_CASE("More than the reach is refused, not half given") {
  auto arena = std::move(*ArenaAllocator::Create(uint64_t{2} << 30, 1, 2));
  CHECK(arena->Allocate(uint64_t{3} << 30) == 0);
  const shm::Link link = arena->Allocate(100);
  CHECK(link != 0);
}

TEST_CASE("The arena's descriptor for clients can't be written through") {
  auto arena = std::move(*ArenaAllocator::Create(uint64_t{2} << 30, 1, 2));
  CHECK(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, arena->file().read_only_descriptor(), 0) == MAP_FAILED);
}

}  // namespace
}  // namespace chestbox
