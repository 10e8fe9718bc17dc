// What HSCAN, SSCAN and ZSCAN have in common: a cursor (as SCAN's), MATCH and COUNT.
//
// Threads: none.
#pragma once

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/glob.h"
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"

namespace chestbox {

struct CollectionScan {
  uint64_t count = 10;
  std::optional<std::string_view> pattern;

  bool Wants(std::string_view element) const { return !pattern || GlobMatch(*pattern, element, false); }
};

// As strtoul reads it, which Redis uses: a sign is fine and so is nothing at all.
inline Result<uint64_t> ScanCursorArgument(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  errno = 0;
  const unsigned long cursor = std::strtoul(copy.c_str(), &end, 10);
  if (std::isspace(static_cast<unsigned char>(copy.c_str()[0])) != 0 || *end != '\0' || errno == ERANGE) {
    return Error{"ERR invalid cursor"};
  }
  return uint64_t{cursor};
}

// Options from args[3] on.
inline Result<CollectionScan> ParseCollectionScan(resp::Args args) {
  CollectionScan scan;
  CommandParser parser(args, 3);
  while (!parser.done()) {
    std::string_view value;
    if (parser.EatWithValue("count", &value)) {
      auto count = IntegerArgument(value);
      if (!count) return count.error();
      if (*count < 1) return SyntaxError();
      scan.count = static_cast<uint64_t>(*count);
    } else if (parser.EatWithValue("match", &value)) {
      scan.pattern = value;
    } else {
      return SyntaxError();
    }
  }
  if (scan.pattern == "*") scan.pattern.reset();  // matches the empty element too
  return scan;
}

}  // namespace chestbox
