#include "tests/stress/workload.h"

#include <ctime>

#include "protocol/check.h"

namespace chestbox::shm::stress {

int64_t NowMs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

StressWriter::StressWriter(ArenaMemory& memory, Control& control, uint64_t seed)
    : control_(control), store_(memory), random_(seed) {
  for (IndexHeader& index : memory.header().indexes) index.complete.store(1, std::memory_order_relaxed);
  for (ClientSlot& client : control_.clients) store_.AddPage(&client.page);
  clock_ms_ = NowMs();
  store_.SetClock(clock_ms_);
}

// Beside the key, in a block of its own, and, seldom, in an extent of its own.
size_t StressWriter::RandomSize() {
  const uint64_t dice = random_() % 100;
  if (dice < 50) return kCheckedBytesMin + random_() % 200;
  return dice < 98 ? 300 + random_() % 8000 : 40000 + random_() % 200000;
}

void StressWriter::Put(uint32_t database, const std::string& key, uint64_t tag, size_t bytes, int64_t expire_at_ms) {
  CHECK(store_.Put(database, key, CheckedValue(key, ++generation_, tag, bytes), expire_at_ms));
}

void StressWriter::PutTwins(uint64_t i) {
  ++generation_;
  for (bool b : {false, true}) {
    CHECK(store_.Put(0, Twin(i, b), CheckedValue(Twin(i, b), generation_, 0, RandomSize())));
  }
}

void StressWriter::PutAll() {
  for (uint64_t i = 0; i < kStays; ++i) Put(0, Stay(i), 0, RandomSize());
  for (uint64_t i = 0; i < kPairs; ++i) {
    CHECK(store_.Put(0, Pair(i, pair_is_b_[i]), CheckedValue("pair", ++generation_, i, RandomSize())));
  }
  for (uint64_t i = 0; i < kTwins; ++i) PutTwins(i);
  for (uint64_t i = 0; i < kLives; ++i) {
    life_expiry_ms_[i] = clock_ms_ + 1 + static_cast<int64_t>(random_() % 20);
    Put(0, Life(i), static_cast<uint64_t>(life_expiry_ms_[i]), RandomSize(), life_expiry_ms_[i]);
  }
  for (uint64_t i = 0; i < kTimed; ++i) timed_expiry_ms_[i] = 0;
  for (uint32_t database : {kWhoDatabase, kWhoDatabase + 1}) Put(database, "who", database, RandomSize());
}

// Moves the clock, with what must be renewed before and what has died after it.
void StressWriter::Tick() {
  const int64_t now_ms = NowMs();
  for (uint64_t i = 0; i < kLives; ++i) {
    if (life_expiry_ms_[i] > now_ms) continue;
    life_expiry_ms_[i] = now_ms + 1 + static_cast<int64_t>(random_() % 20);
    Put(0, Life(i), static_cast<uint64_t>(life_expiry_ms_[i]), RandomSize(), life_expiry_ms_[i]);
  }
  store_.Finish();
  clock_ms_ = std::max(clock_ms_, now_ms);
  store_.SetClock(clock_ms_);
  for (uint64_t i = 0; i < kTimed; ++i) {
    if (timed_expiry_ms_[i] > clock_ms_) continue;
    if (random_() % 2 == 0) {
      store_.Erase(0, Timed(i));
      timed_expiry_ms_[i] = 0;
    } else {
      timed_expiry_ms_[i] = clock_ms_ + static_cast<int64_t>(random_() % 30);
      Put(0, Timed(i), static_cast<uint64_t>(timed_expiry_ms_[i]), RandomSize(), timed_expiry_ms_[i]);
    }
    store_.Finish();
  }
}

void StressWriter::RenamePair() {
  const uint64_t i = random_() % kPairs;
  CHECK(store_.Rename(0, Pair(i, pair_is_b_[i]), Pair(i, !pair_is_b_[i])));
  pair_is_b_[i] = !pair_is_b_[i];
}

void StressWriter::ChurnSome() {
  for (int n = 0; n < 50; ++n) {
    const std::string key = Churn(random_() % kChurn);
    if (random_() % 10 < (churn_grows_ ? 8U : 2U)) {
      Put(kChurnDatabase, key, 0, kCheckedBytesMin + random_() % 100);
    } else {
      store_.Erase(kChurnDatabase, key);
    }
    if (n % 4 == 0) store_.Finish();
  }
  if (++churned_ % 2000 == 0) churn_grows_ = !churn_grows_;
}

// FLUSHALL and SETs in one EXEC: nobody sees db 0 empty.
void StressWriter::FlushAll() {
  for (uint32_t database : {0U, kWhoDatabase, kWhoDatabase + 1}) {
    store_.Detach(database, &detached_.emplace_back());
  }
  PutAll();
}

void StressWriter::FlushDatabase() { store_.Detach(kChurnDatabase, &detached_.emplace_back()); }

void StressWriter::SwapWhoDatabases() {
  // In either order: nobody sees a part of it.
  const bool swap_first = random_() % 2 == 0;
  if (swap_first) store_.SwapDatabases(kWhoDatabase, kWhoDatabase + 1);
  const uint32_t other = swap_first ? 0 : 1;
  Put(kWhoDatabase, "who", kWhoDatabase + other, RandomSize());
  Put(kWhoDatabase + 1, "who", kWhoDatabase + 1 - other, RandomSize());
  if (!swap_first) store_.SwapDatabases(kWhoDatabase, kWhoDatabase + 1);
}

void StressWriter::End(WriteKind kind) {
  store_.Finish();
  store_.Drain();
  control_.written[static_cast<size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
  for (ClientSlot& client : control_.clients) {
    if (client.detach.load(std::memory_order_acquire) == 0) continue;
    client.page.summary.store(0, std::memory_order_relaxed);
    for (std::atomic<Link>& slot : client.page.slots) slot.store(0, std::memory_order_relaxed);
    client.detach.store(0, std::memory_order_release);
  }
}

void StressWriter::Command() {
  if (generation_ == 0) {
    PutAll();
    return End(WriteKind::kPut);
  }
  if (!detached_.empty()) {
    store_.FreeDetached(&detached_.front(), 1);
    if (detached_.front().segments.empty()) detached_.pop_front();
  }
  const std::string stay = Stay(random_() % kStays);
  const uint64_t dice = random_() % 1000;
  ++commands_;
  if (commands_ % 1000 == 500) {
    FlushAll();
    End(WriteKind::kFlushAll);
  } else if (commands_ % 1000 == 0) {
    FlushDatabase();
    End(WriteKind::kFlushDatabase);
  } else if (dice < 300) {
    Put(0, stay, 0, RandomSize());
    End(WriteKind::kPut);
  } else if (dice < 550) {
    std::string old;
    CHECK(store_.Get(0, stay, &old));
    if (random_() % 4 == 0) store_.Freeze(0, stay);
    CHECK(store_.ChangeInPlace(0, stay, CheckedValue(stay, ++generation_, 0, old.size())));
    End(WriteKind::kInPlace);
  } else if (dice < 700) {
    RenamePair();
    End(WriteKind::kRename);
  } else if (dice < 800) {
    PutTwins(random_() % kTwins);
    End(WriteKind::kTwin);
  } else if (dice < 900) {
    ChurnSome();
    End(WriteKind::kChurn);
  } else if (dice < 950) {
    Tick();
    End(WriteKind::kTick);
  } else if (dice < 980) {
    store_.SwapOut(kChurnDatabase, Churn(random_() % kChurn));
    End(WriteKind::kSwapOut);
  } else {
    SwapWhoDatabases();
    End(WriteKind::kSwapDatabases);
  }
}

void StressWriter::EraseAll() {
  for (IndexWriter::Detached& each : detached_) store_.FreeDetached(&each, each.segments.size());
  detached_.clear();
  for (uint32_t database = 0; database < kDatabases; ++database) store_.Flush(database);
  store_.Finish();
  store_.Drain();
}

}  // namespace chestbox::shm::stress
