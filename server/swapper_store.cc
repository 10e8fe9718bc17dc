// Swapper, the part that writes to the store: batches of states on the write thread, erases and flushes, and the end of
// a run.
#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/check.h"
#include "protocol/rdb/string_codec.h"
#include "server/log.h"
#include "server/server.h"
#include "server/store_thread.h"
#include "server/swapper.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

constexpr size_t kQueuedChangesMax = 256;
constexpr size_t kErasesAtOnce = 256;
// Written at once by a clean stop.
constexpr size_t kSavedStates = 1024;
constexpr uint64_t kSavedBytes = 4 << 20;

}  // namespace

// ---- Erases and flushes ----

void Swapper::QueueErase(uint32_t physical, uint64_t hash, std::string_view key) {
  SpoilLooks(physical, key);
  std::string name = StateName(physical, key);
  if (IsUnfilled(physical, shm::PositionOf(hash))) settled_[physical].insert(name);
  ++erasing_[std::move(name)];
  changes_.push_back({Change::Kind::kErase, physical, hash, std::string(key)});
  if (changes_.size() >= kQueuedChangesMax) FlushChanges();
}

void Swapper::FlushChanges() {
  if (changes_.empty()) return;
  auto changes = std::make_shared<std::vector<Change>>(std::exchange(changes_, {}));
  Ask(*writer_, [this, changes] {
    std::move(changes->begin(), changes->end(), std::back_inserter(backlog_));
    // What fails stays queued, in order, before everything that comes later.
    if (auto written = WriteBacklog(); !written) {
      host_.Post([this, written] {
        backlog_failed_ = true;
        OnWriteFailed(written.error());
      });
    }
  });
}

void Swapper::RetryBacklog() {
  retry_at_ms_ = keys_.now_ms() + kRetryMs;
  Ask(*writer_, [this] {
    auto written = WriteBacklog();
    host_.Post([this, written] {
      backlog_failed_ = !written.ok();
      if (backlog_failed_) {
        OnWriteFailed(written.error());
      } else {
        failing_ = false;
        exhausted_ = false;
        Regulate();
      }
    });
  });
}

void Swapper::FinishErases(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = erasing_.find(name);
    if (--found->second == 0) erasing_.erase(found);
  }
}

void Swapper::OnErased(uint32_t physical, uint64_t hash, std::string_view key) { QueueErase(physical, hash, key); }

void Swapper::OnFlushed(uint32_t physical) {
  ++generation_[physical];
  for (const LookPtr& look : looks_) look->stale = true;
  MarkComplete(physical);
  changes_.push_back({Change::Kind::kFlush, physical, 0, {}});
}

// ---- On the write thread ----

// The erases at the queue's head, in one step.
Result<void> Swapper::WriteErases(std::vector<std::string>* names) {
  std::vector<swap::StateChange> erases;
  for (const Change& change : backlog_) {
    if (change.kind != Change::Kind::kErase || erases.size() == kErasesAtOnce) break;
    erases.push_back(
        swap::EraseState{{static_cast<uint8_t>(change.physical), shm::PositionOf(change.hash), change.key}});
  }
  if (auto applied = store_->Apply(erases); !applied) return applied;
  for (size_t i = 0; i < erases.size(); ++i) {
    names->push_back(StateName(backlog_.front().physical, backlog_.front().key));
    backlog_.pop_front();
  }
  return {};
}

Result<void> Swapper::WriteBacklog() {
  Result<void> outcome;
  std::vector<std::string> erased;
  while (!backlog_.empty() && outcome) {
    if (backlog_.front().kind == Change::Kind::kErase) {
      outcome = WriteErases(&erased);
      continue;
    }
    outcome = store_->Flush(static_cast<uint8_t>(backlog_.front().physical));
    if (outcome) backlog_.pop_front();
  }
  if (!erased.empty()) {
    host_.Post([this, erased = std::move(erased)] { FinishErases(erased); });
  }
  return outcome;
}

// A value that is larger than one chunk, step by step; the record names it only once all of it is there.
Result<void> Swapper::WriteChunked(Outgoing& state) {
  const uint64_t value_id = store_->BeginValue();
  std::string chunk;
  std::string_view rest = state.payload;
  if (rest.empty()) {
    char header[rdb::kStringHeaderSizeMax];
    chunk.assign(header, rdb::EncodeStringHeader(state.pinned_value.size(), header));
    rest = state.pinned_value;
  }
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
  std::string().swap(state.payload);  // here, not on the executor: unmapping it takes a while
  return {};
}

Result<void> Swapper::WriteBatch(std::vector<Outgoing>& states) {
  if (auto backlog = WriteBacklog(); !backlog) return backlog;
  std::vector<swap::StateChange> changes;
  Result<void> outcome;
  for (Outgoing& state : states) {
    if (state.encoding != nullptr) {
      state.payload = state.encoding->Finish();
      state.attributes.type = static_cast<uint8_t>(state.payload[0]);
      state.encoding.reset();
    }
    const bool pinned = state.pin != shm::kNoPinSlot || !state.pinned_value.empty();
    const size_t bytes = pinned ? state.pinned_value.size() + rdb::kStringHeaderSizeMax : state.payload.size();
    if (bytes > swap::kChunkSize) {
      outcome = WriteChunked(state);
      if (!outcome) break;
    } else if (pinned) {
      state.payload = rdb::EncodeStringObject(state.pinned_value);
    }
    changes.push_back(swap::PutState{{static_cast<uint8_t>(state.physical), shm::PositionOf(state.hash), state.key},
                                     state.attributes,
                                     state.payload,
                                     state.value_id});
  }
  if (outcome) outcome = store_->Apply(changes);
  if (!outcome) {
    for (Outgoing& state : states) {
      if (state.value_id != 0) store_->DropValue(std::exchange(state.value_id, 0));
    }
  }
  return outcome;
}

Swapper::StorePicture Swapper::TakeSnapshot() {
  FlushChanges();
  auto promise = std::make_shared<std::promise<Result<std::shared_ptr<swap::StoreSnapshot>>>>();
  StorePicture picture = promise->get_future().share();
  writer_->Post([this, promise] {
    if (store_closed_) {
      promise->set_value(Error{"ERR swap: the store is closed"});
    } else if (auto written = WriteBacklog(); !written) {
      promise->set_value(written.error());  // states that were deleted would be in the picture
    } else if (auto taken = store_->TakeSnapshot(); !taken) {
      promise->set_value(taken.error());
    } else {
      promise->set_value(std::shared_ptr<swap::StoreSnapshot>(std::move(*taken)));
    }
  });
  return picture;
}

// ---- The end ----

// Writes every state that the store does not have as it is. The executor waits for each batch, so values are read where
// they lie, and nothing changes them.
Result<void> Swapper::SaveStates() {
  Result<void> outcome;
  std::vector<Outgoing> states;
  uint64_t bytes = 0;
  const auto write = [&] {
    writer_->RunAndWait([&] { outcome = WriteBatch(states); });
    states.clear();
    bytes = 0;
    keys_.FinishCommand();
  };
  for (uint32_t physical = 0; physical < shm::kDatabases && outcome; ++physical) {
    uint64_t position = 0;
    do {
      std::vector<std::pair<uint64_t, std::string>> found;
      position = keys_.index(physical).VisitBucket(position, [&](uint64_t entry, uint64_t hash) {
        if ((entry & shm::kEntryLive) == 0) return;
        const bool settled =
            (entry & shm::kEntryClean) != 0 && !outgoing_.contains(StateName(physical, keys_.KeyOf(entry)));
        if (!settled) found.emplace_back(hash, keys_.KeyOf(entry));
      });
      for (const auto& [hash, key] : found) {
        shm::SlotRef ref = keys_.index(physical).Find(key, hash);
        const StateView view = keys_.ViewOf(ref.entry);
        // Marked as stored whatever becomes of the write: a later DEL must reach the store.
        keys_.index(physical).Replace(ref, ref.entry | shm::kEntryStored, OrNever(view.expire_at_ms));
        Outgoing out;
        out.physical = physical;
        out.hash = hash;
        out.key = key;
        out.attributes = {rdb::kTypeString, view.expire_at_ms == kNoExpiry ? swap::kNoExpiry : view.expire_at_ms,
                          view.access, 0};
        if (view.type != ValueType::kString) {
          out.payload = EncodeState(keys_.memory(), view, ObjectReader::kOwn);
          out.attributes.type = static_cast<uint8_t>(out.payload[0]);
        } else if (view.value.size() <= shm::kInlineValueBytesMax) {
          out.payload = rdb::EncodeStringObject(view.value);
        } else {
          out.pinned_value = view.value;
        }
        bytes += out.bytes();
        states.push_back(std::move(out));
      }
      if (states.size() >= kSavedStates || bytes >= kSavedBytes) write();
    } while (position != 0 && outcome);
  }
  if (outcome) write();  // with the last states, or none, whatever is still queued
  return outcome;
}

Result<void> Swapper::SaveAll(swap::Metadata metadata) {
  FlushChanges();
  if (auto saved = SaveStates(); !saved) return saved;
  const shm::ArenaHeader& header = keys_.memory().header();
  metadata[kHashSeedMetadata] = std::to_string(header.hash_seed);
  metadata[kDatabaseMapMetadata] = std::to_string(header.database_map.load(std::memory_order_relaxed));
  const auto nothing = [] {};
  reader_->RunAndWait(nothing);
  streamer_->RunAndWait(nothing);
  lister_->RunAndWait(nothing);
  Result<void> outcome;
  writer_->RunAndWait([&] {
    outcome = store_->CloseClean(metadata);
    store_closed_ = outcome.ok();
  });
  closed_ = outcome.ok();
  return outcome;
}

void Swapper::CloseWithoutSaving() {
  const auto nothing = [] {};
  reader_->RunAndWait(nothing);
  streamer_->RunAndWait(nothing);
  lister_->RunAndWait(nothing);
  writer_->RunAndWait([&] {
    store_->CloseDirty();
    store_closed_ = true;
  });
  closed_ = true;
}

}  // namespace chestbox
