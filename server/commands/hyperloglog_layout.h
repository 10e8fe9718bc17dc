// The parts of a HyperLogLog's bytes (hyperloglog_value.h), for the files that read and write them.
//
// Threads: any.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "server/commands/hyperloglog_value.h"

namespace chestbox::hll {

inline constexpr unsigned kIndexBits = 14;
inline constexpr unsigned kRankMax = 64 - kIndexBits + 1;
inline constexpr unsigned kRegisterBits = 6;
inline constexpr unsigned kRegisterMax = 63;
inline constexpr char kMagic[] = {'H', 'Y', 'L', 'L'};
inline constexpr size_t kEncodingOffset = 4;
inline constexpr char kDense = 0;
inline constexpr char kSparse = 1;

static_assert(std::endian::native == std::endian::little, "registers are read as words");

struct Run {
  size_t bytes;
  unsigned registers;
  unsigned rank;  // 0: zeros
};

inline unsigned ByteAt(std::string_view value, size_t at) { return static_cast<unsigned char>(value[at]); }

constexpr bool IsLongZeros(unsigned opcode) { return (opcode & 0xc0) == 0x40; }
constexpr bool IsRanks(unsigned opcode) { return (opcode & 0x80) != 0; }
constexpr unsigned RankOf(unsigned opcode) { return ((opcode >> 2) & 0x1f) + 1; }
constexpr unsigned RanksOf(unsigned opcode) { return (opcode & 3) + 1; }

// A value that is cut off inside an opcode ends in a zero, as a string of Redis does.
inline Run RunAt(std::string_view value, size_t at) {
  const unsigned opcode = ByteAt(value, at);
  if (IsRanks(opcode)) return {1, RanksOf(opcode), RankOf(opcode)};
  if (!IsLongZeros(opcode)) return {1, (opcode & 0x3f) + 1, 0};
  const unsigned low = at + 1 < value.size() ? ByteAt(value, at + 1) : 0;
  return {2, (((opcode & 0x3f) << 8) | low) + 1, 0};
}

// Calls visit(first register, run); false: the runs do not make up all registers. A run is visited only if its
// registers exist.
template <class Visit>
bool ForEachRun(std::string_view value, Visit visit) {
  size_t first = 0;
  for (size_t at = kHeaderBytes; at < value.size();) {
    const Run run = RunAt(value, at);
    if (first + run.registers > kRegisters) return false;
    visit(first, run);
    first += run.registers;
    at += run.bytes;
  }
  return first == kRegisters;
}

// Eight registers of six bits each, and the same as bytes: halves of halves are moved apart, or together.
constexpr uint64_t Spread(uint64_t packed) {
  packed = (packed & 0xffffff) | (packed & 0xffffff000000) << 8;
  packed = (packed & 0x00000fff00000fff) | (packed & 0x00fff00000fff000) << 4;
  return (packed & 0x003f003f003f003f) | (packed & 0x0fc00fc00fc00fc0) << 2;
}
constexpr uint64_t Pack(uint64_t bytes) {
  bytes = (bytes & 0x003f003f003f003f) | (bytes & 0x3f003f003f003f00) >> 2;
  bytes = (bytes & 0x00000fff00000fff) | (bytes & 0x0fff00000fff0000) >> 4;
  return (bytes & 0xffffff) | (bytes & 0x00ffffff00000000) >> 8;
}

// Calls visit(first register, eight registers as bytes) for all of them.
template <class Visit>
void ForEachEight(std::string_view dense, Visit visit) {
  const char* bytes = dense.data() + kHeaderBytes;
  for (size_t first = 0; first < kRegisters; first += 8, bytes += 6) {
    // In two parts: six bytes copied into a word would have to leave the processor's store buffer first.
    uint32_t low;
    uint16_t high;
    std::memcpy(&low, bytes, sizeof low);
    std::memcpy(&high, bytes + sizeof low, sizeof high);
    visit(first, Spread(uint64_t{high} << 32 | low));
  }
}

}  // namespace chestbox::hll
