// Swapper, the part that takes states out of memory and keeps it within bounds.
#include "server/swapper.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/check.h"
#include "protocol/rdb/string_codec.h"
#include "server/config/config.h"
#include "server/log.h"
#include "server/server.h"
#include "server/store_thread.h"
#include "server/types/object_codec.h"

namespace chestbox {

using shm::kEntryClean;
using shm::kEntryExternal;
using shm::kEntryLive;
using shm::kEntryMutable;
using shm::kEntryStored;

namespace {

// On their way out at one time: enough to keep the disk busy, small beside any sensible maxmemory.
constexpr uint64_t kInFlightBytesMax = 4 << 20;
// States handed to the write thread at once, so that one write of the store covers many small ones.
constexpr size_t kBatchStates = 256;
constexpr uint64_t kBatchBytes = 1 << 20;
// Candidates compared at a time, and how many of them go: the coldest quarter, as an approximation of LRU or LFU.
constexpr size_t kCandidates = 16;
constexpr size_t kPickedOfCandidates = 4;
// Clean states that leave in one turn, which takes no disk to bound it: few, for whoever asks next waits for them.
constexpr size_t kLeavesPerTurn = 8;
// Larger collections are encoded in steps: about 200 us.
constexpr uint64_t kEncodedAtOnceBytesMax = 64 << 10;
// Buckets looked at for one group of candidates: bounds a step when nearly everything has left already.
constexpr int kBucketsPerPick = 4096;
// What the arena may take beyond its live blocks before we stop making up for it by swapping more out.
constexpr double kOverheadMax = 1.25;

// Parts of a lazily flushed database freed at a time while memory is short: about 1 ms.
constexpr int kFreeStepsMax = 16;

}  // namespace

Swapper::Swapper(Keyspace& keys, Host& host, const Config& config, EffectSink& effects,
                 std::unique_ptr<swap::SwapStore> store)
    : keys_(keys),
      host_(host),
      config_(config),
      effects_(effects),
      store_(std::move(store)),
      own_page_(std::make_unique<shm::ClientPage>()),
      own_pins_(own_page_.get()) {
  OnConfigChanged(config);
  keys_.SetStoredStateListener(this);
  keys_.AddClientPage(own_page_.get());
  writer_ = std::make_unique<StoreThread>("swap-write", StoreThread::Priority::kIdle, [this] {
    if (store_closed_) return false;
    if (auto backlog = WriteBacklog(); !backlog) return false;
    auto more = store_->Maintain();
    return more.ok() && *more;
  });
  reader_ = std::make_unique<StoreThread>("swap-read", StoreThread::Priority::kNormal, nullptr);
  streamer_ = std::make_unique<StoreThread>("swap-stream", StoreThread::Priority::kNormal, nullptr);
  lister_ = std::make_unique<StoreThread>("swap-list", StoreThread::Priority::kNormal, nullptr);
}

Swapper::~Swapper() {
  reader_.reset();
  streamer_.reset();
  lister_.reset();
  writer_.reset();
  keys_.RemoveClientPage(own_page_.get());
  keys_.SetStoredStateListener(nullptr);
}

void Swapper::OnConfigChanged(const Config& config) {
  maxmemory_bytes_ = static_cast<uint64_t>(config.maxmemory_bytes);
  high_percent_ = static_cast<uint64_t>(config.swap_high_watermark_percent);
  low_percent_ = std::min(high_percent_, static_cast<uint64_t>(config.swap_low_watermark_percent));
  shrinking_ = false;
  exhausted_ = false;
}

void Swapper::Ask(StoreThread& thread, std::function<void()> work) {
  if (!closed_) thread.Post(std::move(work));
}

// ---- How much, and when ----

uint64_t Swapper::UsedBytes() const {
  return static_cast<uint64_t>(static_cast<double>(keys_.memory().allocated_bytes()) * overhead_);
}

bool Swapper::OverLimit() const {
  if (maxmemory_bytes_ == 0 || UsedBytes() <= maxmemory_bytes_) return false;
  if (keys_.retired_blocks() == 0) return true;
  keys_.DrainRetired();  // what a DEL has freed counts as free
  return UsedBytes() > maxmemory_bytes_;
}

uint64_t Swapper::StatesInMemory() const {
  uint64_t states = 0;
  for (uint32_t i = 0; i < shm::kDatabases; ++i) states += keys_.index(i).entries() - keys_.index(i).swapped_out();
  return states;
}

// With a disk that works, a new state is another one that may leave.
bool Swapper::IsExhausted() const { return exhausted_ && (failing_ || StatesInMemory() <= exhausted_at_states_); }

// Blocks that a client pins may stay for ever: they are no progress.
bool Swapper::MakesProgress() const {
  if (!outgoing_.empty() || keys_.lazily_freed_pending() != 0) return true;
  return !IsExhausted() && StatesInMemory() != 0;
}

void Swapper::Regulate() {
  if (closed_ || standing_still_) return;
  if (!changes_.empty()) FlushChanges();
  if (maxmemory_bytes_ != 0) Shrink();
  if (!memory_waiters_.empty()) PostWake();
}

void Swapper::Shrink() {
  const uint64_t used = UsedBytes();
  if (!shrinking_ && used * 100 <= maxmemory_bytes_ * high_percent_) {
    exhausted_ = false;
    return;
  }
  shrinking_ = used * 100 > maxmemory_bytes_ * low_percent_;
  if (!shrinking_) return;
  for (int i = 0; i < kFreeStepsMax && keys_.FreeStep(); ++i) {
  }
  if (keys_.lazily_freed_pending() != 0 && !memory_waiters_.empty()) PostRegulate();
  if (failing_) {
    ShedLoaded(maxmemory_bytes_ * low_percent_ / 100);
  } else if (used > maxmemory_bytes_) {
    ShedLoaded(maxmemory_bytes_);
  }
  if (!IsExhausted()) StartSwapOuts();
}

// What was loaded and not changed can leave without the disk, when that fails, or is slower than who reads.
void Swapper::ShedLoaded(uint64_t to_bytes) {
  while (!loaded_.empty() && UsedBytes() > to_bytes) {
    const std::string name = std::move(loaded_.front());
    loaded_.pop_front();
    const auto physical = static_cast<uint32_t>(static_cast<unsigned char>(name[0]));
    const std::string_view key = std::string_view(name).substr(1);
    const uint64_t hash = keys_.HashOf(key);
    const shm::SlotRef ref = keys_.index(physical).Find(key, hash);
    if (!ref || (ref.entry & kEntryLive) == 0 || (ref.entry & kEntryClean) == 0 || !MayLeave(physical, hash, key))
      continue;
    Leave(physical, ref, hash, key);
    keys_.FinishCommand();
    keys_.DrainRetired();
  }
}

void Swapper::StartSwapOuts() {
  keys_.DrainRetired();
  const uint64_t pinned_bytes = keys_.retired_bytes();
  std::vector<Outgoing> batch;
  uint64_t batch_bytes = 0;
  bool stuck = false;
  const uint64_t left_before = stats_.swapped_out;
  while (stats_.bytes_in_flight + batch_bytes < kInFlightBytesMax) {
    const uint64_t used = UsedBytes();
    const uint64_t leaving = stats_.bytes_in_flight + batch_bytes + (keys_.retired_bytes() - pinned_bytes);
    if (used <= leaving || (used - leaving) * 100 <= maxmemory_bytes_ * low_percent_) break;
    const size_t states_before = batch.size();
    stuck = !PickColdest(&batch);
    if (stuck) break;
    for (size_t i = states_before; i < batch.size(); ++i) batch_bytes += batch[i].bytes();
    if (batch.size() >= kBatchStates || batch_bytes >= kBatchBytes) {
      SendOut(std::exchange(batch, {}));
      batch_bytes = 0;
    }
    if (stats_.swapped_out - left_before < kLeavesPerTurn) continue;
    // Clean states can leave whenever there is need: below the high mark they stay.
    const bool writing = stats_.bytes_in_flight + batch_bytes != 0;
    shrinking_ = writing || UsedBytes() * 100 > maxmemory_bytes_ * high_percent_;
    if (shrinking_) PostRegulate();
    break;
  }
  if (!batch.empty()) SendOut(std::move(batch));
  keys_.FinishCommand();
  keys_.DrainRetired();
  // Somebody waits and nothing is under way that would come back here: look on in the next turn.
  if (stuck && outgoing_.empty() && !memory_waiters_.empty() && !exhausted_) PostRegulate();
}

void Swapper::PostRegulate() {
  if (std::exchange(regulate_posted_, true)) return;
  host_.Post([this] {
    regulate_posted_ = false;
    Regulate();
  });
}

bool Swapper::IsUnfilled(uint32_t physical, uint64_t position) const {
  if (keys_.index(physical).header().complete.load(std::memory_order_relaxed) == 1) return false;
  return physical > fill_database_ || (physical == fill_database_ && position >= fill_position_);
}

// A state beyond the index fill keeps its key in memory: the fill could not tell it from one it has yet to add.
bool Swapper::MayLeave(uint32_t physical, uint64_t hash, std::string_view key) const {
  if (IsUnfilled(physical, shm::PositionOf(hash))) return false;
  if (outgoing_.empty() && held_.empty()) return true;
  const std::string name = StateName(physical, key);
  return !outgoing_.contains(name) && !held_.contains(name);
}

// Walks on over the keyspace, whose order is random with regard to use, and takes the coldest of the next candidates.
// False: none of them can leave.
bool Swapper::PickColdest(std::vector<Outgoing>* batch) {
  struct Candidate {
    uint32_t coldness;
    uint32_t physical;
    uint64_t hash;
    std::string key;
  };
  std::vector<Candidate> candidates;
  for (int visited = 0; visited < kBucketsPerPick && candidates.size() < kCandidates; ++visited) {
    const shm::IndexWriter& index = keys_.index(pick_database_);
    if (index.entries() == index.swapped_out()) {
      pick_position_ = 0;
    } else {
      const uint32_t physical = pick_database_;
      pick_position_ = index.VisitBucket(pick_position_, [&](uint64_t entry, uint64_t hash) {
        if ((entry & kEntryLive) == 0 || (failing_ && keys_.now_ms() < retry_at_ms_ && (entry & kEntryClean) == 0))
          return;
        const std::string_view key = keys_.KeyOf(entry);
        if (MayLeave(physical, hash, key)) {
          candidates.push_back({keys_.Coldness(keys_.ViewOf(entry).access), physical, hash, std::string(key)});
        }
      });
    }
    if (pick_position_ != 0) continue;
    pick_database_ = (pick_database_ + 1) % shm::kDatabases;
    if (pick_database_ != 0) continue;
    exhausted_ = !picked_in_round_ && candidates.empty();
    exhausted_at_states_ = StatesInMemory();
    picked_in_round_ = false;
    if (exhausted_) return false;
  }
  const size_t picked =
      std::min(candidates.size(), std::max<size_t>(1, candidates.size() * kPickedOfCandidates / kCandidates));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(picked), candidates.end(),
                    [](const Candidate& a, const Candidate& b) { return a.coldness > b.coldness; });
  bool any = false;
  for (size_t i = 0; i < picked; ++i) {
    any = TakeOut(candidates[i].physical, candidates[i].hash, candidates[i].key, batch) || any;
  }
  picked_in_round_ = picked_in_round_ || any;
  return any;
}

// Puts a state into the batch; a clean one leaves at once. False: it can't leave now.
bool Swapper::TakeOut(uint32_t physical, uint64_t hash, std::string_view key, std::vector<Outgoing>* batch) {
  shm::SlotRef ref = keys_.index(physical).Find(key, hash);
  // A walk that went round a small keyspace meets a state twice: taken out and not acknowledged, it may not leave yet.
  if (!ref || (ref.entry & kEntryLive) == 0 || !MayLeave(physical, hash, key)) return false;
  if ((ref.entry & kEntryClean) != 0) {
    Leave(physical, ref, hash, key);
    return true;
  }
  Outgoing out;
  if (!MakeOutgoing(physical, ref, hash, &out)) return false;
  outgoing_.insert(StateName(physical, key));
  if (out.encoding != nullptr) {
    StartEncoding(std::move(out));
    return true;
  }
  batch->push_back(std::move(out));
  return true;
}

bool Swapper::MakeOutgoing(uint32_t physical, shm::SlotRef& ref, uint64_t hash, Outgoing* out) {
  const StateView view = keys_.ViewOf(ref.entry);
  out->physical = physical;
  out->hash = hash;
  out->key = keys_.KeyOf(ref.entry);
  out->attributes.expire_at_ms = view.expire_at_ms == kNoExpiry ? swap::kNoExpiry : view.expire_at_ms;
  out->attributes.access = view.access;
  uint64_t entry = ref.entry | kEntryStored | kEntryClean;
  if (view.type != ValueType::kString) {
    // Encoded here: nodes are never pinned, so no other thread may look at them.
    const uint64_t nodes_bytes = NodesBytes(keys_.memory(), view.collection_encoding(), view.value);
    if (nodes_bytes > kEncodedAtOnceBytesMax) {
      out->encoding = std::make_shared<StateEncoding>(keys_.memory(), view);
      out->bytes_estimated = nodes_bytes;
    } else {
      out->payload = EncodeState(keys_.memory(), view, ObjectReader::kOwn);
      out->attributes.type = static_cast<uint8_t>(out->payload[0]);
    }
  } else if ((ref.entry & kEntryExternal) != 0) {
    out->pin = own_pins_.TakeSlot();
    if (out->pin == shm::kNoPinSlot) return false;
    // The write thread reads the value where it lies; pinned, and not mutable, it is neither changed nor freed
    // meanwhile.
    entry &= ~kEntryMutable;
    own_pins_.slot(out->pin).store(keys_.ValueLinkOf(ref.entry), std::memory_order_relaxed);  // scanned by this thread
    out->pinned_value = view.value;
  } else {
    out->payload = rdb::EncodeStringObject(view.value);
  }
  keys_.index(physical).Replace(ref, entry, OrNever(view.expire_at_ms));
  return true;
}

bool Swapper::SwapOutNow(uint32_t database, std::string_view key) {
  std::vector<Outgoing> batch;
  const uint32_t physical = keys_.Physical(database);
  const uint64_t hash = keys_.HashOf(key);
  if (standing_still_) return false;
  const bool leaving = TakeOut(physical, hash, key, &batch);
  if (!batch.empty()) SendOut(std::move(batch));
  keys_.FinishCommand();
  return leaving;
}

// The store has the state as it is: the entry becomes keyless, and its memory is free.
void Swapper::Leave(uint32_t physical, const shm::SlotRef& ref, uint64_t hash, std::string_view key) {
  const uint64_t position = shm::PositionOf(hash);
  const int64_t expire_at_ms = keys_.ViewOf(ref.entry).expire_at_ms;
  for (const ListingPtr& listing : listings_) {
    if (listing->physical == physical && position >= listing->from_position && position <= listing->to_position) {
      listing->names.push_back({std::string(key), shm::EntryType(ref.entry), expire_at_ms});
    }
  }
  SpoilLooks(physical, key);
  if (expiring_ && expire_at_ms != kNoExpiry) left_while_expiring_.insert(StateName(physical, key));
  keys_.SwapOut(physical, ref, hash);
  ++stats_.swapped_out;
}

void Swapper::SendOut(std::vector<Outgoing> states) {
  FlushChanges();
  auto batch = std::make_shared<std::vector<Outgoing>>(std::move(states));
  // What counts as in flight must not change while the batch is under way: small payloads are encoded later.
  uint64_t bytes = 0;
  for (const Outgoing& state : *batch) bytes += state.bytes();
  stats_.bytes_in_flight += bytes;
  Ask(*writer_, [this, batch, bytes] {
    auto outcome = std::make_shared<Result<void>>(WriteBatch(*batch));
    host_.Post([this, batch, bytes, outcome] {
      stats_.bytes_in_flight -= bytes;
      FinishOut(batch, *outcome);
    });
  });
}

void Swapper::FinishOut(const Batch& batch, const Result<void>& outcome) {
  for (Outgoing& state : *batch) {
    if (state.pin != shm::kNoPinSlot) own_pins_.Release(state.pin);
    outgoing_.erase(StateName(state.physical, state.key));
    shm::SlotRef ref = keys_.index(state.physical).Find(state.key, state.hash);
    if (!ref || (ref.entry & kEntryLive) == 0 || (ref.entry & kEntryClean) == 0)
      continue;  // deleted or changed meanwhile
    if (!outcome) {
      const int64_t expire_at_ms = keys_.ViewOf(ref.entry).expire_at_ms;
      keys_.index(state.physical).Replace(ref, ref.entry & ~kEntryClean, OrNever(expire_at_ms));
    } else if (MayLeave(state.physical, state.hash, state.key)) {
      Leave(state.physical, ref, state.hash, state.key);
    }
  }
  keys_.FinishCommand();
  keys_.DrainRetired();
  if (outcome) {
    failing_ = false;
    exhausted_ = false;
  } else {
    OnWriteFailed(outcome.error());
  }
  WakeMemoryWaiters();
  Regulate();
}

void Swapper::OnWriteFailed(const Error& error) {
  ++stats_.write_errors;
  if (stats_.last_error != error.message || !failing_) {
    LogWarning(fmt::format("Can't swap states out, they stay in memory: {}", error.message));
  }
  stats_.last_error = error.message;
  if (!failing_) exhausted_ = false;  // clean states may still leave
  failing_ = true;
  retry_at_ms_ = keys_.now_ms() + kRetryMs;
}

// In their order; who has to wait again does so behind the others.
void Swapper::WakeMemoryWaiters() {
  for (size_t left = memory_waiters_.size(); left > 0 && (!OverLimit() || !MakesProgress()); --left) {
    const std::function<void()> retry = std::move(memory_waiters_.front());
    memory_waiters_.pop_front();
    retry();
  }
}

void Swapper::PostWake() {
  if (wake_posted_ || (OverLimit() && MakesProgress())) return;
  wake_posted_ = true;
  host_.Post([this] {
    wake_posted_ = false;
    WakeMemoryWaiters();
  });
}

void Swapper::Cron(bool expire) {
  if (closed_) return;
  const uint64_t allocated = keys_.memory().allocated_bytes();
  if (allocated > (1U << 20)) {
    const double overhead = static_cast<double>(keys_.memory().resident_bytes()) / static_cast<double>(allocated);
    overhead_ = std::clamp(0.9 * overhead_ + 0.1 * overhead, 1.0, kOverheadMax);
  }
  if (failing_ && keys_.now_ms() >= retry_at_ms_) {
    exhausted_ = false;
    if (backlog_failed_) RetryBacklog();
  }
  WakeMemoryWaiters();
  if (std::exchange(fill_stalled_, false)) FillStep();
  if (expire && !expiring_ && keys_.now_ms() >= expire_at_ms_) ExpireStored(shm::kDatabases);
}

SwapperStats Swapper::stats() const {
  SwapperStats stats = stats_;
  stats.loads_in_flight = loads_.size();
  stats.erases_in_flight = erasing_.size();
  return stats;
}

}  // namespace chestbox
