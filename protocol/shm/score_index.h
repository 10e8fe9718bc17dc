// The write side of a large sorted set: a hash table (member -> score) and a counted tree (in order), kept in step.
// Layout and read side: sorted_set_reader.h.
//
// - The caller has closed the version that covers the set before it writes, and stores the changed head afterwards.
// - A write that returns false (no memory) has changed nothing that a reader of the head could see. Erasing needs none.
// - One writer. A place is void after any write.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/shm/arena_memory.h"
#include "protocol/shm/counted_tree.h"
#include "protocol/shm/hash_table.h"
#include "protocol/shm/sorted_set_reader.h"

namespace chestbox::shm {

class ScoreIndex {
 public:
  explicit ScoreIndex(ArenaMemory& memory, const TableTreeHead& head = {})
      : memory_(memory), head_(head), table_(memory, &head_.table), tree_(memory, kScoredRows, &head_.tree) {}
  ScoreIndex(const ScoreIndex&) = delete;
  ScoreIndex& operator=(const ScoreIndex&) = delete;

  const TableTreeHead& head() const { return head_; }

  // An empty one.
  [[nodiscard]] bool Create() { return HashTable::Create(memory_, 2, &head_.table); }
  // All of it: for one that never became a state's value.
  void Free();

  TablePlace Find(std::string_view member) const { return table_.Find(member); }
  // A member that comes after all others.
  [[nodiscard]] bool PushBack(std::string_view member, double score);
  // `place` is where Find did not find the member.
  [[nodiscard]] bool Insert(const TablePlace& place, std::string_view member, double score);
  // `place` is where Find found it.
  [[nodiscard]] bool Move(const TablePlace& place, std::string_view member, double score);
  void Erase(const TablePlace& place, std::string_view member);
  // The two halves of erasing a range: its members from the table, while the tree still tells them, then the ranks.
  void EraseFromTable(std::string_view member);
  void EraseFromTree(RankRange range) { tree_.EraseRange(range.first, range.count()); }

  // structure.h's.
  static bool FreeNodes(ArenaMemory& memory, TableTreeHead* head, size_t nodes_max);
  [[nodiscard]] static bool CopyNodes(ArenaMemory& memory, const TableTreeHead& head, TableTreeHead* copy);

 private:
  // A row of the tree. False: no memory.
  [[nodiscard]] bool MakeRow(std::string_view member, double score, std::string* row);
  void Seek(std::string_view member, double score, CountedPlace* place) const {
    tree_.Seek(ScoredProbe{.score = score, .member = member}, place);
  }
  void EraseFromTree(std::string_view member, double score);

  ArenaMemory& memory_;
  TableTreeHead head_;
  HashTable table_;
  CountedTree tree_;
};

}  // namespace chestbox::shm
