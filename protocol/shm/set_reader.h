// How to read a set, whatever its encoding: written once for the server and for clients (nodes.h).
//
// Calls that return bool say false where what they saw cannot be: a torn copy, for a client to try again. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/canonical_integer.h"
#include "protocol/shm/encoding.h"
#include "protocol/shm/hash.h"
#include "protocol/shm/hash_table_reader.h"
#include "protocol/shm/integer_set.h"
#include "protocol/shm/packed_block.h"

namespace chestbox::shm {

template <class Nodes>
class SetReader {
 public:
  // `bytes` and what `nodes` hands out stay valid as long as this is used.
  SetReader(CollectionEncoding encoding, std::string_view bytes, Nodes& nodes, uint64_t hash_seed)
      : encoding_(encoding), bytes_(bytes), nodes_(nodes), hash_seed_(hash_seed) {}

  uint64_t size() const {
    switch (encoding_) {
      case CollectionEncoding::kIntegerSet:
        return IntegerSetReader(bytes_).size();
      case CollectionEncoding::kPacked:
        return PackedReader(bytes_).count();
      default:
        return table().rows();
    }
  }

  bool Contains(std::string_view member, bool* found) const {
    if (encoding_ == CollectionEncoding::kIntegerSet) {
      const auto integer = ParseInteger(member);
      *found = integer && IntegerSetReader(bytes_).Contains(*integer);
      return true;
    }
    if (encoding_ == CollectionEncoding::kPacked) {
      const PackedReader packed(bytes_);
      *found = packed.Find(packed.First(), member, 0) != 0;
      return packed.valid();
    }
    PackedRow row;
    const Looked looked = table().Find(member, HashKey(member, hash_seed_), &row);
    *found = looked == Looked::kFound;
    return looked != Looked::kTorn;
  }

  // visit(std::string_view member) -> bool: go on.
  template <class Visit>
  bool ForEach(Visit&& visit) const {
    char digits[kIntegerTextBytesMax];
    if (encoding_ == CollectionEncoding::kIntegerSet) {
      const IntegerSetReader integers(bytes_);
      PackedElement element;
      element.kind = PackedElement::Kind::kInteger;
      for (uint32_t i = 0; i < integers.size(); ++i) {
        element.integer = integers.At(i);
        if (!visit(TextOf(element, digits))) return true;
      }
      return integers.width() != 0;
    }
    if (encoding_ == CollectionEncoding::kPacked) {
      const PackedReader packed(bytes_);
      PackedElement element;
      for (uint32_t position = packed.First(); position != 0;) {
        if (!packed.Take(&position, &element)) return false;
        if (!visit(TextOf(element, digits))) return true;
      }
      return packed.valid();
    }
    bool sound = true;
    const bool walked = table().ForEach([&](const PackedRow& row) {
      ElementDigits row_digits;
      const std::optional<std::string_view> member = ElementText(nodes_, row.key, &row_digits);
      sound = member.has_value();
      return sound && visit(*member);
    });
    return walked && sound;
  }

  HashTableReader<Nodes> table() const { return HashTableReader<Nodes>(nodes_, bytes_); }

 private:
  CollectionEncoding encoding_;
  std::string_view bytes_;
  Nodes& nodes_;
  uint64_t hash_seed_;
};

}  // namespace chestbox::shm
