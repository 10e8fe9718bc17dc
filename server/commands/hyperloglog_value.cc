// Reading HyperLogLogs, and making new ones; raising registers is in hyperloglog_raise.cc.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <utility>

#include "server/commands/hyperloglog_layout.h"

namespace chestbox::hll {

namespace {

// MurmurHash64A with Redis' seed.
uint64_t HashOf(std::string_view element) {
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  constexpr unsigned kShift = 47;
  constexpr uint64_t kSeed = 0xadc83b19;
  uint64_t hash = kSeed ^ (element.size() * kFactor);
  while (element.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, element.data(), sizeof word);
    word *= kFactor;
    word ^= word >> kShift;
    hash = (hash ^ (word * kFactor)) * kFactor;
    element.remove_prefix(sizeof word);
  }
  if (!element.empty()) {
    uint64_t rest = 0;
    std::memcpy(&rest, element.data(), element.size());
    hash = (hash ^ rest) * kFactor;
  }
  hash ^= hash >> kShift;
  hash *= kFactor;
  return hash ^ (hash >> kShift);
}

// Of eight pairs of bytes below 128, the larger ones.
uint64_t LargerBytes(uint64_t a, uint64_t b) {
  constexpr uint64_t kHighest = 0x8080808080808080;
  const uint64_t a_is_larger = ((((a | kHighest) - b) & kHighest) >> 7) * 0xff;
  return (a & a_is_larger) | (b & ~a_is_larger);
}

unsigned DenseBits(std::string_view dense, size_t at) {
  const unsigned low = ByteAt(dense, at);
  return at + 1 < dense.size() ? low | (ByteAt(dense, at + 1) << 8) : low;
}

}  // namespace

Observation Observe(std::string_view element) {
  const uint64_t hash = HashOf(element);
  // The bit behind the hash bounds the rank.
  const uint64_t rest = (hash >> kIndexBits) | (uint64_t{1} << (kRankMax - 1));
  return {static_cast<uint16_t>(hash % kRegisters), static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

bool IsValid(std::string_view value) {
  if (value.size() < kHeaderBytes || std::memcmp(value.data(), kMagic, sizeof kMagic) != 0) return false;
  const char encoding = value[kEncodingOffset];
  return encoding == kSparse || (encoding == kDense && value.size() == kDenseBytes);
}

bool IsDense(std::string_view value) { return value[kEncodingOffset] == kDense; }

std::optional<uint64_t> CachedCardinality(std::string_view value) {
  uint64_t cardinality;
  std::memcpy(&cardinality, value.data() + kCardinalityOffset, sizeof cardinality);
  if (cardinality >> 63 != 0) return std::nullopt;
  return cardinality;
}

bool MergeInto(Registers& registers, std::string_view value) {
  if (IsDense(value)) {
    ForEachEight(value, [&](size_t first, uint64_t eight) {
      uint64_t old;
      std::memcpy(&old, registers.data() + first, sizeof old);
      const uint64_t larger = LargerBytes(old, eight);
      std::memcpy(registers.data() + first, &larger, sizeof larger);
    });
    return true;
  }
  return ForEachRun(value, [&](size_t first, const Run& run) {
    if (run.rank == 0) return;
    for (size_t i = first; i < first + run.registers; ++i) {
      registers[i] = std::max(registers[i], static_cast<uint8_t>(run.rank));
    }
  });
}

uint8_t DenseRegister(std::string_view value, size_t index) {
  const size_t bit = index * kRegisterBits;
  return static_cast<uint8_t>((DenseBits(value, kHeaderBytes + bit / 8) >> (bit % 8)) & kRegisterMax);
}

RegisterBytes WithRegister(std::string_view dense, Observation seen) {
  const size_t bit = seen.index * kRegisterBits;
  const size_t at = kHeaderBytes + bit / 8;
  unsigned bits = DenseBits(dense, at);
  bits &= ~(kRegisterMax << (bit % 8));
  bits |= static_cast<unsigned>(seen.rank) << (bit % 8);
  const size_t count = std::min<size_t>(2, dense.size() - at);
  return {at, count, {static_cast<char>(bits & 0xff), static_cast<char>((bits >> 8) & 0xff)}};
}

std::string Decode(std::string_view value) {
  std::string text;
  for (size_t at = kHeaderBytes; at < value.size();) {
    const Run run = RunAt(value, at);
    if (!text.empty()) text += ' ';
    if (run.rank != 0) {
      fmt::format_to(std::back_inserter(text), "v:{},{}", run.rank, run.registers);
    } else {
      fmt::format_to(std::back_inserter(text), "{}:{}", run.bytes == 2 ? 'Z' : 'z', run.registers);
    }
    at += run.bytes;
  }
  return text;
}

std::string Empty() {
  std::string value(kHeaderBytes, '\0');
  std::memcpy(value.data(), kMagic, sizeof kMagic);
  value[kEncodingOffset] = kSparse;
  constexpr unsigned kCoded = kRegisters - 1;
  value += static_cast<char>(0x40U | (kCoded >> 8));
  value += static_cast<char>(kCoded & 0xff);
  return value;
}

bool MakeDense(std::string& value) {
  if (IsDense(value)) return true;
  std::string dense(kDenseBytes, '\0');
  std::memcpy(dense.data(), value.data(), kHeaderBytes);
  dense[kEncodingOffset] = kDense;
  const bool valid = ForEachRun(value, [&](size_t first, const Run& run) {
    for (size_t i = first; run.rank != 0 && i < first + run.registers; ++i) {
      const RegisterBytes set = WithRegister(dense, {static_cast<uint16_t>(i), static_cast<uint8_t>(run.rank)});
      std::memcpy(dense.data() + set.at, set.bytes, set.count);
    }
  });
  if (valid) value = std::move(dense);
  return valid;
}

}  // namespace chestbox::hll
