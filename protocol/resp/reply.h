// Reply: one reply of a server as a tree, in either protocol. A plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chestbox::resp {

struct Reply {
  enum class Type : uint8_t {
    kNull,  // RESP3 "_", RESP2 "$-1" and "*-1"
    kSimpleString,
    kError,      // "-" and "!": `text` is the message
    kInteger,    // `integer`
    kBulk,       // "$": `text`
    kDouble,     // `number`, and as it was written in `text`
    kBool,       // `integer` is 0 or 1
    kBigNumber,  // `text`
    kVerbatim,   // `text`; its three-letter format is in `format`
    kArray,      // `elements`
    kMap,        // `elements`: key, value, key, value, …
    kSet,        // `elements`
    kPush,       // `elements`; not an answer to a request
  };

  Type type = Type::kNull;
  int64_t integer = 0;
  double number = 0;
  std::string text;
  std::string format;
  std::vector<Reply> elements;
  std::vector<Reply> attributes;  // "|" in front of this reply: key, value, key, value, …

  bool is_null() const { return type == Type::kNull; }
  bool is_error() const { return type == Type::kError; }
};

// One line that tells two different replies apart, for tests and tools: array[bulk"a", integer 1, null]. Bytes outside
// printable ASCII appear as \xhh.
std::string DebugString(const Reply& reply);

}  // namespace chestbox::resp
