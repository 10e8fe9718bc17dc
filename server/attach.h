// AttachService: gives co-located clients their way into the arena. An attach hands over two descriptors by SCM_RIGHTS:
// the arena, read-only, and a page of the client's own, which it may write (pins, the hit log, and the rings of its
// channel). The page lives as long as the connection.
//
// Executor thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "protocol/result.h"
#include "protocol/shm/channel.h"
#include "protocol/shm/pins.h"
#include "server/client.h"
#include "server/keyspace.h"

namespace chestbox {

class ArenaFile;

class AttachService {
 public:
  AttachService(Keyspace& keys, ArenaFile& arena);
  ~AttachService();

  // Creates the client's page and queues both descriptors with its next reply. Errors: not a Unix socket, attached
  // already, no memory.
  Result<void> Attach(Client& client);
  // Forgets the client's page: its pins end here, whatever became of the process.
  void Detach(Client& client);

  // The rings in the page of this client; null if it is not attached. They go with its connection.
  shm::Channel* ChannelOf(const Client& client);

  // Takes what clients have read in shared memory over into the keyspace: hits, misses and access words. Called by the
  // cron; bounded work.
  void DrainHits();

  size_t attached_clients() const { return pages_.size(); }
  uint64_t pins() const;  // in all pages, now
  uint64_t pins_of(const Client& client) const;

 private:
  struct Page;
  uint32_t DrainPage(Page& page, uint32_t slots_max);

  Keyspace& keys_;
  ArenaFile& arena_;
  std::map<uint64_t, std::unique_ptr<Page>> pages_;
  uint64_t next_page_ = 1;
  uint64_t next_drained_ = 0;  // the number of the page that the next drain begins with, or of one before it
  int64_t drained_at_ms_ = 0;
};

}  // namespace chestbox
