// Rows of packed blocks: what small hashes, sets and sorted sets are made of, and every leaf of a large one.
//
//   row := key element, value element (hash: a string, sorted set: a score; set: none), [expiry element]
//
// Templates over Nodes (nodes.h), because an element of a large collection may lie in a block of its own. Pure
// functions, any thread; a torn block reads as something, bounded by its own size.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "protocol/shm/packed_block.h"

namespace chestbox::shm {

// Of a row that never expires.
inline constexpr int64_t kRowNeverExpires = -1;

// Views into the block, valid as long as its bytes.
struct PackedRow {
  PackedElement key;
  PackedElement value;                      // with two elements a row
  int64_t expire_at_ms = kRowNeverExpires;  // Unix ms
  uint32_t from = 0;                        // the row is [from, to) of its block
  uint32_t to = 0;

  bool expired(int64_t now_ms) const { return expire_at_ms != kRowNeverExpires && now_ms >= expire_at_ms; }
};

// Digits of an integer element that is asked for as text.
struct ElementDigits {
  char bytes[kIntegerTextBytesMax];
};

// The element as text. Nullopt: its own block is not to be had (torn, or too much to copy).
template <class Nodes>
std::optional<std::string_view> ElementText(Nodes& nodes, const PackedElement& element, ElementDigits* digits) {
  if (element.kind != PackedElement::Kind::kExternal) return TextOf(element, digits->bytes);
  const char* bytes = nodes.Bytes(element.link, element.bytes);
  if (bytes == nullptr) return std::nullopt;
  return std::string_view(bytes, element.bytes);
}

// Its length, without a look at the bytes.
inline uint64_t ElementTextBytes(const PackedElement& element) {
  if (element.kind == PackedElement::Kind::kExternal) return element.bytes;
  char digits[kIntegerTextBytesMax];
  return TextOf(element, digits).size();
}

// The row at *position, which moves on to the next row (0: there is none). False: no sound row there.
inline bool TakeRow(const PackedReader& block, uint32_t* position, uint32_t row_elements, PackedRow* row) {
  row->from = *position;
  row->expire_at_ms = kRowNeverExpires;
  if (!block.Take(position, &row->key)) return false;
  row->to = row->key.next;
  if (row_elements == 2) {
    if (!block.Take(position, &row->value)) return false;
    row->to = row->value.next;
  }
  PackedElement expiry;
  if (*position != 0 && block.Get(*position, &expiry) && expiry.kind == PackedElement::Kind::kExpiry) {
    row->expire_at_ms = expiry.integer;
    row->to = expiry.next;
    (void)block.Take(position, &expiry);
  }
  return true;
}

// Looks for a key among the rows from `position` on, one row after the other. Returns its position or 0.
template <class Nodes>
uint32_t FindRowFrom(Nodes& nodes, const PackedReader& block, uint32_t position, uint32_t row_elements,
                     std::string_view key) {
  PackedRow row;
  ElementDigits digits;
  while (position != 0) {
    if (!TakeRow(block, &position, row_elements, &row)) return 0;
    if (ElementTextBytes(row.key) != key.size()) continue;
    const std::optional<std::string_view> text = ElementText(nodes, row.key, &digits);
    if (text && *text == key) return row.from;
  }
  return 0;
}

// Looks for a key among the rows of a block. `expiries`: some rows may have one. `external`: some keys may lie in
// blocks of their own. Returns the row's position or 0.
template <class Nodes>
uint32_t FindRow(Nodes& nodes, const PackedReader& block, uint32_t row_elements, bool expiries, bool external,
                 std::string_view key) {
  if (!expiries && !external) return block.Find(block.First(), key, row_elements - 1);
  return FindRowFrom(nodes, block, block.First(), row_elements, key);
}

// How many rows a block holds: O(1) without expiries.
inline uint32_t CountRows(const PackedReader& block, uint32_t row_elements, bool expiries) {
  if (!expiries) return block.count() / row_elements;
  uint32_t rows = 0;
  PackedRow row;
  for (uint32_t position = block.First(); position != 0 && TakeRow(block, &position, row_elements, &row);) ++rows;
  return rows;
}

}  // namespace chestbox::shm
