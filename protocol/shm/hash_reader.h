// The read side of a hash: fields with values, each perhaps with an expiry of its own.
//
// Small: a packed block of rows (packed_rows.h) in the order of insertion. If any field expires, an expiry element
// stands before the first row: no field expires before that time. Large: a hash table of such rows.
//
// A field is gone when its time has come, whether its row is still there or not. A template over Nodes; any thread; a
// torn hash reads as something, in bounded time.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/shm/encoding.h"
#include "protocol/shm/hash.h"
#include "protocol/shm/hash_table_reader.h"
#include "protocol/shm/packed_rows.h"

namespace chestbox::shm {

inline constexpr uint32_t kHashRowElements = 2;

// The position of the first row of a packed hash, and the time in front of it (kRowNeverExpires: no field expires).
inline uint32_t FirstHashRow(const PackedReader& block, int64_t* expire_at_ms_min) {
  *expire_at_ms_min = kRowNeverExpires;
  const uint32_t first = block.First();
  PackedElement element;
  if (first == 0 || !block.Get(first, &element) || element.kind != PackedElement::Kind::kExpiry) return first;
  *expire_at_ms_min = element.integer;
  uint32_t next = first;
  return block.Take(&next, &element) ? next : 0;
}

template <class Nodes>
class HashReader {
 public:
  // `value` is the state's bytes, `seed` the arena's hash_seed. `nodes` outlives this.
  HashReader(Nodes& nodes, CollectionEncoding encoding, std::string_view value, uint64_t seed)
      : nodes_(&nodes),
        packed_(encoding == CollectionEncoding::kPacked),
        block_(packed_ ? value : std::string_view()),
        table_(nodes, packed_ ? std::string_view() : value),
        seed_(seed) {
    if (packed_) {
      first_ = FirstHashRow(block_, &expire_at_ms_min_);
    } else {
      expire_at_ms_min_ = table_.head().earliest_expiry_ms();
    }
  }

  bool valid() const { return packed_ ? block_.valid() : table_.valid(); }
  bool packed() const { return packed_; }
  const PackedReader& block() const { return block_; }            // if packed
  const HashTableReader<Nodes>& table() const { return table_; }  // if not
  Nodes& nodes() const { return *nodes_; }

  // No field expires earlier; kRowNeverExpires: none does.
  int64_t expire_at_ms_min() const { return expire_at_ms_min_; }
  bool MayHaveExpired(int64_t now_ms) const {
    return expire_at_ms_min_ != kRowNeverExpires && now_ms >= expire_at_ms_min_;
  }

  // Rows, expired ones too. O(1) unless a packed hash has expiries.
  uint64_t rows() const {
    if (!packed_) return table_.rows();
    if (expire_at_ms_min_ == kRowNeverExpires) return block_.count() / kHashRowElements;
    uint64_t rows = 0;
    PackedRow row;
    for (uint32_t position = first_; position != 0 && TakeRow(block_, &position, kHashRowElements, &row);) ++rows;
    return rows;
  }

  // Fields that live. False: torn.
  bool Count(int64_t now_ms, uint64_t* fields) const {
    *fields = rows();
    if (!MayHaveExpired(now_ms)) return valid();
    *fields = 0;
    return ForEach(now_ms, [&](const PackedRow&) {
      ++*fields;
      return true;
    });
  }

  // A row that has expired is kMissing, and is in *row.
  Looked Find(std::string_view field, int64_t now_ms, PackedRow* row) const {
    Looked looked = Looked::kMissing;
    if (packed_) {
      if (!block_.valid()) return Looked::kTorn;
      uint32_t position = 0;
      if (expire_at_ms_min_ == kRowNeverExpires) {
        position = block_.Find(first_, field, kHashRowElements - 1);
      } else {
        position = FindRowFrom(*nodes_, block_, first_, kHashRowElements, field);
      }
      if (position == 0) return Looked::kMissing;
      looked = TakeRow(block_, &position, kHashRowElements, row) ? Looked::kFound : Looked::kTorn;
    } else {
      looked = table_.Find(field, HashKey(field, seed_), row);
    }
    return looked == Looked::kFound && row->expired(now_ms) ? Looked::kMissing : looked;
  }

  // Visits the fields that live. visit(const PackedRow&) returns false to stop. False: torn.
  template <class Visit>
  bool ForEach(int64_t now_ms, Visit&& visit) const {
    const auto living = [&](const PackedRow& row) { return row.expired(now_ms) || visit(row); };
    if (!packed_) return table_.ForEach(living);
    PackedRow row;
    for (uint32_t position = first_; position != 0;) {
      if (!TakeRow(block_, &position, kHashRowElements, &row)) return false;
      if (!living(row)) break;
    }
    return block_.valid();
  }

 private:
  Nodes* nodes_;
  bool packed_;
  PackedReader block_;
  HashTableReader<Nodes> table_;
  uint64_t seed_;
  uint32_t first_ = 0;
  int64_t expire_at_ms_min_ = kRowNeverExpires;
};

}  // namespace chestbox::shm
