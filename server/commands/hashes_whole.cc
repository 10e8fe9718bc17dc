// Commands on all fields of a hash, or on random ones.
#include <algorithm>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "protocol/shm/layout.h"
#include "server/commands/collection_scan.h"
#include "server/commands/hashes.h"

namespace chestbox::hashes {

namespace {

using Found = Result<std::optional<HashType>>;

Found FindWhole(CommandContext& ctx, std::string_view key) {
  return HashType::Find(ctx, key, Look::kRead, HashType::Scope::kWhole);
}

enum class Part { kFields, kValues, kBoth };

Result<void> ReplyAll(CommandContext& ctx, std::string_view key, Part part, ReplyWriter& reply) {
  auto hash = FindWhole(ctx, key);
  if (!hash) return hash.error();
  const uint64_t size = *hash ? (*hash)->CountLiving() : 0;
  if (part == Part::kBoth) {
    reply.Map(size);
  } else {
    reply.Array(size);
  }
  if (!*hash) return {};
  (*hash)->ForEach([&](const PackedRow& row) {
    if (part != Part::kValues) ReplyElement(**hash, row.key, reply);
    if (part != Part::kFields) ReplyElement(**hash, row.value, reply);
    return true;
  });
  return {};
}

// ---- HRANDFIELD ----

std::mt19937_64& RandomGenerator() {
  static std::mt19937_64 generator{std::random_device{}()};  // executor thread only
  return generator;
}

// What has expired and was not swept yet is in the way: so often another one is drawn before all are looked through.
constexpr int kDrawsMax = 64;
// Below this many times as many fields as are wanted, choosing while walking over all of them is cheaper.
constexpr uint64_t kDrawingFactorMin = 3;

class RandomFields {
 public:
  RandomFields(const HashType& hash, bool with_values, ReplyWriter& reply)
      : hash_(hash), with_values_(with_values), reply_(reply), draws_(!hash.packed() && !hash.MayHaveExpired()) {}

  void Header(uint64_t fields) { reply_.Array(with_values_ && reply_.protocol() == 2 ? fields * 2 : fields); }
  void Reply(const PackedRow& row) {
    if (with_values_ && reply_.protocol() > 2) reply_.Array(2);
    ReplyElement(hash_, row.key, reply_);
    if (with_values_) ReplyElement(hash_, row.value, reply_);
  }

  // False: there is none that lives.
  bool One() {
    PackedRow drawn;
    for (int i = 0; !hash_.packed() && i < kDrawsMax; ++i) {
      if (!hash_.Lives(Draw(&drawn))) continue;
      Reply(drawn);
      return true;
    }
    const uint64_t size = hash_.CountLiving();
    if (size == 0) return false;
    uint64_t before = RandomGenerator()() % size;
    hash_.ForEach([&](const PackedRow& row) {
      drawn = row;
      return before-- != 0;
    });
    Reply(drawn);
    return true;
  }
  void AnyTimes(uint64_t count) {
    if (hash_.size() == 0 || (!draws_ && hash_.CountLiving() == 0)) {
      Header(0);
      return;
    }
    Header(count);
    if (count == 1) {
      CHECK(One());
      return;
    }
    if (draws_) {
      PackedRow row;
      for (uint64_t i = 0; i < count; ++i) Reply(Draw(&row));
      return;
    }
    std::vector<PackedRow> rows;
    hash_.ForEach([&](const PackedRow& row) {
      rows.push_back(row);
      return true;
    });
    for (uint64_t i = 0; i < count; ++i) Reply(rows[RandomGenerator()() % rows.size()]);
  }
  void Distinct(uint64_t count) {
    const uint64_t size = hash_.CountLiving();
    count = std::min(count, size);
    Header(count);
    if (!draws_ || count > size / kDrawingFactorMin) {
      Choose(count, size);
      return;
    }
    std::unordered_set<std::string> drawn;
    shm::ElementDigits digits;
    PackedRow row;
    while (drawn.size() < count) {
      if (drawn.emplace(hash_.Text(Draw(&row).key, &digits)).second) Reply(row);
    }
  }

 private:
  const PackedRow& Draw(PackedRow* row) {
    CHECK(hash_.reader().table().RandomRow(RandomGenerator(), row) == shm::Looked::kFound);
    return *row;
  }
  // Every set of `wanted` of the `left` fields is as likely as another.
  void Choose(uint64_t wanted, uint64_t left) {
    hash_.ForEach([&](const PackedRow& row) {
      if (RandomGenerator()() % left-- < wanted) {
        Reply(row);
        --wanted;
      }
      return wanted != 0;
    });
  }

  const HashType& hash_;
  const bool with_values_;
  ReplyWriter& reply_;
  const bool draws_;  // else by looking at all of them
};

Result<void> RandomFieldsOf(CommandContext& ctx, std::string_view key, int64_t count, bool with_values,
                            ReplyWriter& reply) {
  auto hash = FindWhole(ctx, key);
  if (!hash) return hash.error();
  if (!*hash || count == 0) {
    reply.Array(0);
    return {};
  }
  RandomFields fields(**hash, with_values, reply);
  if (count < 0 || count == 1) {
    fields.AnyTimes(static_cast<uint64_t>(count < 0 ? -count : count));
  } else {
    fields.Distinct(static_cast<uint64_t>(count));
  }
  return {};
}

// ---- HSCAN ----

// As in Redis, a call that meets few fields in many buckets stops here, so that it stays short.
constexpr uint64_t kBucketsPerFieldMax = 10;

struct HScanOptions {
  CollectionScan scan;
  bool values = true;
};

Result<HScanOptions> ParseHScan(Args args) {
  HScanOptions options;
  // NOVALUES is HSCAN's own.
  std::vector<std::string_view> common;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool is_option = i >= 3 && (common.size() % 2) == 1;
    if (is_option && EqualIgnoringCase(args[i], "novalues")) {
      options.values = false;
    } else {
      common.push_back(args[i]);
    }
  }
  auto scan = ParseCollectionScan(common);
  if (!scan) return scan.error();
  options.scan = *scan;
  return options;
}

}  // namespace

// HLEN key -> how many fields there are; of a large hash also those that expired a moment ago, as in Redis
Result<void> HLen(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto hash = FindWhole(ctx, args[1]);
  if (!hash) return hash.error();
  reply.Integer(*hash ? static_cast<int64_t>((*hash)->size()) : 0);
  return {};
}

// HGETALL key -> fields and values
Result<void> HGetAll(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyAll(ctx, args[1], Part::kBoth, reply);
}

// HKEYS key -> the fields
Result<void> HKeys(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyAll(ctx, args[1], Part::kFields, reply);
}

// HVALS key -> the values
Result<void> HVals(CommandContext& ctx, Args args, ReplyWriter& reply) {
  return ReplyAll(ctx, args[1], Part::kValues, reply);
}

// HRANDFIELD key [count [WITHVALUES]] -> a field, or null; with a count: that many, distinct unless it is negative
Result<void> HRandField(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() == 2) {
    auto hash = FindWhole(ctx, args[1]);
    if (!hash) return hash.error();
    if (!*hash) {
      reply.Null();
      return {};
    }
    if (!RandomFields(**hash, false, reply).One()) reply.Null();
    return {};
  }
  auto count = IntegerArgument(args[2]);
  if (!count) return count.error();
  if (*count == INT64_MIN) {
    return Error{"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"};
  }
  bool with_values = false;
  if (args.size() > 3) {
    if (args.size() > 4 || !EqualIgnoringCase(args[3], "withvalues")) return SyntaxError();
    with_values = true;
    if (*count < -(INT64_MAX / 2) || *count > INT64_MAX / 2) return Error{"ERR value is out of range"};
  }
  return RandomFieldsOf(ctx, args[1], *count, with_values, reply);
}

// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES] -> [the next cursor, fields and values]
Result<void> HScan(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto cursor = ScanCursorArgument(args[2]);
  if (!cursor) return cursor.error();
  auto hash = FindWhole(ctx, args[1]);
  if (!hash) return hash.error();
  if (!*hash) {
    reply.Array(2);
    reply.Bulk("0");
    reply.Array(0);
    return {};
  }
  auto options = ParseHScan(args);
  if (!options) return options.error();
  const HashType& found = **hash;
  std::vector<PackedRow> rows;
  uint64_t position = 0;
  const auto take = [&](const PackedRow& row) {
    shm::ElementDigits digits;
    if (found.Lives(row) && options->scan.Wants(found.Text(row.key, &digits))) rows.push_back(row);
    return true;
  };
  if (found.packed()) {
    found.ForEach(take);
  } else {
    const auto reader = found.reader();
    const uint64_t buckets_max = std::min<uint64_t>(options->scan.count, UINT32_MAX) * kBucketsPerFieldMax;
    position = shm::ReverseBits(*cursor);
    for (uint64_t buckets = 0; buckets < buckets_max && rows.size() < options->scan.count; ++buckets) {
      CHECK(reader.table().VisitPosition(position, &position, take));
      if (position == 0) break;
    }
  }
  reply.Array(2);
  reply.Bulk(std::to_string(shm::ReverseBits(position)));
  reply.Array(rows.size() * (options->values ? 2 : 1));
  for (const PackedRow& row : rows) {
    ReplyElement(found, row.key, reply);
    if (options->values) ReplyElement(found, row.value, reply);
  }
  return {};
}

}  // namespace chestbox::hashes
