// ReplyWriter: appends replies to a ReplyBuffer, in RESP2 or RESP3 as the connection has chosen by HELLO. A caller says
// what it means (a map, a double, "nothing"); the writer finds the protocol's words for it. Byte for byte as Redis 7.0.
//
// Invariants: an aggregate header is followed by exactly as many replies as it announces, which is the caller's duty. A
// handler that fails leaves nothing behind: whoever calls it takes size() before and calls Truncate() with it after.
// Threads: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/resp/reply_buffer.h"

namespace chestbox::resp {

class ReplyWriter {
 public:
  explicit ReplyWriter(ReplyBuffer& buffer, int protocol = 2) : buffer_(&buffer), protocol_(protocol) {}

  // 2 or 3.
  int protocol() const { return protocol_; }
  void set_protocol(int protocol);

  // "+text". A CR or LF in it becomes a space.
  void SimpleString(std::string_view text);
  void Ok() { buffer_->Append("+OK\r\n", 5); }
  // "-message": the message begins with its code ("ERR syntax error"). CR and LF become spaces, at its end they vanish.
  void Error(std::string_view message);
  void Integer(int64_t value);

  void Bulk(std::string_view bytes);
  // An integer as a bulk string.
  void BulkInteger(int64_t value);
  // A bulk string of `bytes` bytes that the caller fills in before the next call: for values copied from elsewhere.
  char* BulkInPlace(size_t bytes);
  // The same in pieces: header, Raw() up to exactly `bytes` bytes, end.
  void BulkHeader(size_t bytes);
  void BulkEnd() { buffer_->Append("\r\n", 2); }

  void Null();       // RESP2 "$-1", RESP3 "_"
  void NullArray();  // RESP2 "*-1", RESP3 "_"

  void Array(size_t count) { Header('*', count); }
  void Map(size_t pairs);        // RESP2: an array of twice as many
  void Set(size_t count);        // RESP2: an array
  void Push(size_t count);       // RESP2: an array
  void Attribute(size_t pairs);  // RESP3 only: RESP2 has no way to say it

  // RESP2: bulk string, RESP3: double; 17 significant digits, "inf", "-inf", "nan".
  void Double(double value);
  // As Double, but in plain decimal notation without superfluous zeros.
  void HumanDouble(long double value);
  // The same as a bulk string in both protocols (INCRBYFLOAT).
  void BulkHumanDouble(long double value);
  void Bool(bool value);                                          // RESP2: integer 0 or 1
  void BigNumber(std::string_view digits);                        // RESP2: bulk string
  void Verbatim(std::string_view format, std::string_view text);  // RESP2: bulk string. `format`: "txt" or "mkd"

  // Aggregates whose count is known only after their elements. Begin, write the elements, End with what Begin returned
  // and the count. Cheapest when `expected` has as many digits as the count; else End moves the elements by a byte or
  // more, and sizes taken between Begin and End do not hold any more. They nest.
  size_t BeginDeferredArray(size_t expected = 0) { return BeginDeferred('*', expected); }
  void EndDeferredArray(size_t mark, size_t count) { EndDeferred(mark, '*', count); }
  size_t BeginDeferredMap(size_t expected_pairs = 0);
  void EndDeferredMap(size_t mark, size_t pairs);
  size_t BeginDeferredSet(size_t expected = 0);
  void EndDeferredSet(size_t mark, size_t count);

  // Bytes that are protocol already: replies made elsewhere, parts of a bulk string.
  void Raw(std::string_view bytes) { buffer_->Append(bytes); }

  // Size of the buffer, and back to such a size.
  size_t size() const { return buffer_->size(); }
  void Truncate(size_t size) { buffer_->Truncate(size); }
  ReplyBuffer& buffer() { return *buffer_; }

 private:
  void Header(char type, size_t count);
  void Line(char type, std::string_view text);
  size_t BeginDeferred(char type, size_t expected);
  void EndDeferred(size_t mark, char type, size_t count);

  ReplyBuffer* buffer_;
  int protocol_;
};

}  // namespace chestbox::resp
