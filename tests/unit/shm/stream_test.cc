#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "protocol/shm/stream_group.h"
#include "protocol/shm/stream_reader.h"
#include "test_arena.h"
// Catch2 last.
#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t operator()() { return static_cast<uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

using Pairs = std::vector<std::string>;
using Model = std::map<StreamId, Pairs>;

resp::Args ArgsOf(const std::vector<std::string_view>& views) { return {views.data(), views.size()}; }

std::vector<std::string_view> ViewsOf(const Pairs& pairs) { return {pairs.begin(), pairs.end()}; }

template <class Nodes>
std::vector<std::pair<StreamId, Pairs>> Read(const StreamHead& head, Nodes& nodes, const StreamRange& range,
                                             bool* torn = nullptr) {
  std::vector<std::pair<StreamId, Pairs>> entries;
  StreamReader<Nodes> reader(head, nodes);
  char digits[kIntegerTextBytesMax];
  for (bool more = reader.Begin(range); more; more = reader.Next()) {
    Pairs pairs;
    (void)reader.ForEachField([&](const PackedElement& field, const PackedElement& value) {
      pairs.emplace_back(TextOf(field, digits));
      pairs.emplace_back(TextOf(value, digits));
    });
    entries.emplace_back(reader.entry().id, pairs);
  }
  if (torn != nullptr) *torn = reader.torn();
  return entries;
}

void RequireEqual(TestArena& arena, const StreamHead& head, const Model& model, const StreamRange& range) {
  DirectNodes nodes(arena);
  std::vector<std::pair<StreamId, Pairs>> expected(model.lower_bound(range.from), model.upper_bound(range.to));
  if (range.reverse) std::reverse(expected.begin(), expected.end());
  REQUIRE(Read(head, nodes, range) == expected);
}

void CheckInvariants(TestArena& arena, const StreamHead& head, const Model& model) {
  REQUIRE(head.length == model.size());
  REQUIRE(head.first_id == (model.empty() ? StreamId{} : model.begin()->first));
  DirectNodes nodes(arena);
  TreeCursor<DirectNodes> cursor(nodes, head.nodes, sizeof(Link));
  for (bool more = cursor.First(); more; more = cursor.Next()) {
    Link link;
    std::memcpy(&link, cursor.payload(), sizeof link);
    const char* block = arena.At(link);
    REQUIRE(IsSoundStreamNode({block, RacyLoad32(block)}, IdOf(cursor.key())));
    REQUIRE(RacyLoad32(block) + kStreamNodeSlackBytes <= arena.UsableBytes(link));
  }
}

class Scene {
 public:
  explicit Scene(uint32_t seed) : random_(seed), limits_{seed % 3 == 0 ? 0U : 600U, seed % 4 == 0 ? 0 : 10} {}

  void Step() {
    const uint32_t chance = random_() % 100;
    if (chance < 60) {
      Add();
    } else if (chance < 85) {
      Delete();
    } else if (chance < 90) {
      Trim();
    } else {
      const StreamId a = SomeId();
      const StreamId b = SomeId();
      RequireEqual(arena, head, model, {std::min(a, b), std::max(a, b), chance % 2 == 0});
    }
  }
  StreamWriter writer() { return {arena, &head}; }

  TestArena arena;
  StreamHead head;
  Model model;

 private:
  StreamId SomeId() { return {random_() % (head.last_id.ms + 3), random_() % 4}; }
  Pairs SomePairs() {
    Pairs pairs;
    const uint32_t fields = 1 + random_() % 3;
    for (uint32_t i = 0; i < fields; ++i) {
      pairs.push_back(random_() % 5 == 0 ? std::to_string(random_() % 10) : "field" + std::to_string(i));
      pairs.push_back(random_() % 3 == 0 ? std::to_string(random_()) : std::string(random_() % 70, 'v'));
    }
    if (random_() % 200 == 0) pairs.back().assign(9000, 'x');
    return pairs;
  }
  void Add() {
    StreamId id = head.last_id;
    if (random_() % 3 == 0) {
      ++id.seq;
    } else {
      id = {id.ms + 1 + random_() % 3, random_() % 4};
    }
    const Pairs pairs = SomePairs();
    REQUIRE(writer().Append(id, ArgsOf(ViewsOf(pairs)), limits_));
    model[id] = pairs;
    REQUIRE(head.last_id == id);
  }
  void Delete() {
    const auto near = model.lower_bound(SomeId());
    const StreamId id = near == model.end() || random_() % 4 == 0 ? SomeId() : near->first;
    REQUIRE(writer().Delete(id) == (model.erase(id) == 1));
  }
  void Trim() {
    StreamTrim trim;
    trim.by_id = random_() % 2 == 0;
    trim.first_id = SomeId();
    trim.length = model.size() - std::min<size_t>(model.size(), random_() % 8);
    trim.whole_nodes_only = random_() % 3 == 0;
    trim.limit = trim.whole_nodes_only ? 15 : 0;
    const uint64_t removed = writer().Trim(trim);
    REQUIRE(removed <= model.size());
    for (uint64_t i = 0; i < removed; ++i) model.erase(model.begin());
    if (!trim.whole_nodes_only) {
      REQUIRE((trim.by_id ? model.empty() || model.begin()->first >= trim.first_id : model.size() <= trim.length));
    }
  }

  Random random_;
  StreamNodeLimits limits_;
};

TEST_CASE("A stream holds what a map holds, whatever is added, deleted and trimmed", "[stream]") {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    Scene scene(seed);
    for (int step = 0; step < 3000; ++step) {
      scene.Step();
      if (step % 300 == 0) CheckInvariants(scene.arena, scene.head, scene.model);
    }
    CheckInvariants(scene.arena, scene.head, scene.model);
    RequireEqual(scene.arena, scene.head, scene.model, {});
    RequireEqual(scene.arena, scene.head, scene.model, {{}, kStreamIdMax, true});
    size_t budget = 3;
    while (!FreeStream(scene.arena, &scene.head, &budget)) budget = 3;
    REQUIRE(scene.arena.blocks_out() == 0);
    REQUIRE(scene.arena.FreedBlocksIntact());
  }
}

TEST_CASE("Without memory a stream stays as it was", "[stream]") {
  TestArena arena;
  StreamHead head;
  Model model;
  Random random(3);
  for (uint64_t i = 1; i < 4000; ++i) {
    const Pairs pairs{"field", std::string(random() % 60, 'v')};
    const auto views = ViewsOf(pairs);
    StreamWriter writer(arena, &head);
    const std::string before(BytesOf(head));
    arena.FailAfter(random() % 3);
    if (!writer.Append({i, 0}, ArgsOf(views), {700, 20})) {
      REQUIRE(BytesOf(head) == before);
    } else {
      model[{i, 0}] = pairs;
    }
    arena.NeverFail();
  }
  CheckInvariants(arena, head, model);
  RequireEqual(arena, head, model, {});
}

TEST_CASE("An entry with the fields of its node's first one keeps only values, as Redis lays them out", "[stream]") {
  TestArena arena;
  StreamHead head;
  StreamWriter writer(arena, &head);
  const std::vector<std::string_view> first{"a", "1", "b", "x"};
  const std::vector<std::string_view> other{"c", "2"};
  REQUIRE(writer.Append({5, 1}, ArgsOf(first), {}));
  REQUIRE(writer.Append({5, 3}, ArgsOf(first), {}));
  REQUIRE(writer.Append({7, 0}, ArgsOf(other), {}));
  REQUIRE(writer.Delete({5, 3}));
  DirectNodes nodes(arena);
  TreeCursor<DirectNodes> cursor(nodes, head.nodes, sizeof(Link));
  REQUIRE(cursor.First());
  REQUIRE(IdOf(cursor.key()) == StreamId{5, 1});
  Link link;
  std::memcpy(&link, cursor.payload(), sizeof link);
  const PackedReader block({arena.At(link), arena.UsableBytes(link)});
  std::string text;
  char digits[kIntegerTextBytesMax];
  PackedElement element;
  for (uint32_t at = block.First(); at != 0 && block.Take(&at, &element);)
    text += std::string(TextOf(element, digits)) + " ";
  //              master           first entry    deleted        fields of its own, earlier sequence
  REQUIRE(text ==
          "2 1 2 a b 0 "
          "2 0 0 1 x 5 "
          "3 0 2 1 x 5 "
          "0 2 -1 1 c 2 6 ");
}

// ---- Groups ----

struct GroupModel {
  std::map<StreamId, PendingEntry> pending;
  std::map<std::string, Link> consumers;
};

TEST_CASE("Groups, consumers and pending entries follow a model, and are copied and freed whole", "[stream]") {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    TestArena arena;
    StreamHead head;
    StreamGroups groups(arena, &head);
    Random random(seed);
    std::map<std::string, std::pair<Link, GroupModel>> model;
    const auto name = [&](uint32_t many) {
      return "a common beginning " + std::string(random() % 2 * 3, 'x') + std::to_string(random() % many);
    };
    for (int step = 0; step < 5000; ++step) {
      const std::string group_name = name(4);
      const Link group = groups.FindGroup(group_name);
      REQUIRE((group != 0) == model.contains(group_name));
      if (group == 0) {
        const Link created = groups.CreateGroup(group_name, {1, 2}, 3);
        REQUIRE(created != 0);
        model[group_name].first = created;
        continue;
      }
      REQUIRE(groups.GroupName(group) == group_name);
      GroupModel& expected = model[group_name].second;
      const std::string consumer_name = name(10);
      Link consumer = groups.FindConsumer(group, consumer_name);
      REQUIRE((consumer != 0) == expected.consumers.contains(consumer_name));
      if (consumer == 0) {
        consumer = groups.CreateConsumer(group, consumer_name, 5, 6);
        expected.consumers[consumer_name] = consumer;
      }
      const StreamId id{random() % 400, 0};
      const uint32_t chance = random() % 1000;
      if (chance < 650) {
        const PendingEntry entry{static_cast<int64_t>(random()), random(), consumer, 0};
        REQUIRE(groups.SetPending(group, id, entry));
        expected.pending[id] = entry;
      } else if (chance < 985) {
        REQUIRE(groups.ErasePending(group, id) == (expected.pending.erase(id) == 1));
      } else if (chance < 997) {
        groups.EraseConsumer(group, consumer);
        expected.consumers.erase(consumer_name);
        std::erase_if(expected.pending, [&](const auto& item) { return item.second.consumer == consumer; });
      } else {
        groups.EraseGroup(group);
        model.erase(group_name);
      }
    }
    const auto check = [&](const StreamGroups& actual, const StreamHead& of) {
      REQUIRE(of.groups.count == model.size());
      auto next = model.begin();
      actual.ForEachGroup([&](Link group) {
        REQUIRE(actual.GroupName(group) == next->first);
        const GroupModel& expected = next->second.second;
        REQUIRE(actual.Group(group).pending.count == expected.pending.size());
        auto pending = expected.pending.begin();
        actual.ForEachPending(group, 0, {}, [&](const StreamId& id, const PendingEntry& entry) {
          REQUIRE(id == pending->first);
          REQUIRE(entry.delivered_ms == pending->second.delivered_ms);
          REQUIRE(entry.deliveries == pending->second.deliveries);
          REQUIRE(expected.consumers.at(std::string(actual.ConsumerName(entry.consumer))) == pending->second.consumer);
          ++pending;
          return true;
        });
        auto named = expected.consumers.begin();
        actual.ForEachConsumer(group, [&](Link consumer) {
          REQUIRE(actual.ConsumerName(consumer) == named->first);
          size_t own = 0;
          actual.ForEachPending(group, consumer, {}, [&](const StreamId&, const PendingEntry& entry) {
            REQUIRE(entry.consumer == consumer);
            ++own;
            return true;
          });
          REQUIRE(own == actual.Consumer(consumer).pending.count);
          REQUIRE(own == static_cast<size_t>(
                             std::count_if(expected.pending.begin(), expected.pending.end(),
                                           [&](const auto& item) { return item.second.consumer == named->second; })));
          ++named;
        });
        ++next;
      });
    };
    check(groups, head);
    StreamHead copy;
    REQUIRE(CopyStream(arena, head, &copy));
    const uint64_t blocks = arena.blocks_out();
    for (uint64_t successes = 0; successes < blocks / 2; successes += 17) {
      StreamHead refused;
      arena.FailAfter(successes);
      REQUIRE(!CopyStream(arena, head, &refused));
      arena.NeverFail();
      REQUIRE(arena.blocks_out() == blocks);
    }
    size_t budget = 5;
    while (!FreeStream(arena, &head, &budget)) budget = 5;
    check(StreamGroups(arena, &copy), copy);
    budget = SIZE_MAX;
    REQUIRE(FreeStream(arena, &copy, &budget));
    REQUIRE(arena.blocks_out() == 0);
    REQUIRE(arena.FreedBlocksIntact());
  }
}

// ---- Torn copies ----

// Hands out copies of nodes with some bytes changed, as a reader may see them in the middle of a change.
class TornNodes {
 public:
  TornNodes(const ArenaView& arena, Random& random) : nodes_(arena), random_(&random) {}
  const char* Node(Link link, uint64_t bytes_min, uint64_t* bytes) {
    char* node = const_cast<char*>(nodes_.Node(link, bytes_min, bytes));
    if (node == nullptr) return nullptr;
    if ((*random_)() % 3 == 0) {
      const uint32_t changes = 1 + (*random_)() % 4;
      for (uint32_t i = 0; i < changes; ++i) {
        // Behind the size, which Nodes vouches for; near the front half of the time, where the counts are.
        const uint64_t span = (*random_)() % 2 == 0 ? std::min<uint64_t>(*bytes, 32) : *bytes;
        const uint64_t at = (*random_)() % span;
        if (at >= 4) node[at] = static_cast<char>((*random_)());
      }
    }
    return node;
  }

 private:
  CopiedNodes nodes_;
  Random* random_;
};

TEST_CASE("A torn copy of a stream's nodes is read without harm and without end", "[stream]") {
  Scene scene(5);
  for (int step = 0; step < 2500; ++step) scene.Step();
  Random random(11);
  size_t torn_reads = 0;
  for (int attempt = 0; attempt < 4000; ++attempt) {
    TornNodes nodes(scene.arena.view(), random);
    bool torn = false;
    StreamHead head = scene.head;
    if (attempt % 5 == 0) {
      auto* bytes = reinterpret_cast<unsigned char*>(&head);
      bytes[random() % sizeof head] = static_cast<unsigned char>(random());
    }
    const StreamId from{random() % (scene.head.last_id.ms + 1), 0};
    (void)Read(head, nodes, {from, kStreamIdMax, attempt % 2 == 0}, &torn);
    torn_reads += torn ? 1 : 0;
  }
  REQUIRE(torn_reads > 0);
}

}  // namespace
}  // namespace chestbox::shm
