// FileReader: takes the parts off an RDB file (file_format.h), of Redis' versions up to 12, one after the other.
// Objects are handed out as they stand there, for DecodeObject to check; a file is whole once kEnd was told.
//
// Holds one state at a time: a length that the rest of the file has no room for is refused before anything is
// allocated. One thread; where the bytes come from is the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace chestbox::rdb {

class FileReader {
 public:
  // Reads up to `size` bytes; 0: the end.
  using ReadBytes = std::function<Result<size_t>(char* to, size_t size)>;
  // `size` of the whole file.
  FileReader(ReadBytes read, uint64_t size) : read_(std::move(read)), rest_(size) {}

  enum class Item { kAux, kFunction, kState, kEnd };
  struct State {
    uint32_t database = 0;
    int64_t expire_at_ms = -1;  // -1: never
    int64_t idle_s = -1;        // -1: not told
    int frequency = -1;         // the same
    std::string key;
    std::string object;
  };
  // What comes next. Not after an Error or kEnd.
  Result<Item> Next();
  State& state() { return state_; }
  const std::string& name() const { return name_; }  // of an AUX field
  const std::string& text() const { return text_; }  // its value, or a library's code

 private:
  Result<void> ReadHeader();
  Result<void> ReadEnd();
  Result<void> ReadObject(uint8_t type);
  Result<void> ReadStream(uint8_t type);
  Result<void> ReadHash(uint8_t type);
  Result<void> SkipModuleAux();

  // These append what they read to `*raw`, unless it is null.
  Result<void> Take(uint64_t size, std::string* raw);
  Result<uint8_t> TakeByte(std::string* raw);
  Result<uint64_t> TakeLength(std::string* raw);
  Result<void> TakeString(std::string* raw);
  Result<void> TakeStrings(uint64_t count, std::string* raw);
  Result<uint64_t> TakeNumber(size_t size);  // little endian
  Result<std::string> TakeText();

  ReadBytes read_;
  uint64_t rest_;  // bytes of the file that have not been taken
  std::string buffer_;
  size_t buffer_at_ = 0;
  bool begun_ = false;
  int version_ = 0;
  uint64_t crc_ = 0;
  uint32_t database_ = 0;
  State state_;
  std::string name_;
  std::string text_;
};

}  // namespace chestbox::rdb
