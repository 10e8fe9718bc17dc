// COMMAND's replies about one row. Executor thread only.
#pragma once

#include "server/command_table.h"

namespace chestbox::command_command {

// An element of COMMAND INFO (command_command.cc).
void ReplyInfo(const CommandTable& table, const CommandSpec& spec, ReplyWriter& reply);
// What this very call would do to its keys, where the row leaves that to the arguments (SET: with GET it reads;
// BITFIELD: with nothing but GET it does not write). `flags`: those of the row's range.
uint32_t KeyFlagsOfCall(const CommandSpec& spec, uint32_t flags, Args call);
// A value of COMMAND DOCS (command_command_docs.cc).
void ReplyDocs(const CommandTable& table, const CommandSpec& spec, ReplyWriter& reply);

}  // namespace chestbox::command_command
