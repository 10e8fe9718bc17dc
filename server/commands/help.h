// What "COMMAND HELP" replies for a container of subcommands. Executor thread only.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/resp/reply_writer.h"

namespace chestbox {

// `command` as the client wrote it; `lines` without the title and without HELP's own lines.
inline void ReplyHelp(resp::ReplyWriter& reply, std::string_view command, std::span<const std::string_view> lines) {
  std::string title(command);
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  reply.Array(lines.size() + 3);
  reply.SimpleString(title + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (std::string_view line : lines) reply.SimpleString(line);
  reply.SimpleString("HELP");
  reply.SimpleString("    Prints this help.");
}

}  // namespace chestbox
