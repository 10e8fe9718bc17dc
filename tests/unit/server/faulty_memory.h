// The arena's memory as a test wants it: counts the requests for blocks and their returns, and refuses some.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "protocol/shm/arena_memory.h"
#include "server/server.h"

namespace chestbox::testing {

class FaultyMemory final : public shm::ArenaMemory {
 public:
  explicit FaultyMemory(shm::ArenaMemory& real) : real_(real) { base_ = real.base(); }

  // Parts of a server whose memory is one of these; *memory is valid as long as the server.
  static ServerParts Parts(FaultyMemory** memory) {
    ServerParts parts;
    parts.wrap_memory = [memory](shm::ArenaMemory& arena) {
      auto faulty = std::make_unique<FaultyMemory>(arena);
      *memory = faulty.get();
      return faulty;
    };
    return parts;
  }

  enum class Refusals { kOne, kAllBehind };
  // After `granted` more requests one is refused, or that and all behind it.
  void RefuseAfter(uint64_t granted, Refusals refusals) {
    armed_ = true;
    granted_left_ = granted;
    refusals_ = refusals;
    refused_ = 0;
  }
  void Relent() { armed_ = false; }
  uint64_t refused() const { return refused_; }

  uint64_t allocations() const { return allocations_; }
  uint64_t frees() const { return frees_; }
  uint64_t steps() const { return allocations_ + frees_; }
  uint64_t largest_request() const { return largest_request_; }  // in bytes

  shm::Link Allocate(uint64_t bytes) override {
    ++allocations_;
    largest_request_ = std::max(largest_request_, bytes);
    return Refuses() ? 0 : real_.Allocate(bytes);
  }
  void Free(shm::Link link) override {
    ++frees_;
    real_.Free(link);
  }
  uint64_t UsableBytes(shm::Link link) const override { return real_.UsableBytes(link); }
  bool Commit(uint64_t offset, uint64_t bytes) override { return !Refuses() && real_.Commit(offset, bytes); }
  void Release(uint64_t offset, uint64_t bytes) override { real_.Release(offset, bytes); }
  uint64_t allocated_bytes() const override { return real_.allocated_bytes(); }
  uint64_t resident_bytes() const override { return real_.resident_bytes(); }

 private:
  bool Refuses() {
    if (!armed_) return false;
    if (granted_left_ > 0) {
      --granted_left_;
      return false;
    }
    if (refusals_ == Refusals::kOne) armed_ = false;
    ++refused_;
    return true;
  }

  shm::ArenaMemory& real_;
  bool armed_ = false;
  uint64_t granted_left_ = 0;
  Refusals refusals_ = Refusals::kOne;
  uint64_t refused_ = 0;
  uint64_t allocations_ = 0;
  uint64_t frees_ = 0;
  uint64_t largest_request_ = 0;
};

}  // namespace chestbox::testing
