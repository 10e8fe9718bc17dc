// States of every type as objects in the RDB format (protocol/rdb/object.h) and back: what DUMP and RESTORE carry, what
// swap stores, and what DEBUG RELOAD goes through. One place that knows how each encoding is walked and built.
//
// A value is built beside the keyspace, with its nodes in the arena but no key, so that a payload that turns out to be
// bad, or too large, has changed nothing. Executor thread only. O(n) each; StateEncoding and StateBuild take steps of
// bounded length.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/rdb/object.h"
#include "protocol/rdb/object_tape.h"
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

// One of our own objects (kOwn) as redis-server 7.0 can restore it. Nothing: it is damaged. Pure, any thread.
std::optional<std::string> ForRedis7(std::string own_object);

// The type of a value by the first byte of such an object, which is also what the store's records say of it.
ValueType TypeOfObject(uint8_t first_byte);

// A new value in the encoding that the settings ask for; one of our own (EncodeState for kOwn) in the encoding that it
// had. An Error: bad data, or no memory.
Result<DetachedValue> DecodeState(Keyspace& keys, const Config& config, std::string_view object, rdb::Trust trust);

// EncodeState for ourselves, in steps, of a state with nodes that does not change meanwhile (object_tell.h).
class StateEncoding {
 public:
  StateEncoding(const shm::ArenaMemory& memory, const StateView& state);
  ~StateEncoding();
  // About so many elements, and no more once so many bytes are written. True: nothing is left to do but Finish.
  bool Step(size_t elements_max, size_t bytes_max);
  // The payload. Any thread, after the last step: it copies everything once.
  std::string Finish();
  size_t bytes() const;  // so far, without what is being put together

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Whether an object of this type is built element by element, and not copied as it is.
bool IsBuiltByElement(uint8_t object_type);

// DecodeState of one of our own objects, in steps, after another thread has decoded it.
class StateBuild {
 public:
  StateBuild(Keyspace& keys, const Config& config, rdb::ObjectType type, rdb::ObjectTape tape);
  ~StateBuild();  // what was not finished is freed
  // True: Finish is next.
  bool Step(size_t elements_max, size_t bytes_max);
  Result<DetachedValue> Finish();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace chestbox
