// Strings in the RDB format, and the string object: what swap stores and what DUMP and RESTORE carry (without DUMP's
// footer).
//   string := length prefix + bytes | 11000000 int8 | 11000001 int16 | 11000010 int32 (little endian)
//           | 11000011 + length of compressed + length of original + LZF bytes
//   string object := kTypeString + string
// Integers in canonical decimal form that fit 32 bits are written as integers; nothing is written compressed, but
// compressed strings that Redis wrote are read.
//
// Large values need no second copy: EncodeStringHeader gives what stands before the bytes, and ParseString tells where
// in a payload the bytes lie, given only its beginning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace chestbox::rdb {

inline constexpr uint8_t kTypeString = 0;
// Type byte and length prefix.
inline constexpr size_t kStringHeaderSizeMax = 10;
// As many bytes of a payload as ParseStringObject may need to see: a type byte, an LZF mark and two lengths.
inline constexpr size_t kStringPrefixSizeMax = 20;

// --- A string, as part of any object.

void AppendString(std::string_view value, std::string& out);

// Where a string lies in a payload.
struct StringLayout {
  enum class Form : uint8_t { kRaw, kInteger, kCompressed };
  Form form = Form::kRaw;
  size_t header_size = 0;    // bytes before the stored bytes
  uint64_t stored_size = 0;  // stored bytes; 0 for an integer, which is all in the header
  uint64_t value_size = 0;   // bytes of the string itself, for kRaw and kCompressed
  int32_t integer = 0;       // for kInteger
  uint64_t end() const { return header_size + stored_size; }
};

// Reads the layout of the string at the start of `data`, of which only a beginning (kStringPrefixSizeMax bytes or all)
// need be there. `available` is how many bytes the string may take in all; a longer one is an Error.
Result<StringLayout> ParseString(std::string_view data, uint64_t available);

// The string at the start of `data`, and how many bytes it took there.
struct DecodedString {
  std::string value;
  size_t size = 0;
};
Result<DecodedString> DecodeString(std::string_view data);

// --- The string object, a whole payload.

// The type byte and length prefix for `value_size` raw bytes to follow; returns the size written to `out`, which holds
// kStringHeaderSizeMax bytes. (Correct for every string; EncodeStringObject is smaller for integers.)
size_t EncodeStringHeader(uint64_t value_size, char* out);

std::string EncodeStringObject(std::string_view value);

// As ParseString for a payload of `payload_size` bytes that holds one string object and nothing after it.
Result<StringLayout> ParseStringObject(std::string_view beginning, uint64_t payload_size);
Result<std::string> DecodeStringObject(std::string_view payload);

}  // namespace chestbox::rdb
