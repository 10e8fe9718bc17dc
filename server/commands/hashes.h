// The handlers of the hash family, one function a command; their rows are in hashes.cc and hashes_expiry_rows.cc. They
// are spread over hashes_fields.cc (single fields), hashes_whole.cc (all or random ones) and hashes_expiry.cc (fields
// that expire).
//
// Every one follows the contract of command.h. Executor thread only.
#pragma once

#include <span>
#include <string_view>

#include "server/command.h"
#include "server/types/hash_type.h"

namespace chestbox::hashes {

// Single fields.
Result<void> HSet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HMSet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HSetNx(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HGet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HMGet(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HDel(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HExists(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HStrLen(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HIncrBy(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HIncrByFloat(CommandContext& ctx, Args args, ReplyWriter& reply);

// All fields, or random ones.
Result<void> HLen(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HGetAll(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HKeys(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HVals(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HRandField(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HScan(CommandContext& ctx, Args args, ReplyWriter& reply);

// Fields that expire.
Result<void> HExpire(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HPExpire(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HExpireAt(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HPExpireAt(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HTtl(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HPTtl(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HExpireTime(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HPExpireTime(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HPersist(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HGetEx(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HSetEx(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> HGetDel(CommandContext& ctx, Args args, ReplyWriter& reply);

// A field or a value as a bulk string.
void ReplyElement(const HashType& hash, const shm::PackedElement& element, ReplyWriter& reply);
// The value of a field, or null.
void ReplyField(const std::optional<HashType>& hash, std::string_view field, ReplyWriter& reply);
// Reports "HDEL key field …" and, if the hash is empty now, erases the key and reports that.
void FinishErasing(CommandContext& ctx, HashType& hash, std::string_view key, std::span<const std::string_view> fields);
// Reports command, words, fields.
void ReportEffect(CommandContext& ctx, std::initializer_list<std::string_view> words,
                  std::span<const std::string_view> fields);

}  // namespace chestbox::hashes
