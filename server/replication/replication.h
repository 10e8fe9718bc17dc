// Replication: this server as a master. Listens to the effect sink while somebody replicates, or may come back and go
// on (the backlog), and feeds the replicas; without either nothing here costs a write anything.
//
// A full synchronization: the replica's replies are held back, a background save begins (or one that began for another
// replica is joined), the stream since the save's moment gathers in the replica's reply buffer, within
// client-output-buffer-limit, the file is sent in pieces, and then what has gathered. A partial one (PSYNC with our
// replication id and an offset that the backlog covers) just goes on.
//
// Invariants
// - Executor thread only. A replica's stream is never interleaved with anything but replies to its own commands, which
// a
//   well-behaved replica does not ask for.
// - offset() is that of the last byte of the stream, whoever got it. A new backlog means a new replication id, because
//   nothing counts the writes while there is none.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/effects.h"
#include "server/replication/backlog.h"
#include "server/replication/replica.h"
#include "server/replication/stream.h"

namespace chestbox {

class Server;
struct Client;

class Replication final : public EffectListener {
 public:
  explicit Replication(Server& server);
  ~Replication() override;

  // ---- For the dispatcher ----
  // The effects between these two are those of one command, EXEC or script.
  void BeginUnit() { stream_.Begin(); }
  void EndUnit(bool as_transaction) { stream_.End(as_transaction); }
  void OnEffect(const Effect& effect) override {
    if (!effect.beyond_redis) stream_.Add(effect.database, effect.command);
  }
  void OnAnnouncement(uint32_t database, std::span<const std::string_view> command) override {
    stream_.Add(database, command);
  }

  // ---- For commands ----
  // What REPLCONF, SYNC and PSYNC are about.
  static Replica& ReplicaOf(Client& client);
  // PSYNC: true if the replica goes on at `offset`, the next byte that it wants.
  bool ResumeAt(Client& client, std::string_view replication_id, int64_t offset);
  // SYNC, and PSYNC where that is not possible. `acknowledges`: it came by PSYNC.
  void SynchronizeFully(Client& client, bool acknowledges);
  void Acknowledge(Client& client, int64_t offset);
  // WAIT: how many replicas have everything up to `offset`.
  size_t CountWith(uint64_t offset) const;
  // The client's WAIT is executed again whenever a replica acknowledges; the replicas are asked to do so.
  void WaitForAcknowledgements(const Client& client);

  // ---- For the server ----
  void Forget(Client& client);
  void Cron(int64_t now_ms);  // at any rate; acts once a second
  void OnConfigChanged();

  // ---- What INFO, ROLE and others show ----
  const std::string& id() const { return id_; }
  uint64_t offset() const { return offset_; }
  const std::optional<Backlog>& backlog() const { return backlog_; }
  std::vector<Client*> replicas() const;  // in the order in which they came; none that is closing
  size_t good_replicas() const;           // those that were heard of within min-replicas-max-lag
  bool enough_replicas_to_write() const;
  static std::string AddressOf(const Client& client);

 private:
  void Feed(std::string_view bytes);
  void Add(Client& client, Replica::State state);
  void BeginBacklog();
  void EndBacklog();
  void AskForAcknowledgements();
  void ServeWaiting();
  void CheckReplicas(int64_t now_ms);

  // full_sync.cc
  bool JoinRunningSave(Client& client);
  void StartSaveIfWanted();
  void Await(Client& client, uint64_t offset);
  void OnSaved(const std::string& path, const std::string& error);
  void SendFile(Client& client, const std::string& path);
  void OnFileSent(uint64_t client_id);

  Server& server_;
  ReplicationStream stream_;
  std::string id_;
  uint64_t offset_ = 0;
  std::optional<Backlog> backlog_;
  std::vector<Client*> replicas_;
  std::set<uint64_t> waiting_;  // ids of clients in WAIT, or that were until its timeout
  bool asking_ = false;         // for acknowledgements, at the end of the turn
  bool serving_ = false;        // those in WAIT, at the end of the turn
  bool saving_ = false;         // a background save of ours runs
  int64_t cron_at_ms_ = 0;
  int64_t pinged_at_ms_ = 0;
  int64_t last_replica_left_ms_ = 0;
};

}  // namespace chestbox
