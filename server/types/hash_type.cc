#include "server/types/hash_type.h"

#include <algorithm>
#include <vector>

#include "server/client.h"
#include "server/server.h"
#include "server/types/packed_hash.h"

namespace chestbox {

using shm::HashTable;
using shm::HashTableHead;
using shm::kHashRowElements;
using shm::kPackedBytesMax;
using shm::kRowNeverExpires;
using shm::PackedReader;
using shm::PackedSplice;

namespace {

// Rows that a step of the sweep looks at: about 200 us.
constexpr size_t kSweptRows = 1024;

Error TooLong() { return Error{"ERR string exceeds maximum allowed size (proto-max-bulk-len)"}; }

struct Limits {
  uint64_t rows_max;
  uint64_t element_bytes_max;

  explicit Limits(const Config& config)
      : rows_max(static_cast<uint64_t>(config.hash_max_listpack_entries)),
        element_bytes_max(static_cast<uint64_t>(config.hash_max_listpack_value_bytes)) {}
  // Whether these fit into a packed hash at all, as far as one can tell beforehand.
  bool Allow(std::span<const std::string_view> pairs) const {
    uint64_t bytes = 0;
    for (std::string_view text : pairs) {
      if (text.size() > element_bytes_max) return false;
      bytes += text.size();
    }
    return bytes < kPackedBytesMax / 2;
  }
};

std::optional<StateRef> FindState(CommandContext& ctx, std::string_view key, Look look) {
  if (!ctx.client.no_touch || look == Look::kPeek) return ctx.keys.FindState(ctx.db, key, look);
  std::optional<StateRef> state = ctx.keys.FindState(ctx.db, key, Look::kPeek);
  if (look == Look::kRead) ++(state ? ctx.keys.stats().hits : ctx.keys.stats().misses);
  return state;
}

}  // namespace

Result<std::optional<HashType>> HashType::Find(CommandContext& ctx, std::string_view key, Look look, Scope scope) {
  std::optional<StateRef> state = FindState(ctx, key, look);
  if (!state) return std::optional<HashType>();
  if (state->type() != ValueType::kHash) return WrongType();
  HashType hash(ctx.keys, *state);
  if (hash.reader().MayHaveExpired(hash.now_ms_) && (scope == Scope::kWhole || hash.packed())) {
    hash.PurgeExpired(ctx.server.effects());
    if (hash.EraseKeyIfEmpty()) {
      ctx.Effect({"DEL", key});
      return std::optional<HashType>();
    }
  }
  return std::optional<HashType>(hash);
}

int64_t HashType::EraseExpired(EffectSink& effects, Keyspace& keys, uint32_t database, std::string_view key) {
  const std::optional<StateRef> state = keys.FindState(database, key, Look::kPeek);
  if (!state || state->type() != ValueType::kHash) return kNoExpiry;
  HashType hash(keys, *state);
  if (hash.MayHaveExpired()) hash.PurgeExpired(effects);
  if (!hash.EraseKeyIfEmpty()) return hash.reader().expire_at_ms_min();
  effects.Report(database, {"DEL", key});
  return kNoExpiry;
}

// ---- The value's bytes ----

HashTableHead HashType::LoadHead() const {
  HashTableHead head;
  CHECK(shm::LoadTableHead(state_.bytes(), &head));
  return head;
}

void HashType::StoreHead(const HashTableHead& head) { shm::RacyStore(state_.Change(), &head, sizeof head); }

Result<void> HashType::StorePacked(std::string_view block) {
  auto room = state_.Resize(block.size());
  if (!room) {
    if (block.size() > state_.bytes().size()) return room.error();
    room = state_.Change();  // a smaller block was not to be had
  }
  shm::RacyStore(*room, block.data(), block.size());
  return {};
}

Result<void> HashType::ToTable() {
  shm::ArenaMemory& memory = keys_->memory();
  HashTableHead head;
  if (!HashTable::Create(memory, kHashRowElements, &head)) return OutOfMemory();
  HashTable table(memory, &head);
  bool done = true;
  const int64_t everything = INT64_MIN;  // no row has expired yet then
  CHECK(reader().ForEach(everything, [&](const PackedRow& row) {
    shm::ElementDigits field_digits;
    shm::ElementDigits value_digits;
    const std::string_view field = Text(row.key, &field_digits);
    done = table.Insert(
        table.Find(field),
        {.key = field, .value = Text(row.value, &value_digits), .score = {}, .expire_at_ms = row.expire_at_ms});
    return done;
  }));
  if (done && state_.Replace(CollectionEncoding::kTable, shm::TableHeadBytes(head))) return {};
  HashTable::FreeNodes(memory, &head, SIZE_MAX);
  return OutOfMemory();
}

// ---- Setting ----

Result<void> HashType::Create(CommandContext& ctx, std::string_view key, std::span<const std::string_view> pairs,
                              FieldExpiry expiry, uint64_t* created) {
  const Limits limits(ctx.server.config());
  const int64_t expire_at_ms = expiry.kind == FieldExpiry::Kind::kAt ? expiry.at_ms : kRowNeverExpires;
  if (limits.Allow(pairs) && pairs.size() / 2 <= limits.rows_max) {
    PackedHash packed;
    for (size_t i = 0; i < pairs.size(); i += 2) *created += packed.Set(pairs[i], pairs[i + 1], expire_at_ms);
    auto state =
        ctx.keys.CreateState(ctx.db, key, ValueType::kHash, CollectionEncoding::kPacked, packed.Finish(), kNoExpiry);
    return state ? Result<void>() : state.error();
  }
  shm::ArenaMemory& memory = ctx.keys.memory();
  HashTableHead head;
  if (!HashTable::Create(memory, kHashRowElements, &head)) return OutOfMemory();
  HashTable table(memory, &head);
  bool done = true;
  for (size_t i = 0; i < pairs.size() && done; i += 2) {
    const shm::TablePlace place = table.Find(pairs[i]);
    const shm::NewRow row{.key = pairs[i], .value = pairs[i + 1], .score = {}, .expire_at_ms = expire_at_ms};
    done = place.found ? table.Replace(place, row) : table.Insert(place, row);
    *created += !place.found;
  }
  if (done) {
    auto state = ctx.keys.CreateState(ctx.db, key, ValueType::kHash, CollectionEncoding::kTable,
                                      shm::TableHeadBytes(head), kNoExpiry);
    if (state) return {};
  }
  HashTable::FreeNodes(memory, &head, SIZE_MAX);
  return OutOfMemory();
}

Result<uint64_t> HashType::Set(CommandContext& ctx, std::string_view key, std::span<const std::string_view> pairs,
                               FieldExpiry expiry, size_t* done) {
  if (done != nullptr) *done = 0;
  const auto all_done = [&](uint64_t created) -> Result<uint64_t> {
    if (done != nullptr) *done = pairs.size();
    return created;
  };
  for (std::string_view text : pairs) {
    if (text.size() > kPackedBytesMax) return TooLong();
  }
  auto found = Find(ctx, key, Look::kChange, Scope::kFields);
  if (!found) return found.error();
  uint64_t created = 0;
  if (!*found) {
    auto made = Create(ctx, key, pairs, expiry, &created);
    if (!made) return made.error();
    return all_done(created);
  }
  HashType& hash = **found;
  const Limits limits(ctx.server.config());
  if (hash.packed()) {
    // As Redis: one field too many, or one byte, and it is a table for good.
    const auto reader = hash.reader();
    const bool allowed = limits.Allow(pairs) && reader.block().bytes() < kPackedBytesMax / 2;
    const bool may_expire = expiry.kind == FieldExpiry::Kind::kAt || reader.expire_at_ms_min() != kRowNeverExpires;
    if (allowed && pairs.size() == 2 && !may_expire) {
      PackedRow row;
      const bool known = reader.Find(pairs[0], hash.now_ms_, &row) == shm::Looked::kFound;
      const uint64_t rows = reader.rows();
      if (known || rows < limits.rows_max) {
        if (auto set = hash.SetInPlace(pairs[0], pairs[1], known ? &row : nullptr); !set) return set.error();
        if (rows > limits.rows_max) (void)hash.ToTable();  // the setting was lowered
        return all_done(known ? 0 : 1);
      }
    } else if (allowed) {
      PackedHash packed(hash.state_.bytes());
      for (size_t i = 0; i < pairs.size(); i += 2) {
        PackedRow row;
        int64_t expire_at_ms = expiry.kind == FieldExpiry::Kind::kAt ? expiry.at_ms : kRowNeverExpires;
        if (expiry.kind == FieldExpiry::Kind::kKeep && packed.Find(pairs[i], &row)) expire_at_ms = row.expire_at_ms;
        created += packed.Set(pairs[i], pairs[i + 1], expire_at_ms);
      }
      if (packed.rows() <= limits.rows_max) {
        auto stored = hash.StorePacked(packed.Finish());
        if (!stored) return stored.error();
        return all_done(created);
      }
      created = 0;
    }
    if (auto converted = hash.ToTable(); !converted) return converted.error();
  }
  for (size_t i = 0; i < pairs.size(); i += 2) {
    auto is_new = hash.SetInTable(pairs[i], pairs[i + 1], expiry);
    if (!is_new) return is_new.error();
    created += *is_new;
    if (done != nullptr) *done = i + 2;
  }
  return created;
}

// The common case: one field of a packed hash without expiries. `row`: where it is; null: nowhere yet.
Result<void> HashType::SetInPlace(std::string_view field, std::string_view value, const PackedRow* row) {
  thread_local std::string elements;
  elements.clear();
  if (row == nullptr) shm::AppendElement(field, &elements);
  shm::AppendElement(value, &elements);
  const std::string_view old = state_.bytes();
  const uint32_t end = PackedReader(old).end();
  const PackedSplice splice =
      row != nullptr ? PackedSplice{row->key.next, row->to, elements, 0} : PackedSplice{end, end, elements, 2};
  const auto bytes = static_cast<uint64_t>(int64_t{end} + 1 + splice.size_change());
  if (bytes > old.size()) {
    auto room = state_.Resize(bytes);
    if (!room) return room.error();
    shm::ApplySplice(*room, splice);
  } else {
    shm::ApplySplice(state_.Change(), splice);
    if (bytes < old.size()) (void)state_.Resize(bytes);
  }
  return {};
}

Result<bool> HashType::SetInTable(std::string_view field, std::string_view value, FieldExpiry expiry) {
  HashTableHead head = LoadHead();
  HashTable table(keys_->memory(), &head);
  const shm::TablePlace place = table.Find(field);
  const bool was_there = place.found && !place.row.expired(now_ms_);
  shm::NewRow row{.key = field, .value = value, .score = {}, .expire_at_ms = kRowNeverExpires};
  if (expiry.kind == FieldExpiry::Kind::kAt) row.expire_at_ms = expiry.at_ms;
  if (expiry.kind == FieldExpiry::Kind::kKeep && was_there) row.expire_at_ms = place.row.expire_at_ms;
  (void)state_.Change();
  if (!(place.found ? table.Replace(place, row) : table.Insert(place, row))) return OutOfMemory();
  StoreHead(head);
  return !was_there;
}

// ---- Erasing and expiry ----

bool HashType::Erase(std::string_view field) {
  if (packed()) {
    if (may_expire()) {
      PackedHash packed(state_.bytes());
      if (!packed.Erase(field)) return false;
      CHECK(StorePacked(packed.Finish()));
      return true;
    }
    PackedRow row;
    if (!Get(field, &row)) return false;
    const uint32_t end = PackedReader(state_.bytes()).end();
    const PackedSplice splice{row.from, row.to, {}, -static_cast<int>(kHashRowElements)};
    shm::ApplySplice(state_.Change(), splice);
    (void)state_.Resize(static_cast<uint64_t>(int64_t{end} + 1 + splice.size_change()));
    return true;
  }
  HashTableHead head = LoadHead();
  HashTable table(keys_->memory(), &head);
  const shm::TablePlace place = table.Find(field);
  if (!place.found) return false;
  (void)state_.Change();
  const bool lived = !place.row.expired(now_ms_);
  table.Erase(place);
  StoreHead(head);
  return lived;
}

Result<void> HashType::SetExpiry(std::string_view field, int64_t expire_at_ms) {
  if (packed()) {
    PackedHash packed(state_.bytes());
    PackedRow row;
    CHECK(packed.Find(field, &row));
    packed.SetExpiry(row, expire_at_ms);
    return StorePacked(packed.Finish());
  }
  HashTableHead head = LoadHead();
  HashTable table(keys_->memory(), &head);
  const shm::TablePlace place = table.Find(field);
  CHECK(place.found);
  (void)state_.Change();
  if (!table.SetExpiry(place, expire_at_ms)) return OutOfMemory();
  StoreHead(head);
  return {};
}

bool HashType::EraseKeyIfEmpty() {
  if (packed() ? reader().block().count() != 0 : reader().rows() != 0) return false;
  keys_->Erase(state_.database(), state_.key());
  return true;
}

// All of a packed hash, a step of a large one's sweep.
void HashType::PurgeExpired(EffectSink& effects) {
  std::vector<std::string> expired;
  if (packed()) {
    shm::ElementDigits digits;
    CHECK(reader().ForEach(INT64_MIN, [&](const PackedRow& row) {
      if (row.expired(now_ms_)) expired.emplace_back(Text(row.key, &digits));
      return true;
    }));
    PackedHash packed(state_.bytes());
    for (const std::string& field : expired) packed.Erase(field);
    CHECK(StorePacked(packed.Finish()));
  } else {
    HashTableHead head = LoadHead();
    HashTable table(keys_->memory(), &head);
    (void)state_.Change();
    table.SweepExpired(now_ms_, kSweptRows, &expired);
    StoreHead(head);
  }
  if (expired.empty()) return;
  std::vector<std::string_view> effect = {"HDEL", state_.key()};
  effect.insert(effect.end(), expired.begin(), expired.end());
  effects.Report(state_.database(), effect);
}

}  // namespace chestbox
