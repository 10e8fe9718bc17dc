// DEBUG's subcommands that look into single states, or put all of them through the form in which they are stored.
#include <fmt/format.h>

#include <limits>
#include <string>
#include <vector>

#include "protocol/shm/hash_table_reader.h"
#include "server/commands/command_parser.h"
#include "server/commands/debug.h"
#include "server/commands/number_parsing.h"
#include "server/commands/object.h"
#include "server/config/config_text.h"
#include "server/keyspace.h"
#include "server/log.h"
#include "server/server.h"
#include "server/swapper.h"
#include "server/types/object_codec.h"

namespace chestbox::debug {

// As it lies there: one that has expired is shown, too, and not deleted.
Result<StateView> StateInMemory(CommandContext& ctx, std::string_view key) {
  if (const Swapper* swapper = ctx.server.swapper(); swapper != nullptr && !swapper->InMemory(ctx.db, key)) {
    return Error{"ERR the state is swapped out"};
  }
  const shm::SlotRef ref = ctx.keys.index(ctx.keys.Physical(ctx.db)).Find(key, ctx.keys.HashOf(key));
  if (!ref || (ref.entry & shm::kEntryLive) == 0) return Error{"ERR no such key"};
  return ctx.keys.ViewOf(ref.entry);
}

// DEBUG OBJECT key -> where and how the value is kept
Result<void> Object(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto state = StateInMemory(ctx, args[2]);
  if (!state) return state.error();
  // Redis leaves the type byte out.
  const size_t serialized = EncodeState(ctx.keys.memory(), *state, ObjectReader::kRedis7).size() - 1;
  reply.SimpleString(fmt::format("Value at:{} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
                                 fmt::ptr(state->value.data()), EncodingName(*state), serialized, state->access,
                                 ctx.keys.IdleSeconds(state->access)));
  return {};
}

// DEBUG LISTPACK key -> whether it is one; its insides are no text
Result<void> Listpack(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto state = StateInMemory(ctx, args[2]);
  if (!state) return state.error();
  if (EncodingName(*state) != "listpack") return Error{"ERR Not a listpack encoded object."};
  reply.SimpleString("Listpack structure printed on stdout");
  return {};
}

// DEBUG HTSTATS-KEY key -> text about the hash table behind the state
Result<void> TableStats(CommandContext& ctx, Args args, ReplyWriter& reply) {
  auto state = StateInMemory(ctx, args[2]);
  if (!state) return state.error();
  shm::HashTableHead head;
  if (state->type == ValueType::kString || state->collection_encoding() != CollectionEncoding::kTable ||
      !shm::LoadTableHead(state->value, &head)) {
    return Error{"ERR The value stored at the specified key is not represented using an hash table"};
  }
  reply.Verbatim("txt", fmt::format("[Dictionary HT]\nHash table 0 stats (main hash table):\n table size: {}\n"
                                    " number of elements: {}\n",
                                    head.buckets, head.rows));
  return {};
}

// DEBUG QUICKLIST-PACKED-THRESHOLD bytes -> OK: lists here keep large elements apart whatever is said
Result<void> PackedThreshold(CommandContext&, Args args, ReplyWriter& reply) {
  constexpr uint64_t kBytesMax = (uint64_t{1} << 32) - (1 << 20);
  const auto bytes = ParseMemory(args[2]);
  if (!bytes || *bytes > kBytesMax) {
    return Error{"ERR argument must be a memory value bigger than 1 and smaller than 4gb"};
  }
  reply.Ok();
  return {};
}

}  // namespace chestbox::debug
