// PayloadReader: takes the parts of a payload off its front, never beyond its end. False: there is no such part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/rdb/object.h"

namespace chestbox::rdb {

// A string of a payload: bytes in it, or digits or decompressed bytes of its own.
class StringPart {
 public:
  StringPart() = default;
  StringPart(const StringPart&) = delete;
  StringPart& operator=(const StringPart&) = delete;
  std::string_view view() const { return is_own_ ? std::string_view(own_) : view_; }

 private:
  friend class PayloadReader;
  bool is_own_ = false;
  std::string own_;
  std::string_view view_;
};

class PayloadReader {
 public:
  PayloadReader(std::string_view data, Trust trust) : rest_(data), trust_(trust) {}

  bool is_own() const { return trust_ == Trust::kOwn; }
  bool done() const { return rest_.empty(); }
  size_t rest_bytes() const { return rest_.size(); }

  bool Byte(uint8_t* byte);
  bool Bytes(size_t count, std::string_view* bytes);
  bool Length(uint64_t* length);
  // How many items of at least `item_bytes_min` bytes follow; more than the payload has room for is refused.
  bool Count(size_t item_bytes_min, uint64_t* count);
  bool String(StringPart* string);
  bool Milliseconds(int64_t* ms);  // 8 bytes, little endian
  bool Double(double* value);      // 8 bytes, little endian
  bool TextDouble(double* value);  // a size byte and digits, or a special one

 private:
  std::string_view rest_;
  const Trust trust_;
};

// A finite or infinite number that is all of `text`.
bool ParseScore(std::string_view text, double* score);

}  // namespace chestbox::rdb
