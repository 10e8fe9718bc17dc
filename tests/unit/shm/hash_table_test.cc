// The hash table against a model, with good and bad hashes, without memory, and read from torn copies.
#include "protocol/shm/hash_table.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocol/shm/hash.h"
#include "tests/unit/shm/test_arena.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

using Random = std::mt19937_64;

struct ModelRow {
  std::string value;
  int64_t expire_at_ms = kRowNeverExpires;
  bool operator==(const ModelRow&) const = default;
};
using Model = std::unordered_map<std::string, ModelRow>;

// Four hashes for everything: long leaves.
uint64_t BadHash(std::string_view key, uint64_t seed) { return HashKey(key, seed) % 4; }

template <class Nodes>
std::string Text(Nodes& nodes, const PackedElement& element) {
  ElementDigits digits;
  const auto text = ElementText(nodes, element, &digits);
  REQUIRE(text);
  return std::string(*text);
}

template <class Nodes>
Model Contents(Nodes& nodes, const HashTableHead& head) {
  Model found;
  const HashTableReader<Nodes> reader(nodes, head);
  REQUIRE(reader.ForEach([&](const PackedRow& row) {
    const std::string key = Text(nodes, row.key);
    REQUIRE(found.count(key) == 0);
    found[key] = {head.row_elements == 2 ? Text(nodes, row.value) : "", row.expire_at_ms};
    return true;
  }));
  return found;
}

std::string RandomText(Random& random) {
  switch (random() % 12) {
    case 0:
      return std::to_string(static_cast<int64_t>(random()));
    case 1:
      return std::to_string(random() % 200);
    case 2:
      return std::string(kInlineElementBytesMax + random() % 700, static_cast<char>('a' + random() % 26));
    case 3:
      return "";
    default:
      return std::string(random() % 40, static_cast<char>('a' + random() % 26));
  }
}

class Lab {
 public:
  Lab(uint32_t row_elements, uint64_t seed, HashTable::HashFunction hash_of)
      : random(seed), hash_of_(hash_of), row_elements_(row_elements) {
    memory.header().hash_seed = seed;
    REQUIRE(HashTable::Create(memory, row_elements, &head));
  }

  HashTable table() { return {memory, &head, hash_of_}; }
  std::string RandomKey(uint64_t keys) {
    const uint64_t number = random() % keys;
    if (number % 97 == 0) return std::string(600 + number, 'k');
    return number % 3 == 0 ? std::to_string(number) : "key:" + std::to_string(number);
  }
  NewRow Row(std::string_view key, const ModelRow& row) const {
    NewRow result{.key = key, .value = {}, .score = {}, .expire_at_ms = row.expire_at_ms};
    if (row_elements_ == 2) result.value = row.value;
    return result;
  }
  ModelRow RandomRow() {
    return {row_elements_ == 2 ? RandomText(random) : "",
            random() % 4 == 0 ? static_cast<int64_t>(random() % 100'000) : kRowNeverExpires};
  }
  void Write(const std::string& key, bool may_fail = false) {
    HashTable writer = table();
    const TablePlace place = writer.Find(key);
    const auto known = model.find(key);
    REQUIRE(place.found == (known != model.end()));
    const ModelRow row = RandomRow();
    const bool done = place.found ? writer.Replace(place, Row(key, row)) : writer.Insert(place, Row(key, row));
    REQUIRE((done || may_fail));
    if (done) model[key] = row;
  }
  void Expire(const std::string& key) {
    HashTable writer = table();
    const TablePlace place = writer.Find(key);
    if (!place.found) return;
    const int64_t at = random() % 2 == 0 ? kRowNeverExpires : static_cast<int64_t>(random() % 100'000);
    REQUIRE(writer.SetExpiry(place, at));
    model[key].expire_at_ms = at;
  }
  void Erase(const std::string& key) {
    HashTable writer = table();
    REQUIRE(writer.Erase(key) == (model.erase(key) == 1));
  }
  // A step; true: it was the last one.
  bool Sweep(int64_t now_ms, size_t rows_max) {
    std::vector<std::string> erased;
    table().SweepExpired(now_ms, rows_max, &erased);
    for (const std::string& key : erased) {
      const auto known = model.find(key);
      REQUIRE(known != model.end());
      REQUIRE(known->second.expire_at_ms != kRowNeverExpires);
      REQUIRE(known->second.expire_at_ms <= now_ms);
      model.erase(known);
    }
    REQUIRE(erased.size() <= rows_max + head.leaf_rows_max + 100);
    return head.sweep == 0;
  }
  void Check() {
    REQUIRE(head.rows == model.size());
    const uint64_t expiring = static_cast<uint64_t>(std::count_if(
        model.begin(), model.end(), [](const auto& row) { return row.second.expire_at_ms != kRowNeverExpires; }));
    REQUIRE(head.expiring_rows == expiring);
    for (const auto& [key, row] : model) {
      if (row.expire_at_ms != kRowNeverExpires) REQUIRE(head.earliest_expiry_ms() <= row.expire_at_ms);
    }
    const DirectNodes direct(memory);
    REQUIRE(Contents(direct, head) == model);
    if (head.bytes < CopiedNodes::kBytesMax / 2) {
      CopiedNodes copied(memory.view());
      REQUIRE(Contents(copied, head) == model);
    }
    REQUIRE(memory.FreedBlocksIntact());
  }

  TestArena memory;
  HashTableHead head;
  Model model;
  Random random;

 private:
  HashTable::HashFunction hash_of_;
  uint32_t row_elements_;
};

void RunHistory(Lab& lab, uint64_t keys, int operations) {
  for (int i = 0; i < operations; ++i) {
    // Grows, then shrinks, and so on.
    const bool growing = (i / 4000) % 2 == 0;
    const std::string key = lab.RandomKey(keys);
    const uint64_t dice = lab.random() % 10;
    if (dice < (growing ? 6U : 2U)) {
      lab.Write(key);
    } else if (dice < 9) {
      lab.Erase(key);
    } else {
      lab.Expire(key);
    }
    if (i % 2000 == 0) lab.Check();
  }
  lab.Check();
}

TEST_CASE("A sweep erases in steps what has expired, whatever is written meanwhile") {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Lab lab(2, seed, nullptr);
    for (int round = 0; round < 12; ++round) {
      const uint64_t keys = round % 3 == 0 ? 6000 : 1500;
      for (int i = 0; i < 2000; ++i) lab.Write(lab.RandomKey(keys));
      const auto now_ms = static_cast<int64_t>(lab.random() % 100'000);
      std::unordered_set<std::string> due;
      for (const auto& [key, row] : lab.model) {
        if (row.expire_at_ms != kRowNeverExpires && row.expire_at_ms <= now_ms) due.insert(key);
      }
      while (!lab.Sweep(now_ms, 1 + lab.random() % 60)) {
        // Few rows, or many: buckets split and merge on either side of the sweep.
        for (uint64_t i = lab.random() % 40; i > 0; --i) {
          const std::string key = lab.RandomKey(keys);
          due.erase(key);
          const uint64_t dice = lab.random() % 4;
          if (dice == 0) {
            lab.Write(key);
          } else if (dice == 1) {
            lab.Expire(key);
          } else if (round % 2 == 0) {
            lab.Erase(key);
          }
        }
        if (lab.random() % 16 == 0) lab.Check();
      }
      lab.Check();
      for (const std::string& key : due) REQUIRE(lab.model.count(key) == 0);
    }
    // Undisturbed, it leaves the exact time.
    while (!lab.Sweep(50'000, 100)) {
    }
    int64_t earliest_ms = kRowNeverExpires;
    for (const auto& [key, row] : lab.model) {
      if (row.expire_at_ms == kRowNeverExpires) continue;
      REQUIRE(row.expire_at_ms > 50'000);
      if (earliest_ms == kRowNeverExpires || row.expire_at_ms < earliest_ms) earliest_ms = row.expire_at_ms;
    }
    REQUIRE(lab.head.earliest_expiry_ms() == earliest_ms);
  }
}

TEST_CASE("A table of rows holds what a map holds, through growing and shrinking") {
  for (uint32_t row_elements : {1U, 2U}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      Lab lab(row_elements, seed, nullptr);
      RunHistory(lab, 4000, 30'000);
      HashTableHead head = lab.head;
      while (!HashTable::FreeNodes(lab.memory, &head, 7)) {
      }
      REQUIRE(lab.memory.bytes_out() == 0);
    }
  }
}

TEST_CASE("A table whose keys collide holds what a map holds") {
  Lab lab(2, 9, &BadHash);
  RunHistory(lab, 300, 10'000);
  HashTableHead head = lab.head;
  while (!HashTable::FreeNodes(lab.memory, &head, 1)) {
  }
  REQUIRE(lab.memory.bytes_out() == 0);
}

TEST_CASE("A table without memory keeps what it has") {
  Lab lab(2, 5, nullptr);
  for (int i = 0; i < 20'000; ++i) {
    if (lab.random() % 3 == 0) {
      lab.memory.FailAfter(lab.random() % 4);
    } else {
      lab.memory.NeverFail();
    }
    const std::string key = lab.RandomKey(3000);
    if (i % 5 == 4) {
      lab.Erase(key);
    } else {
      lab.Write(key, true);
    }
    if (i % 2000 == 0) lab.Check();
  }
  lab.Check();
  HashTableHead copy;
  for (uint64_t successes = 0;; successes = successes * 2 + 1) {
    const uint64_t out = lab.memory.bytes_out();
    lab.memory.FailAfter(successes);
    const bool copied = HashTable::CopyNodes(lab.memory, lab.head, &copy);
    lab.memory.NeverFail();
    if (copied) break;
    REQUIRE(lab.memory.bytes_out() == out);
  }
  const DirectNodes direct(lab.memory);
  REQUIRE(Contents(direct, copy) == lab.model);
  REQUIRE(HashTable::FreeNodes(lab.memory, &copy, SIZE_MAX));
  lab.Check();
  REQUIRE(HashTable::FreeNodes(lab.memory, &lab.head, SIZE_MAX));
  REQUIRE(lab.memory.bytes_out() == 0);
}

TEST_CASE("A table of a hundred thousand members has short leaves, and gives its memory back") {
  Lab lab(1, 11, nullptr);
  HashTable writer = lab.table();
  const auto member = [](int i) { return "member:" + std::to_string(100'000'000 + i); };
  for (int i = 0; i < 100'000; ++i) {
    REQUIRE(writer.Insert(writer.Find(member(i)), {.key = member(i), .value = {}, .score = {}}));
  }
  REQUIRE(lab.head.rows == 100'000);
  REQUIRE(lab.head.buckets * 12 >= 100'000);
  REQUIRE(lab.head.leaf_rows_max < 64);
  REQUIRE(lab.head.bytes < 100'000 * 20);
  const DirectNodes direct(lab.memory);
  for (int i = 0; i < 100'000; i += 7) {
    PackedRow row;
    const HashTableReader<const DirectNodes> reader(direct, lab.head);
    REQUIRE(reader.Find(member(i), HashKey(member(i), 11), &row) == Looked::kFound);
    REQUIRE(Text(direct, row.key) == member(i));
    REQUIRE(reader.Find(member(i) + "x", HashKey(member(i) + "x", 11), &row) == Looked::kMissing);
  }
  for (int i = 0; i < 100'000; ++i) REQUIRE(writer.Erase(member(i)));
  REQUIRE(lab.head.rows == 0);
  REQUIRE(lab.head.buckets < 16);
  REQUIRE(HashTable::FreeNodes(lab.memory, &lab.head, SIZE_MAX));
  REQUIRE(lab.memory.bytes_out() == 0);
}

TEST_CASE("A scan by position returns every row that is there all along, while the table grows and shrinks") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Lab lab(1, seed, nullptr);
    HashTable writer = lab.table();
    for (int i = 0; i < 500; ++i) {
      const std::string key = "stays:" + std::to_string(i);
      REQUIRE(writer.Insert(writer.Find(key), {.key = key, .value = {}, .score = {}}));
    }
    std::map<std::string, int> seen;
    const DirectNodes direct(lab.memory);
    uint64_t position = 0;
    int steps = 0;
    do {
      const HashTableReader<const DirectNodes> reader(direct, lab.head);
      REQUIRE(reader.VisitPosition(position, &position, [&](const PackedRow& row) { ++seen[Text(direct, row.key)]; }));
      const bool growing = (steps / 20) % 2 == 0;
      for (int i = 0; i < 100; ++i) {
        const std::string key = "goes:" + std::to_string(lab.random() % 3000);
        const TablePlace place = writer.Find(key);
        if (place.found && !growing) writer.Erase(place);
        if (!place.found && growing) REQUIRE(writer.Insert(place, {.key = key, .value = {}, .score = {}}));
      }
      REQUIRE(++steps < 100'000);
    } while (position != 0);
    for (int i = 0; i < 500; ++i) REQUIRE(seen["stays:" + std::to_string(i)] >= 1);
  }
}

TEST_CASE("A random row is any row with the same probability") {
  Lab lab(2, 3, nullptr);
  for (int i = 0; i < 100; ++i) lab.Write("key:" + std::to_string(i));
  std::map<std::string, int> drawn;
  const DirectNodes direct(lab.memory);
  const HashTableReader<const DirectNodes> reader(direct, lab.head);
  PackedRow row;
  for (int i = 0; i < 100'000; ++i) {
    REQUIRE(reader.RandomRow(lab.random, &row) == Looked::kFound);
    ++drawn[Text(direct, row.key)];
  }
  REQUIRE(drawn.size() == 100);
  for (const auto& [key, times] : drawn) REQUIRE((times > 800 && times < 1200));
}

TEST_CASE("A torn table reads as something, in bounded time") {
  Lab lab(2, 21, nullptr);
  for (int i = 0; i < 2000; ++i) lab.Write(lab.RandomKey(1500));
  const ArenaView view = lab.memory.view();
  char* heap = lab.memory.base() + kHeapOffset;
  const uint64_t heap_bytes = lab.memory.bytes_out();
  uint64_t found = 0;
  CopiedNodes nodes(view);
  for (int round = 0; round < 3000; ++round) {
    HashTableHead head = lab.head;
    std::vector<std::pair<uint64_t, char>> damaged;
    for (int i = 0; i < 200; ++i) {
      const uint64_t at = lab.random() % heap_bytes;
      damaged.emplace_back(at, heap[at]);
      heap[at] = static_cast<char>(lab.random());
    }
    if (round % 3 == 0) reinterpret_cast<char*>(&head)[lab.random() % sizeof head] ^= static_cast<char>(lab.random());
    nodes.Reset();
    const HashTableReader<CopiedNodes> reader(nodes, TableHeadBytes(head));
    PackedRow row;
    ElementDigits digits;
    for (int i = 0; i < 20; ++i) {
      const std::string key = lab.RandomKey(1500);
      if (reader.Find(key, HashKey(key, 21), &row) == Looked::kFound) {
        found += ElementText(nodes, row.value, &digits).has_value();
      }
      uint64_t next = 0;
      (void)reader.VisitPosition(lab.random(), &next, [&](const PackedRow& visited) {
        found += ElementText(nodes, visited.key, &digits).has_value();
      });
    }
    (void)reader.RandomRow(lab.random, &row);
    if (round % 50 == 0) (void)reader.ForEach([&](const PackedRow&) { return ++found != 0; });
    for (auto it = damaged.rbegin(); it != damaged.rend(); ++it) heap[it->first] = it->second;
  }
  REQUIRE(found > 0);
  lab.Check();
}

}  // namespace
}  // namespace chestbox::shm
