// Transaction: what a client has queued since MULTI. Made by MULTI, ended by EXEC, DISCARD, RESET or the session's end.
//
// Executor thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/command.h"

namespace chestbox {

struct QueuedCommand {
  const CommandSpec* spec;
  std::vector<std::string> args;
  // For a walk (SCAN, KEYS): the range that it is about to cover, and the names there that are not in memory.
  KeyWalk walked_range;
  std::shared_ptr<const std::vector<WalkedName>> walked_names;
};

struct Transaction {
  std::vector<QueuedCommand> commands;
  // Of arguments and their bookkeeping. A client could fill the server's memory with commands that never run, so they
  // are bounded as what a client sends in one go is: by client-query-buffer-limit.
  size_t bytes = 0;
  uint64_t flags = 0;   // of all its rows
  bool failed = false;  // a command was refused while it was queued: EXEC refuses all of them
};

}  // namespace chestbox
