// ReplyParser: bytes of a server -> Reply trees, RESP2 and RESP3, for the client side: tools, tests, shmclient.
//
//   while (parser.Parse(received) == kNeedMore) { received.remove_prefix(parser.consumed()); ...receive more behind
//   it... } received.remove_prefix(parser.consumed());  Reply reply = parser.TakeReply();
//
// Invariants
// - What a sequence of bytes means does not depend on how it was cut into reads, and no byte is looked at twice. The
// caller drops
//   the consumed() bytes after every call, even in the middle of a reply: a large string is not held twice.
// - A server is not trusted either: strict about every byte (numbers, CR LF, types), bounded in depth, elements and
//   sizes, and nothing is allocated by a length that was merely announced.
// - Streamed RESP3 strings and aggregates ("$?", "*?") are refused: Redis has never sent one.
//
// Threads: none; one parser belongs to one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/limits.h"
#include "protocol/resp/reply.h"

namespace chestbox::resp {

struct ReplyLimits {
  size_t depth_max = kReplyDepthMax;
  size_t elements_max = kReplyElementsMax;
  size_t bulk_bytes_max = kBulkBytesMaxDefault;
  size_t reply_bytes_max = kReplyBytesMax;
  size_t line_bytes_max = kReplyLineBytesMax;
};

class ReplyParser {
 public:
  enum class Status { kNeedMore, kReply, kError };

  explicit ReplyParser(const ReplyLimits& limits = ReplyLimits()) : limits_(limits) {}

  // `data` is everything unread: what is left behind the consumed() bytes of the call before, and newer bytes behind
  // it. After kReply the next call begins the next reply. After kError every call fails until Reset().
  Status Parse(std::string_view data);

  // After any call but a failed one: bytes at the front of `data` that are not needed any more.
  size_t consumed() const { return consumed_; }
  // kReply: the reply, once.
  Reply TakeReply();
  // kError: what is wrong, in words.
  const std::string& error() const { return error_; }

  void Reset();

 private:
  // An aggregate under construction: `remaining` elements are still to come.
  struct Frame {
    Reply reply;
    size_t remaining;
    bool is_attribute;
  };
  enum class Step { kMore, kWait, kDone, kFail };

  Step ParseLine(std::string_view data);
  Step ParseBody(std::string_view data);
  Step OpenLine(char type, std::string_view line);
  Step OpenString(char type, std::string_view line);
  Step OpenAggregate(char type, std::string_view line);
  Step Complete(Reply reply);
  Reply BeginReply(Reply::Type type);
  Step Fail(std::string_view what);

  ReplyLimits limits_;
  std::vector<Frame> frames_;
  std::vector<Reply> pending_attributes_;  // read in front of a reply that has not begun yet
  Reply string_;                           // string under construction …
  size_t string_bytes_ = 0;                // … and how long it gets
  bool in_string_ = false;
  size_t scan_ = 0;      // the search for the end of the line goes on here
  size_t elements_ = 0;  // announced so far in this reply
  size_t bytes_ = 0;     // of strings announced so far in this reply
  size_t consumed_ = 0;
  bool has_reply_ = false;
  bool failed_ = false;
  Reply reply_;
  std::string error_;
};

}  // namespace chestbox::resp
