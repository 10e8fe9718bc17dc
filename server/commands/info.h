// INFO: figures of the server in sections. Executor thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/command.h"

namespace chestbox::info {

// INFO [section …]
Result<void> Info(CommandContext& ctx, Args args, ReplyWriter& reply);

// Sections, each appending its lines without the title (info_server.cc, info_memory.cc, info_stats.cc).
void AppendServer(Server& server, std::string* text);
void AppendClients(Server& server, std::string* text);
void AppendMemory(Server& server, std::string* text);
void AppendPersistence(Server& server, std::string* text);
void AppendStats(Server& server, std::string* text);
void AppendReplication(Server& server, std::string* text);
void AppendCpu(Server& server, std::string* text);
void AppendCommandStats(Server& server, std::string* text);
void AppendErrorStats(Server& server, std::string* text);
void AppendLatencyStats(Server& server, std::string* text);
void AppendCluster(Server& server, std::string* text);
void AppendKeyspace(Server& server, std::string* text);
void AppendChestbox(Server& server, std::string* text);

}  // namespace chestbox::info
