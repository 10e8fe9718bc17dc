// Reading a stream's entries: the algorithms of XRANGE, XREVRANGE, XREAD and XLEN, for the server and for every client.
//
//   StreamReader reader(head, nodes);
//   StreamRange range{from, to, reverse};
//   for (bool more = reader.Begin(range); more; more = reader.Next()) … reader.entry(), reader.ForEachField(…)
//   if (reader.torn()) …       only over private copies
//
// Bounded: every node is loaded once, IDs must go in one direction, and a walk ends when they do not. Any thread.
#pragma once

#include <cstdint>

#include "protocol/shm/stream.h"

namespace chestbox::shm {

struct StreamRange {
  StreamId from;
  StreamId to = kStreamIdMax;  // both included
  bool reverse = false;
};

template <class Nodes>
class StreamReader {
 public:
  StreamReader(const StreamHead& head, Nodes& nodes)
      : nodes_(&nodes), length_(head.length), cursor_(nodes, head.nodes, sizeof(Link)) {}

  // Stands on the first live entry of the range; false: there is none.
  bool Begin(const StreamRange& range) {
    range_ = range;
    torn_ = false;
    if (length_ == 0 || range.from > range.to) return false;
    // The node that may hold the first ID begins at it or before; without one, the stream begins behind it.
    if (!cursor_.SeekAtMost(ProbeOf(range.reverse ? range.to : range.from)) && (range.reverse || !cursor_.First())) {
      return false;
    }
    return LoadNode() && EnterNode() && FindLive();
  }
  bool Next() { return Step() && FindLive(); }

  const StreamEntry& entry() const { return entry_; }
  // visit(field, value) for each pair; false: torn.
  template <class Visit>
  bool ForEachField(Visit&& visit) const {
    return node_.ForEachField(entry_, visit);
  }
  bool torn() const { return torn_; }

 private:
  bool LoadNode() {
    Link link;
    std::memcpy(&link, cursor_.payload(), sizeof link);
    uint64_t bytes = 0;
    const char* block = nodes_->Node(link, kPackedEmptyBytes, &bytes);
    node_ = block == nullptr ? StreamNodeReader() : StreamNodeReader({block, bytes}, IdOf(cursor_.key()));
    torn_ = torn_ || !node_.valid();
    return node_.valid();
  }
  // The first entry in the direction of the walk. A node always has one.
  bool EnterNode() {
    const bool entered = range_.reverse ? node_.Last(&entry_) : node_.First(&entry_);
    torn_ = torn_ || !entered;
    return entered;
  }
  // One entry on, deleted or not.
  bool Step() {
    const StreamId last = entry_.id;
    if (!(range_.reverse ? node_.Previous(&entry_) : node_.Next(&entry_))) {
      if (!(range_.reverse ? cursor_.Previous() : cursor_.Next())) return false;
      if (!LoadNode() || !EnterNode()) return false;
    }
    if (range_.reverse ? entry_.id < last : entry_.id > last) return true;
    torn_ = true;
    return false;
  }
  bool FindLive() {
    for (;;) {
      if (range_.reverse ? entry_.id < range_.from : entry_.id > range_.to) return false;
      if (!entry_.deleted() && (range_.reverse ? entry_.id <= range_.to : entry_.id >= range_.from)) return true;
      if (!Step()) return false;
    }
  }

  Nodes* nodes_;
  uint64_t length_;
  TreeCursor<Nodes> cursor_;
  StreamRange range_;
  StreamNodeReader node_;
  StreamEntry entry_;
  bool torn_ = false;
};

}  // namespace chestbox::shm
