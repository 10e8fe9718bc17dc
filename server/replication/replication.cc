#include "server/replication/replication.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/blocked_clients.h"
#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/dispatcher.h"
#include "server/keyspace.h"
#include "server/log.h"
#include "server/random_hex.h"
#include "server/server.h"

namespace chestbox {

namespace {

constexpr size_t kIdDigits = 40;
constexpr int64_t kCronMs = 1000;

}  // namespace

Replication::Replication(Server& server)
    : server_(server), stream_([this](std::string_view bytes) { Feed(bytes); }), id_(RandomHex(kIdDigits)) {}

Replication::~Replication() {
  if (backlog_) server_.effects().Remove(this);
}

// ---- The stream ----

void Replication::Feed(std::string_view bytes) {
  offset_ += bytes.size();
  backlog_->Append(bytes);
  for (Client* client : replicas_) {
    if (client->closing || client->replica->rdb_only || client->replica->state == Replica::State::kWaitsForSave)
      continue;
    client->output.Append(bytes);
    client->transport->FlushSoon();
  }
}

void Replication::BeginBacklog() {
  id_ = RandomHex(kIdDigits);
  backlog_.emplace(offset_ + 1, static_cast<uint64_t>(server_.config().repl_backlog_size_bytes));
  server_.effects().Add(this);
  pinged_at_ms_ = server_.keys().now_ms();
  LogNotice(fmt::format("Replication backlog created, my new replication ID is '{}'", id_));
}

void Replication::EndBacklog() {
  id_ = RandomHex(kIdDigits);
  backlog_.reset();
  server_.effects().Remove(this);
  LogNotice(fmt::format("Replication backlog freed after {} seconds without connected replicas.",
                        server_.config().repl_backlog_ttl_s));
}

void Replication::OnConfigChanged() {
  if (backlog_) backlog_->Resize(static_cast<uint64_t>(server_.config().repl_backlog_size_bytes));
}

// ---- Replicas ----

Replica& Replication::ReplicaOf(Client& client) {
  if (client.replica == nullptr) client.replica = std::make_unique<Replica>();
  return *client.replica;
}

void Replication::Add(Client& client, Replica::State state) {
  Replica& replica = ReplicaOf(client);
  replica.state = state;
  replica.heard_ms = server_.keys().now_ms();
  client.is_replica = true;
  client.reply_mode = ReplyMode::kOn;  // CLIENT REPLY would swallow the stream
  replicas_.push_back(&client);
}

void Replication::Forget(Client& client) {
  waiting_.erase(client.id);
  if (!client.is_replica) return;
  std::erase(replicas_, &client);
  last_replica_left_ms_ = server_.keys().now_ms();
  LogNotice(fmt::format("Connection with replica {} lost.", AddressOf(client)));
}

std::vector<Client*> Replication::replicas() const {
  std::vector<Client*> living;
  for (Client* client : replicas_) {
    if (!client->closing) living.push_back(client);
  }
  return living;
}

std::string Replication::AddressOf(const Client& client) {
  if (client.replica != nullptr && !client.replica->address.empty()) return client.replica->address;
  const std::string peer = client.transport != nullptr ? client.transport->peer_address() : "?";
  return peer.substr(0, peer.rfind(':'));
}

bool Replication::ResumeAt(Client& client, std::string_view replication_id, int64_t offset) {
  const std::string name = AddressOf(client);
  if (!EqualIgnoringCase(replication_id, id_)) {
    if (replication_id.starts_with('?')) {
      LogNotice(fmt::format("Full resync requested by replica {}", name));
    } else {
      LogNotice(fmt::format("Partial resynchronization of {} not accepted: it follows another history", name));
    }
    return false;
  }
  if (!backlog_ || !backlog_->Covers(offset)) {
    LogNotice(fmt::format("Unable to partial resync with replica {} for lack of backlog (Replica request was: {}).",
                          name, offset));
    return false;
  }
  Add(client, Replica::State::kOnline);
  Replica& replica = *client.replica;
  replica.acknowledges = true;
  client.output.Append(replica.knows_psync2 ? fmt::format("+CONTINUE {}\r\n", id_) : "+CONTINUE\r\n");
  backlog_->CopyFrom(static_cast<uint64_t>(offset), &client.output);
  LogNotice(fmt::format("Partial resynchronization request from {} accepted. Sending {} bytes of backlog.", name,
                        backlog_->end_offset() - static_cast<uint64_t>(offset)));
  return true;
}

void Replication::SynchronizeFully(Client& client, bool acknowledges) {
  Add(client, Replica::State::kWaitsForSave);
  client.replica->acknowledges = acknowledges;
  client.transport->HoldReplies();
  if (!backlog_) BeginBacklog();
  if (!JoinRunningSave(client)) StartSaveIfWanted();
}

void Replication::Acknowledge(Client& client, int64_t offset) {
  if (!client.is_replica) return;
  Replica& replica = *client.replica;
  replica.acknowledged_offset = std::max(replica.acknowledged_offset, offset);
  replica.heard_ms = server_.keys().now_ms();
  if (waiting_.empty() || std::exchange(serving_, true)) return;
  server_.host().Post([this] { ServeWaiting(); });  // not in the middle of this command
}

size_t Replication::good_replicas() const {
  const int64_t max_lag_s = server_.config().min_replicas_max_lag_s;
  const int64_t now_ms = server_.keys().now_ms();
  return static_cast<size_t>(std::count_if(replicas_.begin(), replicas_.end(), [&](const Client* client) {
    return !client->closing && client->replica->state == Replica::State::kOnline &&
           (now_ms - client->replica->heard_ms) / 1000 <= max_lag_s;
  }));
}

bool Replication::enough_replicas_to_write() const {
  const Config& config = server_.config();
  return config.min_replicas_to_write == 0 || config.min_replicas_max_lag_s == 0 ||
         good_replicas() >= static_cast<size_t>(config.min_replicas_to_write);
}

// ---- WAIT ----

size_t Replication::CountWith(uint64_t offset) const {
  return static_cast<size_t>(std::count_if(replicas_.begin(), replicas_.end(), [&](const Client* client) {
    return !client->closing && client->replica->state == Replica::State::kOnline &&
           client->replica->acknowledged_offset >= static_cast<int64_t>(offset);
  }));
}

void Replication::WaitForAcknowledgements(const Client& client) {
  waiting_.insert(client.id);
  if (std::exchange(asking_, true)) return;
  server_.host().Post([this] { AskForAcknowledgements(); });
}

void Replication::AskForAcknowledgements() {
  asking_ = false;
  static constexpr std::string_view kGetAck[] = {"REPLCONF", "GETACK", "*"};
  if (!replicas_.empty()) stream_.AddBeside(kGetAck);
}

void Replication::ServeWaiting() {
  serving_ = false;
  for (uint64_t id : std::exchange(waiting_, {})) {
    Client* client = server_.FindClient(id);
    if (client == nullptr || client->blocked == nullptr || !client->blocked->waiting) continue;
    server_.dispatcher().ExecuteBlocked(*client);
    if (client->blocked != nullptr) waiting_.insert(id);
  }
}

// ---- Once a second ----

void Replication::Cron(int64_t now_ms) {
  if (!backlog_ || now_ms < cron_at_ms_) return;
  cron_at_ms_ = now_ms + kCronMs;
  const Config& config = server_.config();
  if (!replicas_.empty() && now_ms - pinged_at_ms_ >= config.repl_ping_replica_period_s * 1000) {
    static constexpr std::string_view kPing[] = {"PING"};
    stream_.AddBeside(kPing);
    pinged_at_ms_ = now_ms;
  }
  CheckReplicas(now_ms);
  StartSaveIfWanted();
  const int64_t alone_ms = now_ms - last_replica_left_ms_;
  if (replicas_.empty() && config.repl_backlog_ttl_s > 0 && alone_ms / 1000 > config.repl_backlog_ttl_s) EndBacklog();
}

void Replication::CheckReplicas(int64_t now_ms) {
  const int64_t timeout_ms = server_.config().repl_timeout_s * 1000;
  for (Client* client : replicas()) {
    const Replica& replica = *client->replica;
    if (replica.state == Replica::State::kWaitsForSave || replica.state == Replica::State::kWaitsForFile) {
      client->transport->SendAhead("\n", true);  // so that the replica does not give up on us
    }
    if (replica.state == Replica::State::kOnline && replica.acknowledges && now_ms - replica.heard_ms > timeout_ms) {
      LogWarning(fmt::format("Disconnecting timedout replica (streaming sync): {}", AddressOf(*client)));
      client->transport->CloseNow();
    }
  }
}

}  // namespace chestbox
