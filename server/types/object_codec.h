// States of every type as objects in the RDB format (protocol/rdb/object.h) and back: what DUMP and RESTORE carry, what
// swap stores, and what DEBUG RELOAD goes through. One place that knows how each encoding is walked and built.
//
// A value is built beside the keyspace, with its nodes in the arena but no key, so that a payload that turns out to be
// bad, or too large, has changed nothing. Executor thread only. O(n) each.
#pragma once

#include <string>
#include <string_view>

#include "protocol/rdb/object.h"
#include "protocol/result.h"
#include "server/keyspace.h"

namespace chestbox {

struct Config;

// Tells every element to the sink, and offers packed collections whole; fields that have expired are among them. False:
// the sink said so.
bool TellState(const shm::ArenaMemory& memory, const StateView& state, rdb::ObjectSink& sink);

// kRedis7: redis-server 7.0 can restore it (but for hashes whose fields expire, which need 7.4). kOwn: nothing is lost,
// and small collections are copied as they are.
enum class ObjectReader { kRedis7, kOwn };
std::string EncodeState(const shm::ArenaMemory& memory, const StateView& state, ObjectReader reader);

// The type of a value by the first byte of such an object, which is also what the store's records say of it.
ValueType TypeOfObject(uint8_t first_byte);

// A new value in the encoding that the settings ask for; one of our own (EncodeState for kOwn) in the encoding that it
// had. An Error: bad data, or no memory.
Result<DetachedValue> DecodeState(Keyspace& keys, const Config& config, std::string_view object, rdb::Trust trust);

}  // namespace chestbox
