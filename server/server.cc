#include "server/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "protocol/check.h"
#include "protocol/shm/hash.h"
#include "server/acl/acl.h"
#include "server/arena/arena_allocator.h"
#include "server/arena/heap_stats.h"
#include "server/attach.h"
#include "server/background_save.h"
#include "server/blocked_clients.h"
#include "server/client_pause.h"
#include "server/dispatcher.h"
#include "server/log.h"
#include "server/migrator.h"
#include "server/persistence.h"
#include "server/pubsub.h"
#include "server/random_hex.h"
#include "server/replication/replication.h"
#include "server/scripting/functions.h"
#include "server/scripting/scripts.h"
#include "server/swapper.h"
#include "server/transaction.h"
#include "server/types/field_expiries.h"
#include "server/watched_keys.h"
#include "swap/rocksdb_store.h"

namespace chestbox {

namespace {

constexpr int64_t kPeakSampleMs = 1000;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool IsLfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileLfu || policy == EvictionPolicy::kAllKeysLfu;
}

}  // namespace

Server::Server(Settings& settings, Host& host) : settings_(settings), host_(host) {}

Server::~Server() {
  background_save_.reset();  // it reads the swapper's store
  // The swapper's threads read pinned blocks of the arena.
  swapper_.reset();
}

Result<std::unique_ptr<Server>> Server::Create(Settings& settings, Host& host, const ServerParts& parts) {
  std::unique_ptr<Server> server(new Server(settings, host));
  if (auto ready = server->Init(parts); !ready) return ready.error();
  return server;
}

Result<std::unique_ptr<swap::SwapStore>> Server::OpenStore(const ServerParts& parts, swap::Metadata* metadata) const {
  if (parts.open_store) return parts.open_store(metadata);
  swap::RocksdbOptions options;
  options.directory = config().swap_dir;
  auto opened = swap::OpenRocksdbSwapStore(options);
  if (!opened) return Error{fmt::format("Can't open the swap directory: {}", opened.error().message)};
  *metadata = std::move(opened->metadata);
  if (opened->outcome == swap::OpenOutcome::kRecoveredCheckpoint) {
    LogWarning("The last run did not stop cleanly: the states are those of the last clean stop before it");
  } else if (opened->outcome == swap::OpenOutcome::kEmptyAfterCrash) {
    LogWarning("The last run did not stop cleanly, nor did any before it: starting empty");
  }
  return std::move(opened->store);
}

Result<void> Server::Init(const ServerParts& parts) {
  start_ms_ = NowMs();
  last_save_s_ = start_ms_ / 1000;
  run_id_ = RandomHex(40);
  auto commands = CommandTable::Create(config().renamed_commands, parts.more_commands);
  if (!commands) return commands.error();
  commands_ = std::move(*commands);

  std::unique_ptr<swap::SwapStore> store;
  swap::Metadata metadata;
  if (config().swap) {
    auto opened = OpenStore(parts, &metadata);
    if (!opened) return opened.error();
    store = std::move(*opened);
  }
  uint64_t seed = Random64();
  if (auto found = metadata.find(kHashSeedMetadata); found != metadata.end()) seed = std::stoull(found->second);
  auto arena = ArenaAllocator::Create(shm::kReachBytes, Random64(), seed);
  if (!arena) return arena.error();
  arena_ = std::move(*arena);
  if (auto found = metadata.find(kDatabaseMapMetadata); found != metadata.end()) {
    arena_->header().database_map.store(std::stoull(found->second), std::memory_order_relaxed);  // no reader yet
  }
  if (parts.wrap_memory) wrapped_arena_ = parts.wrap_memory(*arena_);
  shm::ArenaMemory& memory = wrapped_arena_ != nullptr ? *wrapped_arena_ : *arena_;
  keys_ = std::make_unique<Keyspace>(memory, effects_, parts.hash_of != nullptr ? parts.hash_of : shm::HashKey);
  if (!keys_->Create()) return Error{"Out of memory allocating the index"};
  keys_->SetTime(start_ms_);
  arena_->file().HoldExecutorMutex();
  if (store != nullptr) {
    swapper_ = std::make_unique<Swapper>(*keys_, host_, config(), effects_, std::move(store));
    swapper_->Start();
  }
  attach_ = std::make_unique<AttachService>(*keys_, arena_->file());
  acl_ = std::make_unique<Acl>(*this);
  if (auto loaded = acl_->LoadConfigured(); !loaded) return loaded;
  dispatcher_ = std::make_unique<Dispatcher>(*this);
  blocked_ = std::make_unique<BlockedClients>(*this);
  pause_ = std::make_unique<ClientPause>(*this);
  watched_ = std::make_unique<WatchedKeys>(*this);
  pubsub_ = std::make_unique<PubSub>();
  replication_ = std::make_unique<Replication>(*this);
  field_expiries_ = std::make_unique<FieldExpiries>(*this);
  effects_.Add(field_expiries_.get());
  scripts_ = std::make_unique<Scripts>(*this);
  if (auto found = metadata.find(kFunctionsMetadata); found != metadata.end()) {
    if (auto restored = scripts_->functions().Restore(found->second, Functions::RestorePolicy::kFlush); !restored) {
      LogWarning(fmt::format("The functions could not be restored: {}", restored.error().message));
    }
  }
  background_save_ = std::make_unique<BackgroundSave>(*this);
  persistence_ = std::make_unique<Persistence>(*this);
  RegisterAppliers();
  startup_memory_ = used_memory();
  return {};
}

void Server::RegisterAppliers() {
  const auto access_policy = [this](const Config& changed) -> Result<void> {
    keys_->SetAccessPolicy(IsLfu(changed.maxmemory_policy), changed.lfu_log_factor, changed.lfu_decay_time_min);
    return {};
  };
  CHECK(access_policy(config()).ok());
  settings_.OnChange({"maxmemory-policy", "lfu-log-factor", "lfu-decay-time"}, access_policy);
  settings_.OnChange({"maxmemory", "swap-high-watermark-percent", "swap-low-watermark-percent"},
                     [this](const Config& changed) -> Result<void> {
                       if (swapper_ != nullptr) swapper_->OnConfigChanged(changed);
                       return {};
                     });
  settings_.OnChange({"repl-backlog-size"}, [this](const Config&) -> Result<void> {
    replication_->OnConfigChanged();
    return {};
  });
  settings_.OnChange({"requirepass"}, [this](const Config& changed) -> Result<void> {
    acl_->SetDefaultPassword(changed.requirepass);
    return {};
  });
  settings_.OnChange({"loglevel"}, [](const Config& changed) -> Result<void> {
    SetLogLevel(changed.loglevel);
    return {};
  });
}

// ---- Sessions ----

Client& Server::AddClient(Transport* transport) {
  auto client = std::make_unique<Client>();
  client->id = next_client_id_++;
  client->transport = transport;
  client->created_ms = NowMs();
  client->last_interaction_ms = client->created_ms;
  acl_->StartSession(*client);
  Client& added = *client;
  clients_.emplace(added.id, std::move(client));
  return added;
}

void Server::RemoveClient(Client& client) {
  attach_->Detach(client);
  blocked_->End(client);
  replication_->Forget(client);
  pause_->Forget(client);
  pubsub_->Forget(client);
  EndTransaction(client);
  clients_.erase(client.id);
}

Migrator& Server::migrator() {
  if (migrator_ == nullptr) migrator_ = std::make_unique<Migrator>(host_);
  return *migrator_;
}

Client* Server::FindClient(uint64_t id) {
  auto found = clients_.find(id);
  return found == clients_.end() || found->second->closing ? nullptr : found->second.get();
}

void Server::EndTransaction(Client& client) {
  client.transaction.reset();
  watched_->Unwatch(client);
}

void Server::ResetStats() {
  stats_ = Stats{};
  keys_->stats() = KeyspaceStats{};
  sampled_commands_ = sampled_input_bytes_ = sampled_output_bytes_ = 0;
  ops_per_second_ = input_bytes_per_second_ = output_bytes_per_second_ = 0;
}

// ---- Memory ----

uint64_t Server::arena_bytes() const { return arena_->resident_bytes(); }

uint64_t Server::used_memory() const {
  const uint64_t allocated = ReadHeapStats().allocated_bytes;
  // jemalloc counts the arena's blocks as well; what the kernel charges for them is the file.
  const uint64_t blocks = arena_->allocated_bytes();
  return arena_bytes() + (allocated > blocks ? allocated - blocks : 0);
}

uint64_t Server::maxmemory() const { return static_cast<uint64_t>(config().maxmemory_bytes); }

// ---- Upkeep ----

void Server::SampleRates() {
  const int64_t now_ms = keys_->now_ms();
  if (now_ms - sampled_ms_ < 100) return;
  const auto elapsed_ms = static_cast<uint64_t>(now_ms - sampled_ms_);
  const uint64_t rate = (stats_.commands_processed - sampled_commands_) * 1000 / elapsed_ms;
  ops_per_second_ = (ops_per_second_ * 15 + rate) / 16;
  sampled_commands_ = stats_.commands_processed;
  const uint64_t input_rate = (stats_.net_input_bytes - sampled_input_bytes_) * 1000 / elapsed_ms;
  input_bytes_per_second_ = (input_bytes_per_second_ * 15 + input_rate) / 16;
  sampled_input_bytes_ = stats_.net_input_bytes;
  const uint64_t output_rate = (stats_.net_output_bytes - sampled_output_bytes_) * 1000 / elapsed_ms;
  output_bytes_per_second_ = (output_bytes_per_second_ * 15 + output_rate) / 16;
  sampled_output_bytes_ = stats_.net_output_bytes;
  sampled_ms_ = now_ms;
  // More seldom: asking the allocator takes hundreds of microseconds.
  if (now_ms - peak_sampled_ms_ < kPeakSampleMs) return;
  peak_sampled_ms_ = now_ms;
  peak_memory_ = std::max(peak_memory_, used_memory());
}

void Server::Cron() {
  keys_->SetTime(NowMs());
  const bool expire = active_expire_ && !pause_->active();
  if (expire) {
    // At most a quarter of the time between two calls, as Redis spends at its default effort.
    const int64_t budget_us =
        250000 / std::max<int64_t>(1, config().hz) * std::max<int64_t>(1, config().active_expire_effort) / 4;
    keys_->ExpireStep(std::max<int64_t>(1000, budget_us));
    field_expiries_->Step(std::max<int64_t>(1000, budget_us));
  }
  for (int step = 0; step < 16 && keys_->FreeStep(); ++step) {
  }
  keys_->DrainRetired();
  attach_->DrainHits();  // before the swapper looks for cold states
  if (swapper_ != nullptr) {
    swapper_->Cron(expire);
    swapper_->Regulate();
  }
  persistence_->Cron();
  blocked_->ServeReady();  // an expired key may be one that somebody waits for
  replication_->Cron(keys_->now_ms());
  SampleRates();
}

void Server::RequestAlarm(int64_t at_ms) {
  if (at_ms >= alarm_at_ms_) return;
  alarm_at_ms_ = at_ms;
  host_.SetAlarm(at_ms);
}

void Server::OnAlarm() {
  // Where something is overdue and can't end yet (its client is waiting for the disk), ask again soon.
  constexpr int64_t kOverdueMs = 10;
  alarm_at_ms_ = INT64_MAX;
  keys_->SetTime(NowMs());
  const int64_t now_ms = keys_->now_ms();
  blocked_->FireDeadlines(now_ms);
  pause_->OnTime(now_ms);
  const int64_t next_ms = std::min(blocked_->next_deadline_ms(), pause_->end_ms());
  if (next_ms != INT64_MAX) RequestAlarm(next_ms > now_ms ? next_ms : now_ms + kOverdueMs);
}

Result<void> Server::Shutdown(ShutdownMode mode) {
  persistence_->Stop();
  if (swapper_ != nullptr) {
    if (mode == ShutdownMode::kSave) {
      LogNotice("Writing all states to the swap store before exiting");
      swap::Metadata metadata;
      if (scripts_->functions().size() != 0) metadata[kFunctionsMetadata] = scripts_->functions().Dump();
      if (auto saved = swapper_->SaveAll(std::move(metadata)); !saved) {
        LogWarning(fmt::format("Error trying to save the states, can't exit: {}", saved.error().message));
        return saved;
      }
    } else {
      swapper_->CloseWithoutSaving();
    }
  }
  arena_->file().ReleaseExecutorMutex();
  host_.Stop();
  return {};
}

}  // namespace chestbox
