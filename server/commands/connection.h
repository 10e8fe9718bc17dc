// What the connection commands know about a session, for other families. Executor thread only.
#pragma once

#include <string_view>

#include "protocol/result.h"
#include "server/client.h"
#include "server/server.h"

namespace chestbox {

// True for a client on a Unix socket or a loopback address: what "local" means to enable-debug-command and the like.
bool IsLocal(const Client& client);

// Names the client; an empty name takes the name away.
Result<void> SetClientName(Client& client, std::string_view name);

}  // namespace chestbox
