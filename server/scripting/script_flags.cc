#include "server/scripting/script_flags.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/resp/quoted_arguments.h"
#include "server/command.h"

namespace chestbox {

namespace {

constexpr std::pair<std::string_view, uint32_t> kFlagNames[] = {{"no-writes", kScriptNoWrites},
                                                                {"allow-oom", kScriptAllowOom},
                                                                {"allow-stale", kScriptAllowStale},
                                                                {"no-cluster", kScriptNoCluster},
                                                                {"allow-cross-slot-keys", kScriptAllowCrossSlotKeys}};
constexpr std::string_view kEngine = "#!lua";
constexpr std::string_view kFlagsOption = "flags=";

Result<uint32_t> ParseFlags(std::string_view list) {
  uint32_t flags = 0;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    const uint32_t flag = ScriptFlagNamed(name);
    if (flag == 0) return Error{fmt::format("ERR Unexpected flag in script shebang: {}", name)};
    flags |= flag;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
    if (list.empty()) return Error{"ERR Unexpected flag in script shebang: "};
  }
  return flags;
}

}  // namespace

uint32_t ScriptFlagNamed(std::string_view name) {
  for (const auto& [known, flag] : kFlagNames) {
    if (known == name) return flag;
  }
  return 0;
}

std::vector<std::string_view> ScriptFlagNames(uint32_t flags) {
  std::vector<std::string_view> names;
  for (const auto& [name, flag] : kFlagNames) {
    if ((flags & flag) != 0) names.push_back(name);
  }
  return names;
}

Result<Shebang> ParseShebang(std::string_view script) {
  if (!script.starts_with("#!")) return Shebang{};
  const size_t end = script.find('\n');
  if (end == std::string_view::npos) return Error{"ERR Invalid script shebang"};
  const std::optional<std::vector<std::string>> parts = resp::SplitQuotedArguments(script.substr(0, end));
  if (!parts || parts->empty()) return Error{"ERR Invalid engine in script shebang"};
  if (parts->front() != kEngine) {
    return Error{fmt::format("ERR Unexpected engine in script shebang: {}", parts->front())};
  }
  Shebang shebang{0, end};
  for (size_t i = 1; i < parts->size(); ++i) {
    const std::string_view part = (*parts)[i];
    if (!part.starts_with(kFlagsOption)) return Error{fmt::format("ERR Unknown lua shebang option: {}", part)};
    auto flags = ParseFlags(part.substr(kFlagsOption.size()));
    if (!flags) return flags.error();
    shebang.flags |= *flags;
  }
  return shebang;
}

uint64_t CommandFlagsFor(uint64_t row_flags, uint32_t script_flags) {
  if ((script_flags & kScriptUndeclared) != 0) return row_flags;
  uint64_t flags = row_flags & ~static_cast<uint64_t>(kStale | kDenyOom | kWrite | kMayReplicate);
  if ((script_flags & (kScriptAllowOom | kScriptNoWrites)) == 0) flags |= kDenyOom;
  if ((script_flags & kScriptNoWrites) == 0) flags |= kWrite;
  if ((script_flags & kScriptAllowStale) != 0) flags |= kStale;
  return flags;
}

}  // namespace chestbox
