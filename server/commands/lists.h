// LIST: the handlers (rows in lists_rows.cc and lists_rows_moving.cc) and what they share.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/canonical_integer.h"
#include "server/command.h"
#include "server/types/list_type.h"

namespace chestbox::lists {

// "LEFT" or "RIGHT".
Result<ListEnd> EndArgument(std::string_view text);
void ReplyElement(const ListType& list, const PackedElement& element, ReplyWriter& reply);
// Whether an element of the list equals a text.
class ElementMatch {
 public:
  // Both outlive this.
  ElementMatch(std::string_view text, const ListType& list) : text_(text), list_(list), integer_(ParseInteger(text)) {}
  bool operator()(const PackedElement& element) const {
    if (element.kind == PackedElement::Kind::kString) return element.text == text_;
    if (element.kind == PackedElement::Kind::kInteger) return integer_ == element.integer;
    return element.bytes == text_.size() && list_.Text(element, nullptr) == text_;
  }

 private:
  std::string_view text_;
  const ListType& list_;
  std::optional<int64_t> integer_;
};
// Reports the arguments with another name.
void EffectAs(CommandContext& ctx, std::string_view name, Args args);
// Pops `count` elements (which exist) of the list at `key`, whose effect it reports: a plain pop, or one with a count.
void PopAndReport(CommandContext& ctx, std::string_view key, ListType& list, ListEnd end, uint64_t count, bool plain);

// lists_push.cc
Result<void> LPush(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> RPush(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LPushX(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> RPushX(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LInsert(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LSet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LRem(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LTrim(CommandContext& ctx, Args args, ReplyWriter& reply);

// lists_read.cc
Result<void> LLen(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LIndex(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LRange(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LPos(CommandContext& ctx, Args args, ReplyWriter& reply);

// lists_pop.cc
Result<void> LPop(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> RPop(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> LMPop(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BLPop(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BRPop(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BLMPop(CommandContext& ctx, Args args, ReplyWriter& reply);

// lists_move.cc
Result<void> LMove(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> RPopLPush(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BLMove(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> BRPopLPush(CommandContext& ctx, Args args, ReplyWriter& reply);

}  // namespace chestbox::lists
