// Text of redis.conf: numbers with memory units, quoting, case. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/canonical_integer.h"

namespace chestbox {

bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string ToLower(std::string_view text);

// What C's strtoll takes, as a whole (leading spaces, sign, zeros), in `base`. Redis reads some older settings this
// way.
std::optional<int64_t> ParseLooseInteger(std::string_view text, int base);

// "100mb", "1k", "5": k, m, g are powers of 1000, kb, mb, gb powers of 1024; case does not matter. Modulo 2^64, as
// Redis computes. Never a sign.
std::optional<uint64_t> ParseMemory(std::string_view text);

// The shortest text with a unit that ParseMemory reads back: "64mb".
std::string FormatMemory(uint64_t bytes);

// A double as CONFIG GET writes it: "99.9", "50".
std::string FormatDouble(double value);

// Quotes and escapes `text`, so that SplitQuotedArguments gives it back.
std::string QuoteArgument(std::string_view text);

// Splits at every single space, so that two spaces make an empty piece, as CONFIG SET does. Empty text has no pieces.
std::vector<std::string> SplitAtSpaces(std::string_view text);

// Joins with single spaces.
std::string JoinWithSpaces(const std::vector<std::string>& pieces);

// Without spaces, tabs and line ends at both ends.
std::string_view TrimLine(std::string_view line);

}  // namespace chestbox
