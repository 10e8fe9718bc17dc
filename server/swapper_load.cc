// Swapper, the part that brings states back: loads for commands, and listings for walks.
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

using shm::kEntryLive;

namespace {

constexpr size_t kListedStates = 1024;
constexpr size_t kLoadAtOnceBytesMax = 64 << 10;
// What is built element by element counts as a load for so many bytes: about 100 us.
constexpr size_t kBuiltBytesPerLoad = 1024;
// Larger ones are decoded by another thread, and built in steps.
constexpr size_t kDecodedAtOnceBytesMax = 16 << 10;
// Large values on their way into memory at one time, if it is more than one: they are beyond what maxmemory bounds.
constexpr uint64_t kStreamingBytesMax = 8 << 20;
// The part of a position that a keyless entry keeps: 48 hash bits, which are the position's high ones.
constexpr uint64_t kKeptPositionMask = ~uint64_t{0xffff};

int64_t FromStore(int64_t expire_at_ms) { return expire_at_ms == swap::kNoExpiry ? kNoExpiry : expire_at_ms; }

}  // namespace

// ---- What is in memory ----

bool Swapper::NeedsLoad(uint32_t physical, std::string_view key, uint64_t hash) const {
  const shm::SlotRef ref = keys_.index(physical).Find(key, hash);
  if (ref) return (ref.entry & kEntryLive) == 0;
  return IsUnfilled(physical, shm::PositionOf(hash)) && !settled_[physical].contains(StateName(physical, key));
}

bool Swapper::InMemory(uint32_t database, std::string_view key) const {
  if (!HasSwappedOut(database)) return true;
  return !NeedsLoad(keys_.Physical(database), key, keys_.HashOf(key));
}

// ---- Loading ----

void Swapper::Load(std::vector<StateKey> keys, Done done) {
  struct Waiting {
    size_t left = 1;
    Result<void> outcome;
    std::vector<std::string> held;
    Done done;
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  const auto finish_one = [this, waiting](const Result<void>& outcome) {
    if (!outcome) waiting->outcome = outcome;
    if (--waiting->left != 0) return;
    waiting->done(waiting->outcome);
    Release(waiting->held);
  };
  for (StateKey& item : keys) {
    const uint32_t physical = keys_.Physical(item.database);
    const std::string name = StateName(physical, item.key);
    ++held_[name];
    waiting->held.push_back(name);
    const uint64_t hash = keys_.HashOf(item.key);
    if (!NeedsLoad(physical, item.key, hash)) continue;
    ++waiting->left;
    LoadPtr& load = loads_[name];
    const bool fresh = load == nullptr;
    if (fresh)
      load = std::make_shared<KeyLoad>(KeyLoad{physical, std::move(item.key), hash, generation_[physical], {}});
    load->waiters.push_back(finish_one);
    if (fresh) StartLoad(load);
  }
  host_.Post([finish_one] { finish_one({}); });  // never before this call returns
}

std::vector<std::string> Swapper::Hold(const std::vector<StateKey>& keys) {
  std::vector<std::string> held;
  for (const StateKey& item : keys) {
    held.push_back(StateName(keys_.Physical(item.database), item.key));
    ++held_[held.back()];
  }
  return held;
}

void Swapper::Release(const std::vector<std::string>& held) {
  for (const std::string& name : held) {
    const auto found = held_.find(name);
    if (--found->second == 0) held_.erase(found);
  }
  exhausted_ = false;
  if (OverLimit())
    Regulate();  // many loads may come back in one turn, whose end is where memory is made free otherwise
}

void Swapper::StartLoad(const LoadPtr& load) {
  if (erasing_.contains(StateName(load->physical, load->key))) {
    host_.Post([this, load] { FinishLoad(load, std::optional<swap::StateRecord>()); });
    return;
  }
  Ask(*reader_, [this, load] {
    auto loaded = std::make_shared<Result<std::optional<swap::StateRecord>>>(
        store_->Load({static_cast<uint8_t>(load->physical), shm::PositionOf(load->hash), load->key}));
    host_.Post([this, load, loaded] { FinishLoad(load, std::move(*loaded)); });
  });
}

void Swapper::FinishLoad(const LoadPtr& load, Result<std::optional<swap::StateRecord>> loaded) {
  if (!loaded) {
    CompleteLoad(load, loaded.error());
    return;
  }
  if (load->generation != generation_[load->physical]) {  // flushed meanwhile
    CompleteLoad(load, {});
    return;
  }
  const shm::SlotRef ref = keys_.index(load->physical).Find(load->key, load->hash);
  if (ref && (ref.entry & kEntryLive) != 0) {
    CompleteLoad(load, {});
    return;
  }
  if (!loaded->has_value()) {
    if (ref) {
      LoadNamesakes(load);
      return;
    }
    if (IsUnfilled(load->physical, shm::PositionOf(load->hash))) {
      settled_[load->physical].insert(StateName(load->physical, load->key));
    }
    CompleteLoad(load, {});
    return;
  }
  auto record = std::make_shared<swap::StateRecord>(std::move(**loaded));
  if (record->chunked()) {
    LoadChunks(load, record);
  } else if (record->payload.size() > kDecodedAtOnceBytesMax && IsBuiltByElement(record->attributes.type)) {
    DecodeApart(load, record);
  } else {
    DecodeLoaded(load, record->attributes, record->payload);
  }
}

void Swapper::DecodeLoaded(const LoadPtr& load, const swap::StateAttributes& attributes, std::string_view payload) {
  auto value = DecodeState(keys_, config_, payload, rdb::Trust::kOwn);
  if (value) {
    LinkLoaded(load, attributes, *value);
  } else {
    CompleteLoad(load, value.error());
  }
}

// While others load, look, list or fill, a table may be being opened, which this thread could have to wait for.
bool Swapper::WaitsForNoThread() const {
  return !closed_ && loads_.empty() && looks_.empty() && streaming_bytes_ == 0 && listings_.empty() && !filling();
}

bool Swapper::LoadAtOnce(const std::vector<StateKey>& keys) {
  if (!WaitsForNoThread()) return false;
  if (loads_at_once_ + keys.size() > kLoadsAtOnceMax) return false;
  // Who reads faster than memory is made free goes the long way, which waits for its turn.
  if (maxmemory_bytes_ != 0 && UsedBytes() > maxmemory_bytes_) return false;
  loads_at_once_ += keys.size();
  return std::all_of(keys.begin(), keys.end(), [this](const StateKey& item) { return LoadOneAtOnce(item); });
}

bool Swapper::LoadOneAtOnce(const StateKey& item) {
  const uint32_t physical = keys_.Physical(item.database);
  const uint64_t hash = keys_.HashOf(item.key);
  if (!NeedsLoad(physical, item.key, hash)) return true;
  if (erasing_.contains(StateName(physical, item.key))) return false;
  const auto load = std::make_shared<KeyLoad>(KeyLoad{physical, item.key, hash, generation_[physical], {}});
  const auto link = [&](const swap::StateAttributes& attributes, std::string_view payload) {
    if (IsBuiltByElement(attributes.type)) {
      if (payload.size() > kDecodedAtOnceBytesMax || loads_at_once_ > 2 * kLoadsAtOnceMax) return;
      loads_at_once_ += payload.size() / kBuiltBytesPerLoad;
    }
    DecodeLoaded(load, attributes, payload);
  };
  if (!store_->LoadFromMemory({static_cast<uint8_t>(physical), shm::PositionOf(hash), item.key}, kLoadAtOnceBytesMax,
                              link)) {
    return false;
  }
  return !NeedsLoad(physical, item.key, hash);  // else it is large, damaged, or there is no memory
}

// ---- Loading while a script waits ----

// What another load of the same key finds when it comes back is that the key is there already.
Result<void> Swapper::LoadNow(uint32_t database, std::string_view key) {
  const uint32_t physical = keys_.Physical(database);
  const uint64_t hash = keys_.HashOf(key);
  if (!NeedsLoad(physical, key, hash) || LoadAtOnce({{database, std::string(key)}})) return {};
  if (closed_) return Error{"the store is closed"};
  const auto load = std::make_shared<KeyLoad>(KeyLoad{physical, std::string(key), hash, generation_[physical], {}});
  Result<void> outcome;
  load->waiters.push_back([&outcome](const Result<void>& loaded) { outcome = loaded; });
  if (auto read = LoadRecordNow(load); !read) return read;
  if (outcome && NeedsLoad(physical, key, hash)) {
    return Error{"the store has no record of a state that was written to it"};
  }
  return outcome;
}

Result<void> Swapper::LoadRecordNow(const LoadPtr& load) {
  const uint64_t position = shm::PositionOf(load->hash);
  std::optional<swap::StateRecord> record;
  while (!record && !erasing_.contains(StateName(load->physical, load->key))) {
    auto loaded = store_->Load({static_cast<uint8_t>(load->physical), position, load->key});
    if (!loaded) return loaded.error();
    if (!loaded->has_value()) break;
    record = std::move(**loaded);
    if (!record->chunked()) break;
    record->payload.clear();
    const Result<void> read = store_->ReadChunks(*record, [&](std::string_view chunk) -> Result<void> {
      record->payload.append(chunk);
      return {};
    });
    if (!read && !swap::IsValueGone(read.error())) return read;
    if (!read) record.reset();  // replaced between the two reads
  }
  if (record) {
    DecodeLoaded(load, record->attributes, record->payload);
    return {};
  }
  const shm::SlotRef ref = keys_.index(load->physical).Find(load->key, load->hash);
  if (!ref) {
    if (IsUnfilled(load->physical, position)) settled_[load->physical].insert(StateName(load->physical, load->key));
    return {};
  }
  // A keyless entry of other keys with these hash bits.
  auto names = ScanNames(load->physical, position & kKeptPositionMask, position | ~kKeptPositionMask);
  if (!names) return names.error();
  for (const Listing::Name& name : *names) {
    const uint64_t hash = keys_.HashOf(name.key);
    const bool other = name.key != load->key && !erasing_.contains(StateName(load->physical, name.key));
    if (!other || !NeedsLoad(load->physical, name.key, hash)) continue;
    const auto namesake =
        std::make_shared<KeyLoad>(KeyLoad{load->physical, name.key, hash, generation_[load->physical], {}});
    if (auto read = LoadRecordNow(namesake); !read) return read;
  }
  return {};
}

Result<std::vector<WalkedName>> Swapper::ListNamesNow(uint32_t database, uint64_t from_position, uint64_t to_position) {
  if (closed_) return Error{"the store is closed"};
  auto names = ScanNames(keys_.Physical(database), from_position, to_position);
  if (!names) return names.error();
  return LivingNames(std::move(*names));
}

// ---- Large values ----

// One after the other, so that a crowd of readers does not fill the memory with what it waits for.
void Swapper::LoadChunks(const LoadPtr& load, const RecordPtr& record) {
  if (streaming_bytes_ != 0 && streaming_bytes_ + record->payload_size > kStreamingBytesMax) {
    waiting_streams_.emplace_back(load, record);
    return;
  }
  StreamChunks(load, record);
}

void Swapper::StreamChunks(const LoadPtr& load, const RecordPtr& record) {
  if (record->attributes.type == rdb::kTypeString) {
    StreamString(load, record);
  } else {
    StreamCollection(load, record);
  }
}

// Streams a large string into a block of the arena that nothing links to yet; the executor only links it.
void Swapper::StreamString(const LoadPtr& load, const RecordPtr& record) {
  const shm::Link link = keys_.memory().Allocate(record->payload_size);
  if (link == 0) {
    CompleteLoad(load, OutOfMemory());
    return;
  }
  streaming_bytes_ += record->payload_size;
  char* bytes = keys_.memory().At(link);
  Ask(*streamer_, [this, load, record, link, bytes] {
    size_t copied = 0;
    bool first = true;
    const Result<void> outcome = store_->ReadChunks(*record, [&](std::string_view chunk) -> Result<void> {
      if (std::exchange(first, false)) {
        auto layout = rdb::ParseStringObject(chunk, record->payload_size);
        if (!layout) return layout.error();
        if (layout->form != rdb::StringLayout::Form::kRaw) return Error{"a compressed value of this size"};
        chunk.remove_prefix(layout->header_size);
      }
      CHECK(copied + chunk.size() <= record->payload_size);
      shm::RacyStore(bytes + copied, chunk.data(), chunk.size());
      copied += chunk.size();
      return {};
    });
    host_.Post([this, load, record, link, copied, outcome] {
      bool linked = false;
      EndStream(load, record, outcome, [&] {
        DetachedValue value;
        value.encoding = static_cast<uint8_t>(StringEncoding::kRaw);
        value.link = link;
        value.link_bytes = static_cast<uint32_t>(copied);
        linked = true;
        LinkLoaded(load, record->attributes, value);
      });
      if (!linked) keys_.memory().Free(link);
    });
  });
}

// `use` makes a state of what was read, if it was read and is still wanted.
void Swapper::EndStream(const LoadPtr& load, const RecordPtr& record, const Result<void>& outcome,
                        const std::function<void()>& use) {
  streaming_bytes_ -= record->payload_size;
  const bool current = load->generation == generation_[load->physical];
  if (outcome && current) {
    use();
  } else if (!outcome && current && swap::IsValueGone(outcome.error())) {
    StartLoad(load);  // its record was replaced between the two reads
  } else {
    CompleteLoad(load, current ? outcome : Result<void>{});
  }
  while (!waiting_streams_.empty() &&
         (streaming_bytes_ == 0 ||
          streaming_bytes_ + waiting_streams_.front().second->payload_size <= kStreamingBytesMax)) {
    const auto [next_load, next_record] = std::move(waiting_streams_.front());
    waiting_streams_.pop_front();
    StreamChunks(next_load, next_record);
  }
}

void Swapper::LinkLoaded(const LoadPtr& load, const swap::StateAttributes& attributes, const DetachedValue& value) {
  const int64_t expire_at_ms = FromStore(attributes.expire_at_ms);
  const bool unfilled = IsUnfilled(load->physical, shm::PositionOf(load->hash));
  const shm::SlotRef ref = keys_.index(load->physical).Find(load->key, load->hash);
  // Whoever made it live or deleted it since its record was read is right.
  const bool live = ref && (ref.entry & kEntryLive) != 0;
  const bool deleted = unfilled ? settled_[load->physical].contains(StateName(load->physical, load->key)) : !ref;
  const bool wanted = !live && !deleted;
  Result<void> linked;
  if (wanted) {
    // A fresh access word: what is asked for is hot. (An LFU counter goes on from where it was.)
    linked = keys_.SwapIn(load->physical, load->key, !unfilled, value, expire_at_ms,
                          keys_.AccessAfterLoad(attributes.access));
    if (!standing_still_) keys_.FinishCommand();  // else a script is running, and what it has closed stays closed
  }
  if (!wanted || !linked) {
    keys_.Discard(value);
    CompleteLoad(load, linked);
    return;
  }
  ++stats_.swapped_in;
  if (unfilled) keys_.AddUnindexed(load->physical, -1, expire_at_ms == kNoExpiry ? 0 : -1);
  loaded_.push_back(StateName(load->physical, load->key));
  if (loaded_.size() > kLoadedMax) loaded_.pop_front();
  CompleteLoad(load, {});
}

// ---- Keys that share 48 hash bits ----

// A keyless entry has the hash bits of a key that does not exist: it belongs to another key with the same bits. That
// one is brought in, so that its entry has a key again.
void Swapper::LoadNamesakes(const LoadPtr& load) {
  const uint64_t position = shm::PositionOf(load->hash);
  Ask(*lister_, [this, load, position] {
    auto page = std::make_shared<Result<swap::ScanPage>>(store_->Scan(static_cast<uint8_t>(load->physical),
                                                                      position & kKeptPositionMask,
                                                                      position | ~kKeptPositionMask, kListedStates));
    host_.Post([this, load, page] { FinishNamesakes(load, *page); });
  });
}

void Swapper::FinishNamesakes(const LoadPtr& load, const Result<swap::ScanPage>& page) {
  if (!page) {
    CompleteLoad(load, page.error());
    return;
  }
  uint32_t database = 0;
  while (keys_.Physical(database) != load->physical) ++database;
  std::vector<StateKey> namesakes;
  for (const swap::StateName& state : page->states) {
    const bool other = state.key != load->key && !erasing_.contains(StateName(load->physical, state.key));
    if (other && NeedsLoad(load->physical, state.key, keys_.HashOf(state.key)))
      namesakes.push_back({database, state.key});
  }
  const shm::SlotRef ref = keys_.index(load->physical).Find(load->key, load->hash);
  if (namesakes.empty() && ref && (ref.entry & kEntryLive) == 0 && load->generation == generation_[load->physical]) {
    // Asking again would not end.
    CompleteLoad(load, Error{"the store has no record of a state that was written to it"});
    return;
  }
  Load(std::move(namesakes), [this, load](const Result<void>& outcome) { CompleteLoad(load, outcome); });
}

void Swapper::CompleteLoad(const LoadPtr& load, const Result<void>& outcome) {
  loads_.erase(StateName(load->physical, load->key));
  const auto waiters = std::move(load->waiters);
  for (const auto& waiter : waiters) waiter(outcome);
}

// ---- Listing ----

// Any thread.
Result<std::vector<Swapper::Listing::Name>> Swapper::ScanNames(uint32_t physical, uint64_t from_position,
                                                               uint64_t to_position) {
  std::vector<Listing::Name> names;
  std::optional<uint64_t> position = from_position;
  while (position) {
    auto page = store_->Scan(static_cast<uint8_t>(physical), *position, to_position, kListedStates);
    if (!page) return page.error();
    for (swap::StateName& state : page->states) {
      names.push_back(
          {std::move(state.key), TypeOfObject(state.attributes.type), FromStore(state.attributes.expire_at_ms)});
    }
    position = page->next_position;
  }
  return names;
}

void Swapper::ListNames(uint32_t database, uint64_t from_position, uint64_t to_position, Names done) {
  auto listing = std::make_shared<Listing>(Listing{keys_.Physical(database), from_position, to_position, {}});
  listings_.push_back(listing);
  Ask(*lister_, [this, database, listing, from_position, to_position, done = std::move(done)] {
    auto names =
        std::make_shared<Result<std::vector<Listing::Name>>>(ScanNames(listing->physical, from_position, to_position));
    host_.Post([this, database, listing, names, done] {
      if (*names) {
        (*names)->insert((*names)->end(), listing->names.begin(), listing->names.end());
        listing->names = std::move(**names);
      }
      FinishListing(database, listing, *names ? Result<void>() : names->error(), done);
    });
  });
}

void Swapper::FinishListing(uint32_t database, const ListingPtr& listing, const Result<void>& outcome,
                            const Names& done) {
  std::erase(listings_, listing);
  if (!outcome) {
    done(outcome.error());
    return;
  }
  if (keys_.Physical(database) != listing->physical) {  // SWAPDB meanwhile
    ListNames(database, listing->from_position, listing->to_position, done);
    return;
  }
  done(LivingNames(std::move(listing->names)));
}

// What left memory while it was listed may be in it twice: the last one is what it was when it left.
std::vector<WalkedName> Swapper::LivingNames(std::vector<Listing::Name> listed) const {
  std::stable_sort(listed.begin(), listed.end(),
                   [](const Listing::Name& a, const Listing::Name& b) { return a.key < b.key; });
  std::vector<WalkedName> names;
  for (auto name = listed.begin(); name != listed.end(); ++name) {
    if (std::next(name) != listed.end() && std::next(name)->key == name->key) continue;
    if (name->expire_at_ms == kNoExpiry || name->expire_at_ms > keys_.now_ms()) {
      names.push_back({std::move(name->key), name->type});
    }
  }
  return names;
}

}  // namespace chestbox
