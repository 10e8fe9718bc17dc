#include "protocol/shm/score_index.h"

#include "protocol/check.h"

namespace chestbox::shm {

namespace {

// Beyond a member's bytes: encodings, sizes and the score.
constexpr size_t kRowOverheadBytes = 32;
constexpr size_t kAllNodes = SIZE_MAX;

}  // namespace

void ScoreIndex::Free() {
  while (!FreeNodes(memory_, &head_, kAllNodes)) {
  }
}

bool ScoreIndex::MakeRow(std::string_view member, double score, std::string* row) {
  row->reserve(member.size() + kRowOverheadBytes);
  if (!tree_.AddText(member, row)) return false;
  AppendLeafScore(score, row);
  return true;
}

bool ScoreIndex::PushBack(std::string_view member, double score) {
  std::string row;
  if (!MakeRow(member, score, &row)) return false;
  if (!tree_.PushBack(row)) {
    tree_.DropTexts(row);
    return false;
  }
  if (table_.Insert(table_.Find(member), {.key = member, .value = {}, .score = score})) return true;
  tree_.EraseRange(tree_.rows() - 1, 1);
  return false;
}

bool ScoreIndex::Insert(const TablePlace& place, std::string_view member, double score) {
  std::string row;
  if (!MakeRow(member, score, &row)) return false;
  CountedPlace at;
  Seek(member, score, &at);
  if (!tree_.Insert(at, row)) {
    tree_.DropTexts(row);
    return false;
  }
  if (table_.Insert(place, {.key = member, .value = {}, .score = score})) return true;
  EraseFromTree(member, score);
  return false;
}

bool ScoreIndex::Move(const TablePlace& place, std::string_view member, double score) {
  const double old_score = ScoreOf(place.row.value);
  const NewRow table_row{.key = member, .value = {}, .score = score};
  std::string row;
  if (!MakeRow(member, score, &row)) return false;
  CountedPlace from;
  CountedPlace to;
  Seek(member, old_score, &from);
  Seek(member, score, &to);
  const bool stays = to.rank == from.rank || to.rank == from.rank + 1;
  // A row of the table that lies in its leaf is replaced by one of the same size, which needs no memory.
  if (stays && member.size() <= kInlineElementBytesMax) {
    if (tree_.Replace(from, row)) {
      CHECK(table_.Replace(place, table_row));
      return true;
    }
  } else if (tree_.Insert(to, row)) {
    const bool replaced = table_.Replace(place, table_row);
    EraseFromTree(member, replaced ? old_score : score);
    return replaced;
  }
  tree_.DropTexts(row);
  return false;
}

void ScoreIndex::Erase(const TablePlace& place, std::string_view member) {
  EraseFromTree(member, ScoreOf(place.row.value));
  table_.Erase(place);
}

void ScoreIndex::EraseFromTable(std::string_view member) { CHECK(table_.Erase(member)); }

void ScoreIndex::EraseFromTree(std::string_view member, double score) {
  CountedPlace place;
  Seek(member, score, &place);
  tree_.Erase(place);
}

bool ScoreIndex::FreeNodes(ArenaMemory& memory, TableTreeHead* head, size_t nodes_max) {
  if (!CountedTree::FreeNodes(memory, kScoredRows, &head->tree, nodes_max)) return false;
  return HashTable::FreeNodes(memory, &head->table, nodes_max);
}

bool ScoreIndex::CopyNodes(ArenaMemory& memory, const TableTreeHead& head, TableTreeHead* copy) {
  if (!HashTable::CopyNodes(memory, head.table, &copy->table)) return false;
  if (CountedTree::CopyNodes(memory, kScoredRows, head.tree, &copy->tree)) return true;
  while (!HashTable::FreeNodes(memory, &copy->table, kAllNodes)) {
  }
  return false;
}

}  // namespace chestbox::shm
