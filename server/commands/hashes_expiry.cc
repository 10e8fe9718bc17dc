// Fields that expire: HEXPIRE and its kin, HTTL and its kin, HPERSIST, HGETEX, HSETEX, HGETDEL, as in Redis 8.
#include <optional>
#include <string>
#include <vector>

#include "server/commands/command_parser.h"
#include "server/commands/hashes.h"
#include "server/commands/number_parsing.h"

namespace chestbox::hashes {

namespace {

using Found = Result<std::optional<HashType>>;
using Scope = HashType::Scope;
enum class Unit { kSeconds, kMilliseconds };
enum class Base { kNow, kUnixEpoch };

// Redis' bound on the expiry of a field, Unix ms: a quarter of 2^48.
constexpr int64_t kFieldExpiryMsMax = ((int64_t{1} << 48) - 2) >> 2;

constexpr char kNotPositive[] = "ERR Number of fields must be a positive integer";
constexpr char kNumFieldsNotPositive[] = "ERR Parameter `numFields` should be greater than 0";

// Replies to one field.
constexpr int64_t kNoField = -2;
constexpr int64_t kNoExpiryThere = -1;
constexpr int64_t kConditionNotMet = 0;
constexpr int64_t kDone = 1;
constexpr int64_t kErased = 2;

Found FindHash(CommandContext& ctx, std::string_view key, Look look) {
  return HashType::Find(ctx, key, look, Scope::kFields);
}

Result<int64_t> ExpiryArgument(const CommandContext& ctx, std::string_view text, Unit unit, Base base,
                               std::string_view command) {
  auto time = IntegerArgument(text);
  if (!time) return time.error();
  if (*time < 0) return Error{"ERR invalid expire time, must be >= 0"};
  const int64_t from_ms = base == Base::kNow ? ctx.now_ms : 0;
  const int64_t per_unit = unit == Unit::kSeconds ? 1000 : 1;
  if (*time > kFieldExpiryMsMax / per_unit || *time * per_unit > kFieldExpiryMsMax - from_ms) {
    return Error{"ERR invalid expire time in '" + std::string(command) + "' command"};
  }
  return *time * per_unit + from_ms;
}

// FIELDS n field … from args[at] to the end.
Result<Args> FieldsArgument(Args args, size_t at, std::string_view bad_count) {
  if (at >= args.size() || !EqualIgnoringCase(args[at], "fields")) {
    return Error{"ERR Mandatory argument FIELDS is missing or not at the right position"};
  }
  const std::optional<int64_t> count = at + 1 < args.size() ? ParseInteger(args[at + 1]) : std::nullopt;
  if (!count || *count < 1) return Error{std::string(bad_count)};
  const Args fields = args.subspan(at + 2);
  if (static_cast<uint64_t>(*count) != fields.size()) {
    return Error{"ERR The `numfields` parameter must match the number of arguments"};
  }
  return fields;
}

void ReplyNoFields(size_t count, ReplyWriter& reply) {
  reply.Array(count);
  for (size_t i = 0; i < count; ++i) reply.Integer(kNoField);
}

// ---- HEXPIRE ----

enum class Condition { kNone, kNx, kXx, kGt, kLt };

std::optional<Condition> ConditionOf(std::string_view text) {
  if (EqualIgnoringCase(text, "nx")) return Condition::kNx;
  if (EqualIgnoringCase(text, "xx")) return Condition::kXx;
  if (EqualIgnoringCase(text, "gt")) return Condition::kGt;
  if (EqualIgnoringCase(text, "lt")) return Condition::kLt;
  return std::nullopt;
}

// A field without an expiry lives longer than any time.
bool Met(Condition condition, const PackedRow& row, int64_t expire_at_ms) {
  const bool expires = row.expire_at_ms != shm::kRowNeverExpires;
  switch (condition) {
    case Condition::kNone:
      return true;
    case Condition::kNx:
      return !expires;
    case Condition::kXx:
      return expires;
    case Condition::kGt:
      return expires && expire_at_ms > row.expire_at_ms;
    case Condition::kLt:
      return !expires || expire_at_ms < row.expire_at_ms;
  }
  return false;
}

// What was done to the fields of one command, to be reported together.
struct Changes {
  std::vector<std::string_view> expiring;
  std::vector<std::string_view> persisted;
  std::vector<std::string_view> erased;

  void Report(CommandContext& ctx, HashType& hash, std::string_view key, int64_t expire_at_ms) {
    const IntegerText at(expire_at_ms);
    if (!expiring.empty()) {
      ReportEffect(ctx, {"HPEXPIREAT", key, at, "FIELDS", IntegerText(static_cast<int64_t>(expiring.size()))},
                   expiring);
    }
    if (!persisted.empty()) {
      ReportEffect(ctx, {"HPERSIST", key, "FIELDS", IntegerText(static_cast<int64_t>(persisted.size()))}, persisted);
    }
    if (!erased.empty()) FinishErasing(ctx, hash, key, erased);
  }
};

// Sets the expiry of a field that is there, or erases it when its time has come.
Result<int64_t> ExpireField(const CommandContext& ctx, HashType& hash, std::string_view field, int64_t expire_at_ms,
                            Changes* changes) {
  if (expire_at_ms <= ctx.now_ms) {
    hash.Erase(field);
    changes->erased.push_back(field);
    return kErased;
  }
  if (auto set = hash.SetExpiry(field, expire_at_ms); !set) return set.error();
  changes->expiring.push_back(field);
  return kDone;
}

Result<void> SetExpiry(CommandContext& ctx, Args args, Unit unit, Base base, std::string_view command,
                       ReplyWriter& reply) {
  auto found = FindHash(ctx, args[1], Look::kChange);
  if (!found) return found.error();
  auto expire_at_ms = ExpiryArgument(ctx, args[2], unit, base, command);
  if (!expire_at_ms) return expire_at_ms.error();
  const std::optional<Condition> condition = ConditionOf(args[3]);
  auto fields = FieldsArgument(args, condition ? 4 : 3, kNumFieldsNotPositive);
  if (!fields) return fields.error();
  if (!*found) {
    ReplyNoFields(fields->size(), reply);
    return {};
  }
  HashType& hash = **found;
  Changes changes;
  std::vector<int64_t> results;
  for (std::string_view field : *fields) {
    PackedRow row;
    if (!hash.Get(field, &row)) {
      results.push_back(kNoField);
    } else if (!Met(condition.value_or(Condition::kNone), row, *expire_at_ms)) {
      results.push_back(kConditionNotMet);
    } else {
      auto done = ExpireField(ctx, hash, field, *expire_at_ms, &changes);
      if (!done) {
        changes.Report(ctx, hash, args[1], *expire_at_ms);
        return done.error();
      }
      results.push_back(*done);
    }
  }
  changes.Report(ctx, hash, args[1], *expire_at_ms);
  reply.Array(results.size());
  for (int64_t result : results) reply.Integer(result);
  return {};
}

// ---- HTTL ----

Result<void> ReplyExpiry(CommandContext& ctx, Args args, Unit unit, Base base, ReplyWriter& reply) {
  auto hash = FindHash(ctx, args[1], Look::kRead);
  if (!hash) return hash.error();
  auto fields = FieldsArgument(args, 2, kNotPositive);
  if (!fields) return fields.error();
  reply.Array(fields->size());
  for (std::string_view field : *fields) {
    PackedRow row;
    if (!*hash || !(*hash)->Get(field, &row)) {
      reply.Integer(kNoField);
    } else if (row.expire_at_ms == shm::kRowNeverExpires) {
      reply.Integer(kNoExpiryThere);
    } else {
      const int64_t ms = row.expire_at_ms - (base == Base::kNow ? ctx.now_ms : 0);
      reply.Integer(unit == Unit::kSeconds ? (ms + 999) / 1000 : ms);
    }
  }
  return {};
}

// ---- HGETEX and HSETEX ----

struct ExpiryOption {
  std::string_view token;
  Unit unit;
  Base base;
};

constexpr ExpiryOption kExpiryOptions[] = {{"ex", Unit::kSeconds, Base::kNow},
                                           {"px", Unit::kMilliseconds, Base::kNow},
                                           {"exat", Unit::kSeconds, Base::kUnixEpoch},
                                           {"pxat", Unit::kMilliseconds, Base::kUnixEpoch}};

const ExpiryOption* ExpiryOptionOf(std::string_view text) {
  for (const ExpiryOption& option : kExpiryOptions) {
    if (EqualIgnoringCase(text, option.token)) return &option;
  }
  return nullptr;
}

struct HSetExOptions {
  bool fnx = false;
  bool fxx = false;
  FieldExpiry expiry;
  bool has_expiry = false;  // or KEEPTTL
  Args pairs;
};

Error HSetExArity() { return Error{"ERR wrong number of arguments for 'hsetex' command"}; }

Result<Args> PairsArgument(Args args, size_t at) {
  if (at + 3 >= args.size()) return HSetExArity();
  const std::optional<int64_t> count = ParseInteger(args[at + 1]);
  if (!count || *count < 1 || *count > INT32_MAX) return Error{"ERR invalid number of fields"};
  const Args pairs = args.subspan(at + 2);
  if (pairs.size() % 2 != 0 || static_cast<uint64_t>(*count) != pairs.size() / 2) return HSetExArity();
  return pairs;
}

Result<HSetExOptions> ParseHSetEx(const CommandContext& ctx, Args args) {
  const Error only_one{"ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"};
  HSetExOptions options;
  for (size_t i = 2; i < args.size(); ++i) {
    const ExpiryOption* option = ExpiryOptionOf(args[i]);
    const bool keeps = EqualIgnoringCase(args[i], "keepttl");
    const bool fnx = EqualIgnoringCase(args[i], "fnx");
    if (EqualIgnoringCase(args[i], "fields")) {
      auto pairs = PairsArgument(args, i);
      if (!pairs) return pairs.error();
      options.pairs = *pairs;
      return options;
    }
    if (option != nullptr || keeps) {
      if (options.has_expiry) return only_one;
      options.has_expiry = true;
      options.expiry.kind = keeps ? FieldExpiry::Kind::kKeep : FieldExpiry::Kind::kAt;
      if (keeps) continue;
      if (i + 1 >= args.size()) return Error{"ERR missing expire time"};
      auto at_ms = ExpiryArgument(ctx, args[++i], option->unit, option->base, "hsetex");
      if (!at_ms) return at_ms.error();
      options.expiry.at_ms = *at_ms;
    } else if (fnx || EqualIgnoringCase(args[i], "fxx")) {
      if (options.fnx || options.fxx) return Error{"ERR Only one of FXX or FNX arguments can be specified"};
      (fnx ? options.fnx : options.fxx) = true;
    } else {
      return Error{"ERR unknown argument: " + std::string(args[i])};
    }
  }
  return HSetExArity();
}

bool Allowed(const HSetExOptions& options, const std::optional<HashType>& hash) {
  if (!options.fnx && !options.fxx) return true;
  PackedRow row;
  for (size_t i = 0; i < options.pairs.size(); i += 2) {
    if ((hash && hash->Get(options.pairs[i], &row)) != options.fxx) return false;
  }
  return true;
}

void ReportSet(CommandContext& ctx, std::string_view key, Args pairs, const FieldExpiry& expiry) {
  const IntegerText count(static_cast<int64_t>(pairs.size() / 2));
  const IntegerText at_ms(expiry.at_ms);
  if (expiry.kind == FieldExpiry::Kind::kAt) {
    ReportEffect(ctx, {"HSETEX", key, "PXAT", at_ms, "FIELDS", count}, pairs);
  } else if (expiry.kind == FieldExpiry::Kind::kKeep) {
    ReportEffect(ctx, {"HSETEX", key, "KEEPTTL", "FIELDS", count}, pairs);
  } else {
    ReportEffect(ctx, {"HSET", key}, pairs);
  }
}

// Set and gone at once: what was there goes.
Result<void> EraseInstead(CommandContext& ctx, std::string_view key, std::optional<HashType>& hash, Args pairs) {
  if (!hash) return {};
  std::vector<std::string_view> erased;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (hash->Erase(pairs[i])) erased.push_back(pairs[i]);
  }
  if (!erased.empty()) FinishErasing(ctx, *hash, key, erased);
  return {};
}

}  // namespace

Result<void> HExpire(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kSeconds, Base::kNow, "hexpire", reply);
}
Result<void> HPExpire(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kMilliseconds, Base::kNow, "hpexpire", reply);
}
Result<void> HExpireAt(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kSeconds, Base::kUnixEpoch, "hexpireat", reply);
}
Result<void> HPExpireAt(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return SetExpiry(ctx, args, Unit::kMilliseconds, Base::kUnixEpoch, "hpexpireat", reply);
}
Result<void> HTtl(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kSeconds, Base::kNow, reply);
}
Result<void> HPTtl(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kMilliseconds, Base::kNow, reply);
}
Result<void> HExpireTime(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kSeconds, Base::kUnixEpoch, reply);
}
Result<void> HPExpireTime(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyExpiry(ctx, args, Unit::kMilliseconds, Base::kUnixEpoch, reply);
}

// HPERSIST key FIELDS n field … -> for each: -2 no such field, -1 it has no expiry, 1 it has none any more
Result<void> HPersist(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto found = FindHash(ctx, args[1], Look::kChange);
  if (!found) return found.error();
  auto fields = FieldsArgument(args, 2, kNotPositive);
  if (!fields) return fields.error();
  if (!*found) {
    ReplyNoFields(fields->size(), reply);
    return {};
  }
  HashType& hash = **found;
  Changes changes;
  reply.Array(fields->size());
  for (std::string_view field : *fields) {
    PackedRow row;
    if (!hash.Get(field, &row)) {
      reply.Integer(kNoField);
    } else if (row.expire_at_ms == shm::kRowNeverExpires) {
      reply.Integer(kNoExpiryThere);
    } else {
      CHECK(hash.SetExpiry(field, kNoExpiry));  // a smaller row always fits
      changes.persisted.push_back(field);
      reply.Integer(kDone);
    }
  }
  changes.Report(ctx, hash, args[1], kNoExpiry);
  return {};
}

// HGETEX key [EX s|PX ms|EXAT t|PXAT t|PERSIST] FIELDS n field … -> the values, whose expiry changes
Result<void> HGetEx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto found = FindHash(ctx, args[1], Look::kChange);
  if (!found) return found.error();
  const ExpiryOption* option = ExpiryOptionOf(args[2]);
  const bool persists = EqualIgnoringCase(args[2], "persist");
  int64_t expire_at_ms = kNoExpiry;
  if (option != nullptr) {
    auto at_ms = ExpiryArgument(ctx, args[3], option->unit, option->base, "hgetex");
    if (!at_ms) return at_ms.error();
    expire_at_ms = *at_ms;
  }
  auto fields = FieldsArgument(args, option != nullptr ? 4 : persists ? 3 : 2, kNotPositive);
  if (!fields) return fields.error();
  const size_t mark = reply.size();
  reply.Array(fields->size());
  if (!*found) {
    for (size_t i = 0; i < fields->size(); ++i) reply.Null();
    return {};
  }
  HashType& hash = **found;
  Changes changes;
  for (std::string_view field : *fields) {
    ReplyField(*found, field, reply);
    PackedRow row;
    if ((option == nullptr && !persists) || !hash.Get(field, &row)) continue;
    if (persists) {
      if (row.expire_at_ms == shm::kRowNeverExpires) continue;
      CHECK(hash.SetExpiry(field, kNoExpiry));
      changes.persisted.push_back(field);
      continue;
    }
    if (auto done = ExpireField(ctx, hash, field, expire_at_ms, &changes); !done) {
      changes.Report(ctx, hash, args[1], expire_at_ms);
      reply.Truncate(mark);
      return done.error();
    }
  }
  changes.Report(ctx, hash, args[1], expire_at_ms);
  return {};
}

// HSETEX key [FNX|FXX] [EX s|PX ms|EXAT t|PXAT t|KEEPTTL] FIELDS n field value … -> 1 if all were set, 0 if none
Result<void> HSetEx(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto options = ParseHSetEx(ctx, args);
  if (!options) return options.error();
  auto found = FindHash(ctx, args[1], Look::kChange);
  if (!found) return found.error();
  if (!Allowed(*options, *found)) {
    reply.Integer(0);
    return {};
  }
  const bool at = options->expiry.kind == FieldExpiry::Kind::kAt;
  if (at && options->expiry.at_ms <= ctx.now_ms) {
    if (auto erased = EraseInstead(ctx, args[1], *found, options->pairs); !erased) return erased;
    reply.Integer(1);
    return {};
  }
  size_t done = 0;
  auto created = HashType::Set(ctx, args[1], options->pairs, options->expiry, &done);
  if (done != 0) ReportSet(ctx, args[1], options->pairs.first(done), options->expiry);
  if (!created) return created.error();
  reply.Integer(1);
  return {};
}

// HGETDEL key FIELDS n field … -> the values, which are gone
Result<void> HGetDel(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindHash(ctx, args[1], Look::kChange);
  if (!hash) return hash.error();
  auto fields = FieldsArgument(args, 2, kNotPositive);
  if (!fields) return fields.error();
  reply.Array(fields->size());
  std::vector<std::string_view> erased;
  for (std::string_view field : *fields) {
    ReplyField(*hash, field, reply);
    if (*hash && (*hash)->Erase(field)) erased.push_back(field);
  }
  if (!erased.empty()) FinishErasing(ctx, **hash, args[1], erased);
  return {};
}

}  // namespace chestbox::hashes
