// Server: one state function, put together. Owns the arena, the keyspace, the swapper, the clients and the settings,
// and is what commands reach beyond the keyspace. No sockets here: the network (network.h) feeds Dispatcher, and tests
// feed it without one.
//
// Executor thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/client.h"
#include "server/command_table.h"
#include "server/config/settings.h"
#include "server/effects.h"
#include "server/keyspace.h"
#include "server/stats.h"
#include "swap/swap_store.h"

namespace chestbox {

class Acl;
class ArenaAllocator;
class AttachService;
class BackgroundSave;
class BlockedClients;
class ClientPause;
class Dispatcher;
class Migrator;
class Replication;
class FieldExpiries;
class Persistence;
class PubSub;
class Scripts;
class Swapper;
class WatchedKeys;

enum class ShutdownMode { kSave, kNoSave };

// What a server needs from the program around it.
class Host {
 public:
  virtual ~Host() = default;
  // Runs `work` on the executor thread soon; callable from any thread.
  virtual void Post(std::function<void()> work) = 0;
  // Server::OnAlarm is to be called at `at_ms` (Unix ms), on the executor; a later call replaces an earlier one.
  virtual void SetAlarm(int64_t at_ms) = 0;
  virtual void Stop() = 0;  // leave the event loop; the program ends
  // For a command that takes long: executes the requests that other clients have sent meanwhile, and returns. False:
  // the server was stopped.
  virtual bool ServeOthers() { return true; }
  virtual uint16_t tcp_port() const = 0;
};

// What tests put in the place of the real ones.
struct ServerParts {
  Keyspace::HashFunction hash_of = nullptr;
  std::span<const CommandSpec> more_commands = {};
  // An open store, and the metadata of its last clean close.
  std::function<std::unique_ptr<swap::SwapStore>(swap::Metadata* metadata)> open_store = {};
  // Between the keyspace and the arena: to count requests for memory, or refuse them.
  std::function<std::unique_ptr<shm::ArenaMemory>(shm::ArenaMemory& arena)> wrap_memory = {};
};

class Server {
 public:
  // `settings` and `host` outlive the server. Opens the arena and the swap store. An Error says why it cannot start.
  static Result<std::unique_ptr<Server>> Create(Settings& settings, Host& host, const ServerParts& parts = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Settings& settings() { return settings_; }
  const Config& config() const { return settings_.config(); }
  Host& host() { return host_; }
  Keyspace& keys() { return *keys_; }
  ArenaAllocator& arena() { return *arena_; }
  Swapper* swapper() { return swapper_.get(); }  // null with `swap no`
  AttachService& attach() { return *attach_; }
  Dispatcher& dispatcher() { return *dispatcher_; }
  BlockedClients& blocked() { return *blocked_; }
  ClientPause& pause() { return *pause_; }
  WatchedKeys& watched() { return *watched_; }
  PubSub& pubsub() { return *pubsub_; }
  Replication& replication() { return *replication_; }
  Migrator& migrator();  // begins with its first use
  Scripts& scripts() { return *scripts_; }
  FieldExpiries& field_expiries() { return *field_expiries_; }
  BackgroundSave& background_save() { return *background_save_; }
  Persistence& persistence() { return *persistence_; }
  EffectSink& effects() { return effects_; }
  const CommandTable& commands() const { return *commands_; }
  Acl& acl() { return *acl_; }
  Stats& stats() { return stats_; }

  // Sessions, by ascending id. The transport creates one and removes it when it is gone.
  Client& AddClient(Transport* transport);
  void RemoveClient(Client& client);
  Client* FindClient(uint64_t id);
  // Forgets what the client has queued and watched (DISCARD, RESET).
  void EndTransaction(Client& client);
  const std::map<uint64_t, std::unique_ptr<Client>>& clients() const { return clients_; }

  // ---- Time and identity ----
  int64_t start_ms() const { return start_ms_; }
  const std::string& run_id() const { return run_id_; }                 // 40 hex digits
  uint64_t dirty() const { return effects_.reported() - dirty_base_; }  // effects since the last save
  // A save is on the disk: it began when `reported` effects had been reported.
  void MarkSaved(uint64_t reported, int64_t at_s) {
    dirty_base_ = reported;
    last_save_s_ = at_s;
  }
  int64_t last_save_s() const { return last_save_s_; }
  void ResetStats();  // CONFIG RESETSTAT
  uint64_t instantaneous_ops() const { return ops_per_second_; }
  uint64_t instantaneous_input_bytes() const { return input_bytes_per_second_; }
  uint64_t instantaneous_output_bytes() const { return output_bytes_per_second_; }

  // ---- Memory ----
  uint64_t arena_bytes() const;  // of the arena's file that are in memory (st_blocks)
  uint64_t used_memory() const;  // arena and private heap
  uint64_t peak_memory() const { return peak_memory_; }
  uint64_t startup_memory() const { return startup_memory_; }  // used_memory when it was ready to serve
  // Bytes that `maxmemory` bounds, or 0 when there is no bound.
  uint64_t maxmemory() const;

  // ---- Upkeep, ended by Shutdown ----
  void Cron();  // `hz` times a second
  // Timeouts of blocked clients and of CLIENT PAUSE are due at `at_ms`.
  void RequestAlarm(int64_t at_ms);
  void OnAlarm();
  // DEBUG SET-ACTIVE-EXPIRE 0|1.
  void set_active_expire(bool on) { active_expire_ = on; }
  bool active_expire() const { return active_expire_; }
  // DEBUG SLEEP and the like block on purpose; everything else may not.

  // Swaps everything out and stops (kSave), or leaves without (kNoSave). After an Error the server goes on.
  Result<void> Shutdown(ShutdownMode mode);

 private:
  Server(Settings& settings, Host& host);
  Result<void> Init(const ServerParts& parts);
  Result<std::unique_ptr<swap::SwapStore>> OpenStore(const ServerParts& parts, swap::Metadata* metadata) const;
  void RegisterAppliers();
  void SampleRates();

  Settings& settings_;
  Host& host_;
  EffectSink effects_;
  Stats stats_;
  std::unique_ptr<CommandTable> commands_;
  std::unique_ptr<Acl> acl_;
  std::unique_ptr<ArenaAllocator> arena_;
  std::unique_ptr<shm::ArenaMemory> wrapped_arena_;  // null but in tests
  std::unique_ptr<Keyspace> keys_;
  std::unique_ptr<Swapper> swapper_;
  std::unique_ptr<AttachService> attach_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<BlockedClients> blocked_;
  std::unique_ptr<ClientPause> pause_;
  std::unique_ptr<WatchedKeys> watched_;
  std::unique_ptr<PubSub> pubsub_;
  std::unique_ptr<Replication> replication_;
  std::unique_ptr<Migrator> migrator_;
  std::unique_ptr<FieldExpiries> field_expiries_;
  std::unique_ptr<Scripts> scripts_;
  std::unique_ptr<Persistence> persistence_;
  std::unique_ptr<BackgroundSave> background_save_;
  std::map<uint64_t, std::unique_ptr<Client>> clients_;
  uint64_t next_client_id_ = 1;
  int64_t start_ms_ = 0;
  int64_t last_save_s_ = 0;
  uint64_t dirty_base_ = 0;
  uint64_t peak_memory_ = 0;
  uint64_t startup_memory_ = 0;
  uint64_t ops_per_second_ = 0;
  uint64_t input_bytes_per_second_ = 0;
  uint64_t output_bytes_per_second_ = 0;
  uint64_t sampled_commands_ = 0;
  uint64_t sampled_input_bytes_ = 0;
  uint64_t sampled_output_bytes_ = 0;
  int64_t sampled_ms_ = 0;
  int64_t peak_sampled_ms_ = 0;
  int64_t alarm_at_ms_ = INT64_MAX;
  bool active_expire_ = true;
  std::string run_id_;
};

}  // namespace chestbox
