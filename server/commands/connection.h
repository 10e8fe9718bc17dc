// What the connection commands know about a session, for other families. Executor thread only.
#pragma once

#include <string_view>

#include "protocol/result.h"
#include "server/client.h"
#include "server/server.h"

namespace chestbox {

// The only user there is: requirepass is its password.
inline constexpr std::string_view kDefaultUser = "default";

// True for a client on a Unix socket or a loopback address: what "local" means to enable-debug-command and the like.
bool IsLocal(const Client& client);

// Names the client; an empty name takes the name away.
Result<void> SetClientName(Client& client, std::string_view name);

// Logs the client in, or returns WRONGPASS. The time that it takes does not depend on how much of the password is
// right.
Result<void> Authenticate(Server& server, Client& client, std::string_view user, std::string_view password);

}  // namespace chestbox
