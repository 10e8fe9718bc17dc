// BITFIELD and BITFIELD_RO: integers of any width at any bit of a string.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "protocol/bits.h"
#include "protocol/shm/racy_copy.h"
#include "server/commands/bits.h"
#include "server/commands/command_parser.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/commands/strings.h"

namespace chestbox::bits {

namespace {

// What becomes of a value that its field cannot hold.
enum class Overflow { kWrap, kSaturate, kFail };

struct Step {
  enum class Kind { kGet, kSet, kIncrement };
  Kind kind = Kind::kGet;
  FieldType type = {};
  uint64_t offset = 0;
  int64_t operand = 0;
  Overflow overflow = Overflow::kWrap;
  std::string_view type_text;

  bool writes() const { return kind != Kind::kGet; }
  uint64_t last_bit() const { return offset + type.bits - 1U; }
};

// C strings in Redis: what comes behind a NUL is not seen.
std::string_view UpToNul(std::string_view text) { return text.substr(0, text.find('\0')); }

Result<Overflow> OverflowArgument(std::string_view text) {
  if (EqualIgnoringCase(text, "wrap")) return Overflow::kWrap;
  if (EqualIgnoringCase(text, "sat")) return Overflow::kSaturate;
  if (EqualIgnoringCase(text, "fail")) return Overflow::kFail;
  return Error{"ERR Invalid OVERFLOW type specified"};
}

// GET type offset | SET type offset value | INCRBY type offset increment, which begins at args[at].
Result<Step> ParseStep(const CommandContext& ctx, Args args, size_t at) {
  const size_t following = args.size() - at - 1;
  Step step;
  if (EqualIgnoringCase(args[at], "get") && following >= 2) {
    step.kind = Step::Kind::kGet;
  } else if (EqualIgnoringCase(args[at], "set") && following >= 3) {
    step.kind = Step::Kind::kSet;
  } else if (EqualIgnoringCase(args[at], "incrby") && following >= 3) {
    step.kind = Step::Kind::kIncrement;
  } else {
    return SyntaxError();
  }
  step.type_text = UpToNul(args[at + 1]);
  const auto type = ParseFieldType(step.type_text);
  if (!type) {
    return Error{"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."};
  }
  step.type = *type;
  const auto offset = ParseOffset(args[at + 2], strings::StringBytesMax(ctx), type);
  if (!offset) return BadBitOffset();
  step.offset = *offset;
  if (step.writes()) {
    auto operand = IntegerArgument(args[at + 3]);
    if (!operand) return operand.error();
    step.operand = *operand;
  }
  return step;
}

Result<std::vector<Step>> ParseSteps(const CommandContext& ctx, Args args) {
  std::vector<Step> steps;
  steps.reserve(args.size() / 3);
  Overflow overflow = Overflow::kWrap;
  for (size_t at = 2; at < args.size();) {
    if (EqualIgnoringCase(args[at], "overflow") && at + 1 < args.size()) {
      auto given = OverflowArgument(args[at + 1]);
      if (!given) return given.error();
      overflow = *given;
      at += 2;
      continue;
    }
    auto step = ParseStep(ctx, args, at);
    if (!step) return step.error();
    step->overflow = overflow;
    at += step->writes() ? 4 : 3;
    steps.push_back(*step);
  }
  return steps;
}

// ---- Arithmetic ----

struct Fitted {
  uint64_t value;   // as the field's bits
  bool overflowed;  // it was wrapped or saturated
};

// base + increment, made to fit. A signed field of 64 bits may overflow int64_t itself.
Fitted FitSigned(int64_t base, int64_t increment, const Step& step) {
  const int64_t max = std::numeric_limits<int64_t>::max() >> (64 - step.type.bits);
  const int64_t min = -max - 1;
  int64_t sum = 0;
  const bool beyond = __builtin_add_overflow(base, increment, &sum);
  const bool over = beyond ? increment > 0 : sum > max;
  const bool under = beyond ? increment < 0 : sum < min;
  if (!over && !under) return {static_cast<uint64_t>(sum), false};
  if (step.overflow == Overflow::kSaturate) return {static_cast<uint64_t>(over ? max : min), true};
  // The sum of 64 bits, of which the field keeps the lowest.
  const uint64_t wrapped = static_cast<uint64_t>(base) + static_cast<uint64_t>(increment);
  const unsigned unused = 64U - step.type.bits;
  return {static_cast<uint64_t>(static_cast<int64_t>(wrapped << unused) >> unused), true};
}

// The same; a negative base is a large number, as for Redis.
Fitted FitUnsigned(uint64_t base, int64_t increment, const Step& step) {
  const uint64_t max = (uint64_t{1} << step.type.bits) - 1;
  const uint64_t sum = base + static_cast<uint64_t>(increment);
  const bool over = base > max || (increment > 0 && static_cast<uint64_t>(increment) > max - base);
  const bool under = !over && increment < 0 && uint64_t{0} - static_cast<uint64_t>(increment) > base;
  if (!over && !under) return {sum, false};
  if (step.overflow == Overflow::kSaturate) return {over ? max : 0, true};
  return {sum & max, true};
}

Fitted NewValue(int64_t old, const Step& step) {
  const bool adds = step.kind == Step::Kind::kIncrement;
  const int64_t base = adds ? old : step.operand;
  const int64_t increment = adds ? step.operand : 0;
  return step.type.is_signed ? FitSigned(base, increment, step)
                             : FitUnsigned(static_cast<uint64_t>(base), increment, step);
}

// ---- Running ----

void Store(std::span<char> bytes, const Step& step, uint64_t value) {
  char field[kFieldBytesMax];
  const size_t first = step.offset / 8;
  const size_t count = step.last_bit() / 8 - first + 1;
  std::memcpy(field, bytes.data() + first, count);
  SetField(field, step.offset % 8, step.type, value);
  shm::RacyStore(bytes.data() + first, field, count);
}

// The effect of a BITFIELD: SETs of what its steps came to.
class SetsEffect {
 public:
  void Add(std::string_view type, uint64_t offset, int64_t value) {
    sets_.push_back({type, IntegerText(static_cast<int64_t>(offset)), IntegerText(value)});
  }
  void Report(CommandContext& ctx, std::string_view key) const {
    if (sets_.empty()) return;
    std::vector<std::string_view> words;
    words.reserve(2 + 4 * sets_.size());
    words.assign({"BITFIELD", key});
    for (const Set& set : sets_) words.insert(words.end(), {"SET", set.type, set.offset, set.value});
    ctx.Effect(std::span<const std::string_view>(words));
  }

 private:
  struct Set {
    std::string_view type;
    IntegerText offset;
    IntegerText value;
  };
  std::vector<Set> sets_;
};

// Runs a SET or INCRBY. A value that does not fit under OVERFLOW FAIL is not written, and answered with null.
void RunWrite(std::span<char> bytes, const Step& step, SetsEffect* effect, ReplyWriter& reply) {
  const int64_t old = GetField({bytes.data(), bytes.size()}, step.offset, step.type);
  const Fitted fitted = NewValue(old, step);
  if (fitted.overflowed && step.overflow == Overflow::kFail) {
    reply.Null();
    return;
  }
  const auto value = static_cast<int64_t>(fitted.value);
  if (value != old) {
    Store(bytes, step, fitted.value);
    effect->Add(step.type_text, step.offset, value);
  }
  reply.Integer(step.kind == Step::Kind::kSet ? old : value);
}

Result<void> RunReads(CommandContext& ctx, std::string_view key, std::span<const Step> steps, ReplyWriter& reply) {
  auto state = OnlyString(ReadState(ctx, key));
  if (!state) return state.error();
  const std::string_view bytes = *state ? (*state)->value : std::string_view{};
  reply.Array(steps.size());
  for (const Step& step : steps) reply.Integer(GetField(bytes, step.offset, step.type));
  return {};
}

// The string first grows to hold all fields that are written, also those which then overflow and fail.
Result<void> RunAll(CommandContext& ctx, std::string_view key, std::span<const Step> steps, ReplyWriter& reply) {
  auto state = OnlyString(StateToChange(ctx, key));
  if (!state) return state.error();
  uint64_t last_bit = 0;
  for (const Step& step : steps) {
    if (step.writes()) last_bit = std::max(last_bit, step.last_bit());
  }
  const size_t bytes_min = last_bit / 8 + 1;
  if (bytes_min > UINT32_MAX) return strings::StringTooLong();
  const bool grows = !*state || (*state)->value.size() < bytes_min;
  auto bytes = StringToWrite(ctx, key, *state, bytes_min);
  if (!bytes) return bytes.error();
  SetsEffect effect;
  reply.Array(steps.size());
  for (const Step& step : steps) {
    if (step.writes()) {
      RunWrite(*bytes, step, &effect, reply);
    } else {
      reply.Integer(GetField({bytes->data(), bytes->size()}, step.offset, step.type));
    }
  }
  if (grows) effect.Add("u1", last_bit, Get({bytes->data(), bytes->size()}, last_bit) ? 1 : 0);
  effect.Report(ctx, key);
  return {};
}

bool AnyWrites(std::span<const Step> steps) {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.writes(); });
}

}  // namespace

uint32_t BitFieldKeyFlags(Args call) {
  constexpr uint32_t kWrites = kKeyRW | kKeyAccess | kKeyUpdate;
  for (size_t at = 2; at < call.size();) {
    const size_t following = call.size() - at - 1;
    if (EqualIgnoringCase(call[at], "get") && following >= 2) {
      at += 3;
    } else if (EqualIgnoringCase(call[at], "overflow") && following >= 1) {
      at += 2;
    } else {
      return kWrites;  // or wrong, which is no promise to write nothing
    }
  }
  return kKeyRO | kKeyAccess;
}

// BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] (SET type offset value | INCRBY type offset increment)]…
// -> an array: what GET reads, what SET replaced, what INCRBY came to, null for what overflowed under FAIL
Result<void> BitField(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto steps = ParseSteps(ctx, args);
  if (!steps) return steps.error();
  return AnyWrites(*steps) ? RunAll(ctx, args[1], *steps, reply) : RunReads(ctx, args[1], *steps, reply);
}

// BITFIELD_RO key [GET type offset]… -> an array of integers
Result<void> BitFieldRo(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto steps = ParseSteps(ctx, args);
  if (!steps) return steps.error();
  if (AnyWrites(*steps)) return Error{"ERR BITFIELD_RO only supports the GET subcommand"};
  return RunReads(ctx, args[1], *steps, reply);
}

}  // namespace chestbox::bits
