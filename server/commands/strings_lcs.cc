// LCS: the longest common subsequence of two strings, by the textbook's table of the lengths for all pairs of prefixes
// (Wagner and Fischer 1974), which is walked backwards from its corner to find the matches.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/command_parser.h"
#include "server/commands/lookup.h"
#include "server/commands/number_parsing.h"
#include "server/commands/strings.h"
#include "server/server.h"

namespace chestbox::strings {

namespace {

struct LcsOptions {
  bool length_only = false;
  bool ranges = false;
  bool with_match_length = false;
  int64_t match_length_min = 0;
};

Result<LcsOptions> ParseLcsOptions(Args args) {
  LcsOptions options;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    std::string_view number;
    if (parser.Eat("idx")) {
      options.ranges = true;
    } else if (parser.Eat("len")) {
      options.length_only = true;
    } else if (parser.Eat("withmatchlen")) {
      options.with_match_length = true;
    } else if (parser.EatWithValue("minmatchlen", &number)) {
      auto given = IntegerArgument(number);
      if (!given) return given.error();
      options.match_length_min = std::max<int64_t>(*given, 0);
    } else {
      return SyntaxError();
    }
  }
  if (options.length_only && options.ranges) {
    return Error{"ERR If you want both the length and indexes, please just use IDX."};
  }
  return options;
}

// Lengths for all prefixes: at(i, j) is that of the first i bytes of `a` and the first j of `b`.
class LcsTable {
 public:
  // Refuses what would take more than `bytes_max`.
  static Result<LcsTable> Build(std::string_view a, std::string_view b, int64_t bytes_max) {
    const uint64_t cells = (uint64_t{a.size()} + 1) * (uint64_t{b.size()} + 1);
    if (cells > static_cast<uint64_t>(bytes_max) / sizeof(uint32_t)) {
      return Error{"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"};
    }
    LcsTable table;
    table.width_ = b.size() + 1;
    table.cells_.reset(new (std::nothrow) uint32_t[cells]);
    if (table.cells_ == nullptr) {
      return Error{"ERR Insufficient memory, failed allocating transient memory for LCS"};
    }
    table.Fill(a, b);
    return table;
  }

  uint32_t at(size_t i, size_t j) const { return cells_[i * width_ + j]; }

 private:
  void Fill(std::string_view a, std::string_view b) {
    std::fill_n(cells_.get(), width_, 0);
    for (size_t i = 1; i <= a.size(); ++i) {
      const uint32_t* above = &cells_[(i - 1) * width_];
      uint32_t* row = &cells_[i * width_];
      row[0] = 0;
      for (size_t j = 1; j <= b.size(); ++j) {
        row[j] = a[i - 1] == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
      }
    }
  }

  std::unique_ptr<uint32_t[]> cells_;
  size_t width_ = 0;
};

// A run of equal bytes: a[a_first …] and b[b_first …].
struct Match {
  size_t a_first;
  size_t b_first;
  size_t bytes;
};

struct Subsequence {
  std::string bytes;
  std::vector<Match> matches;  // last first
};

Subsequence WalkBack(const LcsTable& table, std::string_view a, std::string_view b) {
  Subsequence found;
  found.bytes.resize(table.at(a.size(), b.size()));
  size_t left = found.bytes.size();
  size_t i = a.size();
  size_t j = b.size();
  while (i > 0 && j > 0) {
    if (a[i - 1] != b[j - 1]) {
      if (table.at(i - 1, j) > table.at(i, j - 1)) {
        --i;
      } else {
        --j;
      }
      continue;
    }
    const bool extends =
        !found.matches.empty() && found.matches.back().a_first == i && found.matches.back().b_first == j;
    --i;
    --j;
    found.bytes[--left] = a[i];
    if (extends) {
      --found.matches.back().a_first;
      --found.matches.back().b_first;
      ++found.matches.back().bytes;
    } else {
      found.matches.push_back({i, j, 1});
    }
  }
  return found;
}

void ReplyRange(ReplyWriter& reply, size_t first, size_t bytes) {
  reply.Array(2);
  reply.Integer(static_cast<int64_t>(first));
  reply.Integer(static_cast<int64_t>(first + bytes - 1));
}

void ReplyMatches(ReplyWriter& reply, const Subsequence& found, const LcsOptions& options) {
  reply.Map(2);
  reply.Bulk("matches");
  const size_t mark = reply.BeginDeferredArray(found.matches.size());
  size_t count = 0;
  for (const Match& match : found.matches) {
    if (static_cast<int64_t>(match.bytes) < options.match_length_min) continue;
    ++count;
    reply.Array(options.with_match_length ? 3 : 2);
    ReplyRange(reply, match.a_first, match.bytes);
    ReplyRange(reply, match.b_first, match.bytes);
    if (options.with_match_length) reply.Integer(static_cast<int64_t>(match.bytes));
  }
  reply.EndDeferredArray(mark, count);
  reply.Bulk("len");
  reply.Integer(static_cast<int64_t>(found.bytes.size()));
}

}  // namespace

// LCS key1 key2 [LEN | IDX] [MINMATCHLEN n] [WITHMATCHLEN] -> the common subsequence; its length; or a map of the
// matches, last first, and the length.
Result<void> Lcs(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto first = OnlyString(ReadState(ctx, args[1]));
  auto second = OnlyString(ReadState(ctx, args[2]));
  if (!first || !second) return Error{"ERR The specified keys must contain string values"};
  auto options = ParseLcsOptions(args);
  if (!options) return options.error();
  // The second look may have deleted an expired key, and that is a write.
  first = OnlyString(ctx.keys.Peek(ctx.db, args[1]));
  const std::string_view a = *first ? (*first)->value : std::string_view{};
  const std::string_view b = *second ? (*second)->value : std::string_view{};
  auto table = LcsTable::Build(a, b, ctx.server.config().proto_max_bulk_bytes);
  if (!table) return table.error();
  if (options->length_only) {
    reply.Integer(table->at(a.size(), b.size()));
    return {};
  }
  const Subsequence found = WalkBack(*table, a, b);
  if (options->ranges) {
    ReplyMatches(reply, found, *options);
  } else {
    reply.Bulk(found.bytes);
  }
  return {};
}

}  // namespace chestbox::strings
