#include "server/save_output.h"

#include <algorithm>

#include "protocol/rdb/compress.h"
#include "protocol/rdb/file_format.h"
#include "protocol/rdb/object_writer.h"
#include "server/command_text.h"
#include "server/types/object_codec.h"

namespace chestbox {

namespace {

// Written at once.
constexpr size_t kBufferBytes = 256 * 1024;
constexpr int64_t kAccessMask = 0xff'ffff;

}  // namespace

bool SaveOutput::Stopped() {
  if (outcome_ && cancelled_) outcome_ = Error{"the save was cancelled"};
  return !outcome_.ok();
}

void SaveOutput::WriteOut(bool all) {
  if (!outcome_ || (!all && buffer_.size() < kBufferBytes)) return;
  outcome_ = file_.Write(buffer_);
  buffer_.clear();
}

void SaveOutput::Begin() {
  if (Stopped()) return;
  database_begun_.resize(facts_.sizes.size());
  outcome_ = file_.Create(facts_.request.path);
  if (outcome_) AppendPreamble();
}

void SaveOutput::AppendPreamble() {
  if (facts_.request.format == SaveRequest::Format::kCommands) {
    for (const std::string& code : facts_.libraries) AppendCommand({"FUNCTION", "LOAD", code}, buffer_);
    return;
  }
  rdb::AppendFileHeader(buffer_);
  for (const auto& [name, value] : facts_.aux) rdb::AppendAux(name, value, buffer_);
  for (const std::string& code : facts_.libraries) rdb::AppendFunction(code, buffer_);
}

void SaveOutput::AppendState(const SnapshotState& state) {
  ++states_;
  const bool commands = facts_.request.format == SaveRequest::Format::kCommands;
  if (database_ != state.database) {
    const auto& [states, expiring] = facts_.sizes[state.database];
    if (commands) {
      AppendCommand({"SELECT", std::to_string(state.database)}, buffer_);
    } else if (!database_begun_[state.database]) {
      rdb::AppendDatabase(state.database, states, expiring, buffer_);
    } else {
      rdb::AppendSelect(state.database, buffer_);
    }
    database_begun_[state.database] = true;
    database_ = state.database;
  }
  if (commands) {
    if (!AppendStateAsCommands(state.key, state.object, state.expire_at_ms, buffer_)) {
      outcome_ = Error{"ERR a state is damaged"};
    }
    return;
  }
  if (state.expire_at_ms != kNoExpiry) rdb::AppendExpiry(state.expire_at_ms, buffer_);
  if (facts_.access == SaveFacts::Access::kIdle) {
    rdb::AppendIdle(static_cast<uint64_t>((facts_.now_ms / 1000 - state.access) & kAccessMask), buffer_);
  } else if (facts_.access == SaveFacts::Access::kFrequency) {
    const int64_t minutes = (facts_.now_ms / 60000 - (state.access >> 8)) & 0xffff;
    const int64_t decay = facts_.lfu_decay_minutes == 0 ? 0 : minutes / facts_.lfu_decay_minutes;
    rdb::AppendFrequency(static_cast<uint8_t>(std::max<int64_t>(0, (state.access & 0xff) - decay)), buffer_);
  }
  if (!facts_.compress) {
    rdb::AppendKeyAndObject(state.key, state.object, buffer_);
  } else {
    rdb::AppendKeyAndObject(state.key, rdb::CompressObject(state.object), buffer_);
  }
}

void SaveOutput::AddState(const SnapshotState& state) {
  if (Stopped()) return;
  AppendState(state);
  WriteOut(false);
}

Result<void> SaveOutput::AddStored(const SnapshotRange& range, const swap::StateName& name,
                                   const swap::StoreSnapshot::ReadPayload& read) {
  if (Stopped()) return outcome_;
  if (std::binary_search(range.in_memory.begin(), range.in_memory.end(), name.key)) return {};
  std::string payload;
  payload.reserve(name.payload_size);
  const auto was_read = read([&](std::string_view piece) -> Result<void> {
    payload.append(piece);
    return {};
  });
  if (!was_read) return was_read;
  auto object = ForRedis7(std::move(payload));
  if (!object) return Error{"ERR swap: a record on disk is damaged"};
  AppendState({range.database, name.key,
               name.attributes.expire_at_ms == swap::kNoExpiry ? kNoExpiry : name.attributes.expire_at_ms,
               name.attributes.access, std::move(*object)});
  WriteOut(false);
  return outcome_;
}

void SaveOutput::AddRange(const SnapshotRange& range) {
  if (Stopped() || !facts_.has_store) return;
  const auto& picture = facts_.picture.get();
  if (!picture) {
    outcome_ = picture.error();
    return;
  }
  outcome_ =
      (*picture)->Visit(static_cast<uint8_t>(range.physical), range.from_position, range.to_position,
                        [&](const swap::StateName& name, const auto& read) { return AddStored(range, name, read); });
}

void SaveOutput::Finish() {
  if (Stopped()) return;
  if (facts_.request.format == SaveRequest::Format::kRdb) {
    buffer_.push_back(static_cast<char>(rdb::FileMark::kEnd));
    WriteOut(true);
    const uint64_t crc = facts_.checksum ? file_.crc() : 0;
    for (int shift = 0; shift < 64; shift += 8) buffer_.push_back(static_cast<char>(crc >> shift));
  }
  WriteOut(true);
  if (outcome_ && !Stopped()) outcome_ = file_.Commit();
}

}  // namespace chestbox
