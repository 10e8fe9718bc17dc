// SaveFile: a file that appears under its name only when all of it is on the disk. Written beside it first
// (temp-PID-N.rdb in the same directory), then fsync, rename, fsync of the directory.
//
// One thread. After an Error every call repeats it; the temporary file goes with the object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace chestbox {

class SaveFile {
 public:
  SaveFile() = default;
  ~SaveFile();
  SaveFile(const SaveFile&) = delete;
  SaveFile& operator=(const SaveFile&) = delete;

  Result<void> Create(const std::string& path);
  Result<void> Write(std::string_view bytes);
  Result<void> Commit();
  uint64_t crc() const { return crc_; }  // CRC-64 of all written

 private:
  Result<void> Fail(std::string_view what);

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
  uint64_t crc_ = 0;
  Result<void> outcome_;
};

}  // namespace chestbox
