#include "server/client.h"

#include "server/blocked_clients.h"
#include "server/pubsub.h"
#include "server/replication/replica.h"
#include "server/transaction.h"
#include "server/watched_keys.h"

namespace chestbox {

Client::Client() = default;
Client::~Client() = default;

void Client::Push(std::string_view bytes) {
  if (executing) {
    pushed += bytes;
  } else {
    output.Append(bytes);
  }
  if (transport != nullptr) transport->FlushSoon();
}

}  // namespace chestbox
