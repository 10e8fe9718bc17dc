// Commands on single fields of a hash.
#include <cmath>
#include <limits>
#include <vector>

#include "protocol/resp/number_format.h"
#include "server/commands/hashes.h"
#include "server/commands/number_parsing.h"

namespace chestbox::hashes {

namespace {

using Scope = HashType::Scope;
using Found = Result<std::optional<HashType>>;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

Found FindToRead(CommandContext& ctx, std::string_view key) {
  return HashType::Find(ctx, key, Look::kRead, Scope::kFields);
}
Found FindToChange(CommandContext& ctx, std::string_view key) {
  return HashType::Find(ctx, key, Look::kChange, Scope::kFields);
}

// HSET and HMSET.
Result<uint64_t> SetFields(CommandContext& ctx, Args args) {
  if (args.size() % 2 != 0) {
    const std::string_view name = args[0].size() == 5 ? "hmset" : "hset";
    return Error{"ERR wrong number of arguments for '" + std::string(name) + "' command"};
  }
  size_t done = 0;
  auto created = HashType::Set(ctx, args[1], args.subspan(2), {}, &done);
  if (done != 0) ReportEffect(ctx, {"HSET", args[1]}, args.subspan(2, done));
  return created;
}

// Sets a field that a command has computed; it keeps its expiry.
Result<void> StoreResult(CommandContext& ctx, std::string_view key, std::string_view field, std::string_view value,
                         bool expires) {
  const std::string_view pair[] = {field, value};
  auto set = HashType::Set(ctx, key, pair, {FieldExpiry::Kind::kKeep, 0});
  if (!set) return set.error();
  if (expires) {
    ctx.Effect({"HSETEX", key, "KEEPTTL", "FIELDS", "1", field, value});
  } else {
    ctx.Effect({"HSET", key, field, value});
  }
  return {};
}

}  // namespace

void ReplyElement(const HashType& hash, const shm::PackedElement& element, ReplyWriter& reply) {
  if (element.kind == shm::PackedElement::Kind::kInteger) {
    reply.BulkInteger(element.integer);
    return;
  }
  shm::ElementDigits digits;
  reply.Bulk(hash.Text(element, &digits));
}

void ReplyField(const std::optional<HashType>& hash, std::string_view field, ReplyWriter& reply) {
  PackedRow row;
  if (hash && hash->Get(field, &row)) {
    ReplyElement(*hash, row.value, reply);
  } else {
    reply.Null();
  }
}

void ReportEffect(CommandContext& ctx, std::initializer_list<std::string_view> words,
                  std::span<const std::string_view> fields) {
  thread_local std::vector<std::string_view> effect;
  effect.assign(words);
  effect.insert(effect.end(), fields.begin(), fields.end());
  ctx.Effect(std::span<const std::string_view>(effect));
}

void FinishErasing(CommandContext& ctx, HashType& hash, std::string_view key,
                   std::span<const std::string_view> fields) {
  ReportEffect(ctx, {"HDEL", key}, fields);
  if (hash.EraseKeyIfEmpty()) ctx.Effect({"DEL", key});
}

// HSET key field value [field value …] -> how many fields are new
Result<void> HSet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto created = SetFields(ctx, args);
  if (!created) return created.error();
  reply.Integer(static_cast<int64_t>(*created));
  return {};
}

// HMSET key field value [field value …] -> OK
Result<void> HMSet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto created = SetFields(ctx, args);
  if (!created) return created.error();
  reply.Ok();
  return {};
}

// HSETNX key field value -> 1 if the field was not there, and is set
Result<void> HSetNx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindToChange(ctx, args[1]);
  if (!hash) return hash.error();
  PackedRow row;
  if (*hash && (*hash)->Get(args[2], &row)) {
    reply.Integer(0);
    return {};
  }
  auto created = HashType::Set(ctx, args[1], args.subspan(2));
  if (!created) return created.error();
  ctx.Effect({"HSET", args[1], args[2], args[3]});
  reply.Integer(1);
  return {};
}

// HGET key field -> the value, or null
Result<void> HGet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindToRead(ctx, args[1]);
  if (!hash) return hash.error();
  ReplyField(*hash, args[2], reply);
  return {};
}

// HMGET key field [field …] -> the values, null for each field that is not there
Result<void> HMGet(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindToRead(ctx, args[1]);
  if (!hash) return hash.error();
  const Args fields = args.subspan(2);
  reply.Array(fields.size());
  for (std::string_view field : fields) ReplyField(*hash, field, reply);
  return {};
}

// HDEL key field [field …] -> how many fields were there
Result<void> HDel(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindToChange(ctx, args[1]);
  if (!hash) return hash.error();
  std::vector<std::string_view> erased;
  if (*hash) {
    for (std::string_view field : args.subspan(2)) {
      if ((*hash)->Erase(field)) erased.push_back(field);
    }
    if (!erased.empty()) FinishErasing(ctx, **hash, args[1], erased);
  }
  reply.Integer(static_cast<int64_t>(erased.size()));
  return {};
}

// HEXISTS key field -> 1 or 0
Result<void> HExists(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindToRead(ctx, args[1]);
  if (!hash) return hash.error();
  PackedRow row;
  reply.Integer(*hash && (*hash)->Get(args[2], &row) ? 1 : 0);
  return {};
}

// HSTRLEN key field -> how many bytes the value has; 0 without the field
Result<void> HStrLen(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindToRead(ctx, args[1]);
  if (!hash) return hash.error();
  PackedRow row;
  const bool found = *hash && (*hash)->Get(args[2], &row);
  reply.Integer(found ? static_cast<int64_t>(shm::ElementTextBytes(row.value)) : 0);
  return {};
}

// HINCRBY key field increment -> the new value; a missing field counts as 0
Result<void> HIncrBy(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto increment = IntegerArgument(args[3]);
  if (!increment) return increment.error();
  auto hash = FindToChange(ctx, args[1]);
  if (!hash) return hash.error();
  int64_t value = 0;
  PackedRow row;
  bool expires = false;
  if (*hash && (*hash)->Get(args[2], &row)) {
    // What is an integer is kept as one.
    if (row.value.kind != shm::PackedElement::Kind::kInteger) return Error{"ERR hash value is not an integer"};
    value = row.value.integer;
    expires = row.expire_at_ms != shm::kRowNeverExpires;
  }
  if ((*increment < 0 && value < kMin - *increment) || (*increment > 0 && value > kMax - *increment)) {
    return Error{"ERR increment or decrement would overflow"};
  }
  value += *increment;
  if (auto stored = StoreResult(ctx, args[1], args[2], IntegerText(value), expires); !stored) return stored;
  reply.Integer(value);
  return {};
}

// HINCRBYFLOAT key field increment -> the new value as text
Result<void> HIncrByFloat(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto increment = FloatArgument(args[3]);
  if (!increment) return increment.error();
  if (!std::isfinite(*increment)) return Error{"ERR value is NaN or Infinity"};
  auto hash = FindToChange(ctx, args[1]);
  if (!hash) return hash.error();
  long double value = 0;
  PackedRow row;
  bool expires = false;
  if (*hash && (*hash)->Get(args[2], &row)) {
    shm::ElementDigits digits;
    const std::optional<long double> old = ParseFloat((*hash)->Text(row.value, &digits));
    if (!old) return Error{"ERR hash value is not a float"};
    value = *old;
    expires = row.expire_at_ms != shm::kRowNeverExpires;
  }
  value += *increment;
  if (!std::isfinite(value)) return Error{"ERR increment would produce NaN or Infinity"};
  char bytes[resp::kHumanDoubleBytesMax];
  const std::string_view text = resp::FormatHumanDouble(value, bytes);
  if (auto stored = StoreResult(ctx, args[1], args[2], text, expires); !stored) return stored;
  reply.Bulk(text);
  return {};
}

}  // namespace chestbox::hashes
