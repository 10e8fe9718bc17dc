#include "server/client.h"

#include "server/blocked_clients.h"
#include "server/replication/replica.h"
#include "server/transaction.h"
#include "server/watched_keys.h"

namespace chestbox {

Client::Client() = default;
Client::~Client() = default;

}  // namespace chestbox
