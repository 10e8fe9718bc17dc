// Swapper, the part that takes states out of memory and keeps it within bounds.
#include "server/swapper.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

#include "protocol/check.h"
#include "protocol/rdb/string_codec.h"
#include "server/config/config.h"
#include "server/log.h"
#include "server/server.h"
#include "server/store_thread.h"

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
// Buckets looked at for one group of candidates: bounds a step when nearly everything has left already.
constexpr int kBucketsPerPick = 4096;
constexpr int64_t kRetryMs = 1000;
constexpr size_t kQueuedChangesMax = 256;
// What the arena may take beyond its live blocks before we stop making up for it by swapping more out.
constexpr double kOverheadMax = 1.25;

uint64_t OutgoingKey(uint32_t physical, uint64_t hash) { return hash ^ (uint64_t{physical} << 60); }

}  // namespace

Swapper::Swapper(Keyspace& keys, Host& host, const Config& config, EffectSink& effects,
                 std::unique_ptr<swap::SwapStore> store)
    : keys_(keys),
      host_(host),
      effects_(effects),
      store_(std::move(store)),
      own_page_(std::make_unique<shm::ClientPage>()),
      own_pins_(own_page_.get()) {
  OnConfigChanged(config);
  keys_.SetStoredStateListener(this);
  keys_.AddClientPage(own_page_.get());
  writer_ = std::make_unique<StoreThread>("swap-write", StoreThread::Priority::kIdle, [this] {
    if (auto backlog = WriteBacklog(); !backlog) return false;
    auto more = store_->Maintain();
    return more.ok() && *more;
  });
  reader_ = std::make_unique<StoreThread>("swap-read", StoreThread::Priority::kNormal, nullptr);
  lister_ = std::make_unique<StoreThread>("swap-list", StoreThread::Priority::kNormal, nullptr);
}

Swapper::~Swapper() {
  reader_.reset();
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
}

// ---- How much, and when ----

uint64_t Swapper::UsedBytes() const {
  return static_cast<uint64_t>(static_cast<double>(keys_.memory().allocated_bytes()) * overhead_);
}

bool Swapper::OverLimit() const { return maxmemory_bytes_ != 0 && UsedBytes() > maxmemory_bytes_; }

bool Swapper::AnythingToSwapOut() const {
  for (uint32_t i = 0; i < shm::kDatabases; ++i) {
    if (keys_.index(i).entries() > keys_.index(i).swapped_out()) return true;
  }
  return false;
}

bool Swapper::MakesProgress() const {
  return !failing_ && (!outgoing_.empty() || keys_.retired_blocks() > 0 || AnythingToSwapOut());
}

void Swapper::Regulate() {
  if (!changes_.empty()) FlushChanges();
  if (maxmemory_bytes_ == 0) return;
  const uint64_t used = UsedBytes();
  if (!shrinking_ && used * 100 <= maxmemory_bytes_ * high_percent_) return;
  shrinking_ = used * 100 > maxmemory_bytes_ * low_percent_;
  if (shrinking_ && listings_ == 0 && (!failing_ || keys_.now_ms() >= retry_at_ms_)) StartSwapOuts();
}

void Swapper::StartSwapOuts() {
  std::vector<Outgoing> batch;
  uint64_t batch_bytes = 0;
  while (stats_.bytes_in_flight + batch_bytes < kInFlightBytesMax) {
    const uint64_t used = UsedBytes();
    const uint64_t leaving = stats_.bytes_in_flight + batch_bytes + keys_.retired_bytes();
    if (used <= leaving || (used - leaving) * 100 <= maxmemory_bytes_ * low_percent_) break;
    const size_t states_before = batch.size();
    const uint64_t left_before = stats_.swapped_out;
    PickColdest(&batch);
    if (batch.size() == states_before && stats_.swapped_out == left_before) break;  // nothing that could leave
    for (size_t i = states_before; i < batch.size(); ++i) batch_bytes += batch[i].bytes();
    if (batch.size() >= kBatchStates || batch_bytes >= kBatchBytes) {
      SendOut(std::exchange(batch, {}));
      batch_bytes = 0;
    }
  }
  if (!batch.empty()) SendOut(std::move(batch));
  keys_.FinishCommand();
  keys_.DrainRetired();
}

bool Swapper::IsUnfilled(uint32_t physical, uint64_t position) const {
  return physical > fill_database_ || (physical == fill_database_ && position >= fill_position_);
}

// Walks on over the keyspace, whose order is random with regard to use, and takes the coldest of the next candidates.
void Swapper::PickColdest(std::vector<Outgoing>* batch) {
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
        // A state beyond the index fill keeps its key in memory: the fill could not tell it from one it has yet to add.
        if ((entry & kEntryLive) == 0 || outgoing_.contains(OutgoingKey(physical, hash)) ||
            IsUnfilled(physical, shm::PositionOf(hash))) {
          return;
        }
        candidates.push_back({keys_.Coldness(keys_.ViewOf(entry).access), physical, hash, std::string(keys_.KeyOf(entry))});
      });
    }
    if (pick_position_ == 0) pick_database_ = (pick_database_ + 1) % shm::kDatabases;
  }
  const size_t picked = std::min(candidates.size(), std::max<size_t>(1, candidates.size() * kPickedOfCandidates / kCandidates));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(picked), candidates.end(),
                    [](const Candidate& a, const Candidate& b) { return a.coldness > b.coldness; });
  for (size_t i = 0; i < picked; ++i) TakeOut(candidates[i].physical, candidates[i].hash, candidates[i].key, batch);
}

// Puts a state into the batch; a clean one leaves at once. False: it can't leave now.
bool Swapper::TakeOut(uint32_t physical, uint64_t hash, std::string_view key, std::vector<Outgoing>* batch) {
  shm::SlotRef ref = keys_.index(physical).Find(key, hash);
  if (!ref || (ref.entry & kEntryLive) == 0) return false;
  if ((ref.entry & kEntryClean) != 0) {
    keys_.SwapOut(physical, ref, hash);
    ++stats_.swapped_out;
    return true;
  }
  Outgoing out;
  if (!MakeOutgoing(physical, ref, hash, &out)) return false;
  outgoing_.insert(OutgoingKey(physical, hash));
  batch->push_back(std::move(out));
  return true;
}

bool Swapper::MakeOutgoing(uint32_t physical, shm::SlotRef& ref, uint64_t hash, Outgoing* out) {
  const StateView view = keys_.ViewOf(ref.entry);
  out->physical = physical;
  out->hash = hash;
  out->key = keys_.KeyOf(ref.entry);
  out->attributes.type = rdb::kTypeString;
  out->attributes.expire_at_ms = view.expire_at_ms == kNoExpiry ? swap::kNoExpiry : view.expire_at_ms;
  out->attributes.access = view.access;
  uint64_t entry = ref.entry | kEntryStored | kEntryClean;
  if ((ref.entry & kEntryExternal) != 0) {
    out->pin = own_pins_.TakeSlot();
    if (out->pin == shm::kNoPinSlot) return false;
    // The write thread reads the value where it lies; pinned, and not mutable, it is neither changed nor freed meanwhile.
    entry &= ~kEntryMutable;
    own_pins_.slot(out->pin).store(keys_.ValueLinkOf(ref.entry), std::memory_order_relaxed);  // scanned by this thread
    out->pinned_value = view.value;
  } else {
    out->payload = rdb::EncodeStringObject(view.value);
  }
  keys_.index(physical).Replace(ref, entry, view.expire_at_ms == kNoExpiry ? shm::kNeverMs : view.expire_at_ms);
  return true;
}

bool Swapper::SwapOutNow(uint32_t database, std::string_view key) {
  std::vector<Outgoing> batch;
  const uint32_t physical = keys_.Physical(database);
  const uint64_t hash = keys_.HashOf(key);
  if (IsUnfilled(physical, shm::PositionOf(hash)) || outgoing_.contains(OutgoingKey(physical, hash))) return false;
  if (!TakeOut(physical, hash, key, &batch)) return false;
  if (!batch.empty()) SendOut(std::move(batch));
  return true;
}

// ---- On the write thread ----

Result<void> Swapper::WriteBacklog() {
  while (!backlog_.empty()) {
    const Change& change = backlog_.front();
    const swap::StateId id{static_cast<uint8_t>(change.physical), shm::PositionOf(change.hash), change.key};
    const swap::StateChange erase = swap::EraseState{id};
    Result<void> outcome = change.kind == Change::Kind::kFlush ? store_->Flush(id.database) : store_->Apply({&erase, 1});
    if (!outcome) return outcome;
    backlog_.pop_front();
  }
  return {};
}

// A value that is larger than one chunk, step by step; the record names it only once all of it is there.
Result<void> Swapper::WriteChunked(Outgoing& state) {
  char header[rdb::kStringHeaderSizeMax];
  const size_t header_bytes = rdb::EncodeStringHeader(state.pinned_value.size(), header);
  const uint64_t value_id = store_->BeginValue();
  std::string chunk(header, header_bytes);
  std::string_view rest = state.pinned_value;
  while (!rest.empty()) {
    const size_t bytes = std::min(rest.size(), swap::kChunkSize - chunk.size());
    chunk.append(rest.substr(0, bytes));
    rest.remove_prefix(bytes);
    if (auto appended = store_->AppendChunk(value_id, chunk); !appended) {
      store_->DropValue(value_id);
      return appended;
    }
    chunk.clear();
  }
  state.value_id = value_id;
  return {};
}

Result<void> Swapper::WriteBatch(std::vector<Outgoing>& states) {
  if (auto backlog = WriteBacklog(); !backlog) return backlog;
  std::vector<swap::StateChange> changes;
  Result<void> outcome;
  for (Outgoing& state : states) {
    if (state.pin != shm::kNoPinSlot || !state.pinned_value.empty()) {
      if (state.pinned_value.size() + rdb::kStringHeaderSizeMax > swap::kChunkSize) {
        outcome = WriteChunked(state);
        if (!outcome) break;
      } else {
        state.payload = rdb::EncodeStringObject(state.pinned_value);
      }
    }
    changes.push_back(swap::PutState{
        {static_cast<uint8_t>(state.physical), shm::PositionOf(state.hash), state.key}, state.attributes,
        state.payload, state.value_id});
  }
  if (outcome) outcome = store_->Apply(changes);
  if (!outcome) {
    for (Outgoing& state : states) {
      if (state.value_id != 0) store_->DropValue(std::exchange(state.value_id, 0));
    }
  }
  return outcome;
}

// ---- Back on the executor ----

void Swapper::SendOut(std::vector<Outgoing> states) {
  FlushChanges();
  auto batch = std::make_shared<std::vector<Outgoing>>(std::move(states));
  // What counts as in flight must not change while the batch is under way: small payloads are encoded later.
  uint64_t bytes = 0;
  for (const Outgoing& state : *batch) bytes += state.bytes();
  stats_.bytes_in_flight += bytes;
  writer_->Post([this, batch, bytes] {
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
    outgoing_.erase(OutgoingKey(state.physical, state.hash));
    shm::SlotRef ref = keys_.index(state.physical).Find(state.key, state.hash);
    if (!ref || (ref.entry & kEntryLive) == 0 || (ref.entry & kEntryClean) == 0) continue;  // deleted or changed meanwhile
    if (!outcome) {
      const int64_t expire_at_ms = keys_.ViewOf(ref.entry).expire_at_ms;
      keys_.index(state.physical)
          .Replace(ref, ref.entry & ~kEntryClean, expire_at_ms == kNoExpiry ? shm::kNeverMs : expire_at_ms);
    } else if (listings_ == 0) {
      keys_.SwapOut(state.physical, ref, state.hash);
      ++stats_.swapped_out;
    }
  }
  keys_.FinishCommand();
  keys_.DrainRetired();
  if (outcome) {
    failing_ = false;
  } else {
    ++stats_.write_errors;
    if (stats_.last_error != outcome.error().message || !failing_) {
      LogWarning(fmt::format("Can't swap states out, they stay in memory: {}", outcome.error().message));
    }
    stats_.last_error = outcome.error().message;
    failing_ = true;
    retry_at_ms_ = keys_.now_ms() + kRetryMs;
  }
  WakeMemoryWaiters();
  Regulate();
}

void Swapper::WakeMemoryWaiters() {
  if (memory_waiters_.empty() || (OverLimit() && MakesProgress())) return;
  for (auto& retry : std::exchange(memory_waiters_, {})) retry();
}

void Swapper::QueueChange(Change change) {
  changes_.push_back(std::move(change));
  if (changes_.size() >= kQueuedChangesMax) FlushChanges();
}

void Swapper::FlushChanges() {
  if (changes_.empty()) return;
  auto changes = std::make_shared<std::vector<Change>>(std::exchange(changes_, {}));
  writer_->Post([this, changes] {
    for (Change& change : *changes) backlog_.push_back(std::move(change));
    (void)WriteBacklog();  // what fails stays queued, in order, before everything that comes later
  });
}

void Swapper::OnErased(uint32_t physical, uint64_t hash, std::string_view key) {
  if (IsUnfilled(physical, shm::PositionOf(hash))) settled_[physical].insert(shm::PositionOf(hash));
  QueueChange({Change::Kind::kErase, physical, hash, std::string(key)});
}

void Swapper::OnFlushed(uint32_t physical) {
  ++generation_[physical];
  MarkComplete(physical);
  QueueChange({Change::Kind::kFlush, physical, 0, {}});
}

void Swapper::Cron() {
  const uint64_t allocated = keys_.memory().allocated_bytes();
  if (allocated > (1U << 20)) {
    const double overhead = static_cast<double>(keys_.memory().resident_bytes()) / static_cast<double>(allocated);
    overhead_ = std::clamp(0.9 * overhead_ + 0.1 * overhead, 1.0, kOverheadMax);
  }
  WakeMemoryWaiters();
  if (std::exchange(fill_stalled_, false)) FillStep();
  if (!expiring_ && keys_.now_ms() >= expire_at_ms_) ExpireStored();
}

// ---- The end ----

Result<void> Swapper::SaveAll() {
  FlushChanges();
  reader_->Drain();
  lister_->Drain();
  writer_->Drain();
  Result<void> outcome;
  std::vector<Outgoing> states;
  uint64_t bytes = 0;
  // The executor waits for each batch, so values are read where they lie, and no reader can change them.
  const auto write = [&] {
    std::promise<void> done;
    writer_->Post([&] {
      outcome = WriteBatch(states);
      done.set_value();
    });
    done.get_future().wait();
    states.clear();
    bytes = 0;
  };
  for (uint32_t physical = 0; physical < shm::kDatabases && outcome; ++physical) {
    uint64_t position = 0;
    do {
      std::vector<std::pair<uint64_t, std::string>> found;
      position = keys_.index(physical).VisitBucket(position, [&](uint64_t entry, uint64_t hash) {
        const bool settled = (entry & kEntryClean) != 0 && !outgoing_.contains(OutgoingKey(physical, hash));
        if ((entry & kEntryLive) != 0 && !settled) found.emplace_back(hash, keys_.KeyOf(entry));
      });
      for (const auto& [hash, key] : found) {
        shm::SlotRef ref = keys_.index(physical).Find(key, hash);
        const StateView view = keys_.ViewOf(ref.entry);
        // Marked as stored whatever becomes of the write: a later DEL must reach the store.
        keys_.index(physical).Replace(ref, ref.entry | kEntryStored,
                                      view.expire_at_ms == kNoExpiry ? shm::kNeverMs : view.expire_at_ms);
        Outgoing out;
        out.physical = physical;
        out.hash = hash;
        out.key = key;
        out.attributes = {rdb::kTypeString, view.expire_at_ms == kNoExpiry ? swap::kNoExpiry : view.expire_at_ms, view.access, 0};
        if (view.value.size() <= shm::kInlineValueBytesMax) {
          out.payload = rdb::EncodeStringObject(view.value);
        } else {
          out.pinned_value = view.value;
        }
        bytes += out.bytes();
        states.push_back(std::move(out));
      }
      if (states.size() >= 4 * kBatchStates || bytes >= 4 * kBatchBytes) write();
    } while (position != 0 && outcome);
  }
  if (outcome && !states.empty()) write();
  keys_.FinishCommand();
  if (!outcome) return outcome;
  const shm::ArenaHeader& header = keys_.memory().header();
  const swap::Metadata metadata = {
      {kHashSeedMetadata, std::to_string(header.hash_seed)},
      {kDatabaseMapMetadata, std::to_string(header.database_map.load(std::memory_order_relaxed))}};
  return store_->CloseClean(metadata);
}

void Swapper::CloseWithoutSaving() {
  reader_->Drain();
  lister_->Drain();
  writer_->Drain();
  store_->CloseDirty();
}

SwapperStats Swapper::stats() const {
  SwapperStats stats = stats_;
  stats.loads_in_flight = loads_.size();
  return stats;
}

}  // namespace chestbox
