// A small writer over IndexWriter and key_block.h, for tests of protocol/shm: what server/keyspace does, without
// commands.
//
// Operations leave their scope open, so that several of them are one command; Finish() ends it. Databases are logical.
// WriterFaults takes one of the writer's guards out, to prove that a test notices.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/shm/hash.h"
#include "protocol/shm/index_writer.h"
#include "protocol/shm/pins.h"
#include "protocol/shm/retire_list.h"

namespace chestbox::shm {

struct WriterFaults {
  bool frees_without_scan = false;    // value blocks are freed though pinned
  bool changes_without_scan = false;  // the first in-place change does not look at the pins
};

class TestStore {
 public:
  explicit TestStore(ArenaMemory& memory, IndexWriter::HashFunction hash_of = HashKey);

  // False (memory): nothing has changed.
  [[nodiscard]] bool Put(uint32_t database, std::string_view key, std::string_view value, int64_t expire_at_ms = -1);
  bool Erase(uint32_t database, std::string_view key);
  // The value block moves from one key to the other. False: no such key, or no memory.
  bool Rename(uint32_t database, std::string_view from, std::string_view to);
  // Writes `value` over the old bytes, half by half, where the block has room and no view holds it; else as Put.
  bool ChangeInPlace(uint32_t database, std::string_view key, std::string_view value);
  // What a view of a mutable entry asks for.
  void Freeze(uint32_t database, std::string_view key);
  // Leaves a keyless entry.
  void SwapOut(uint32_t database, std::string_view key);
  void Flush(uint32_t database);
  // The two halves of Flush, for a writer that frees later what it has detached.
  void Detach(uint32_t database, IndexWriter::Detached* detached) { index(database).Clear(detached); }
  void FreeDetached(IndexWriter::Detached* detached, size_t segments);
  void SwapDatabases(uint32_t a, uint32_t b);
  void SetClock(int64_t now_ms) { memory_.header().clock_ms.store(now_ms, std::memory_order_release); }

  // Ends a command. Retired blocks stay until Drain.
  void Finish() { scope_.Finish(); }
  // Frees what no page pins.
  void Drain();

  void AddPage(ClientPage* page) { pages_.push_back(page); }
  void RemovePage(ClientPage* page) { std::erase(pages_, page); }

  uint32_t Physical(uint32_t database) const;
  IndexWriter& index(uint32_t database) { return *indexes_[Physical(database)]; }
  WriteScope& scope() { return scope_; }
  SegmentTable& segments() { return segments_; }
  RetireList& retired() { return retired_; }
  uint64_t Hash(std::string_view key) const { return hash_of_(key, memory_.header().hash_seed); }
  SlotRef Find(uint32_t database, std::string_view key) { return index(database).Find(key, Hash(key)); }
  // The writer's own look: false if it is not there or not live.
  bool Get(uint32_t database, std::string_view key, std::string* value);

  WriterFaults faults;

 private:
  Link NewKeyBlock(std::string_view key, std::string_view value, int64_t expire_at_ms, Link value_link);
  void FreeBlocks(uint64_t entry, bool keep_value = false);
  Link ValueLinkOf(uint64_t entry) const;
  bool IsPinned(Link link) const;

  ArenaMemory& memory_;
  IndexWriter::HashFunction hash_of_;
  WriteScope scope_;
  SegmentTable segments_;
  RetireList retired_;
  std::array<std::unique_ptr<IndexWriter>, kDatabases> indexes_;
  std::vector<const ClientPage*> pages_;
};

}  // namespace chestbox::shm
