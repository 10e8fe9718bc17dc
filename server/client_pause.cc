#include "server/client_pause.h"

#include <algorithm>
#include <utility>

#include "protocol/shm/layout.h"
#include "server/arena/arena_allocator.h"
#include "server/dispatcher.h"
#include "server/server.h"

namespace chestbox {

void ClientPause::Pause(Kind kind, int64_t end_ms) {
  kind_ = std::max(kind_, kind);
  end_ms_ = std::max(end_ms_, end_ms);
  // Release: who sees it, sees what was written before the pause.
  if (kind_ == Kind::kAll) server_.arena().header().reads_paused.store(1, std::memory_order_release);
  if (end_ms_ <= server_.keys().now_ms()) {
    Unpause();
    return;
  }
  server_.RequestAlarm(end_ms_);
}

void ClientPause::Unpause() {
  if (!active()) return;
  kind_ = Kind::kNone;
  end_ms_ = 0;
  server_.arena().header().reads_paused.store(0, std::memory_order_release);
  // Not here: a command is running.
  server_.host().Post([this] { RunRequests(); });
}

void ClientPause::OnTime(int64_t now_ms) {
  if (active() && end_ms_ <= now_ms) Unpause();
}

void ClientPause::PutOff(Client& client, Args args) {
  client.postponed = true;
  requests_.push_back({client.id, {args.begin(), args.end()}});
}

void ClientPause::Forget(Client& client) {
  if (!client.postponed) return;
  client.postponed = false;
  std::erase_if(requests_, [&](const Request& request) { return request.client_id == client.id; });
}

// In order. When a new pause has begun meanwhile, they are put off again.
void ClientPause::RunRequests() {
  std::deque<Request> requests = std::exchange(requests_, {});
  for (const Request& request : requests) {
    if (Client* client = server_.FindClient(request.client_id); client != nullptr) {
      client->postponed = false;
      server_.dispatcher().ExecuteLater(*client, request.args);
    }
  }
}

}  // namespace chestbox
