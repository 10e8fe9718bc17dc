#include "server/commands/hyperloglog_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

namespace chestbox::hll {

namespace {

constexpr unsigned kIndexBits = 14;
constexpr unsigned kRankMax = 64 - kIndexBits + 1;
constexpr unsigned kRegisterBits = 6;
constexpr unsigned kRegisterMax = 63;
constexpr char kMagic[] = {'H', 'Y', 'L', 'L'};
constexpr size_t kEncodingOffset = 4;
constexpr char kDense = 0;
constexpr char kSparse = 1;

static_assert(std::endian::native == std::endian::little, "registers are read as words");

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

// ---- Sparse ----

constexpr unsigned kSparseRankMax = 32;
constexpr unsigned kValueRunMax = 4;
constexpr unsigned kShortZerosMax = 64;
// Opcodes in which neighbours are looked for that can be merged, after a change.
constexpr int kMergedOpcodesMax = 5;

struct Run {
  size_t bytes;
  unsigned registers;
  unsigned rank;  // 0: zeros
};

unsigned ByteAt(std::string_view value, size_t at) { return static_cast<unsigned char>(value[at]); }

constexpr bool IsLongZeros(unsigned opcode) { return (opcode & 0xc0) == 0x40; }
constexpr bool IsRanks(unsigned opcode) { return (opcode & 0x80) != 0; }
constexpr unsigned RankOf(unsigned opcode) { return ((opcode >> 2) & 0x1f) + 1; }
constexpr unsigned RanksOf(unsigned opcode) { return (opcode & 3) + 1; }
constexpr char RanksOpcode(unsigned rank, unsigned registers) {
  return static_cast<char>(0x80U | ((rank - 1) << 2) | (registers - 1));
}

// A value that is cut off inside an opcode ends in a zero, as a string of Redis does.
Run RunAt(std::string_view value, size_t at) {
  const unsigned opcode = ByteAt(value, at);
  if (IsRanks(opcode)) return {1, RanksOf(opcode), RankOf(opcode)};
  if (!IsLongZeros(opcode)) return {1, (opcode & 0x3f) + 1, 0};
  const unsigned low = at + 1 < value.size() ? ByteAt(value, at + 1) : 0;
  return {2, (((opcode & 0x3f) << 8) | low) + 1, 0};
}

// Calls visit(first register, run); false: the runs do not make up all registers. A run of ranks is visited only if its
// registers exist.
template <class Visit>
bool ForEachRun(std::string_view value, Visit visit) {
  uint64_t first = 0;
  for (size_t at = kHeaderBytes; at < value.size();) {
    const Run run = RunAt(value, at);
    if (run.rank != 0 && first + run.registers > kRegisters) return false;
    visit(static_cast<size_t>(first), run);
    first += run.registers;
    at += run.bytes;
  }
  return first == kRegisters;
}

struct Opcodes {
  char bytes[5];
  size_t count = 0;

  void AddZeros(unsigned registers) {
    if (registers == 0) return;
    const unsigned coded = registers - 1;
    if (registers > kShortZerosMax) bytes[count++] = static_cast<char>(0x40U | (coded >> 8));
    bytes[count++] = static_cast<char>(coded & 0xff);
  }
  void AddRanks(unsigned rank, unsigned registers) {
    if (registers != 0) bytes[count++] = RanksOpcode(rank, registers);
  }
};

// What takes a run's place when the register `before` registers after its beginning becomes `rank`.
Opcodes SplitRun(const Run& run, unsigned before, unsigned rank) {
  const unsigned behind = run.registers - before - 1;
  Opcodes opcodes;
  if (run.rank == 0) {
    opcodes.AddZeros(before);
    opcodes.AddRanks(rank, 1);
    opcodes.AddZeros(behind);
  } else {
    opcodes.AddRanks(run.rank, before);
    opcodes.AddRanks(rank, 1);
    opcodes.AddRanks(run.rank, behind);
  }
  return opcodes;
}

// Merges neighbouring runs of one rank, a few opcodes from `at` on.
void MergeRuns(std::string& value, size_t at) {
  for (int left = kMergedOpcodesMax; left > 0 && at < value.size(); --left) {
    const unsigned opcode = ByteAt(value, at);
    if (IsRanks(opcode) && at + 1 < value.size() && IsRanks(ByteAt(value, at + 1))) {
      const unsigned next = ByteAt(value, at + 1);
      const unsigned registers = RanksOf(opcode) + RanksOf(next);
      if (RankOf(opcode) == RankOf(next) && registers <= kValueRunMax) {
        value[at + 1] = RanksOpcode(RankOf(next), registers);
        value.erase(at, 1);
        continue;
      }
    }
    at += IsLongZeros(opcode) ? 2 : 1;
  }
}

Outcome RaisePromoted(std::string& value, Observation seen) {
  if (!MakeDense(value)) return Outcome::kCorrupt;
  return Raise(value, seen, 0);
}

Outcome RaiseSparse(std::string& value, Observation seen, uint64_t sparse_bytes_max) {
  if (seen.rank > kSparseRankMax) return RaisePromoted(value, seen);
  size_t at = kHeaderBytes;
  size_t previous = kHeaderBytes;
  unsigned first = 0;
  Run run{};
  for (; at < value.size(); previous = at, at += run.bytes, first += run.registers) {
    run = RunAt(value, at);
    if (seen.index < first + run.registers) break;
  }
  if (at + run.bytes > value.size() || run.bytes == 0) return Outcome::kCorrupt;
  if (run.rank >= seen.rank) return Outcome::kUnchanged;
  const Opcodes opcodes = SplitRun(run, seen.index - first, seen.rank);
  if (opcodes.count > run.bytes && value.size() + opcodes.count - run.bytes > sparse_bytes_max) {
    return RaisePromoted(value, seen);
  }
  value.replace(at, run.bytes, opcodes.bytes, opcodes.count);
  MergeRuns(value, previous);
  return Outcome::kChanged;
}

// ---- Dense ----

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

unsigned DenseBits(std::string_view dense, size_t at) {
  const unsigned low = ByteAt(dense, at);
  return at + 1 < dense.size() ? low | (ByteAt(dense, at + 1) << 8) : low;
}

// ---- The estimate ----

constexpr size_t kHistogramSize = kRegisterMax + 1;
using Histogram = std::array<int, kHistogramSize>;

double Sigma(double x) {
  if (x == 1.) return std::numeric_limits<double>::infinity();
  double before = 0;
  double y = 1;
  double z = x;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

double Tau(double x) {
  if (x == 0. || x == 1.) return 0.;
  double before = 0;
  double y = 1;
  double z = 1 - x;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (before != z);
  return z / 3;
}

uint64_t Estimate(const Histogram& histogram) {
  constexpr double kAlphaInfinity = 0.721347520444481703680;  // 0.5 / ln 2
  const double m = kRegisters;
  double z = m * Tau((m - histogram[kRankMax]) / m);
  for (unsigned rank = kRankMax - 1; rank >= 1; --rank) {
    z += histogram[rank];
    z *= 0.5;
  }
  z += m * Sigma(histogram[0] / m);
  return static_cast<uint64_t>(std::llround(kAlphaInfinity * m * m / z));
}

// Registers tend to be alike, and an increment has to wait for the one before it in the same counter: so four
// counters for each rank.
class HistogramBuilder {
 public:
  void Add(size_t lane, unsigned rank) { ++lanes_[lane % 4][rank]; }
  Histogram Sum() const {
    Histogram sum{};
    for (size_t rank = 0; rank < kHistogramSize; ++rank) {
      for (const Histogram& lane : lanes_) sum[rank] += lane[rank];
    }
    return sum;
  }

 private:
  Histogram lanes_[4] = {};
};

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

std::optional<uint64_t> Cardinality(std::string_view value) {
  HistogramBuilder histogram;
  if (IsDense(value)) {
    ForEachEight(value, [&](size_t, uint64_t eight) {
      for (unsigned i = 0; i < 8; ++i) histogram.Add(i, (eight >> (i * kRegisterBits)) & kRegisterMax);
    });
    return Estimate(histogram.Sum());
  }
  Histogram sparse{};
  const bool valid =
      ForEachRun(value, [&](size_t, const Run& run) { sparse[run.rank] += static_cast<int>(run.registers); });
  if (!valid) return std::nullopt;
  return Estimate(sparse);
}

uint64_t Cardinality(const Registers& registers) {
  HistogramBuilder histogram;
  for (size_t i = 0; i < kRegisters; ++i) histogram.Add(i, registers[i]);
  return Estimate(histogram.Sum());
}

bool MergeInto(Registers& registers, std::string_view value) {
  if (IsDense(value)) {
    ForEachEight(value, [&](size_t first, uint64_t eight) {
      for (unsigned i = 0; i < 8; ++i) {
        const auto rank = static_cast<uint8_t>((eight >> (i * kRegisterBits)) & kRegisterMax);
        registers[first + i] = std::max(registers[first + i], rank);
      }
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

Outcome Raise(std::string& value, Observation seen, uint64_t sparse_bytes_max) {
  if (!IsDense(value)) return RaiseSparse(value, seen, sparse_bytes_max);
  if (DenseRegister(value, seen.index) >= seen.rank) return Outcome::kUnchanged;
  const RegisterBytes set = WithRegister(value, seen);
  std::memcpy(value.data() + set.at, set.bytes, set.count);
  return Outcome::kChanged;
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
