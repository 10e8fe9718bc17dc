// CLIENT's handlers, by the file that they are in; the rows are in client_command.cc. Executor thread only.
#pragma once

#include <string>

#include "server/command.h"

namespace chestbox::client_command {

// client_command_list.cc
std::string Line(const Client& client, int64_t now_ms);  // of CLIENT LIST, without its end
Result<void> Info(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> List(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> Kill(CommandContext& ctx, Args args, ReplyWriter& reply);

// client_command_wait.cc
Result<void> Pause(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> Unpause(CommandContext& ctx, Args args, ReplyWriter& reply);
Result<void> Unblock(CommandContext& ctx, Args args, ReplyWriter& reply);

}  // namespace chestbox::client_command
