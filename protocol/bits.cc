#include "protocol/bits.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "protocol/canonical_integer.h"

namespace chestbox::bits {

namespace {

uint64_t WordAt(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// ---- Counting. The instruction for it is no part of the x86-64 baseline, and several times as fast. ----

constexpr size_t kWordsAtOnce = 4;  // independent sums keep the processor's pipeline full

uint64_t CountPortably(const char* bytes, size_t words) {
  uint64_t count = 0;
  for (size_t i = 0; i < words; ++i) count += static_cast<uint64_t>(std::popcount(WordAt(bytes + i * 8)));
  return count;
}

#if defined(__x86_64__)
[[gnu::target("popcnt")]] uint64_t CountByInstruction(const char* bytes, size_t words) {
  uint64_t counts[kWordsAtOnce] = {};
  size_t i = 0;
  for (; i + kWordsAtOnce <= words; i += kWordsAtOnce) {
    for (size_t lane = 0; lane < kWordsAtOnce; ++lane) {
      uint64_t word;
      std::memcpy(&word, bytes + (i + lane) * 8, sizeof word);
      counts[lane] += static_cast<uint64_t>(__builtin_popcountll(word));
    }
  }
  for (; i < words; ++i) {
    uint64_t word;
    std::memcpy(&word, bytes + i * 8, sizeof word);
    counts[0] += static_cast<uint64_t>(__builtin_popcountll(word));
  }
  return counts[0] + counts[1] + counts[2] + counts[3];
}

bool HasInstruction() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("popcnt") != 0;
}
const auto kCountWords = HasInstruction() ? CountByInstruction : CountPortably;
#else
constexpr auto kCountWords = CountPortably;
#endif

unsigned ByteAt(std::string_view bytes, uint64_t at) { return static_cast<unsigned char>(bytes[at]); }

// ---- Ranges ----

// Bits from `first` to `last`, both included, all of them in the string.
struct BitRange {
  uint64_t first;
  uint64_t last;
};

// Nothing: the range is empty.
std::optional<BitRange> RangeOf(std::string_view bytes, int64_t start, int64_t end, Unit unit) {
  const auto total = static_cast<int64_t>(bytes.size()) * (unit == Unit::kBit ? 8 : 1);
  if (start < 0) start = std::max<int64_t>(start + total, 0);
  if (end < 0) end = std::max<int64_t>(end + total, 0);
  end = std::min(end, total - 1);
  if (start > end) return std::nullopt;
  const auto first = static_cast<uint64_t>(start);
  const auto last = static_cast<uint64_t>(end);
  if (unit == Unit::kBit) return BitRange{first, last};
  return BitRange{first * 8, last * 8 + 7};
}

// From `at` on to the first word below `end` that is not `skipped`, or to the last few bytes.
uint64_t SkipWords(const char* bytes, uint64_t at, uint64_t end, uint64_t skipped) {
  constexpr uint64_t kTurn = 4;  // words; one branch for all of them
  for (; at + kTurn * 8 <= end; at += kTurn * 8) {
    uint64_t others = 0;
    for (uint64_t i = 0; i < kTurn; ++i) others |= WordAt(bytes + at + i * 8) ^ skipped;
    if (others != 0) break;
  }
  while (at + 8 <= end && WordAt(bytes + at) == skipped) at += 8;
  return at;
}

// The first bit of the range that is `bit`.
std::optional<uint64_t> FindIn(std::string_view bytes, bool bit, BitRange range) {
  // One bits are looked for, in the bytes or in their complement.
  const uint64_t flip = bit ? 0 : ~uint64_t{0};
  const auto wanted = [&](uint64_t at) { return (ByteAt(bytes, at) ^ static_cast<unsigned>(flip)) & 0xff; };
  uint64_t at = range.first / 8;
  const uint64_t end = range.last / 8 + 1;
  unsigned found = wanted(at) & (0xffU >> (range.first % 8));
  if (found == 0) {
    ++at;
    at = SkipWords(bytes.data(), at, end, flip);
    while (at < end && wanted(at) == 0) ++at;
    if (at == end) return std::nullopt;
    found = wanted(at);
  }
  const uint64_t position = at * 8 + static_cast<uint64_t>(std::countl_zero(static_cast<uint8_t>(found)));
  if (position > range.last) return std::nullopt;
  return position;
}

// Calls visit(byte, shift, mask, bits that follow) for the bytes of a field: its bits there are (byte >> shift) & mask.
template <class Visit>
void ForEachFieldByte(uint64_t offset, unsigned bits, Visit visit) {
  auto skipped = static_cast<unsigned>(offset % 8);
  for (uint64_t byte = offset / 8; bits > 0; ++byte, skipped = 0) {
    const unsigned taken = std::min(8 - skipped, bits);
    bits -= taken;
    visit(byte, 8 - skipped - taken, (1U << taken) - 1, bits);
  }
}

}  // namespace

uint64_t Count(std::string_view bytes) {
  const size_t words = bytes.size() / 8;
  uint64_t count = kCountWords(bytes.data(), words);
  uint64_t rest = 0;
  if (bytes.size() % 8 != 0) std::memcpy(&rest, bytes.data() + words * 8, bytes.size() % 8);
  return count + static_cast<uint64_t>(std::popcount(rest));
}

uint64_t CountRange(std::string_view bytes, int64_t start, int64_t end, Unit unit) {
  // Before the clamping, which would make "the first bit" of a range like -1 to -100.
  if (start < 0 && end < 0 && start > end) return 0;
  const auto range = RangeOf(bytes, start, end, unit);
  if (!range) return 0;
  const uint64_t first = range->first / 8;
  const uint64_t last = range->last / 8;
  const unsigned before = ByteAt(bytes, first) & (0xff00U >> (range->first % 8)) & 0xff;
  const unsigned behind = ByteAt(bytes, last) & (0x7fU >> (range->last % 8));
  return Count(bytes.substr(first, last - first + 1)) - static_cast<uint64_t>(std::popcount(before)) -
         static_cast<uint64_t>(std::popcount(behind));
}

int64_t Find(std::string_view bytes, bool bit, int64_t start, std::optional<int64_t> end, Unit unit) {
  const auto range = RangeOf(bytes, start, end.value_or(-1), unit);
  // An empty string's last byte would be its first.
  if (!range) return -1;
  if (const auto found = FindIn(bytes, bit, *range)) return static_cast<int64_t>(*found);
  return bit || end ? -1 : static_cast<int64_t>(range->last + 1);
}

std::optional<FieldType> ParseFieldType(std::string_view text) {
  if (text.empty() || (text[0] != 'i' && text[0] != 'u')) return std::nullopt;
  const bool is_signed = text[0] == 'i';
  const auto bits = ParseInteger(text.substr(1));
  if (!bits || *bits < 1 || *bits > (is_signed ? 64 : 63)) return std::nullopt;
  return FieldType{is_signed, static_cast<uint8_t>(*bits)};
}

std::optional<uint64_t> ParseOffset(std::string_view text, int64_t bytes_max, std::optional<FieldType> field) {
  int64_t factor = 1;
  if (field && text.starts_with('#')) {
    text.remove_prefix(1);
    factor = field->bits;
  }
  const auto number = ParseInteger(text);
  int64_t offset = 0;
  if (!number || __builtin_mul_overflow(*number, factor, &offset)) return std::nullopt;
  if (offset < 0 || (offset >> 3) >= bytes_max) return std::nullopt;
  return static_cast<uint64_t>(offset);
}

int64_t GetField(std::string_view bytes, uint64_t offset, FieldType type) {
  uint64_t value = 0;
  ForEachFieldByte(offset, type.bits, [&](uint64_t byte, unsigned shift, unsigned mask, unsigned follow) {
    const unsigned part = byte < bytes.size() ? (ByteAt(bytes, byte) >> shift) & mask : 0;
    value |= uint64_t{part} << follow;
  });
  const unsigned unused = 64 - type.bits;
  if (type.is_signed) return static_cast<int64_t>(value << unused) >> unused;
  return static_cast<int64_t>(value);
}

void SetField(char* bytes, uint64_t offset, FieldType type, uint64_t value) {
  ForEachFieldByte(offset, type.bits, [&](uint64_t byte, unsigned shift, unsigned mask, unsigned follow) {
    const auto part = static_cast<unsigned>(value >> follow) & mask;
    const unsigned kept = static_cast<unsigned char>(bytes[byte]) & ~(mask << shift);
    bytes[byte] = static_cast<char>(kept | (part << shift));
  });
}

}  // namespace chestbox::bits
