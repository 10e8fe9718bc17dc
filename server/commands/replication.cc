// SYNC, PSYNC, REPLCONF, ROLE, WAIT and REPLICAOF: this server as a master (replication/replication.h).
#include "server/replication/replication.h"

#include <fmt/format.h>

#include "protocol/resp/quoted_arguments.h"
#include "server/blocked_clients.h"
#include "server/commands/command_parser.h"
#include "server/commands/families.h"
#include "server/commands/number_parsing.h"
#include "server/echoed.h"
#include "server/server.h"

namespace chestbox {

namespace {

// Redis' bound for the name of a host.
constexpr size_t kAddressBytesMax = 255;

// What both kinds of synchronization require. False: the client is a replica already, and is told nothing.
Result<bool> MayBegin(const Client& client) {
  if (client.is_replica) return false;
  if (client.transport == nullptr) return Error{"ERR SYNC and PSYNC need a connection"};
  if (client.transport->has_channel()) return Error{"ERR SYNC and PSYNC need a socket"};  // which sends the file
  if (!client.output.empty()) return Error{"ERR SYNC and PSYNC are invalid with pending output"};
  const Replica* replica = client.replica.get();
  if (replica != nullptr && replica->is_filtered) {
    if (!replica->knows_eof) return Error{"ERR Filtered replica requires EOF capability"};
    return Error{"ERR Filtered replicas are not supported yet: the file always has everything"};
  }
  return true;
}

// SYNC -> the file of a full synchronization as a bulk string without an end, and then the stream
Result<void> Sync(CommandContext& ctx, Args, ReplyWriter&) {
  auto may_begin = MayBegin(ctx.client);
  if (!may_begin) return may_begin.error();
  if (!*may_begin) return {};
  ++ctx.server.stats().full_syncs;
  ctx.server.replication().SynchronizeFully(ctx.client, false);
  return {};
}

// PSYNC replication-id offset -> +CONTINUE and the stream from `offset` on; else +FULLRESYNC and as SYNC
Result<void> PSync(CommandContext& ctx, Args args, ReplyWriter&) {
  if (!ctx.client.is_replica && args.size() > 3 && EqualIgnoringCase(args[3], "failover")) {
    return Error{"ERR PSYNC FAILOVER can't be sent to a master."};
  }
  auto may_begin = MayBegin(ctx.client);
  if (!may_begin) return may_begin.error();
  if (!*may_begin) return {};
  auto offset = IntegerArgument(args[2]);
  if (!offset) return offset.error();
  Replication& replication = ctx.server.replication();
  Stats& stats = ctx.server.stats();
  if (replication.ResumeAt(ctx.client, args[1], *offset)) {
    ++stats.partial_syncs;
    return {};
  }
  if (!args[1].starts_with('?')) ++stats.refused_partial_syncs;
  ++stats.full_syncs;
  replication.SynchronizeFully(ctx.client, true);
  return {};
}

Result<void> SetFilter(Replica& replica, std::string_view words) {
  const auto wanted = resp::SplitQuotedArguments(words);
  if (!wanted) return Error{"ERR Missing rdb-filter-only values"};
  replica.is_filtered = true;
  for (const std::string& each : *wanted) {
    if (!EqualIgnoringCase(each, "functions")) {
      return Error{fmt::format("ERR Unsupported rdb-filter-only option: {}", AsEchoed(each))};
    }
  }
  return {};
}

// What a replica says about itself before it synchronizes.
Result<void> Configure(Replica& replica, std::string_view option, std::string_view value) {
  if (EqualIgnoringCase(option, "listening-port")) {
    auto port = IntegerArgument(value);
    if (!port) return port.error();
    replica.listening_port = *port;
  } else if (EqualIgnoringCase(option, "ip-address")) {
    if (value.size() > kAddressBytesMax) {
      return Error{
          fmt::format("ERR REPLCONF ip-address provided by replica instance is too long: {} bytes", value.size())};
    }
    replica.address = value;
  } else if (EqualIgnoringCase(option, "capa")) {  // one that we do not know is none
    replica.knows_eof = replica.knows_eof || EqualIgnoringCase(value, "eof");
    replica.knows_psync2 = replica.knows_psync2 || EqualIgnoringCase(value, "psync2");
  } else if (EqualIgnoringCase(option, "rdb-only")) {
    auto only = IntegerArgument(value);
    if (!only) return only.error();
    if (*only < 0 || *only > 1) return Error{"ERR value is out of range, value must between 0 and 1"};
    replica.rdb_only = *only == 1;
  } else if (EqualIgnoringCase(option, "rdb-filter-only")) {
    return SetFilter(replica, value);
  } else {
    return Error{fmt::format("ERR Unrecognized REPLCONF option: {}", AsEchoed(option))};
  }
  return {};
}

// REPLCONF option value … -> OK; ACK offset and GETACK * are not answered
Result<void> ReplConf(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (args.size() % 2 == 0) return SyntaxError();
  for (size_t i = 1; i < args.size(); i += 2) {
    if (EqualIgnoringCase(args[i], "ack")) {
      if (auto offset = IntegerArgument(args[i + 1])) ctx.server.replication().Acknowledge(ctx.client, *offset);
      return {};
    }
    if (EqualIgnoringCase(args[i], "getack")) return {};  // a master is asked by nobody
    if (auto done = Configure(Replication::ReplicaOf(ctx.client), args[i], args[i + 1]); !done) return done;
  }
  reply.Ok();
  return {};
}

// ROLE -> "master", the stream's offset, and address, port and acknowledged offset of each replica
Result<void> Role(CommandContext& ctx, Args, ReplyWriter& reply) {
  const Replication& replication = ctx.server.replication();
  std::vector<const Client*> online;
  for (const Client* client : replication.replicas()) {
    if (client->replica->state == Replica::State::kOnline) online.push_back(client);
  }
  reply.Array(3);
  reply.Bulk("master");
  reply.Integer(static_cast<int64_t>(replication.offset()));
  reply.Array(online.size());
  for (const Client* client : online) {
    reply.Array(3);
    reply.Bulk(Replication::AddressOf(*client));
    reply.Bulk(IntegerText(client->replica->listening_port));
    reply.Bulk(IntegerText(client->replica->acknowledged_offset));
  }
  return {};
}

// WAIT numreplicas timeout -> how many replicas have what this client wrote so far
Result<void> Wait(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto wanted = IntegerArgument(args[1]);
  if (!wanted) return wanted.error();
  auto deadline_ms = ParseBlockTimeoutMs(ctx, args[2]);
  if (!deadline_ms) return deadline_ms.error();
  Replication& replication = ctx.server.replication();
  const uint64_t offset = ctx.client.replication_offset;
  const auto have_it = static_cast<int64_t>(replication.CountWith(offset));
  if (have_it >= *wanted || !ctx.may_block) {
    reply.Integer(have_it);
    return {};
  }
  if (!ctx.woken) replication.WaitForAcknowledgements(ctx.client);
  const auto on_timeout = [&replication, offset](ReplyWriter& writer) {
    writer.Integer(static_cast<int64_t>(replication.CountWith(offset)));
  };
  return ctx.Block({.deadline_ms = *deadline_ms, .on_timeout = on_timeout});
}

// REPLICAOF NO ONE -> OK: that is what this server is
Result<void> ReplicaOf(CommandContext& ctx, Args args, ReplyWriter& reply) {
  if (EqualIgnoringCase(args[1], "no") && EqualIgnoringCase(args[2], "one")) {
    reply.Ok();
    return {};
  }
  if (ctx.client.is_replica) return Error{"ERR Command is not valid when client is a replica."};
  auto port = IntegerArgument(args[2], "ERR Invalid master port");
  if (!port) return port.error();
  if (*port < 0 || *port > 65535) return Error{"ERR Invalid master port"};
  return Error{"ERR This server can't be a replica of another one yet, only a master"};
}

using Type = ArgumentSpec::Type;

constexpr ArgumentSpec kPSyncArguments[] = {
    {.name = "replicationid"},
    {.name = "offset", .type = Type::kInteger},
};
constexpr ArgumentSpec kWaitArguments[] = {
    {.name = "numreplicas", .type = Type::kInteger},
    {.name = "timeout", .type = Type::kInteger},
};
constexpr ArgumentSpec kHostAndPort[] = {
    {.name = "host"},
    {.name = "port", .type = Type::kInteger},
};
constexpr ArgumentSpec kNoOne[] = {
    {.name = "no", .type = Type::kPureToken, .token = "NO"},
    {.name = "one", .type = Type::kPureToken, .token = "ONE"},
};
constexpr ArgumentSpec kMasters[] = {
    {.name = "host-port", .type = Type::kBlock, .arguments = kHostAndPort},
    {.name = "no-one", .type = Type::kBlock, .arguments = kNoOne},
};
constexpr ArgumentSpec kReplicaOfArguments[] = {{.name = "args", .type = Type::kOneOf, .arguments = kMasters}};

constexpr std::string_view kAllShardsMinimumTips[] = {"request_policy:all_shards", "response_policy:agg_min"};

constexpr CommandSpec kCommands[] = {
    {.name = "psync",
     .run = PSync,
     .arity = -3,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "2.8.0",
     .summary = "Begins to replicate, or goes on where a replica stopped.",
     .arguments = kPSyncArguments},
    {.name = "replconf",
     .run = ReplConf,
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kAllowBusy,
     .group = "server",
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "What a replica says about itself, and how far it is.",
     .is_system = true},
    {.name = "replicaof",
     .run = ReplicaOf,
     .arity = 3,
     .flags = kAdmin | kNoScript | kStale | kNoAsyncLoading,
     .group = "server",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Makes the server a master (a replica it can't be yet).",
     .arguments = kReplicaOfArguments},
    {.name = "role",
     .run = Role,
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast,
     .categories = kCatAdmin | kCatDangerous,
     .group = "server",
     .since = "2.8.12",
     .complexity = "O(1)",
     .summary = "Tells that this is a master, and who its replicas are."},
    {.name = "slaveof",
     .run = ReplicaOf,
     .arity = 3,
     .flags = kAdmin | kNoScript | kStale | kNoAsyncLoading,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "The old name of REPLICAOF.",
     .arguments = kReplicaOfArguments,
     .deprecated_since = "5.0.0",
     .replaced_by = "`REPLICAOF`"},
    {.name = "sync",
     .run = Sync,
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "1.0.0",
     .summary = "Begins to replicate, in the old way."},
    {.name = "wait",
     .run = Wait,
     .arity = 3,
     .flags = kNoScript,
     .categories = kCatConnection,
     .group = "generic",
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Waits until replicas have what this connection wrote.",
     .arguments = kWaitArguments,
     .tips = kAllShardsMinimumTips},
};

}  // namespace

std::span<const CommandSpec> ReplicationCommands() { return kCommands; }

}  // namespace chestbox
