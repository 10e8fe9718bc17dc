// A SwapStore in a local directory, on RocksDB. Contract and thread rules: swap/swap_store.h; how the directory is laid
// out and what survives a crash: swap/store_directory.h; keys and records: swap/record_codec.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "protocol/result.h"
#include "swap/swap_store.h"

namespace chestbox::swap {

struct RocksdbOptions {
  std::string directory;  // created if missing; its parent must exist
  // The memory of the store is about 2 * write_buffer_bytes + block_cache_bytes + 1.3 bytes a state for the filters of
  // open tables. It lies outside of maxmemory, so the defaults are small.
  size_t write_buffer_bytes = 8 * 1024 * 1024;
  size_t block_cache_bytes = 8 * 1024 * 1024;
  int open_files_max = 256;
};

// What an open found, for the server's log.
enum class OpenOutcome {
  kFresh,                // nothing there: a new, empty store
  kClean,                // closed cleanly: everything is there
  kRecoveredCheckpoint,  // not closed cleanly: back at the last clean close
  kEmptyAfterCrash,      // not closed cleanly, and never before: empty
};

struct OpenedStore {
  std::unique_ptr<SwapStore> store;
  OpenOutcome outcome = OpenOutcome::kFresh;
  Metadata metadata;  // as given to the CloseClean whose state this is; empty for an empty store
};

// Opens in time independent of the number of states. Errors: somebody else has the directory open, a format newer than
// this program's, or I/O; each names the directory and changes nothing in it.
Result<OpenedStore> OpenRocksdbSwapStore(const RocksdbOptions& options);

}  // namespace chestbox::swap
