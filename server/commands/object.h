// OBJECT's subcommands: a part of the key family (keys.cc holds the container's row).
#pragma once

#include <string_view>

#include "server/command.h"
#include "server/keyspace.h"

namespace chestbox {

// What OBJECT ENCODING says: "int", "listpack", "skiplist", … as Redis 7.0 calls what it would use.
std::string_view EncodingName(const StateView& state);

inline constexpr size_t kObjectSubcommandCount = 5;
extern const CommandSpec kObjectSubcommands[kObjectSubcommandCount];

}  // namespace chestbox
