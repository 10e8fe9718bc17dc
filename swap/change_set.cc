#include "swap/change_set.h"

#include <algorithm>

namespace chestbox::swap {
namespace {

// More chunks than this are removed in steps by Maintain, so that replacing a huge value is no huge batch.
constexpr uint32_t kChunksRemovedAtOnceMax = 64;

}  // namespace

Result<std::optional<ChangeSet::StoredHead>> ChangeSet::Find(const std::string& head_key) {
  if (const auto changed = changed_.find(head_key); changed != changed_.end()) return changed->second;
  StoredHead head;
  const auto found = engine_.Visit(Family::kHeads, head_key, [&](std::string_view bytes) { head.bytes = bytes; });
  if (!found) return found.error();
  if (!*found) return std::optional<StoredHead>();
  const auto record = DecodeHead(head.bytes);
  if (!record) return record.error();
  head.attributes = record->attributes;
  head.value_id = record->value_id;
  head.payload_size = record->payload_size;
  return std::optional<StoredHead>(std::move(head));
}

void ChangeSet::Insert(const StateId& id, const std::string& head_key, StoredHead head) {
  engine_.Put(batch_, Family::kHeads, head_key, head.bytes);
  CountDelta& delta = deltas_[id.database];
  ++delta.count;
  if (head.attributes.expire_at_ms != kNoExpiry) {
    ++delta.expiry_count;
    const std::string key = ExpiryKey(generation_of_(id.database), head.attributes.expire_at_ms, id);
    engine_.Put(batch_, Family::kExpiries, key, {});
  }
  changed_[head_key] = std::move(head);
}

void ChangeSet::Remove(const StateId& id, const std::string& head_key, const StoredHead& head, uint64_t value_id_kept) {
  engine_.Delete(batch_, Family::kHeads, head_key);
  CountDelta& delta = deltas_[id.database];
  --delta.count;
  if (head.attributes.expire_at_ms != kNoExpiry) {
    --delta.expiry_count;
    const std::string key = ExpiryKey(generation_of_(id.database), head.attributes.expire_at_ms, id);
    engine_.Delete(batch_, Family::kExpiries, key);
  }
  if (head.value_id != 0 && head.value_id != value_id_kept) RemoveChunks(head);
  changed_[head_key] = std::nullopt;
}

void ChangeSet::RemoveChunks(const StoredHead& head) {
  const uint32_t count = ChunkCount(head.payload_size);
  if (count > kChunksRemovedAtOnceMax) {
    large_garbage_.emplace_back(head.value_id, count);
    return;
  }
  for (uint32_t i = 0; i < count; ++i) engine_.Delete(batch_, Family::kChunks, ChunkKey(head.value_id, i));
}

Result<void> ChangeSet::Add(const PutState& put) {
  const std::string key = HeadKey(generation_of_(put.id.database), put.id);
  const auto before = Find(key);
  if (!before) return before.error();

  HeadRecord record;
  record.attributes = put.attributes;
  record.value_id = put.value_id;
  if (put.value_id == 0) {
    CHECK(put.payload.size() <= kChunkSize);
    record.payload_size = put.payload.size();
    payload_bytes_written_ += put.payload.size();
    if (put.payload.size() <= kInlinePayloadSizeMax) {
      record.inline_payload = put.payload;
    } else {
      record.value_id = ledger_.NewId();
      engine_.Put(batch_, Family::kChunks, ChunkKey(record.value_id, 0), put.payload);
    }
  } else if (ledger_.IsOpen(put.value_id)) {
    CHECK(std::find(committed_values_.begin(), committed_values_.end(), put.value_id) == committed_values_.end());
    record.payload_size = ledger_.OpenSize(put.value_id);
    CHECK(record.payload_size > 0);
    committed_values_.push_back(put.value_id);
  } else {
    CHECK(before->has_value() && (*before)->value_id == put.value_id);
    record.payload_size = (*before)->payload_size;
  }

  if (before->has_value()) Remove(put.id, key, **before, put.value_id);
  Insert(put.id, key, {EncodeHead(record), record.attributes, record.value_id, record.payload_size});
  ++records_written_;
  return {};
}

Result<void> ChangeSet::Add(const EraseState& erase) {
  const std::string key = HeadKey(generation_of_(erase.id.database), erase.id);
  const auto before = Find(key);
  if (!before) return before.error();
  if (before->has_value()) Remove(erase.id, key, **before, 0);
  return {};
}

Result<void> ChangeSet::Add(const MoveState& move) {
  const std::string from_key = HeadKey(generation_of_(move.from.database), move.from);
  const std::string to_key = HeadKey(generation_of_(move.to.database), move.to);
  auto from = Find(from_key);
  if (!from) return from.error();
  if (!from->has_value() || from_key == to_key) return {};
  const auto to = Find(to_key);
  if (!to) return to.error();
  if (to->has_value()) Remove(move.to, to_key, **to, 0);
  Remove(move.from, from_key, **from, (*from)->value_id);
  Insert(move.to, to_key, std::move(**from));
  return {};
}

Result<void> ChangeSet::Commit() {
  if (auto written = engine_.Write(batch_); !written) return written;
  for (const uint64_t id : committed_values_) ledger_.Commit(id);
  for (const auto& [id, chunk_count] : large_garbage_) ledger_.AddGarbage(id, chunk_count);
  return {};
}

}  // namespace chestbox::swap
