// Replies to wrong calls of subcommands, in Redis' words. Threads: none.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/command.h"
#include "server/echoed.h"

namespace chestbox {

// For a subcommand that is unknown, or whose arguments are too many or too few.
inline Error SubcommandSyntaxError(Args args) {
  constexpr size_t kEchoedBytesMax = 128;
  std::string container(args[0]);
  for (char& c : container) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return Error{fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
                           AsEchoed(args[1]).substr(0, kEchoedBytesMax), container)};
}

}  // namespace chestbox
