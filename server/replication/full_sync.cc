// Replication, the part about full synchronizations: which save a replica waits for, and how it gets the file.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/background_save.h"
#include "server/client.h"
#include "server/keyspace.h"
#include "server/log.h"
#include "server/replication/replication.h"
#include "server/server.h"

namespace chestbox {

// A replica that comes while another one's save runs gets the same file, and what has gathered for the other since.
bool Replication::JoinRunningSave(Client& client) {
  if (!saving_) return false;
  const auto first = std::find_if(replicas_.begin(), replicas_.end(), [&](const Client* other) {
    return !other->closing && other->replica->state == Replica::State::kWaitsForFile &&
           (!other->replica->rdb_only || client.replica->rdb_only);
  });
  if (first == replicas_.end()) return false;  // it waits for the next one
  if (!client.replica->rdb_only) client.output.Append((*first)->output.view());
  Await(client, (*first)->replica->sync_offset);
  return true;
}

// The stream is the client's from here on; the file is to come.
void Replication::Await(Client& client, uint64_t offset) {
  Replica& replica = *client.replica;
  replica.state = Replica::State::kWaitsForFile;
  replica.sync_offset = offset;
  if (replica.acknowledges) client.transport->SendAhead(fmt::format("+FULLRESYNC {} {}\r\n", id_, offset), false);
}

void Replication::StartSaveIfWanted() {
  if (saving_ || server_.background_save().running()) return;
  const auto waits = [](const Client* client) {
    return !client->closing && client->replica->state == Replica::State::kWaitsForSave;
  };
  if (std::none_of(replicas_.begin(), replicas_.end(), waits)) return;
  SaveRequest request;
  request.path = fmt::format("temp-sync-{}.rdb", server_.run_id());
  request.aux = {{"repl-stream-db", "0"}, {"repl-id", id_}, {"repl-offset", std::to_string(offset_)}};
  const bool begun = server_.background_save().Start(
      request, [this, path = request.path](const std::string& error) { OnSaved(path, error); });
  if (!begun) return;
  saving_ = true;
  stream_.ForgetDatabase();
  for (Client* client : replicas_) {
    if (waits(client)) Await(*client, offset_);
  }
}

void Replication::OnSaved(const std::string& path, const std::string& error) {
  saving_ = false;
  for (Client* client : replicas()) {
    if (client->replica->state != Replica::State::kWaitsForFile) continue;
    if (error.empty()) {
      SendFile(*client, path);
    } else {
      LogWarning(fmt::format("SYNC failed. The background save returned an error: {}", error));
      client->transport->CloseNow();
    }
  }
  // One that was ended may have been so by a command, in whose middle none may begin: the cron does.
  if (!error.empty()) return;
  // Whoever gets the file has it open.
  if (unlink(path.c_str()) != 0) LogWarning(fmt::format("Can't remove {}: {}", path, std::strerror(errno)));
  StartSaveIfWanted();
}

void Replication::SendFile(Client& client, const std::string& path) {
  struct stat status {};
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) {
    LogWarning(fmt::format("SYNC failed. Can't open the file for the replica: {}", std::strerror(errno)));
    if (file >= 0) close(file);
    client.transport->CloseNow();
    return;
  }
  const auto bytes = static_cast<uint64_t>(status.st_size);
  client.replica->state = Replica::State::kReceivesFile;
  client.transport->SendAhead(fmt::format("${}\r\n", bytes), false);
  client.transport->SendFileAhead(file, bytes, [this, id = client.id] { OnFileSent(id); });
}

// Called while a connection sends: nothing may be executed or sent here.
void Replication::OnFileSent(uint64_t client_id) {
  Client* client = server_.FindClient(client_id);
  if (client == nullptr) return;
  if (client->replica->rdb_only) {
    LogNotice(fmt::format("RDB transfer completed, rdb only replica ({}) is disconnected", AddressOf(*client)));
    client->transport->CloseNow();
    return;
  }
  client->replica->state = Replica::State::kOnline;
  client->replica->heard_ms = server_.keys().now_ms();
  LogNotice(fmt::format("Synchronization with replica {} succeeded", AddressOf(*client)));
}

}  // namespace chestbox
