#include "test_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "protocol/check.h"
#include "protocol/shm/racy_copy.h"

namespace chestbox::shm {

namespace {

constexpr uint64_t kGuardBytes = 1 << 20;
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kSlabBytes = 16 * kPageBytes;

void Poison(char* block, uint64_t bytes) {
  static const std::vector<char> pattern(kPageBytes, static_cast<char>(TestArena::kPoison));
  for (uint64_t done = 0; done < bytes; done += kPageBytes) {
    RacyStore(block + done, pattern.data(), std::min(kPageBytes, bytes - done));
  }
}

}  // namespace

TestArena::TestArena(uint64_t heap_bytes, bool shared) : mapped_bytes_(kHeapOffset + heap_bytes) {
  const int sharing = shared ? MAP_SHARED : MAP_PRIVATE;
  void* all =
      mmap(nullptr, mapped_bytes_ + 2 * kGuardBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(all != MAP_FAILED);
  base_ = static_cast<char*>(all) + kGuardBytes;
  CHECK(mmap(base_, mapped_bytes_, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) == base_);
  auto* header = new (base_) ArenaHeader{};
  header->magic = kMagic;
  header->layout_version = kLayoutVersion;
  header->hash_seed = 42;
  header->database_map.store(0xfedc'ba98'7654'3210);
  header->file_bytes.store(kHeapOffset);
  for (IndexHeader& index : header->indexes) index.complete.store(1);
}

TestArena::~TestArena() { munmap(base_ - kGuardBytes, mapped_bytes_ + 2 * kGuardBytes); }

uint64_t TestArena::ClassBytes(uint64_t bytes) {
  if (bytes >= 16 * 1024 || bytes == kPageBytes) return (bytes + kPageBytes - 1) & ~(kPageBytes - 1);
  uint64_t spacing = kGranuleBytes;  // 16 up to 128, then four classes a doubling
  while (spacing * 8 < bytes) spacing *= 2;
  return std::max(kGranuleBytes, (bytes + spacing - 1) & ~(spacing - 1));
}

bool TestArena::Fails() {
  if (!failing_) return false;
  if (successes_left_ > 0) {
    --successes_left_;
    return false;
  }
  failed_ = true;
  return true;
}

bool TestArena::Refill(uint64_t class_bytes) {
  const uint64_t blocks = std::max<uint64_t>(1, kSlabBytes / class_bytes);
  const uint64_t slab = (blocks * class_bytes + kPageBytes - 1) & ~(kPageBytes - 1);
  if (next_offset_ + slab > mapped_bytes_) return false;
  std::vector<Link>& list = free_lists_[class_bytes];
  for (uint64_t i = blocks; i > 0; --i) {
    const uint64_t offset = next_offset_ + (i - 1) * class_bytes;
    Poison(base_ + offset, class_bytes);
    list.push_back(static_cast<Link>(offset / kGranuleBytes));
  }
  next_offset_ += slab;
  header().file_bytes.store(next_offset_, std::memory_order_release);
  return true;
}

Link TestArena::Allocate(uint64_t bytes) {
  const uint64_t class_bytes = ClassBytes(bytes);
  std::vector<Link>& list = free_lists_[class_bytes];
  if (Fails() || (list.empty() && !Refill(class_bytes))) return 0;
  const Link link = list.back();
  list.pop_back();
  out_[link] = class_bytes;
  bytes_out_ += class_bytes;
  return link;
}

void TestArena::Free(Link link) {
  auto block = out_.find(link);
  CHECK(block != out_.end());  // freed twice, or never handed out
  const uint64_t class_bytes = block->second;
  Poison(At(link), class_bytes);
  free_lists_[class_bytes].push_back(link);
  bytes_out_ -= class_bytes;
  out_.erase(block);
}

uint64_t TestArena::UsableBytes(Link link) const { return out_.at(link); }

bool TestArena::Commit(uint64_t offset, uint64_t bytes) {
  CHECK(offset % kPageBytes == 0 && bytes % kPageBytes == 0 && offset + bytes <= kHeapOffset);
  if (Fails()) return false;
  committed_bytes_ += bytes;
  return true;
}

void TestArena::Release(uint64_t offset, uint64_t bytes) {
  CHECK(offset % kPageBytes == 0 && bytes % kPageBytes == 0 && bytes <= committed_bytes_);
  committed_bytes_ -= bytes;
  CHECK(madvise(base_ + offset, bytes, MADV_REMOVE) == 0 || madvise(base_ + offset, bytes, MADV_DONTNEED) == 0);
}

bool TestArena::FreedBlocksIntact() const {
  for (const auto& [class_bytes, list] : free_lists_) {
    for (Link link : list) {
      const char* block = At(link);
      const bool intact =
          std::all_of(block, block + class_bytes, [](char c) { return static_cast<unsigned char>(c) == kPoison; });
      if (!intact) return false;
    }
  }
  return true;
}

}  // namespace chestbox::shm
