// A HyperLogLog as Redis keeps it in a string: 16,384 registers that count distinct elements with a standard error of
// 0.81%. Pure functions over the string's bytes.
//
//   "HYLL", encoding (0 dense, 1 sparse), three zeros, cached cardinality (8 bytes, little endian; not valid if the
//   highest bit is set), registers
//
// Dense: six bits a register, from the lowest bit of each byte up, 12,304 bytes in all. Sparse: runs of registers,
// 00nnnnnn n+1 zeros, 01nnnnnn nnnnnnnn the same with 14 bits, 1vvvvvnn n+1 registers of value v+1.
// Format and rules of promotion are those of Redis' hyperloglog.c; the estimator is Otmar Ertl's (arXiv:1702.01284),
// its floating-point operations in Redis' order, so that both servers come to the same number.
//
// Invariant: what these functions write is byte for byte what redis-server 7.0 makes of the same elements, so DUMPs and
// GETs can go from one to the other. Threads: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chestbox::hll {

constexpr size_t kRegisters = 16384;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kCardinalityOffset = 8;
constexpr size_t kDenseBytes = kHeaderBytes + kRegisters * 6 / 8;

// One byte a register.
using Registers = std::array<uint8_t, kRegisters>;

// What an element has to say: register `index` is at least `rank`.
struct Observation {
  uint16_t index;
  uint8_t rank;
};
Observation Observe(std::string_view element);

// ---- Reading. Values have passed IsValid, but a sparse one may still turn out to be corrupt. ----

bool IsValid(std::string_view value);
bool IsDense(std::string_view value);
std::optional<uint64_t> CachedCardinality(std::string_view value);
// Nothing: corrupt.
std::optional<uint64_t> Cardinality(std::string_view value);
uint64_t Cardinality(const Registers& registers);
// Raises each register to the value's. False: corrupt, and some may have been raised.
[[nodiscard]] bool MergeInto(Registers& registers, std::string_view value);
uint8_t DenseRegister(std::string_view value, size_t index);
// A sparse value as PFDEBUG DECODE prints it.
std::string Decode(std::string_view value);

// ---- Changing ----

// Without elements: sparse, cardinality 0.
std::string Empty();
// The byte that makes the cached cardinality invalid, and what it becomes.
constexpr size_t kInvalidityOffset = kCardinalityOffset + 7;
constexpr char Invalidated(char byte) { return static_cast<char>(static_cast<unsigned char>(byte) | 0x80U); }

enum class Outcome { kUnchanged, kChanged, kCorrupt };
// What Raise would do, but for corruption that only becoming dense would show.
Outcome Look(std::string_view value, Observation seen);
// Raises a register of a value; a sparse one becomes dense where it cannot hold the rank or would grow beyond
// `sparse_bytes_max`. A corrupt value stays as it is. Does not touch the cached cardinality.
Outcome Raise(std::string& value, Observation seen, uint64_t sparse_bytes_max);
// The same for all registers that are not 0, in their order; of a dense value they must be at least what it has.
Outcome RaiseAll(std::string& value, const Registers& registers, uint64_t sparse_bytes_max);
// False: corrupt, and unchanged.
[[nodiscard]] bool MakeDense(std::string& value);
// The two bytes over which a dense register may lie, with the register set to `rank`. Bytes `at` and, unless it is the
// value's last, `at + 1`.
struct RegisterBytes {
  size_t at;
  size_t count;
  char bytes[2];
};
RegisterBytes WithRegister(std::string_view dense, Observation seen);

}  // namespace chestbox::hll
