// What a script says about itself in its first line: "#!lua flags=no-writes,allow-oom". Threads: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/result.h"

namespace chestbox {

enum ScriptFlag : uint32_t {
  kScriptNoWrites = 1 << 0,
  kScriptAllowOom = 1 << 1,
  kScriptAllowStale = 1 << 2,
  kScriptNoCluster = 1 << 3,
  kScriptAllowCrossSlotKeys = 1 << 4,
  kScriptUndeclared = 1 << 5,  // no such line: what it does is seen when it does it
};

// By name ("no-writes"); 0 for an unknown one.
uint32_t ScriptFlagNamed(std::string_view name);
std::vector<std::string_view> ScriptFlagNames(uint32_t flags);

struct Shebang {
  uint32_t flags = kScriptUndeclared;
  size_t bytes = 0;  // of the line, without its end
};
Result<Shebang> ParseShebang(std::string_view script);

// Flags of a command's row (command.h) for this script.
uint64_t CommandFlagsFor(uint64_t row_flags, uint32_t script_flags);

}  // namespace chestbox
