// RequestParser: bytes of a client -> one request at a time, as Redis reads them (RESP arrays of bulk strings, and
// inline commands). Arguments are slices of the caller's read buffer; in the steady state nothing is allocated.
//
//   while (true) {
//     switch (parser.Parse(buffer.data() + read, buffer.size() - read)) {
//       case kRequest:  Run(parser.args()); read += parser.consumed(); parser.Reset(); break;
//       case kNeedMore: ...make room for parser.bytes_wanted() more, receive, call again...
//       case kError:    ...reply with parser.error() and close...
//     }
//   }
//
// Invariants
// - What a sequence of bytes means does not depend on how it was cut into reads.
// - Positions are kept as offsets from the request's first byte, so the buffer may move and grow between calls; no byte
// is
//   looked at twice (a length of a few digits apart).
// - Memory held is bounded by the bytes that arrived, never by a length that a peer claims.
// - Where Redis is lenient, so is this, because its test suite and old clients rely on it: the two bytes after an
// argument
//   are skipped unseen, so is the byte after the '\r' of a header; a NUL hides the rest of a line.
//
// Threads: none; one parser belongs to one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/limits.h"

namespace chestbox::resp {

using Args = std::span<const std::string_view>;

class RequestParser {
 public:
  enum class Status { kNeedMore, kRequest, kError };

  // `data` is everything unread, from the first byte of the current request on. After kNeedMore call again with the
  // same bytes (wherever they are now) and more behind them. After kRequest the next call begins a new request, whose
  // first byte is consumed() bytes further. After kError every call fails until Reset(). Inline arguments are unescaped
  // in place, so a request that was parsed cannot be parsed again from the same bytes.
  Status Parse(char* data, size_t size);

  // kRequest: the arguments, valid until the buffer changes or the next Parse or Reset. Empty for an empty line, "*0"
  // and
  // "*-1": Redis skips such requests without a reply.
  Args args() const { return {slices_.data(), arg_count_}; }
  // kRequest: bytes of this request.
  size_t consumed() const { return pos_; }

  // kNeedMore: at least so many more bytes are needed before Parse can get further. Exact inside an argument.
  size_t bytes_wanted() const { return bytes_wanted_; }
  // kNeedMore: complete arguments of this request so far, and their bytes.
  size_t pending_args() const { return arg_count_; }
  // kNeedMore: the argument being received is a big one (kBigBulkBytes): size the buffer for bytes_wanted() exactly.
  bool in_big_bulk() const { return phase_ == Phase::kBody && bulk_bytes_ >= kBigBulkBytes; }
  // kNeedMore: offset of the argument being received, from the request's first byte (0 when between arguments).
  size_t bulk_offset() const { return phase_ == Phase::kBody ? pos_ : 0; }
  // kNeedMore: bytes of a request have been seen (so a timeout or a half-closed peer loses something).
  bool in_request() const { return phase_ != Phase::kStart && phase_ != Phase::kDone; }

  // kError: the error reply without its '-', as Redis 7.0 words it: "ERR Protocol error: invalid bulk length".
  const std::string& error() const { return error_; }

  // `proto-max-bulk-len`. Holds from the next argument on.
  void set_max_bulk_bytes(size_t bytes) { max_bulk_bytes_ = bytes; }
  // False while the connection still has to authenticate: the far smaller limits of limits.h hold. Begins true.
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }

  // Forgets the current request, finished or not. Also gives back the memory of an exceptionally long one.
  void Reset();

 private:
  enum class Phase : uint8_t { kStart, kInline, kCount, kHeader, kBody, kDone, kFailed };
  enum class Line { kFound, kMissing, kTooLong };
  // Where a complete argument lies; kept only for requests that arrive in several pieces.
  struct Piece {
    size_t offset;
    size_t bytes;
  };

  Status ParseInline(char* data, size_t size);
  Status ParseCount(const char* data, size_t size);
  Status ParseBulks(const char* data, size_t size);
  Status ReadLength(const char* data, size_t size, const char* too_long, int64_t* length, bool* valid);
  Status ReadBulkHeader(const char* data, size_t size);
  Line FindLineEnd(const char* data, size_t size, char terminator, size_t* end);
  Status Suspend(const char* data, size_t bytes_wanted);
  Status Finish(const char* data);
  Status Fail(std::string_view message);
  void AddArg(const char* data, size_t bytes);

  std::vector<std::string_view> slices_;  // the first arg_count_ are in use; the size only grows within a request
  std::vector<Piece> pieces_;             // arguments that earlier calls completed
  size_t arg_count_ = 0;
  size_t args_expected_ = 0;
  size_t pos_ = 0;         // first byte that is not parsed yet
  size_t scan_ = 0;        // the search for the end of a line goes on here
  size_t bulk_bytes_ = 0;  // length of the argument at pos_ in kBody
  size_t bytes_wanted_ = 0;
  size_t max_bulk_bytes_ = kBulkBytesMaxDefault;
  Phase phase_ = Phase::kStart;
  bool authenticated_ = true;
  std::string error_;
};

}  // namespace chestbox::resp
