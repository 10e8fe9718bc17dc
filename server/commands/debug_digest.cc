// DEBUG DIGEST and DIGEST-VALUE: Redis' fingerprint of a data set, so that two servers can be compared.
#include <fmt/format.h>

#include <cstdio>

#include "protocol/shm/stream_node.h"
#include "server/commands/debug.h"
#include "server/commands/sha1.h"
#include "server/keyspace.h"
#include "server/server.h"
#include "server/swapper.h"
#include "server/types/object_codec.h"

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

// Elements in the order in which Redis adds them, or in any order where it has none.
class DigestSink : public rdb::ObjectSink {
 public:
  DigestSink(Sha1Digest* digest, int64_t now_ms) : digest_(digest), now_ms_(now_ms) {}

  bool Begin(rdb::ObjectKind kind) override {
    constexpr uint32_t kRedisTypes[] = {0, 1, 2, 3, 4, 6};
    MixNumber(digest_, kRedisTypes[static_cast<int>(kind)]);
    return true;
  }
  bool String(std::string_view value) override { return Mix(value); }
  bool ListElement(std::string_view element) override { return Mix(element); }
  bool SetMember(std::string_view member) override {
    XorInto(digest_, member);
    return true;
  }
  bool HashField(std::string_view field, std::string_view value, int64_t expire_at_ms) override {
    const bool expired = expire_at_ms != rdb::kFieldNeverExpires && expire_at_ms <= now_ms_;
    return expired || XorPair(field, value);
  }
  bool SortedSetMember(std::string_view member, double score) override {
    char text[64];
    const int size = std::snprintf(text, sizeof text, "%.17g", score);
    return XorPair(member, {text, static_cast<size_t>(size)});
  }
  bool StreamNode(const StreamId& id, std::string_view listpack, uint32_t) override {
    const shm::StreamNodeReader node(listpack, id);
    shm::StreamEntry entry;
    for (bool more = node.First(&entry); more; more = node.Next(&entry)) {
      if (entry.deleted()) continue;
      Mix(fmt::format("{}.{}", entry.id.ms, entry.id.seq));
      (void)node.ForEachField(entry, [&](const shm::PackedElement& field, const shm::PackedElement& value) {
        char digits[shm::kIntegerTextBytesMax];
        Mix(TextOf(field, digits));
        Mix(TextOf(value, digits));
      });
    }
    return true;
  }
  bool StreamEnd(const rdb::StreamInfo&) override { return true; }
  bool Group(const rdb::StreamGroup&) override { return true; }

 private:
  bool Mix(std::string_view bytes) {
    MixInto(digest_, bytes);
    return true;
  }
  bool XorPair(std::string_view name, std::string_view value) {
    Sha1Digest pair{};
    MixInto(&pair, name);
    MixInto(&pair, value);
    XorInto(digest_, BytesOf(pair));
    return true;
  }

  Sha1Digest* digest_;
  const int64_t now_ms_;
};

void MixState(CommandContext& ctx, Sha1Digest* digest, const StateView& state) {
  DigestSink sink(digest, ctx.now_ms);
  (void)TellState(ctx.keys.memory(), state, sink);
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
            MixState(ctx, &state, info.state);
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
  reply.Array(args.size() - 2);
  for (std::string_view key : args.subspan(2)) {
    Sha1Digest digest{};
    if (const auto state = ctx.keys.Peek(ctx.db, key)) MixState(ctx, &digest, *state);
    reply.SimpleString(Hex(digest));
  }
  return {};
}

}  // namespace chestbox::debug
