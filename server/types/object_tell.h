// StateTeller: tells a state's elements to a sink, all at once (TellState) or a bounded number at a time. Part of the
// object codec (object_codec.h).
//
// Between steps the state must not change: whoever takes steps looks before each whether it has (the swapper by the
// entry's word and its "clean" flag) and gives up if so. The nodes are read where they lie; the head is copied.
// Executor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/rdb/object.h"
#include "protocol/shm/nodes.h"
#include "protocol/shm/packed_rows.h"
#include "protocol/shm/stream_group.h"
#include "server/keyspace.h"

namespace chestbox {

enum class Told : uint8_t { kMore, kAll, kRefused };

class StateTeller {
 public:
  StateTeller(const shm::ArenaMemory& memory, const StateView& state);

  // Tells about `elements_max` more elements; a stream's node counts as so many as it may have. What has no nodes, and
  // a stream's group, is told in one piece.
  Told Step(rdb::ObjectSink& sink, size_t elements_max);

 private:
  using Nodes = const shm::DirectNodes;

  Told StepPart(rdb::ObjectSink& sink, size_t elements_max);
  bool TellBlock(rdb::ObjectSink& sink, std::string_view block, bool with_expiry_in_front);
  bool TellRow(rdb::ObjectSink& sink, const shm::PackedRow& row) const;
  bool TellPacked(rdb::ObjectSink& sink);
  bool TellIntegers(rdb::ObjectSink& sink) const;
  Told StepTable(rdb::ObjectSink& sink, size_t elements_max);
  Told StepList(rdb::ObjectSink& sink, size_t elements_max);
  Told StepSortedSet(rdb::ObjectSink& sink, size_t elements_max);
  Told StepStream(rdb::ObjectSink& sink, size_t elements_max);
  bool TellGroups(rdb::ObjectSink& sink, const shm::StreamHead& head) const;
  bool TellGroup(rdb::ObjectSink& sink, const shm::StreamGroups& groups, shm::Link link) const;

  const shm::ArenaMemory& memory_;
  const shm::DirectNodes nodes_;
  const ValueType type_;
  const CollectionEncoding encoding_;
  const std::string head_;  // of a value with nodes
  std::string_view bytes_;  // head_, or the value where it lies, which is told in the first step
  bool begun_ = false;
  // Where to go on: in a table, a list or sorted set, a stream that has begun.
  uint32_t bucket_ = 0;
  uint64_t next_ = 0;
  StreamId next_node_;
};

}  // namespace chestbox
