#include "server/snapshot.h"

#include <algorithm>
#include <utility>

#include "protocol/check.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

constexpr uint32_t kPositionBits = 64;
// Empty cells looked at in one step.
constexpr size_t kRegionsPerStep = 4096;
// Entries of a flushed database that are given back at a time.
constexpr size_t kReturnedAtOnce = 512;

}  // namespace

Snapshot::Snapshot(Keyspace& keys, SnapshotSink& sink) : keys_(keys), sink_(sink) {
  CHECK(keys_.change_observer() == nullptr);
  for (uint32_t logical = 0; logical < shm::kDatabases; ++logical) {
    const uint32_t physical = keys_.Physical(logical);
    Database& database = databases_[physical];
    database.physical = physical;
    database.logical = logical;
    database.cell_bits = keys_.index(physical).depth() + shm::kBucketBits;
    database.told.resize(((uint64_t{1} << database.cell_bits) + 63) / 64);
  }
  keys_.SetChangeObserver(this);
}

Snapshot::~Snapshot() {
  keys_.SetChangeObserver(nullptr);
  for (Database& database : databases_) keys_.FreeDetached(database.left);
}

bool Snapshot::Step(size_t states_max, size_t bytes_max) {
  states_told_ = 0;
  bytes_told_ = 0;
  size_t regions = 0;
  while (at_ < databases_.size() && regions < kRegionsPerStep && states_told_ < states_max && bytes_told_ < bytes_max) {
    Database& database = databases_[at_];
    if (database.flushed) {
      if (StepFlushed(database, states_max, bytes_max)) ++at_;
      continue;
    }
    const uint64_t from = database.cursor;
    uint64_t end = 0;
    do {
      end = TellRegion(database, database.cursor).end;
      database.cursor = end;
      ++regions;
    } while (end != 0 && regions < kRegionsPerStep && states_told_ < states_max && bytes_told_ < bytes_max);
    EndRange(database, from, end);
    if (end != 0) continue;
    database.passed = true;
    ++at_;
  }
  return at_ < databases_.size();
}

void Snapshot::BeforeChange(uint32_t physical_database, uint64_t position) {
  Database& database = databases_[physical_database];
  if (database.passed || database.flushed || database.IsTold(position)) return;
  (void)TellRegion(database, position);
}

bool Snapshot::TakeFlushed(uint32_t physical, shm::IndexWriter::Detached& detached) {
  Database& database = databases_[physical];
  if (database.passed || database.flushed) return false;
  database.flushed = true;
  database.left = std::move(detached);
  return true;
}

// Tells what has not been told of the cell of `position`, or of its bucket if that is larger now.
Snapshot::Region Snapshot::TellRegion(Database& database, uint64_t position) {
  const shm::IndexWriter& index = keys_.index(database.physical);
  uint64_t segment_end = 0;
  (void)index.SegmentOf(position, &segment_end);
  const uint64_t segment_size = segment_end - index.SegmentBegin(position);  // 0: there is only one
  const uint64_t bucket_size =
      segment_size == 0 ? uint64_t{1} << (kPositionBits - shm::kBucketBits) : segment_size >> shm::kBucketBits;
  const uint64_t size = std::max(bucket_size, uint64_t{1} << (kPositionBits - database.cell_bits));
  const uint64_t begin = position & ~(size - 1);
  const uint64_t end = begin + size;
  uint64_t at = begin;
  do {
    at = index.VisitBucket(at, [&](uint64_t entry, uint64_t hash) {
      if ((entry & shm::kEntryLive) == 0 || database.IsTold(shm::PositionOf(hash))) return;
      TellEntry(database, entry, shm::PositionOf(hash));
    });
  } while (at != end);
  const uint64_t last_cell = database.CellOf(end - 1);
  for (uint64_t cell = database.CellOf(begin); cell <= last_cell; ++cell) {
    database.told[cell / 64] |= uint64_t{1} << (cell % 64);
  }
  return {begin, end};
}

void Snapshot::TellEntry(Database& database, uint64_t entry, uint64_t position) {
  const StateView view = keys_.ViewOf(entry);
  SnapshotState state{database.logical, std::string(keys_.KeyOf(entry)), view.expire_at_ms, view.access,
                      EncodeState(keys_.memory(), view, ObjectReader::kRedis7)};
  // What a batch on its way to the store holds is marked as stored, too.
  if ((entry & shm::kEntryStored) != 0) {
    database.names[position].push_back(state.key);
    name_bytes_ += state.key.size();
  }
  ++states_told_;
  bytes_told_ += state.key.size() + state.object.size();
  sink_.OnState(std::move(state));
}

// True: the database is done.
bool Snapshot::StepFlushed(Database& database, size_t states_max, size_t bytes_max) {
  shm::IndexWriter::Detached returned;
  while (states_told_ < states_max && bytes_told_ < bytes_max && returned.entries.size() < kReturnedAtOnce) {
    if (database.left.entries.empty()) {
      if (database.left.segments.empty()) break;
      keys_.index(database.physical).TakeDetached(database.left.segments.back(), &database.left.entries);
      database.left.segments.pop_back();
      continue;
    }
    const uint64_t entry = database.left.entries.back();
    database.left.entries.pop_back();
    returned.entries.push_back(entry);
    if ((entry & shm::kEntryLive) == 0) continue;
    const uint64_t position = shm::PositionOf(keys_.index(database.physical).HashOfLive(entry));
    if (!database.IsTold(position)) TellEntry(database, entry, position);
  }
  keys_.FreeDetached(returned);
  if (!database.left.entries.empty() || !database.left.segments.empty()) return false;
  EndRange(database, database.cursor, 0);
  database.passed = true;
  return true;
}

void Snapshot::EndRange(Database& database, uint64_t from_position, uint64_t end_position) {
  SnapshotRange range{database.logical, database.physical, from_position, end_position - 1, {}};
  const auto begin = database.names.lower_bound(from_position);
  const auto end = end_position == 0 ? database.names.end() : database.names.lower_bound(end_position);
  for (auto at = begin; at != end; ++at) {
    for (std::string& name : at->second) {
      name_bytes_ -= name.size();
      range.in_memory.push_back(std::move(name));
    }
  }
  database.names.erase(begin, end);
  std::sort(range.in_memory.begin(), range.in_memory.end());
  sink_.OnRange(std::move(range));
}

}  // namespace chestbox
