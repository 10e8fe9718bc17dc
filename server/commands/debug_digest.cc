// DEBUG DIGEST and DIGEST-VALUE: Redis' fingerprint of a data set, so that two servers can be compared.
#include <fmt/format.h>

#include "server/commands/debug.h"
#include "server/commands/sha1.h"
#include "server/keyspace.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox::debug {

namespace {

// Adds something that may come in any order.
void XorInto(Sha1Digest* digest, std::string_view bytes) {
  const Sha1Digest hash = Sha1(bytes);
  for (size_t i = 0; i < hash.size(); ++i) (*digest)[i] ^= hash[i];
}

std::string_view BytesOf(const Sha1Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Adds something that comes in this order.
void MixInto(Sha1Digest* digest, std::string_view bytes) {
  XorInto(digest, bytes);
  *digest = Sha1(BytesOf(*digest));
}

void MixNumber(Sha1Digest* digest, uint32_t number) {
  const char bytes[] = {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
                        static_cast<char>(number >> 8), static_cast<char>(number)};
  MixInto(digest, {bytes, sizeof bytes});
}

void MixState(Sha1Digest* digest, const StateView& state) {
  constexpr uint32_t kStringType = 0;
  MixNumber(digest, kStringType);
  MixInto(digest, state.value);
  if (state.expire_at_ms != kNoExpiry) XorInto(digest, "!!expire!!");
}

std::string Hex(const Sha1Digest& digest) {
  std::string text;
  for (unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

// DEBUG DIGEST -> 40 hex digits; all zeros when there are no keys
Result<void> Digest(CommandContext& ctx, Args, ReplyWriter& reply) {
  Sha1Digest all{};
  for (uint32_t database = 0; database < shm::kDatabases; ++database) {
    if (const Swapper* swapper = ctx.server.swapper(); swapper != nullptr && swapper->HasSwappedOut(database)) {
      return Error{"ERR DEBUG DIGEST needs all states in memory"};
    }
    if (ctx.keys.Size(database) == 0) continue;
    MixNumber(&all, database);
    uint64_t swapped_out = 0;
    uint64_t position = 0;
    do {
      position = ctx.keys.VisitBucket(
          database, position,
          [&](const Keyspace::KeyInfo& info) {
            Sha1Digest state{};
            MixInto(&state, info.key);
            MixState(&state, info.state);
            XorInto(&all, BytesOf(state));
          },
          &swapped_out);
    } while (position != 0);
  }
  reply.SimpleString(Hex(all));
  return {};
}

// DEBUG DIGEST-VALUE key … -> 40 hex digits for each; zeros where there is no key
Result<void> DigestValue(CommandContext& ctx, Args args, ReplyWriter& reply) {
  for (std::string_view key : args.subspan(2)) {
    const Swapper* swapper = ctx.server.swapper();
    if (swapper != nullptr && !swapper->InMemory(ctx.db, key)) return Error{"ERR the state is swapped out"};
  }
  reply.Array(args.size() - 2);
  for (std::string_view key : args.subspan(2)) {
    Sha1Digest digest{};
    if (const auto state = ctx.keys.Peek(ctx.db, key)) MixState(&digest, *state);
    reply.SimpleString(Hex(digest));
  }
  return {};
}

}  // namespace chestbox::debug
