#include "swap/housekeeper.h"

#include <algorithm>
#include <utility>

#include "swap/record_codec.h"

namespace chestbox::swap {
namespace {

// The bounds of one step.
constexpr uint32_t kChunksDeletedPerStep = 512;
constexpr size_t kHeadsVisitedPerStep = 1024;

}  // namespace

void Housekeeper::AddPurge(uint8_t database, uint32_t generation_end) {
  const auto same = [&](const Purge& purge) { return purge.database == database; };
  if (const auto pending = std::find_if(purges_.begin(), purges_.end(), same); pending != purges_.end()) {
    pending->generation_end = generation_end;
  } else {
    purges_.push_back({database, generation_end, GenerationPrefix(database, 0)});
  }
  purges_pending_ = purges_.size();
}

Result<void> Housekeeper::FindPurge(uint8_t database, uint32_t generation_end) {
  bool left = false;
  const auto found =
      engine_.Iterate(Family::kHeads, GenerationPrefix(database, 0), GenerationPrefix(database, generation_end),
                      [&](std::string_view, std::string_view) {
                        left = true;
                        return false;
                      });
  if (found.ok() && left) AddPurge(database, generation_end);
  return found;
}

Result<void> Housekeeper::Step() {
  if (!ledger_.garbage().empty()) return DeleteGarbage();
  if (!purges_.empty()) return PurgeStep();
  return {};
}

Result<void> Housekeeper::DeleteAllGarbage() {
  while (!ledger_.garbage().empty()) {
    if (auto deleted = DeleteGarbage(); !deleted) return deleted;
  }
  return {};
}

Result<void> Housekeeper::DeleteGarbage() {
  auto& garbage = ledger_.garbage();
  EngineBatch batch;
  size_t finished = 0;
  uint32_t next_chunk = 0;  // of garbage[finished], when the step ends within it
  for (uint32_t budget = kChunksDeletedPerStep; budget > 0 && finished < garbage.size();) {
    const ValueLedger::Garbage& value = garbage[finished];
    const uint32_t end = std::min(value.end_chunk, value.first_chunk + budget);
    for (uint32_t i = value.first_chunk; i < end; ++i)
      engine_.Delete(batch, Family::kChunks, ChunkKey(value.value_id, i));
    budget -= end - value.first_chunk;
    if (end < value.end_chunk) {
      next_chunk = end;
      break;
    }
    ++finished;
  }
  if (auto written = engine_.Write(batch); !written) return written;
  garbage.erase(garbage.begin(), garbage.begin() + static_cast<std::ptrdiff_t>(finished));
  if (next_chunk > 0) garbage.front().first_chunk = next_chunk;
  return {};
}

Result<void> Housekeeper::PurgeStep() {
  Purge& purge = purges_.front();
  std::string next;
  size_t visited = 0;
  const auto visit = [&](std::string_view key, std::string_view value) {
    if (++visited > kHeadsVisitedPerStep) {
      next = key;
      return false;
    }
    // A damaged head names nothing; it goes away with the range.
    if (const auto head = DecodeHead(value); head.ok() && head->value_id != 0) {
      ledger_.AddGarbage(head->value_id, ChunkCount(head->payload_size));
    }
    return true;
  };
  const std::string end = GenerationPrefix(purge.database, purge.generation_end);
  if (auto walked = engine_.Iterate(Family::kHeads, purge.cursor, end, visit); !walked) return walked;
  if (!next.empty()) {
    purge.cursor = std::move(next);
    return {};
  }
  purge.cursor = end;
  if (auto finished = FinishPurge(purge); !finished) return finished;
  purges_.pop_front();
  purges_pending_ = purges_.size();
  return {};
}

Result<void> Housekeeper::FinishPurge(const Purge& purge) {
  const std::string begin = GenerationPrefix(purge.database, 0);
  const std::string end = GenerationPrefix(purge.database, purge.generation_end);
  EngineBatch batch;
  engine_.DeleteRange(batch, Family::kHeads, begin, end);
  engine_.DeleteRange(batch, Family::kExpiries, begin, end);
  if (auto written = engine_.Write(batch); !written) return written;
  engine_.DropFiles(Family::kHeads, begin, end);
  engine_.DropFiles(Family::kExpiries, begin, end);
  return {};
}

}  // namespace chestbox::swap
