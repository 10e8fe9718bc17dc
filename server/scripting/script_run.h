// ScriptRun: the script that is running now, of which there is one at most. Executor thread only.
#pragma once

#include <chrono>
#include <string>

#include "server/client.h"

namespace chestbox {

struct ScriptRun {
  Client& caller;
  std::string name;          // its SHA-1, or the function's name
  bool is_function = false;  // FCALL, not EVAL
  bool read_only = false;
  bool allow_oom = false;
  bool short_of_memory = false;  // when it began
  bool wrote = false;            // a command of its that may write was executed
  bool busy = false;             // longer than busy-reply-threshold: others are served beside it
  bool killed = false;
  Args command = {};  // what began it
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
};

}  // namespace chestbox
