#include "server/commands/cold_states.h"

#include "server/commands/lookup.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox {

namespace {

// Whether the key is swapped out and was looked at; then `*head` is what is known of it, or nothing if it is gone. One
// that has expired goes now, as it would in memory.
bool IsOut(CommandContext& ctx, std::string_view key, std::optional<StateHead>* head) {
  Swapper* swapper = ctx.server.swapper();
  const Swapper::Head* known = swapper != nullptr ? swapper->KnownHead(ctx.db, key) : nullptr;
  if (known == nullptr) return false;
  if (!known->exists) return true;
  if (known->expire_at_ms == kNoExpiry || ctx.now_ms < known->expire_at_ms) {
    *head = StateHead{known->type, known->expire_at_ms};
  } else if (!ctx.keys.keeps_expired()) {
    swapper->EraseOut(ctx.db, key, true);
  }
  return true;
}

std::optional<StateHead> HeadOf(const std::optional<StateView>& state) {
  if (!state) return std::nullopt;
  return StateHead{state->type, state->expire_at_ms};
}

}  // namespace

std::optional<StateHead> LookAtHead(CommandContext& ctx, std::string_view key) {
  std::optional<StateHead> head;
  if (!IsOut(ctx, key, &head)) return HeadOf(LookAtState(ctx, key));
  ++(head ? ctx.keys.stats().hits : ctx.keys.stats().misses);
  return head;
}

std::optional<StateHead> HeadToChange(CommandContext& ctx, std::string_view key) {
  std::optional<StateHead> head;
  return IsOut(ctx, key, &head) ? head : HeadOf(StateToChange(ctx, key));
}

bool EraseState(CommandContext& ctx, std::string_view key) {
  std::optional<StateHead> head;
  if (!IsOut(ctx, key, &head)) return ctx.keys.Erase(ctx.db, key);
  if (head) ctx.server.swapper()->EraseOut(ctx.db, key, false);
  return head.has_value();
}

}  // namespace chestbox
