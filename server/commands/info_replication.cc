// INFO replication.
#include <string>

#include "server/commands/info.h"
#include "server/commands/info_text.h"
#include "server/replication/replication.h"
#include "server/server.h"

namespace chestbox::info {

namespace {

std::string_view StateName(Replica::State state) {
  switch (state) {
    case Replica::State::kWaitsForSave:
    case Replica::State::kWaitsForFile:
      return "wait_bgsave";
    case Replica::State::kReceivesFile:
      return "send_bulk";
    case Replica::State::kOnline:
      return "online";
    case Replica::State::kNone:
      break;
  }
  return "none";
}

void AppendReplicas(Server& server, std::string* text) {
  size_t number = 0;
  for (const Client* client : server.replication().replicas()) {
    const Replica& replica = *client->replica;
    const bool online = replica.state == Replica::State::kOnline;
    fmt::format_to(std::back_inserter(*text), "slave{}:ip={},port={},state={},offset={},lag={}\r\n", number++,
                   Replication::AddressOf(*client), replica.listening_port, StateName(replica.state),
                   replica.acknowledged_offset, online ? (server.keys().now_ms() - replica.heard_ms) / 1000 : 0);
  }
}

}  // namespace

void AppendReplication(Server& server, std::string* text) {
  const Replication& replication = server.replication();
  const Config& config = server.config();
  Line(text, "role", "master");
  Line(text, "connected_slaves", replication.replicas().size());
  if (config.min_replicas_to_write != 0 && config.min_replicas_max_lag_s != 0) {
    Line(text, "min_slaves_good_slaves", replication.good_replicas());
  }
  AppendReplicas(server, text);
  Line(text, "master_failover_state", "no-failover");
  Line(text, "master_replid", replication.id());
  Line(text, "master_replid2", std::string(replication.id().size(), '0'));
  Line(text, "master_repl_offset", replication.offset());
  Line(text, "second_repl_offset", -1);
  const std::optional<Backlog>& backlog = replication.backlog();
  Line(text, "repl_backlog_active", backlog ? 1 : 0);
  Line(text, "repl_backlog_size", config.repl_backlog_size_bytes);
  Line(text, "repl_backlog_first_byte_offset", backlog ? backlog->first_offset() : 0);
  Line(text, "repl_backlog_histlen", backlog ? backlog->held_bytes() : 0);
}

}  // namespace chestbox::info
