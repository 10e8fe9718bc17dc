#include "server/types/stream_type.h"

#include "protocol/check.h"
#include "protocol/shm/racy_copy.h"
#include "server/client.h"

namespace chestbox {

Result<StreamType> StreamType::Find(CommandContext& ctx, std::string_view key, Look look) {
  StreamType stream(ctx.keys, ctx.db, key);
  // CLIENT NO-TOUCH: hits and misses count all the same.
  const bool no_touch = ctx.client.no_touch && look != Look::kPeek;
  stream.state_ = ctx.keys.FindState(ctx.db, key, no_touch ? Look::kPeek : look);
  if (no_touch && look == Look::kRead) ++(stream.state_ ? ctx.keys.stats().hits : ctx.keys.stats().misses);
  if (!stream.state_) return stream;
  if (stream.state_->type() != ValueType::kStream) return WrongType();
  CHECK(shm::LoadStreamHead(stream.state_->bytes(), &stream.head_));
  return stream;
}

bool StreamType::Contains(const StreamId& id) const { return reader().Begin({id, id, false}); }

StreamId StreamType::LastLive() const {
  Reader last = reader();
  return last.Begin({{}, kStreamIdMax, true}) ? last.entry().id : StreamId{};
}

bool StreamType::HasDeletedBehind(const StreamId& id) const {
  if (head_.length == 0 || head_.max_deleted_id.is_zero()) return false;
  return head_.first_id <= head_.max_deleted_id && id <= head_.max_deleted_id;
}

int64_t StreamType::EntriesReadAt(const StreamId& id) const {
  const auto added = static_cast<int64_t>(head_.entries_added);
  const auto length = static_cast<int64_t>(head_.length);
  if (added == 0) return 0;
  if (length == 0 && id <= head_.last_id) return added;
  if (id == head_.last_id) return added;
  if (id > head_.last_id) return shm::kEntriesReadUnknown;
  if (head_.max_deleted_id.is_zero() || head_.max_deleted_id < head_.first_id) {
    if (id < head_.first_id) return added - length;
    if (id == head_.first_id) return added - length + 1;
  }
  return shm::kEntriesReadUnknown;
}

std::optional<int64_t> StreamType::LagOf(const shm::StreamGroup& group) const {
  const auto added = static_cast<int64_t>(head_.entries_added);
  if (added == 0) return 0;
  if (group.entries_read != shm::kEntriesReadUnknown && !HasDeletedBehind(group.last_id)) {
    return added - group.entries_read;
  }
  const int64_t read = EntriesReadAt(group.last_id);
  if (read == shm::kEntriesReadUnknown) return std::nullopt;
  return added - read;
}

void StreamType::Change() {
  if (state_) (void)state_->Change();
}

Result<void> StreamType::Save() {
  if (state_) {
    shm::RacyStore(state_->Change(), &head_, sizeof head_);
    return {};
  }
  auto created = keys_->CreateState(database_, key_, ValueType::kStream, CollectionEncoding::kStream,
                                    shm::BytesOf(head_), kNoExpiry);
  if (!created) {
    size_t unbounded = SIZE_MAX;
    (void)shm::FreeStream(keys_->memory(), &head_, &unbounded);
    return created.error();
  }
  state_ = *created;
  return {};
}

}  // namespace chestbox
