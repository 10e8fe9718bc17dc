#include "server/arena/arena_allocator.h"

#include <fmt/format.h>
#include <jemalloc/jemalloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "protocol/check.h"

namespace chestbox {

namespace {

// jemalloc's classes below 16 bytes are 8-aligned; links count granules of 16.
constexpr uint64_t kBlockBytesMin = 16;
// jemalloc staggers large blocks inside their pages unless they are aligned, which costs up to a quarter.
constexpr uint64_t kAlignFromBytes = 16 << 10;
// jemalloc grows its arena by this much at a time. Small, because what it holds back can be reused by nobody else.
constexpr size_t kJemallocGrowBytes = 16 << 10;
// One step of the helper thread: bounds how long the kernel holds the file's lock that a commit also needs.
constexpr uint64_t kPunchStepBytes = 1 << 20;
// Freed memory that may stay for reuse while the server is busy. When nothing is freed for kPunchIdle, all of it goes.
constexpr uint64_t kDirtyKeepBytes = 4 << 20;
constexpr auto kPunchIdle = std::chrono::milliseconds(500);

// jemalloc's argument to experimental.arenas_create_ext, which its public header does not declare.
struct ArenaConfig {
  extent_hooks_t* extent_hooks;
  bool metadata_use_hooks;
};

}  // namespace

struct ArenaAllocator::Hooks {
  extent_hooks_t table;  // first: jemalloc hands its address to the hooks
  ArenaAllocator* owner;
};

namespace {

ArenaAllocator* OwnerOf(extent_hooks_t* hooks) {
  ArenaAllocator* owner = nullptr;
  // NOLINTNEXTLINE(bugprone-sizeof-expression): it is the pointer that lies behind the hooks
  std::memcpy(&owner, reinterpret_cast<char*>(hooks) + sizeof(extent_hooks_t), sizeof owner);
  return owner;
}

void* AllocHook(extent_hooks_t* hooks, void* new_address, size_t bytes, size_t alignment, bool* zero, bool* commit,
                unsigned) {
  if (new_address != nullptr) return nullptr;  // no growing in place
  *commit = *commit || *zero;
  void* extent = OwnerOf(hooks)->TakeExtent(bytes, alignment, commit);
  if (extent != nullptr && *zero) std::memset(extent, 0, bytes);
  return extent;
}

bool DallocHook(extent_hooks_t* hooks, void* address, size_t bytes, bool committed, unsigned) {
  OwnerOf(hooks)->GiveExtent(address, bytes, committed);
  return false;
}

// jemalloc asks for more than it needs and commits the part that it uses.
bool CommitHook(extent_hooks_t* hooks, void* address, size_t, size_t offset, size_t bytes, unsigned) {
  return !OwnerOf(hooks)->CommitExtent(static_cast<char*>(address) + offset, bytes);
}

void DestroyHook(extent_hooks_t*, void*, size_t, bool, unsigned) {}
bool RefuseRangeHook(extent_hooks_t*, void*, size_t, size_t, size_t, unsigned) { return true; }
bool SplitHook(extent_hooks_t*, void*, size_t, size_t, size_t, bool, unsigned) { return false; }
bool MergeHook(extent_hooks_t*, void*, size_t, void*, size_t, bool, unsigned) { return false; }

Error JemallocError(const char* what, int code) {
  return Error{fmt::format("jemalloc: {}: {}", what, std::strerror(code))};
}

template <typename T>
int Write(const std::string& name, T value) {
  return mallctl(name.c_str(), nullptr, nullptr, &value, sizeof value);
}

}  // namespace

Result<std::unique_ptr<ArenaAllocator>> ArenaAllocator::Create(uint64_t reach_bytes, uint64_t arena_id,
                                                               uint64_t hash_seed) {
  std::unique_ptr<ArenaAllocator> self(new ArenaAllocator);
  auto file = ArenaFile::Create(reach_bytes);
  if (!file) return file.error();
  self->file_ = std::move(*file);
  self->base_ = self->file_->base();
  shm::ArenaHeader& header = self->header();
  header.magic = shm::kMagic;
  header.layout_version = shm::kLayoutVersion;
  header.arena_id = arena_id;
  header.hash_seed = hash_seed;
  uint64_t identity = 0;
  for (uint64_t i = 0; i < shm::kDatabases; ++i) identity |= i << (4 * i);
  header.database_map.store(identity, std::memory_order_relaxed);  // no reader yet
  self->pool_ = std::make_unique<ExtentPool>(shm::kHeapOffset, self->file_->reach_bytes());
  if (auto created = self->CreateJemallocArena(); !created) return created.error();
  self->punch_thread_ = std::thread([raw = self.get()] { raw->PunchLoop(); });
  return self;
}

Result<void> ArenaAllocator::CreateJemallocArena() {
  hooks_ = std::make_unique<Hooks>();
  hooks_->table = {AllocHook,       DallocHook,      DestroyHook, CommitHook, RefuseRangeHook,
                   RefuseRangeHook, RefuseRangeHook, SplitHook,   MergeHook};
  hooks_->owner = this;
  ArenaConfig config{&hooks_->table, /*metadata_use_hooks=*/false};
  size_t size = sizeof arena_;
  if (int code = mallctl("experimental.arenas_create_ext", &arena_, &size, &config, sizeof config); code != 0) {
    return JemallocError("creating the arena", code);
  }
  const std::string prefix = fmt::format("arena.{}.", arena_);
  // Decay 0: a freed extent comes to DallocHook at once instead of being kept and later purged on the executor.
  int code = Write<ssize_t>(prefix + "dirty_decay_ms", 0);
  if (code == 0) code = Write<ssize_t>(prefix + "muzzy_decay_ms", 0);
  if (code == 0) code = Write<size_t>(prefix + "retain_grow_limit", kJemallocGrowBytes);
  if (code != 0) return JemallocError("setting up the arena", code);
  size = sizeof tcache_;
  code = mallctl("tcache.create", &tcache_, &size, nullptr, 0);
  if (code != 0) return JemallocError("creating the thread cache", code);
  flags_ = static_cast<int>(MALLOCX_ARENA(arena_) | MALLOCX_TCACHE(tcache_));
  return {};
}

ArenaAllocator::~ArenaAllocator() {
  if (punch_thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    punch_thread_.join();
  }
  if (hooks_ == nullptr) return;
  if (flags_ != 0) (void)Write(std::string("tcache.destroy"), tcache_);
  // Forgets every block of the arena; its extents come to GiveExtent, and the file goes with file_.
  (void)mallctl(fmt::format("arena.{}.destroy", arena_).c_str(), nullptr, nullptr, nullptr, 0);
}

shm::Link ArenaAllocator::Allocate(uint64_t bytes) {
  bytes = std::max(bytes, kBlockBytesMin);
  const bool aligned = bytes >= kAlignFromBytes || bytes == sizeof(shm::Segment);
  void* block = mallocx(bytes, aligned ? flags_ | static_cast<int>(MALLOCX_ALIGN(4096)) : flags_);
  if (block == nullptr) return 0;
  allocated_bytes_ += sallocx(block, 0);
  ++allocations_;
  return static_cast<shm::Link>(static_cast<uint64_t>(static_cast<char*>(block) - base_) / shm::kGranuleBytes);
}

void ArenaAllocator::Free(shm::Link link) {
  char* block = At(link);
  allocated_bytes_ -= sallocx(block, 0);
  --allocations_;
  dallocx(block, flags_);
}

uint64_t ArenaAllocator::UsableBytes(shm::Link link) const { return sallocx(At(link), 0); }

void ArenaAllocator::FlushCache() { (void)Write(std::string("tcache.flush"), tcache_); }

void* ArenaAllocator::TakeExtent(size_t bytes, size_t alignment, bool* commit) {
  std::lock_guard lock(mutex_);
  const auto extent = pool_->Take(bytes, alignment);
  if (!extent) return nullptr;
  if (!extent->dirty && *commit && !file_->Commit(extent->offset, bytes)) {
    pool_->AddClean(extent->offset, bytes);
    return nullptr;
  }
  if (extent->dirty && !*commit) {
    pool_->AddUnclaimed(extent->offset, bytes);
    if (pool_->unclaimed_bytes() > kDirtyKeepBytes) wake_.notify_one();
  }
  return base_ + extent->offset;
}

// An unclaimed page that is committed while it is being punched would lose what is written to it.
void ArenaAllocator::AwaitPunch(std::unique_lock<std::mutex>& lock, uint64_t offset, uint64_t bytes) {
  punched_.wait(lock, [&] {
    const auto [punched_offset, punched_bytes] = punching_;
    return offset >= punched_offset + punched_bytes || punched_offset >= offset + bytes;
  });
}

bool ArenaAllocator::CommitExtent(void* address, size_t bytes) {
  std::unique_lock lock(mutex_);
  const auto offset = static_cast<uint64_t>(static_cast<char*>(address) - base_);
  AwaitPunch(lock, offset, bytes);
  const RangeSet::Ranges claimed = pool_->Claim(offset, bytes);
  if (claimed.size() == 1 && claimed[0].second == bytes) return true;
  if (file_->Commit(offset, bytes)) return true;
  for (const auto& [claimed_offset, claimed_bytes] : claimed) pool_->AddUnclaimed(claimed_offset, claimed_bytes);
  return false;
}

void ArenaAllocator::GiveExtent(void* address, size_t bytes, bool committed) {
  std::unique_lock lock(mutex_);
  const auto offset = static_cast<uint64_t>(static_cast<char*>(address) - base_);
  if (!committed) {
    AwaitPunch(lock, offset, bytes);
    pool_->Claim(offset, bytes);
    // Some of its pages may be in memory after all, so it is punched like the others.
  }
  pool_->AddDirty(offset, bytes);
  if (pool_->dirty_bytes() > kDirtyKeepBytes) wake_.notify_one();
}

// One step. False: there is no more than `keep` of either kind.
bool ArenaAllocator::PunchSome(std::unique_lock<std::mutex>& lock, uint64_t keep) {
  const bool dirty = pool_->dirty_bytes() > keep;
  if (!dirty && pool_->unclaimed_bytes() <= keep) return false;
  const auto range = dirty ? *pool_->TakeDirty(kPunchStepBytes) : *pool_->TakeUnclaimed(kPunchStepBytes);
  if (!dirty) punching_ = range;
  lock.unlock();
  file_->Punch(range.first, range.second);
  lock.lock();
  if (dirty) {
    pool_->AddClean(range.first, range.second);
  } else {
    punching_ = {0, 0};
    punched_.notify_one();
  }
  return true;
}

void ArenaAllocator::PunchLoop() {
  (void)setpriority(PRIO_PROCESS, 0, 10);  // this thread only: never in the executor's way
  std::unique_lock lock(mutex_);
  uint64_t keep = kDirtyKeepBytes;
  while (!stopping_) {
    if (PunchSome(lock, keep)) continue;
    const uint64_t seen = IdleBytes();
    const bool woken = wake_.wait_for(lock, kPunchIdle, [&] {
      return stopping_ || pool_->dirty_bytes() > kDirtyKeepBytes || pool_->unclaimed_bytes() > kDirtyKeepBytes;
    });
    keep = woken || IdleBytes() != seen ? kDirtyKeepBytes : 0;
  }
}

}  // namespace chestbox
