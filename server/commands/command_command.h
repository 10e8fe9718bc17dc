// COMMAND's replies about one row. Executor thread only.
#pragma once

#include "server/command_table.h"

namespace chestbox::command_command {

// An element of COMMAND INFO (command_command.cc).
void ReplyInfo(const CommandTable& table, const CommandSpec& spec, ReplyWriter& reply);
// A value of COMMAND DOCS (command_command_docs.cc).
void ReplyDocs(const CommandTable& table, const CommandSpec& spec, ReplyWriter& reply);

}  // namespace chestbox::command_command
