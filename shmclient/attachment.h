// Attachment: the memory of one run of a server as this process has it mapped: the arena, read-only, and the client's
// own page.
//
// Lives until the last view into it was released, longer than its connection if need be. The connection's socket then
// stays open with it, because the server ends the pins when it closes: a view must not lose its pin to this client's
// own reconnecting. One thread. After a fork the child has none of the mappings (MADV_DONTFORK) and calls Abandon().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "protocol/shm/channel.h"
#include "protocol/shm/index_reader.h"
#include "protocol/shm/pins.h"
#include "protocol/shm/server_liveness.h"
#include "shmclient/socket.h"

namespace chestbox::shmclient {

class Attachment {
 public:
  struct Terms {  // the server's words
    uint64_t arena_id = 0;
    uint64_t mapped_bytes = 0;
    uint64_t page_bytes = 0;
  };
  // Null and `*error` when the memory cannot be mapped or is not what was said.
  static std::unique_ptr<Attachment> Map(const Terms& terms, const Socket& arena, const Socket& page, uint32_t number,
                                         std::string* error);
  ~Attachment();
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  const shm::ArenaView& arena() const { return arena_; }
  shm::PinTable& pins() { return pins_; }
  shm::Channel& channel() const {
    return *reinterpret_cast<shm::Channel*>(static_cast<char*>(page_) + shm::kChannelOffset);
  }
  uint64_t hash_seed() const { return hash_seed_; }
  uint32_t number() const { return number_; }
  bool server_is_dead() const { return shm::ServerIsDead(arena_.header()); }
  shm::HitLog& hit_log() const { return static_cast<shm::ClientPage*>(page_)->hit_log; }
  // The server has ended this attachment: pins hold nothing any more.
  bool is_detached() const {
    return static_cast<const shm::ClientPage*>(page_)->detached.load(std::memory_order_acquire) != 0;
  }
  // Read rights of some user have changed since this attachment was granted.
  bool rights_changed() const { return arena_.header().acl_epoch.load(std::memory_order_relaxed) != acl_epoch_; }

  // CLIENT PAUSE ALL is in force: the server has to put reads off.
  bool reads_paused() const { return arena_.header().reads_paused.load(std::memory_order_acquire) != 0; }

  void AddView() { ++views_; }
  // Ends the view that holds this slot; false if none does.
  bool EndView(uint32_t slot);
  uint32_t views() const { return views_; }

  void KeepOpen(Socket socket) { kept_ = std::move(socket); }
  void Abandon();

 private:
  Attachment() = default;

  shm::ArenaView arena_;
  shm::PinTable pins_;
  uint64_t hash_seed_ = 0;
  uint32_t acl_epoch_ = 0;
  uint32_t number_ = 0;
  uint32_t views_ = 0;
  void* page_ = nullptr;
  Socket kept_;
};

}  // namespace chestbox::shmclient
