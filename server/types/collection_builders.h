// Builders of collections that have no key yet, element by element: in private memory while they are small, in the
// arena's structures once they no longer are. A part of the object codec (object_codec.h).
//
// False from any call: bad data (a member that comes twice), or no memory, which out_of_memory() tells. A builder ends
// with a Finish that returns true, or with Abandon. Executor thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "protocol/rdb/object.h"
#include "protocol/shm/counted_tree.h"
#include "protocol/shm/hash_table.h"
#include "protocol/shm/score_index.h"
#include "protocol/shm/stream_group.h"
#include "server/config/config.h"
#include "server/keyspace.h"

namespace chestbox {

// The whole packed block of these elements.
std::string PackedOf(std::string_view elements, uint64_t count);
// `limit` is a setting.
constexpr bool AtMost(uint64_t value, int64_t limit) { return limit >= 0 && value <= static_cast<uint64_t>(limit); }
// Whether a list of so many elements in a packed block of so many bytes stays one.
bool ListStaysPacked(const Config& config, uint64_t elements, uint64_t bytes);

// Up to how many entries, of which none is longer than so many bytes, a collection is packed.
struct PackedLimits {
  int64_t entries_max;
  int64_t value_bytes_max;
};
inline constexpr PackedLimits kNeverPacked{-1, -1};
inline constexpr PackedLimits kAlwaysPacked{INT64_MAX, INT64_MAX};

class CollectionBuilder {
 public:
  explicit CollectionBuilder(shm::ArenaMemory& memory) : memory_(memory) {}
  virtual ~CollectionBuilder() = default;
  CollectionBuilder(const CollectionBuilder&) = delete;
  CollectionBuilder& operator=(const CollectionBuilder&) = delete;

  [[nodiscard]] virtual bool Finish(DetachedValue* value) = 0;
  // Frees what was built.
  virtual void Abandon(Keyspace& keys) = 0;
  bool out_of_memory() const { return out_of_memory_; }

 protected:
  bool NoMemory() {
    out_of_memory_ = true;
    return false;
  }

  shm::ArenaMemory& memory_;

 private:
  bool out_of_memory_ = false;
};

// Hashes and sets.
class TableBuilder : public CollectionBuilder {
 public:
  TableBuilder(shm::ArenaMemory& memory, ValueType type, const PackedLimits& limits)
      : CollectionBuilder(memory), type_(type), limits_(limits) {}

  bool Add(const shm::NewRow& row);
  bool Finish(DetachedValue* value) override;
  void Abandon(Keyspace& keys) override;

 protected:
  struct Row {
    std::string key;
    std::string value;
    int64_t expire_at_ms;
  };

  // Whether it may still become something else than a table.
  virtual bool StillSmall() const { return IsPacked(); }
  bool IsPacked() const;
  bool is_table() const { return table_.has_value(); }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  uint32_t row_elements() const { return type_ == ValueType::kHash ? 2 : 1; }
  std::string Packed() const;
  bool MakeTable();
  bool AddToTable(const shm::NewRow& row);

  const ValueType type_;
  const PackedLimits limits_;
  std::vector<Row> rows_;
  std::unordered_set<std::string> seen_;
  uint64_t bytes_ = 0;
  size_t longest_ = 0;
  shm::HashTableHead head_;
  std::optional<shm::HashTable> table_;
};

// Sets, which may also be integer sets.
class SetBuilder : public TableBuilder {
 public:
  // `always_table`: whatever the settings say.
  SetBuilder(shm::ArenaMemory& memory, const Config& config, bool always_table)
      : TableBuilder(memory, ValueType::kSet,
                     always_table ? kNeverPacked
                                  : PackedLimits{config.set_max_listpack_entries, config.set_max_listpack_value_bytes}),
        integers_max_(always_table ? -1 : config.set_max_intset_entries) {}

  bool AddMember(std::string_view member);
  bool Finish(DetachedValue* value) override;

 protected:
  bool StillSmall() const override { return FitsIntegers() || IsPacked(); }

 private:
  bool FitsIntegers() const { return all_integers_ && AtMost(rows().size(), integers_max_); }

  const int64_t integers_max_;
  bool all_integers_ = true;
};

// Sorted sets, whose members may come in any order. What is to become an index is built as they come, so that no call
// takes long; what may stay packed, at the end.
class SortedSetBuilder : public CollectionBuilder {
 public:
  // `always_index`: whatever the settings say.
  SortedSetBuilder(shm::ArenaMemory& memory, const Config& config, bool always_index)
      : CollectionBuilder(memory),
        limits_(always_index ? kNeverPacked
                             : PackedLimits{config.zset_max_listpack_entries, config.zset_max_listpack_value_bytes}),
        always_index_(always_index),
        index_(memory) {}

  bool Add(std::string_view member, double score);
  bool Finish(DetachedValue* value) override;
  void Abandon(Keyspace& keys) override;

 private:
  struct Member {
    std::string text;
    double score;
  };
  bool IsPacked() const;
  bool StartIndex();
  bool AddToIndex(std::string_view member, double score);
  bool MakeIndex();

  const PackedLimits limits_;
  const bool always_index_;
  std::vector<Member> members_;
  bool has_index_ = false;
  shm::ScoreIndex index_;
};

class ListBuilder : public CollectionBuilder {
 public:
  ListBuilder(shm::ArenaMemory& memory, const Config& config)
      : CollectionBuilder(memory), config_(config), tree_(memory, shm::kListRows, &head_) {}

  bool Add(std::string_view element);
  bool Finish(DetachedValue* value) override;
  void Abandon(Keyspace& keys) override;

 private:
  bool AddToTree(std::string_view element);
  bool MakeTree();

  const Config& config_;
  bool is_tree_ = false;
  std::string elements_;  // while it is packed
  uint64_t count_ = 0;
  std::string row_;
  shm::CountedTreeHead head_;
  shm::CountedTree tree_;
};

class StreamBuilder : public CollectionBuilder {
 public:
  explicit StreamBuilder(shm::ArenaMemory& memory)
      : CollectionBuilder(memory), writer_(memory, &head_), groups_(memory, &head_) {}

  bool Node(const StreamId& id, std::string_view listpack) { return writer_.AppendNode(id, listpack) || NoMemory(); }
  void End(const rdb::StreamInfo& info);
  bool Group(const rdb::StreamGroup& group);
  bool Finish(DetachedValue* value) override;
  void Abandon(Keyspace& keys) override;

 private:
  shm::StreamHead head_;
  shm::StreamWriter writer_;
  shm::StreamGroups groups_;
};

}  // namespace chestbox
