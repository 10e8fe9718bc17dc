// Reading files of states again: RDB files of Redis' versions up to 12, and the commands of an append-only file. Also
// such as redis-server 7.0 to 7.4 wrote.
//
// A file is looked through as a whole first (its structure, every object, the checksum), so that a damaged one changes
// nothing. What is there already (without `replace`), and a library that does not run, is found when it is met. One
// state at a time is held besides what it becomes. Everybody waits; executor thread only. What is loaded is not
// reported as effects.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/result.h"

namespace chestbox {

class Server;

struct LoadOptions {
  bool flush = true;     // all states and functions go first
  bool replace = false;  // of keys and libraries that are there already; else that is an Error
};

struct LoadCounts {
  uint64_t loaded = 0;
  uint64_t expired = 0;  // left out
};

Result<LoadCounts> LoadRdbFile(Server& server, const std::string& path, const LoadOptions& options);

// Empties the server, and executes the file's requests. An Error in the middle leaves what was executed by then.
Result<void> LoadCommandFile(Server& server, const std::string& path);

}  // namespace chestbox
