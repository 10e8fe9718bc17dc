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

// Calls visit(first register, eight registers' bits in the lowest 48) for all of them.
template <class Visit>
void ForEachEight(std::string_view dense, Visit visit) {
  const char* bytes = dense.data() + kHeaderBytes;
  for (size_t first = 0; first < kRegisters; first += 8, bytes += 6) {
    uint64_t word = 0;
    std::memcpy(&word, bytes, 6);
    visit(first, word);
  }
}

}  // namespace chestbox::hll
