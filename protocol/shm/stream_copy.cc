// Whole streams: copying and freeing them.
#include <unordered_map>

#include "protocol/shm/stream_group.h"

namespace chestbox::shm {

namespace {

bool CopyStreamNodes(ArenaMemory& memory, const StreamHead& from, StreamHead* to) {
  StreamWriter writer(memory, to);
  DirectNodes nodes(memory);
  TreeCursor<DirectNodes> cursor(nodes, from.nodes, sizeof(Link));
  for (bool more = cursor.First(); more; more = cursor.Next()) {
    Link link;
    std::memcpy(&link, cursor.payload(), sizeof link);
    const char* block = memory.At(link);
    if (!writer.AppendNode(IdOf(cursor.key()), {block, RacyLoad32(block)})) return false;
  }
  return true;
}

bool CopyGroup(const StreamGroups& from, Link group, StreamGroups* to) {
  const StreamGroup record = from.Group(group);
  const Link copy = to->CreateGroup(from.GroupName(group), record.last_id, record.entries_read);
  if (copy == 0) return false;
  std::unordered_map<Link, Link> consumers;
  bool copied = true;
  from.ForEachConsumer(group, [&](Link link) {
    if (!copied) return;
    const StreamConsumer consumer = from.Consumer(link);
    const Link own = to->CreateConsumer(copy, from.ConsumerName(link), consumer.seen_ms, consumer.active_ms);
    copied = own != 0;
    consumers[link] = own;
  });
  from.ForEachPending(group, 0, {}, [&](const StreamId& id, PendingEntry entry) {
    if (!copied) return false;
    entry.consumer = consumers[entry.consumer];
    copied = to->SetPending(copy, id, entry);
    return copied;
  });
  return copied;
}

}  // namespace

bool CopyStream(ArenaMemory& memory, const StreamHead& from, StreamHead* to) {
  *to = from;
  to->nodes = {};
  to->groups = {};
  bool copied = CopyStreamNodes(memory, from, to);
  StreamHead source = from;
  const StreamGroups groups(memory, &source);
  StreamGroups copy(memory, to);
  groups.ForEachGroup([&](Link group) { copied = copied && CopyGroup(groups, group, &copy); });
  if (copied) return true;
  size_t unbounded = SIZE_MAX;
  (void)FreeStream(memory, to, &unbounded);
  return false;
}

bool FreeStream(ArenaMemory& memory, StreamHead* head, size_t* budget) {
  return StreamWriter(memory, head).FreeSome(budget) && StreamGroups(memory, head).FreeSome(budget);
}

}  // namespace chestbox::shm
