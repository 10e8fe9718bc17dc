#include "server/client.h"

#include "server/blocked_clients.h"

namespace chestbox {

Client::Client() = default;
Client::~Client() = default;

}  // namespace chestbox
