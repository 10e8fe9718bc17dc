// OBJECT's subcommands: a part of the key family (keys.cc holds the container's row).
#pragma once

#include "server/command.h"

namespace chestbox {

inline constexpr size_t kObjectSubcommandCount = 5;
extern const CommandSpec kObjectSubcommands[kObjectSubcommandCount];

}  // namespace chestbox
