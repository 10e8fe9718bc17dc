// Raising registers of a HyperLogLog: sparse values are changed run by run, by Redis' rules.
#include <algorithm>
#include <array>
#include <cstring>

#include "server/commands/hyperloglog_layout.h"

namespace chestbox::hll {

namespace {

constexpr unsigned kSparseRankMax = 32;
constexpr unsigned kValueRunMax = 4;
constexpr unsigned kShortZerosMax = 64;
// Opcodes in which neighbours are looked for that can be merged, after a change.
constexpr int kMergedOpcodesMax = 5;

constexpr char RanksOpcode(unsigned rank, unsigned registers) {
  return static_cast<char>(0x80U | ((rank - 1) << 2) | (registers - 1));
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

// A run, and the one before it (of the first run: itself).
struct Place {
  size_t at = kHeaderBytes;
  size_t first = 0;  // its first register
  size_t previous_at = kHeaderBytes;
  size_t previous_first = 0;
};

// How many registers an opcode stands for; 0 for a long run of zeros, of which there are few.
constexpr auto kSpans = [] {
  std::array<uint8_t, 256> spans{};
  for (unsigned opcode = 0; opcode < spans.size(); ++opcode) {
    if (!IsLongZeros(opcode)) {
      spans[opcode] = static_cast<uint8_t>(IsRanks(opcode) ? RanksOf(opcode) : (opcode & 0x3f) + 1);
    }
  }
  return spans;
}();

// Moves `place` on to the run that holds a register, or to the value's end. The loop in which a sparse value spends
// its time.
void Advance(std::string_view value, size_t index, Place& place) {
  size_t at = place.at;
  size_t first = place.first;
  size_t previous_at = place.previous_at;
  size_t previous_first = place.previous_first;
  while (at < value.size()) {
    const unsigned opcode = ByteAt(value, at);
    size_t registers = kSpans[opcode];
    size_t bytes = 1;
    if (registers == 0) {
      const Run run = RunAt(value, at);
      registers = run.registers;
      bytes = run.bytes;
    }
    if (index < first + registers) break;
    previous_at = at;
    previous_first = first;
    at += bytes;
    first += registers;
  }
  place = {at, first, previous_at, previous_first};
}

Outcome LookSparse(std::string_view value, Observation seen, Place& place) {
  Advance(value, seen.index, place);
  if (place.at >= value.size()) return Outcome::kCorrupt;
  const Run run = RunAt(value, place.at);
  if (place.at + run.bytes > value.size()) return Outcome::kCorrupt;
  return run.rank >= seen.rank ? Outcome::kUnchanged : Outcome::kChanged;
}

Outcome RaisePromoted(std::string& value, Observation seen) {
  if (!MakeDense(value)) return Outcome::kCorrupt;
  return Raise(value, seen, 0);
}

// `place` is at or before the register's run.
Outcome RaiseSparse(std::string& value, Observation seen, uint64_t sparse_bytes_max, Place& place) {
  if (seen.rank > kSparseRankMax) return RaisePromoted(value, seen);
  const Outcome outcome = LookSparse(value, seen, place);
  if (outcome != Outcome::kChanged) return outcome;
  const Run run = RunAt(value, place.at);
  const Opcodes opcodes = SplitRun(run, static_cast<unsigned>(seen.index - place.first), seen.rank);
  if (opcodes.count > run.bytes && value.size() + opcodes.count - run.bytes > sparse_bytes_max) {
    return RaisePromoted(value, seen);
  }
  value.replace(place.at, run.bytes, opcodes.bytes, opcodes.count);
  MergeRuns(value, place.previous_at);
  return Outcome::kChanged;
}

// Raising them one by one comes to this.
void WriteDense(std::string& value, const Registers& registers) {
  char* bytes = value.data() + kHeaderBytes;
  for (size_t first = 0; first < kRegisters; first += 8, bytes += 6) {
    uint64_t eight;
    std::memcpy(&eight, registers.data() + first, sizeof eight);
    const uint64_t packed = Pack(eight);
    std::memcpy(bytes, &packed, 6);
  }
}

}  // namespace

Outcome Look(std::string_view value, Observation seen) {
  if (IsDense(value)) return DenseRegister(value, seen.index) >= seen.rank ? Outcome::kUnchanged : Outcome::kChanged;
  Place place;
  return LookSparse(value, seen, place);
}

Outcome Raise(std::string& value, Observation seen, uint64_t sparse_bytes_max) {
  if (!IsDense(value)) {
    Place place;
    return RaiseSparse(value, seen, sparse_bytes_max, place);
  }
  if (DenseRegister(value, seen.index) >= seen.rank) return Outcome::kUnchanged;
  const RegisterBytes set = WithRegister(value, seen);
  std::memcpy(value.data() + set.at, set.bytes, set.count);
  return Outcome::kChanged;
}

Outcome RaiseAll(std::string& value, const Registers& registers, uint64_t sparse_bytes_max) {
  // The search goes on from the run before the last change. What precedes that run is not known, and if it has been
  // merged with later ones and holds the next register too, the search begins anew.
  Place place;
  bool is_resumed = false;
  for (size_t i = 0; i < kRegisters && !IsDense(value); ++i) {
    if (registers[i] == 0) continue;
    const size_t from = place.at;
    Advance(value, i, place);
    if (is_resumed && place.at == from) place = Place{};
    const Outcome outcome = RaiseSparse(value, {static_cast<uint16_t>(i), registers[i]}, sparse_bytes_max, place);
    if (outcome == Outcome::kCorrupt) return outcome;
    is_resumed = outcome == Outcome::kChanged;
    if (is_resumed) place = {place.previous_at, place.previous_first, place.previous_at, place.previous_first};
  }
  if (IsDense(value)) WriteDense(value, registers);
  return Outcome::kChanged;
}

}  // namespace chestbox::hll
