// Streams in payloads: nodes, each a listpack of entries under the ID of its first one, then the stream's numbers, then
// consumer groups.
//
// A node (Redis' layout, t_stream.c): entries | deleted entries | fields | names | 0, then for each entry
//   flags (1 deleted, 2 same fields) | ms and sequence, less the node's | [fields | names and values] or values |
//   elements of this entry before this one
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/rdb/object.h"
#include "protocol/rdb/payload_reader.h"

namespace chestbox::rdb {

// The first and the last entry that is not deleted, of the nodes looked at so far.
struct StreamSpan {
  std::optional<StreamId> first;
  std::optional<StreamId> last;
};

// Walks a whole node, and moves `span` on: entries that are not deleted ascend, and none comes before its node's ID.
// `*entries`: those not deleted, perhaps none (XTRIM MINID may leave such nodes).
[[nodiscard]] bool WalkStreamNode(const StreamId& node_id, std::string_view listpack, StreamSpan* span,
                                  uint32_t* entries);

// What follows the type byte.
[[nodiscard]] bool DecodeStream(ObjectType type, PayloadReader& in, ObjectSink& sink);

// Writes a stream as kStream2: after the type byte a count of nodes, then each node, the info, a count of groups, and
// each group.
void AppendStreamNode(const StreamId& node_id, std::string_view listpack, std::string& out);
void AppendStreamInfo(const StreamInfo& info, std::string& out);
void AppendStreamGroup(ObjectType type, const StreamGroup& group, std::string& out);

}  // namespace chestbox::rdb
