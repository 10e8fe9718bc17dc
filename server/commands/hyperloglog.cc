// PFADD, PFCOUNT and PFMERGE.
#include "server/commands/hyperloglog.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "protocol/shm/racy_copy.h"
#include "server/commands/hyperloglog_value.h"
#include "server/commands/lookup.h"
#include "server/commands/strings.h"
#include "server/server.h"

namespace chestbox::hll {

namespace {

uint64_t SparseBytesMax(const CommandContext& ctx) {
  return static_cast<uint64_t>(ctx.server.config().hll_sparse_max_bytes);
}

// Registers of a dense value change where they lie.
Result<void> AddToDense(CommandContext& ctx, std::string_view key, Args elements) {
  auto bytes = ctx.keys.ResizeString(ctx.db, key, kDenseBytes);
  if (!bytes) return bytes.error();
  const std::string_view dense(bytes->data(), bytes->size());
  for (std::string_view element : elements) {
    const Observation seen = Observe(element);
    if (DenseRegister(dense, seen.index) >= seen.rank) continue;
    const RegisterBytes set = WithRegister(dense, seen);
    shm::RacyStore(bytes->data() + set.at, set.bytes, set.count);
  }
  const char invalidated = Invalidated(dense[kInvalidityOffset]);
  shm::RacyStore(bytes->data() + kInvalidityOffset, &invalidated, 1);
  return {};
}

// A sparse value is changed in a copy: an element that finds it corrupt must not leave half of the command behind.
Result<void> AddToSparse(CommandContext& ctx, std::string_view key, Args elements, std::string_view old) {
  std::string value(old);
  for (std::string_view element : elements) {
    if (Raise(value, Observe(element), SparseBytesMax(ctx)) == Outcome::kCorrupt) return Corrupted();
  }
  value[kInvalidityOffset] = Invalidated(value[kInvalidityOffset]);
  return StoreValue(ctx, key, old.size(), value);
}

Result<void> AddToNew(CommandContext& ctx, std::string_view key, Args elements) {
  std::string value = Empty();
  for (std::string_view element : elements) (void)Raise(value, Observe(element), SparseBytesMax(ctx));
  value[kInvalidityOffset] = Invalidated(value[kInvalidityOffset]);
  return ctx.keys.SetString(ctx.db, key, value, StringEncoding::kRaw, kNoExpiry);
}

// True if something changed. Most elements of a large set tell nothing new, and then nothing is copied.
Result<bool> AddToOld(CommandContext& ctx, std::string_view key, Args elements, const StateView& state) {
  size_t known = 0;
  for (; known < elements.size(); ++known) {
    const Outcome outcome = Look(state.value, Observe(elements[known]));
    if (outcome == Outcome::kCorrupt) return Corrupted();
    if (outcome == Outcome::kChanged) break;
  }
  const Args news = elements.subspan(known);
  const Result<void> done = news.empty()           ? strings::MakeRaw(ctx, key, state)
                            : IsDense(state.value) ? AddToDense(ctx, key, news)
                                                   : AddToSparse(ctx, key, news, state.value);
  if (!done) return done.error();
  return !news.empty();
}

Result<uint64_t> CardinalityOfUnion(CommandContext& ctx, Args keys) {
  Registers registers{};
  for (std::string_view key : keys) {
    auto state = OnlyHyperloglog(ReadState(ctx, key));
    if (!state) return state.error();
    if (*state && !MergeInto(registers, (*state)->value)) return Corrupted();
  }
  return Cardinality(registers);
}

// Counting is a read, so it does not fail because the result cannot be kept.
void CacheCardinality(CommandContext& ctx, std::string_view key, size_t value_bytes, uint64_t cardinality) {
  auto bytes = ctx.keys.ResizeString(ctx.db, key, value_bytes);
  if (!bytes) return;
  shm::RacyStore(bytes->data() + kCardinalityOffset, &cardinality, sizeof cardinality);
  ctx.Effect({"PFCOUNT", key});
}

}  // namespace

Error Corrupted() { return Error{"INVALIDOBJ Corrupted HLL object detected"}; }

Result<std::optional<StateView>> OnlyHyperloglog(std::optional<StateView> state) {
  auto string = OnlyString(state);
  if (string && state && !IsValid(state->value)) {
    return Error{"WRONGTYPE Key is not a valid HyperLogLog string value."};
  }
  return string;
}

Result<void> StoreValue(CommandContext& ctx, std::string_view key, size_t old_bytes, std::string_view value) {
  // A dense value will not grow again, so a new one gets no room ahead.
  const Room room = value.size() == kDenseBytes && old_bytes != kDenseBytes ? Room::kExact : Room::kAhead;
  auto bytes = ctx.keys.ResizeString(ctx.db, key, value.size(), room);
  if (!bytes) return bytes.error();
  shm::RacyStore(bytes->data(), value.data(), value.size());
  return {};
}

// PFADD key [element …] -> 1 if a register changed or the key is new, else 0
Result<void> PfAdd(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto state = OnlyHyperloglog(StateToChange(ctx, args[1]));
  if (!state) return state.error();
  const Args elements = args.subspan(2);
  if (!*state) {
    if (auto added = AddToNew(ctx, args[1], elements); !added) return added;
  } else {
    auto changed = AddToOld(ctx, args[1], elements, **state);
    if (!changed) return changed.error();
    if (!*changed) {
      reply.Integer(0);
      return {};
    }
  }
  ctx.Effect(args);
  reply.Integer(1);
  return {};
}

// PFCOUNT key [key …] -> about how many distinct elements were added to any of them
Result<void> PfCount(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() > 2) {
    auto cardinality = CardinalityOfUnion(ctx, args.subspan(1));
    if (!cardinality) return cardinality.error();
    reply.Integer(static_cast<int64_t>(*cardinality));
    return {};
  }
  const std::string_view key = args[1];
  auto state = OnlyHyperloglog(ReadState(ctx, key));
  if (!state) return state.error();
  if (!*state) {
    reply.Integer(0);
    return {};
  }
  std::optional<uint64_t> cardinality = CachedCardinality((*state)->value);
  if (!cardinality) {
    cardinality = Cardinality((*state)->value);
    if (!cardinality) return Corrupted();
    CacheCardinality(ctx, key, (*state)->value.size(), *cardinality);
  } else if (auto raw = strings::MakeRaw(ctx, key, **state); !raw) {
    return raw;
  }
  reply.Integer(static_cast<int64_t>(*cardinality));
  return {};
}

// PFMERGE target [source …] -> OK. The target counts as a source.
Result<void> PfMerge(CommandContext& ctx, Args args, ReplyWriter& reply) {
  const std::string_view target = args[1];
  Registers registers{};
  bool dense = false;
  for (std::string_view key : args.subspan(1)) {
    auto state = OnlyHyperloglog(ReadState(ctx, key));
    if (!state) return state.error();
    if (!*state) continue;
    dense = dense || IsDense((*state)->value);
    if (!MergeInto(registers, (*state)->value)) return Corrupted();
  }
  const std::optional<StateView> old = StateToChange(ctx, target);
  std::string value = old ? std::string(old->value) : Empty();
  if (dense && !MakeDense(value)) return Corrupted();
  if (RaiseAll(value, registers, SparseBytesMax(ctx)) == Outcome::kCorrupt) return Corrupted();
  value[kInvalidityOffset] = Invalidated(value[kInvalidityOffset]);
  const Result<void> stored = old ? StoreValue(ctx, target, old->value.size(), value)
                                  : ctx.keys.SetString(ctx.db, target, value, StringEncoding::kRaw, kNoExpiry);
  if (!stored) return stored;
  // Not as PFMERGE, which reads other keys.
  ctx.Effect({"SET", target, value, "KEEPTTL"});
  reply.Ok();
  return {};
}

}  // namespace chestbox::hll
