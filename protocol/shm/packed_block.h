// Packed block: a run of elements in one contiguous piece. A small collection is one; so is every leaf of a large one.
//
//   u32 bytes of the whole block | u16 number of elements (65535: that many or more, count them) | elements | 0xff
//   element := encoding byte(s) and data | its own size in 7-bit groups, read backwards
// This is Redis' listpack format (https://github.com/antirez/listpack), so that DUMP and RESTORE copy bytes. Three
// encodings of ours use bytes that the format leaves free; they stand in blocks of large collections or beside a hash's
// field, and never in a DUMP:
//   0xf5  u32 link, u32 bytes      a string in a block of its own (too large to be moved along with its neighbours)
//   0xf6  i64 Unix ms              the expiry of the field before it
//   0xf7  f64                      a score
// Integers in canonical decimal form are stored as integers, strings otherwise; both compare as text.
//
// Invariants
// - Readers never leave the block: every position and size is checked, and a malformed block reads as shorter than it
//   is. So a client reads a private copy of a block that was torn with the same code and without harm.
// - A position is an offset from the block's start; 0 means "no element".
// - Writers here only splice bytes; where the room comes from is their caller's business.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/shm/layout.h"

namespace chestbox::shm {

inline constexpr uint32_t kPackedHeaderBytes = 6;
inline constexpr uint32_t kPackedEmptyBytes = 7;
inline constexpr uint16_t kPackedCountUnknown = 65535;
// A block of a larger collection never grows beyond this, nor a small collection whatever the settings allow: what a
// reader may have to copy (Redis bounds its own at 1 GiB).
inline constexpr uint64_t kPackedBytesMax = 1 << 30;
// Digits and sign of any int64.
inline constexpr size_t kIntegerTextBytesMax = 21;

struct PackedElement {
  enum class Kind : uint8_t { kString, kInteger, kExternal, kExpiry, kScore };
  Kind kind = Kind::kString;
  std::string_view text;  // kString
  int64_t integer = 0;    // kInteger; kExpiry in Unix ms
  double score = 0;       // kScore
  Link link = 0;          // kExternal …
  uint32_t bytes = 0;     // … and how many there
  uint32_t next = 0;      // position behind it
};

// The element as text; an integer's digits go to `digits` (kIntegerTextBytesMax bytes). Not for kExternal.
std::string_view TextOf(const PackedElement& element, char* digits);

class PackedReader {
 public:
  // `block` is the block and perhaps room behind it.
  explicit PackedReader(std::string_view block) : data_(block.data()), bytes_(BytesOf(block)) {}

  // False: too short or its header contradicts its size. Then it has no elements.
  bool valid() const { return bytes_ != 0; }
  uint32_t bytes() const { return bytes_; }
  uint32_t count() const;  // O(1) below 65535 elements

  // All return a position; 0: there is none.
  uint32_t First() const { return IsElement(kPackedHeaderBytes) ? kPackedHeaderBytes : 0; }
  uint32_t Last() const { return bytes_ == 0 ? 0 : Before(bytes_ - 1); }
  uint32_t Next(uint32_t position) const;
  uint32_t Previous(uint32_t position) const { return Before(position); }
  uint32_t Seek(int64_t index) const;  // negative: from the end
  // Where a new last element goes.
  uint32_t end() const { return bytes_ == 0 ? 0 : bytes_ - 1; }

  // False: there is no sound element at `position`.
  bool Get(uint32_t position, PackedElement* element) const;
  // Get at *position, which moves on to the next element.
  bool Take(uint32_t* position, PackedElement* element) const {
    if (!Get(*position, element)) return false;
    *position = IsElement(element->next) ? element->next : 0;
    return true;
  }

  // The first element from `position` on that equals `text`, looking at one and skipping `skip`, and so on.
  uint32_t Find(uint32_t position, std::string_view text, uint32_t skip) const;

  // Walks everything: true if the block is exactly what a writer makes. `elements`: how many there are. For blocks from
  // outside (RESTORE); extensions are refused.
  bool IsSound(uint32_t* elements) const;

 private:
  static uint32_t BytesOf(std::string_view block);
  bool IsElement(uint32_t position) const {
    return position >= kPackedHeaderBytes && position < bytes_ - 1 && bytes_ != 0;
  }
  uint32_t Before(uint32_t position) const;

  const char* data_;
  uint32_t bytes_;
};

// ---- Writing ----

// Appends one element. Strings are at most kPackedBytesMax bytes.
void AppendElement(std::string_view text, std::string* out);
void AppendInteger(int64_t value, std::string* out);
void AppendScore(double score, std::string* out);
void AppendExpiry(int64_t expire_at_ms, std::string* out);
void AppendExternal(Link link, uint32_t bytes, std::string* out);

// Replaces the bytes [from, to) of a block, which are whole elements, by other whole elements.
struct PackedSplice {
  uint32_t from = 0;
  uint32_t to = 0;
  std::string_view elements;
  int count_change = 0;  // elements added less elements removed

  // Negative: the block gets smaller.
  int64_t size_change() const { return static_cast<int64_t>(elements.size()) - (int64_t{to} - int64_t{from}); }
};

// An empty block into `block`, kPackedEmptyBytes long.
void InitPacked(char* block);
std::string EmptyPacked();
// The block has room for its new size. `splice.elements` does not lie in it.
void ApplySplice(char* block, const PackedSplice& splice);
// The same into another place.
void CopySpliced(const char* block, const PackedSplice& splice, char* to);
// Elements in [from, to) of a sound block.
int CountElements(const PackedReader& block, uint32_t from, uint32_t to);

}  // namespace chestbox::shm
