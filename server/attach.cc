#include "server/attach.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "protocol/shm/server_liveness.h"
#include "server/arena/arena_file.h"
#include "server/channel_link.h"

namespace chestbox {

struct AttachService::Page {
  int descriptor = -1;
  shm::ClientPage* page = nullptr;
  const Client* client = nullptr;  // its connection, which outlives the page
  shm::HitLogReader hits{nullptr};

  shm::Channel& channel() const {
    return *reinterpret_cast<shm::Channel*>(reinterpret_cast<char*>(page) + shm::kChannelOffset);
  }
  ~Page() {
    if (page != nullptr) munmap(page, shm::kAttachmentBytes);
    if (descriptor >= 0) close(descriptor);
  }
};

namespace {

// Words of hit logs that one drain looks at: 8 clients that read all the time, some 2 ms if every word names a state
// that no cache holds. With more clients than that, each waits for its turn.
constexpr uint32_t kDrainedSlotsMax = 8 * shm::kHitSlots;
// LRU clocks tick once a second, so there is nothing to gain from draining more often, whatever `hz` is.
constexpr int64_t kDrainIntervalMs = 50;

Error SystemError(const char* what) { return Error{fmt::format("ERR attach: {}: {}", what, std::strerror(errno))}; }

}  // namespace

AttachService::AttachService(Keyspace& keys, ArenaFile& arena) : keys_(keys), arena_(arena) {}

AttachService::~AttachService() {
  for (const auto& [number, page] : pages_) keys_.RemoveClientPage(page->page);
}

Result<void> AttachService::Attach(Client& client) {
  if (client.transport == nullptr || !client.transport->is_unix_socket()) {
    return Error{"ERR attach: only over the Unix socket, which passes descriptors"};
  }
  if (client.attached_page != 0) return Error{"ERR attach: this connection is attached already"};
  auto page = std::make_unique<Page>();
  page->descriptor = memfd_create("chestbox-client", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (page->descriptor < 0) return SystemError("memfd_create");
  // The client could otherwise shrink its page under the server's scan (SIGBUS), or grow it without end.
  if (fchmod(page->descriptor, 0600) != 0 || ftruncate(page->descriptor, shm::kAttachmentBytes) != 0 ||
      fcntl(page->descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return SystemError("the client's page");
  }
  void* mapping =
      mmap(nullptr, shm::kAttachmentBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, page->descriptor, 0);
  if (mapping == MAP_FAILED) return SystemError("mapping the client's page");
  page->page = static_cast<shm::ClientPage*>(mapping);
  page->client = &client;
  page->hits = shm::HitLogReader(&page->page->hit_log);
  if (!client.transport->QueueDescriptors({arena_.read_only_descriptor(), page->descriptor})) {
    return Error{"ERR attach: the descriptors could not be passed"};
  }
  keys_.AddClientPage(page->page);
  client.attached_page = next_page_++;
  pages_.emplace(client.attached_page, std::move(page));
  return {};
}

void AttachService::Detach(Client& client) {
  auto found = pages_.find(client.attached_page);
  if (found == pages_.end()) return;
  DrainPage(*found->second, shm::kHitSlots);
  // At the end of the process nothing is freed any more: views outlive the server, and clients know it by the header.
  if (!shm::ServerIsDead(*reinterpret_cast<const shm::ArenaHeader*>(arena_.base()))) {
    // Before anything that its pins kept is freed: chestbox_view_valid looks at this word after the view was read.
    found->second->page->detached.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  WakeSleeper(found->second->channel());
  keys_.RemoveClientPage(found->second->page);
  pages_.erase(found);
  client.attached_page = 0;
}

shm::Channel* AttachService::ChannelOf(const Client& client) {
  const auto found = pages_.find(client.attached_page);
  return found == pages_.end() ? nullptr : &found->second->channel();
}

uint32_t AttachService::DrainPage(Page& page, uint32_t slots_max) {
  const shm::HitCounts counts = page.hits.TakeCounts();
  KeyspaceStats& stats = keys_.stats();
  stats.hits += counts.hits;
  stats.misses += counts.misses;
  stats.local.hits += counts.hits;
  stats.local.misses += counts.misses;
  const bool touches = !page.client->no_touch;
  return page.hits.Drain(slots_max, [&](uint32_t database, uint64_t hash, uint32_t uses) {
    if (touches) keys_.TouchHashed(database, hash, uses);
  });
}

void AttachService::DrainHits() {
  if (keys_.now_ms() - drained_at_ms_ < kDrainIntervalMs) return;
  drained_at_ms_ = keys_.now_ms();
  uint32_t left = kDrainedSlotsMax;
  auto page = pages_.lower_bound(next_drained_);
  for (size_t visited = 0; visited < pages_.size() && left != 0; ++visited) {
    if (page == pages_.end()) page = pages_.begin();
    left -= DrainPage(*page->second, left);
    ++page;
  }
  next_drained_ = page == pages_.end() ? 0 : page->first;
}

uint64_t AttachService::pins() const {
  uint64_t count = 0;
  for (const auto& [number, page] : pages_) shm::ScanPins(*page->page, [&](shm::Link) { ++count; });
  return count;
}

uint64_t AttachService::pins_of(const Client& client) const {
  uint64_t count = 0;
  auto found = pages_.find(client.attached_page);
  if (found != pages_.end()) shm::ScanPins(*found->second->page, [&](shm::Link) { ++count; });
  return count;
}

}  // namespace chestbox
