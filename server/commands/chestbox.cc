// CHESTBOX: what a co-located client asks for over its socket.
#include <fmt/format.h>

#include <charconv>

#include "protocol/shm/channel.h"
#include "protocol/shm/layout.h"
#include "server/acl/acl.h"
#include "server/arena/arena_allocator.h"
#include "server/attach.h"
#include "server/client.h"
#include "server/commands/families.h"
#include "server/config/settings.h"
#include "server/keyspace.h"
#include "server/server.h"

namespace chestbox {

namespace {

// CHESTBOX ATTACH layout-version -> [arena-id, mapped bytes, page bytes]; two descriptors (the arena, the client's
// page) come with the reply. Only a user who may read every key may attach: what is mapped can be read.
Result<void> Attach(CommandContext& ctx, Args args, ReplyWriter& reply) {
  uint32_t version = 0;
  const auto [end, failed] = std::from_chars(args[2].data(), args[2].data() + args[2].size(), version);
  if (failed != std::errc{} || end != args[2].data() + args[2].size()) {
    return Error{"ERR value is not an integer or out of range"};
  }
  if (version != shm::kLayoutVersion) {
    return Error{
        fmt::format("ERR attach: this server's layout is version {}, the client's {}", shm::kLayoutVersion, version)};
  }
  if (!ctx.server.config().shm_attach || !ctx.server.acl().MayAttach(ctx.client)) {
    return Error{"NOPERM this user may not attach to shared memory"};
  }
  if (auto attached = ctx.server.attach().Attach(ctx.client); !attached) return attached;
  reply.Array(3);
  reply.BulkInteger(static_cast<int64_t>(ctx.server.arena().header().arena_id));
  reply.Integer(static_cast<int64_t>(ctx.server.arena().file().reach_bytes()));
  reply.Integer(static_cast<int64_t>(shm::kAttachmentBytes));
  return {};
}

// CHESTBOX CHANNEL -> OK; a descriptor (the bell, protocol/shm/channel.h) comes with the reply. Everything after it
// goes by the rings in the client's page.
Result<void> OpenChannel(CommandContext& ctx, Args, ReplyWriter& reply) {
  shm::Channel* const rings = ctx.server.attach().ChannelOf(ctx.client);
  if (rings == nullptr) return Error{"ERR channel: this connection is not attached"};
  if (auto opened = ctx.client.transport->OpenChannel(*rings); !opened) return opened;
  reply.Ok();
  return {};
}

// CHESTBOX FREEZE key -> 1 if the key exists. Ends in-place changes of its value, so that a view can pin it.
Result<void> Freeze(CommandContext& ctx, Args args, ReplyWriter& reply) {
  reply.Integer(ctx.keys.Freeze(ctx.db, args[2]) ? 1 : 0);
  return {};
}

// CHESTBOX CLIENTS -> the attached clients: an array of maps of id, name and pins.
Result<void> Clients(CommandContext& ctx, Args, ReplyWriter& reply) {
  const size_t mark = reply.BeginDeferredArray();
  size_t count = 0;
  for (const auto& [id, client] : ctx.server.clients()) {
    if (client->attached_page == 0) continue;
    ++count;
    reply.Map(3);
    reply.Bulk("id");
    reply.Integer(static_cast<int64_t>(id));
    reply.Bulk("name");
    reply.Bulk(client->name);
    reply.Bulk("pins");
    reply.Integer(static_cast<int64_t>(ctx.server.attach().pins_of(*client)));
  }
  reply.EndDeferredArray(mark, count);
  return {};
}

constexpr ArgumentSpec kAttachArguments[] = {{.name = "layout-version", .type = ArgumentSpec::Type::kInteger}};
constexpr ArgumentSpec kFreezeArguments[] = {{.name = "key", .type = ArgumentSpec::Type::kKey, .key_spec = 0}};

constexpr CommandSpec kSubcommands[] = {
    {.name = "attach",
     .run = Attach,
     .arity = 3,
     .flags = kNoScript | kNoMulti | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "7.2.4",
     .complexity = "O(1)",
     .summary = "Hands a co-located client the descriptors of the shared memory.",
     .arguments = kAttachArguments},
    {.name = "channel",
     .run = OpenChannel,
     .arity = 2,
     .flags = kNoScript | kNoMulti | kLoading | kStale,
     .categories = kCatConnection,
     .group = "connection",
     .since = "7.2.4",
     .complexity = "O(1)",
     .summary = "Moves the connection of an attached client from its socket to the rings in its page."},
    {.name = "clients",
     .run = Clients,
     .arity = 2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .categories = kCatConnection | kCatAdmin,
     .group = "connection",
     .since = "7.2.4",
     .complexity = "O(N) where N is the number of client connections",
     .summary = "Lists the clients that are attached to the shared memory, with their pins."},
    {.name = "freeze",
     .run = Freeze,
     .arity = 3,
     .flags = kReadOnly | kFast,
     .categories = kCatKeyspace,
     .keys = {{2, 2, 1, kKeyRO | kKeyAccess}},
     .group = "generic",
     .since = "7.2.4",
     .complexity = "O(1)",
     .summary = "Ends in-place changes of a value, so that a view can pin it.",
     .arguments = kFreezeArguments},
};

constexpr CommandSpec kCommands[] = {
    {.name = "chestbox",
     .arity = -2,
     .group = "connection",
     .since = "7.2.4",
     .complexity = "Depends on subcommand.",
     .summary = "A container for the commands of co-located clients.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> ChestboxCommands() { return kCommands; }

}  // namespace chestbox
