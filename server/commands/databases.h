// Numbers of databases in arguments. Executor thread only.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/result.h"
#include "server/command.h"

namespace chestbox {

// A database that this server has (`databases`), or Redis' error.
Result<uint32_t> DatabaseArgument(const CommandContext& ctx, std::string_view text);
// For CommandSpec::other_database, which has no way to complain: -1 if `text` names no database.
int DatabaseOrNone(std::string_view text);

}  // namespace chestbox
