// The files that RocksDB reads at random (its tables), with one thing that RocksDB does not offer: a thread may say
// that it must not wait for a disk. While a NoDiskWaits of it exists, what is not in the kernel's page cache fails to
// be read (preadv2 with RWF_NOWAIT), and no file is opened; RocksDB passes the failure on and changes nothing.
//
// What such a read may still wait for are RocksDB's own locks, which are held for microseconds, but for one: the
// opening of a table by another thread, when this thread needs a table that is not open either. Where the file system
// knows no RWF_NOWAIT, every such read fails.
#pragma once

#include <memory>

namespace rocksdb {
class Env;
}

namespace chestbox::swap {

// To be used as Options::env, and to outlive the database.
std::shared_ptr<rocksdb::Env> NewTableEnv();

class NoDiskWaits {
 public:
  NoDiskWaits();
  ~NoDiskWaits();
  NoDiskWaits(const NoDiskWaits&) = delete;
  NoDiskWaits& operator=(const NoDiskWaits&) = delete;
};

}  // namespace chestbox::swap
