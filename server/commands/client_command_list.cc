// CLIENT INFO, LIST and KILL: looking at connections and ending them.
#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "server/acl/acl.h"
#include "server/commands/client_command.h"
#include "server/commands/command_parser.h"
#include "server/commands/connection.h"
#include "server/commands/number_parsing.h"
#include "server/commands/subcommand_error.h"
#include "server/keyspace.h"
#include "server/pubsub.h"
#include "server/transaction.h"

namespace chestbox::client_command {

namespace {

// Kinds of connections. There are no masters, but one may ask for them.
enum class Kind { kNormal, kReplica, kPubsub, kMaster };

Kind KindOf(const Client& client) {
  if (client.is_replica) return Kind::kReplica;
  return IsSubscriber(client) ? Kind::kPubsub : Kind::kNormal;
}

Result<Kind> KindArgument(std::string_view text) {
  if (EqualIgnoringCase(text, "normal")) return Kind::kNormal;
  if (EqualIgnoringCase(text, "slave") || EqualIgnoringCase(text, "replica")) return Kind::kReplica;
  if (EqualIgnoringCase(text, "pubsub")) return Kind::kPubsub;
  if (EqualIgnoringCase(text, "master")) return Kind::kMaster;
  return Error{fmt::format("ERR Unknown client type '{}'", AsEchoed(text))};
}

std::string FlagLetters(const Client& client) {
  std::string letters;
  if (client.is_replica) letters += 'S';
  if (IsSubscriber(client)) letters += 'P';
  if (client.transaction != nullptr) letters += 'x';
  if (client.blocked != nullptr || client.postponed) letters += 'b';
  if (client.watch_failed) letters += 'd';
  if (client.close_after_reply) letters += 'c';
  if (client.closing) letters += 'A';
  if (client.transport != nullptr && client.transport->is_unix_socket()) letters += 'U';
  if (client.no_evict) letters += 'e';
  if (client.no_touch) letters += 'T';
  return letters.empty() ? "N" : letters;
}

std::string LastCommand(const Client& client) {
  if (client.last_command == nullptr) return "NULL";
  if (client.last_subcommand == nullptr) return std::string(client.last_command->name);
  return fmt::format("{}|{}", client.last_command->name, client.last_subcommand->name);
}

// One line of CLIENT LIST, in Redis 7.2's order of fields.
void AppendLine(std::string* text, const Client& client, int64_t now_ms) {
  const Transport* transport = client.transport;
  const size_t query_bytes = transport != nullptr ? transport->query_buffer_bytes() : 0;
  const size_t query_free = transport != nullptr ? transport->query_buffer_free() : 0;
  const size_t output_bytes = transport != nullptr ? transport->output_buffer_bytes() : client.output.size();
  const Transaction* transaction = client.transaction.get();
  const size_t queued_bytes = transaction != nullptr ? transaction->bytes : 0;
  const size_t total = sizeof(Client) + query_bytes + query_free + client.output.capacity() + queued_bytes;
  const auto count = [&](ChannelSpace space) {
    return client.subscriptions == nullptr ? 0 : client.subscriptions->count(space);
  };
  auto out = std::back_inserter(*text);
  fmt::format_to(out,
                 "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={}",
                 client.id, transport != nullptr ? transport->peer_address() : "?:0",
                 transport != nullptr ? transport->local_address() : "?:0",
                 transport != nullptr ? transport->descriptor() : -1, client.name, (now_ms - client.created_ms) / 1000,
                 (now_ms - client.last_interaction_ms) / 1000, FlagLetters(client), client.db,
                 count(ChannelSpace::kChannels), count(ChannelSpace::kPatterns), count(ChannelSpace::kShardChannels),
                 transaction != nullptr ? static_cast<int64_t>(transaction->commands.size()) : -1);
  fmt::format_to(
      out, " qbuf={} qbuf-free={} argv-mem=0 multi-mem={} rbs={} rbp={} obl={} oll=0 omem=0 tot-mem={} events=r{}",
      query_bytes, query_free, queued_bytes, client.output.capacity(), client.output.capacity(), output_bytes, total,
      output_bytes != 0 ? "w" : "");
  fmt::format_to(out, " cmd={} user={} redir=-1 resp={} lib-name={} lib-ver={}\n", LastCommand(client),
                 client.user != nullptr ? client.user->name : "(superuser)", client.protocol(), client.lib_name,
                 client.lib_version);
}

// What CLIENT KILL looks for; everything that is set must fit.
struct Filter {
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  std::optional<Kind> kind;
  const User* user = nullptr;
  uint64_t id = 0;  // 0: any
  bool skip_me = true;

  bool Fits(const Client& client, const Client& caller) const {
    if (client.closing || (skip_me && &client == &caller)) return false;
    if (kind && *kind != KindOf(client)) return false;
    if (user != nullptr && client.user != user) return false;
    if (id != 0 && client.id != id) return false;
    if (address && (client.transport == nullptr || client.transport->peer_address() != *address)) return false;
    return !local_address || (client.transport != nullptr && client.transport->local_address() == *local_address);
  }
};

Result<Filter> ParseFilter(const Acl& acl, Args args) {
  Filter filter;
  if (args.size() == 3) {  // the old form: only an address, and it may be one's own
    filter.address = args[2];
    filter.skip_me = false;
    return filter;
  }
  CommandParser parser(args, 2);
  std::string_view value;
  while (!parser.done()) {
    if (parser.EatWithValue("id", &value)) {
      auto id = IntegerArgument(value, "ERR client-id should be greater than 0");
      if (!id) return id.error();
      if (*id < 1) return Error{"ERR client-id should be greater than 0"};
      filter.id = static_cast<uint64_t>(*id);
    } else if (parser.EatWithValue("type", &value)) {
      auto kind = KindArgument(value);
      if (!kind) return kind.error();
      filter.kind = *kind;
    } else if (parser.EatWithValue("addr", &value)) {
      filter.address = value;
    } else if (parser.EatWithValue("laddr", &value)) {
      filter.local_address = value;
    } else if (parser.EatWithValue("user", &value)) {
      filter.user = acl.Find(value);
      if (filter.user == nullptr) return Error{fmt::format("ERR No such user '{}'", AsEchoed(value))};
    } else if (parser.EatWithValue("skipme", &value)) {
      filter.skip_me = EqualIgnoringCase(value, "yes");
      if (!filter.skip_me && !EqualIgnoringCase(value, "no")) return SyntaxError();
    } else {
      return SyntaxError();
    }
  }
  return filter;
}

}  // namespace

std::string Line(const Client& client, int64_t now_ms) {
  std::string line;
  AppendLine(&line, client, now_ms);
  line.pop_back();
  return line;
}

// CLIENT INFO -> the line of CLIENT LIST about this connection
Result<void> Info(CommandContext& ctx, Args, ReplyWriter& reply) {
  std::string text;
  AppendLine(&text, ctx.client, ctx.now_ms);
  reply.Verbatim("txt", text);
  return {};
}

// CLIENT LIST [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID client-id …] -> a line each
Result<void> List(CommandContext& ctx, Args args, ReplyWriter& reply) {
  std::string text;
  std::optional<Kind> kind;
  if (args.size() == 4 && EqualIgnoringCase(args[2], "type")) {
    auto named = KindArgument(args[3]);
    if (!named) return named.error();
    kind = *named;
  } else if (args.size() > 3 && EqualIgnoringCase(args[2], "id")) {
    for (std::string_view word : args.subspan(3)) {
      auto id = IntegerArgument(word, "ERR Invalid client ID");
      if (!id) return id.error();
      const Client* client = ctx.server.FindClient(static_cast<uint64_t>(*id));
      if (client != nullptr) AppendLine(&text, *client, ctx.now_ms);
    }
    reply.Verbatim("txt", text);
    return {};
  } else if (args.size() != 2) {
    return SyntaxError();
  }
  for (const auto& [id, client] : ctx.server.clients()) {
    if (client->closing || (kind && *kind != KindOf(*client))) continue;
    AppendLine(&text, *client, ctx.now_ms);
  }
  reply.Verbatim("txt", text);
  return {};
}

// CLIENT KILL ip:port -> OK; CLIENT KILL filter value … -> how many were closed
Result<void> Kill(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto filter = ParseFilter(ctx.server.acl(), args);
  if (!filter) return filter.error();
  int64_t killed = 0;
  for (const auto& [id, client] : ctx.server.clients()) {
    if (!filter->Fits(*client, ctx.client)) continue;
    ++killed;
    if (client.get() == &ctx.client || client->transport == nullptr) {
      client->close_after_reply = true;
    } else {
      client->transport->CloseNow();  // the session itself goes away later
    }
  }
  if (args.size() != 3) {
    reply.Integer(killed);
  } else if (killed == 0) {
    return Error{"ERR No such client"};
  } else {
    reply.Ok();
  }
  return {};
}

}  // namespace chestbox::client_command
