// The states that the benchmarks work on: keys of 16 bytes and values that can be computed again from their number, so
// that every value can be checked and no compressor finds anything in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

inline constexpr size_t kKeySizeBytes = 16;

// "s:00000000001234". Groups are told apart by a letter.
std::string StateKey(char group, uint64_t number);

// Fills `value` with `size` pseudo-random bytes that follow from (group, number).
void FillStateValue(char group, uint64_t number, std::string& value, size_t size);

// A small fast generator (xorshift64*) for keys in random order.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15 + 1) {}
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1D;
  }
  uint64_t Below(uint64_t end) { return Next() % end; }

 private:
  uint64_t state_;
};

}  // namespace bench
