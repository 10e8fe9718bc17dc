// A string as a row of bits: what GETBIT, BITCOUNT, BITPOS and BITFIELD GET answer, as pure functions over its bytes.
// Bit 0 is the highest bit of the first byte. Bits beyond the end read as zero.
//
// The bytes must not change meanwhile: a co-located client passes a copy or a pinned value. Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace chestbox::bits {

// What `start` and `end` of a range count.
enum class Unit : uint8_t { kByte, kBit };

inline bool Get(std::string_view bytes, uint64_t offset) {
  const uint64_t byte = offset >> 3;
  return byte < bytes.size() && ((static_cast<unsigned char>(bytes[byte]) >> (7 - (offset & 7))) & 1) != 0;
}

// How many bits are set.
uint64_t Count(std::string_view bytes);
// The same from `start` to `end`, both included; negative ones count from the end of the string.
uint64_t CountRange(std::string_view bytes, int64_t start, int64_t end, Unit unit);

// Where the first bit that is `bit` lies, counted from the string's first bit; -1: nowhere. Without `end` the string
// counts as followed by zeros, so that a clear bit is found right behind it; but never in an empty range.
int64_t Find(std::string_view bytes, bool bit, int64_t start, std::optional<int64_t> end, Unit unit);

// An integer of a BITFIELD: 1 to 64 bits, or 63 if unsigned, so that its values fit int64_t.
struct FieldType {
  bool is_signed;
  uint8_t bits;
};
constexpr uint64_t kFieldBytesMax = 9;  // 64 bits that begin inside a byte

// "u8", "i64", …
std::optional<FieldType> ParseFieldType(std::string_view text);
// A bit offset as SETBIT takes it: not negative, and of a byte below `bytes_max`. With a `field` "#3" is allowed too:
// three times its bits.
std::optional<uint64_t> ParseOffset(std::string_view text, int64_t bytes_max, std::optional<FieldType> field = {});

// The field's value; signed ones extended by their sign.
int64_t GetField(std::string_view bytes, uint64_t offset, FieldType type);
// Writes the lowest bits of `value` over the field that begins `offset` (0 to 7) bits after `bytes`.
void SetField(char* bytes, uint64_t offset, FieldType type, uint64_t value);

}  // namespace chestbox::bits
