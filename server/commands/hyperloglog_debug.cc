// PFDEBUG and PFSELFTEST, for tests and the curious.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "server/commands/command_parser.h"
#include "server/commands/hyperloglog.h"
#include "server/commands/hyperloglog_value.h"
#include "server/commands/lookup.h"
#include "server/commands/strings.h"
#include "server/echoed.h"
#include "server/server.h"

namespace chestbox::hll {

namespace {

// Replaces a sparse value by a dense one.
Result<void> StoreDense(CommandContext& ctx, std::string_view key, std::string* value) {
  const size_t old_bytes = value->size();
  if (!MakeDense(*value)) return Corrupted();
  if (auto stored = StoreValue(ctx, key, old_bytes, *value); !stored) return stored;
  ctx.Effect({"PFDEBUG", "TODENSE", key});
  return {};
}

std::string_view BytesOf(const uint64_t& element) { return {reinterpret_cast<const char*>(&element), sizeof element}; }

// Registers keep what was put into them, and leave their neighbours alone.
Result<void> TestRegisters(std::mt19937_64& random) {
  constexpr int kRounds = 100;
  std::string value = Empty();
  if (!MakeDense(value)) return Error{"TESTFAILED empty value is corrupt"};
  Registers expected{};
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < kRegisters; ++i) {
      expected[i] = static_cast<uint8_t>(random() % 64);
      const RegisterBytes set = WithRegister(value, {static_cast<uint16_t>(i), expected[i]});
      std::copy_n(set.bytes, set.count, value.begin() + static_cast<std::ptrdiff_t>(set.at));
    }
    for (size_t i = 0; i < kRegisters; ++i) {
      const uint8_t found = DenseRegister(value, i);
      if (found == expected[i]) continue;
      return Error{fmt::format("TESTFAILED Register {} should be {} but is {}", i, expected[i], found)};
    }
  }
  return {};
}

Result<void> TestCheckpoint(uint64_t added, const std::string& dense, const std::string& other, uint64_t sparse_max) {
  if (added < sparse_max / 2 && IsDense(other)) return Error{"TESTFAILED sparse encoding not used"};
  const uint64_t estimate = Cardinality(dense).value_or(0);
  if (estimate != Cardinality(other)) return Error{"TESTFAILED dense/sparse disagree"};
  const double standard_error = 1.04 / std::sqrt(static_cast<double>(kRegisters));
  // Among so few one collision is a tenth.
  const double allowed = added == 10 ? 1 : std::ceil(standard_error * 6 * static_cast<double>(added));
  const uint64_t off = std::max(added, estimate) - std::min(added, estimate);
  if (static_cast<double>(off) > allowed) {
    return Error{fmt::format("TESTFAILED Too big error. card:{} abserr:{}", added, off)};
  }
  return {};
}

// Estimates are near the truth, and the same from both encodings.
Result<void> TestEstimates(std::mt19937_64& random, uint64_t sparse_max) {
  constexpr uint64_t kElements = 1'000'000;
  std::string other = Empty();
  std::string dense = other;
  if (!MakeDense(dense)) return Error{"TESTFAILED empty value is corrupt"};
  const uint64_t seed = random();
  uint64_t checkpoint = 1;
  for (uint64_t added = 1; added <= kElements; ++added) {
    const uint64_t element = added ^ seed;
    const Observation seen = Observe(BytesOf(element));
    (void)Raise(dense, seen, sparse_max);
    (void)Raise(other, seen, sparse_max);
    if (added != checkpoint) continue;
    if (auto passed = TestCheckpoint(added, dense, other, sparse_max); !passed) return passed;
    checkpoint *= 10;
  }
  return {};
}

}  // namespace

// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key -> the registers (the value becomes dense), the runs of a sparse
// value, the name of its encoding, or whether it was made dense
Result<void> PfDebug(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view key = args[2];
  auto state = OnlyHyperloglog(StateToChange(ctx, key));
  if (!state) return state.error();
  if (!*state) return Error{"ERR The specified key does not exist"};
  std::string value((*state)->value);
  if (auto raw = strings::MakeRaw(ctx, key, **state); !raw) return raw;
  const bool dense = IsDense(value);
  if (EqualIgnoringCase(args[1], "getreg")) {
    if (!dense) {
      if (auto stored = StoreDense(ctx, key, &value); !stored) return stored;
    }
    reply.Array(kRegisters);
    for (size_t i = 0; i < kRegisters; ++i) reply.Integer(DenseRegister(value, i));
  } else if (EqualIgnoringCase(args[1], "decode")) {
    if (dense) return Error{"ERR HLL encoding is not sparse"};
    reply.Bulk(Decode(value));
  } else if (EqualIgnoringCase(args[1], "encoding")) {
    reply.SimpleString(dense ? "dense" : "sparse");
  } else if (EqualIgnoringCase(args[1], "todense")) {
    if (!dense) {
      if (auto stored = StoreDense(ctx, key, &value); !stored) return stored;
    }
    reply.Integer(dense ? 0 : 1);
  } else {
    return Error{fmt::format("ERR Unknown PFDEBUG subcommand '{}'", AsEchoed(args[1]))};
  }
  return {};
}

// PFSELFTEST -> OK, or what is wrong. Takes a moment.
Result<void> PfSelfTest(CommandContext& ctx, Args, ReplyWriter& reply) {
  std::mt19937_64 random(static_cast<uint64_t>(ctx.now_ms));
  if (auto passed = TestRegisters(random); !passed) return passed;
  const auto sparse_max = static_cast<uint64_t>(ctx.server.config().hll_sparse_max_bytes);
  if (auto passed = TestEstimates(random, sparse_max); !passed) return passed;
  reply.Ok();
  return {};
}

}  // namespace chestbox::hll
