// AofManifest: the files of a multi-part append-only file as redis-server 7.0 lays them out in `appenddirname`:
//   NAME.manifest         lines "file F seq N type b|i|h": the base, increments (none here), and what may be deleted
//   NAME.N.base.rdb|aof   the base: an RDB file or commands
//
// A copy of what it needs of the Config. Executor thread; the files are small.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/result.h"

namespace chestbox {

struct Config;

class AofManifest {
 public:
  explicit AofManifest(const Config& config);

  // Makes the directory, and returns the number of the next base.
  Result<uint64_t> PrepareNext() const;
  std::string BasePath(uint64_t sequence) const;
  // The manifest names that base and nothing else; what it named before is deleted.
  Result<void> SwitchTo(uint64_t sequence) const;
  // The base and the increments, in the order in which they are loaded; none when there is no manifest.
  Result<std::vector<std::string>> Files() const;

 private:
  struct Line {
    std::string file;
    uint64_t sequence = 0;
    char type = 'b';
  };
  Result<std::vector<Line>> Read() const;
  std::string ManifestPath() const;
  std::string BaseName(uint64_t sequence) const;

  const std::string directory_;
  const std::string name_;
  const bool rdb_;
};

}  // namespace chestbox
