// What every SwapStore promises about its snapshots; run over each implementation.
#include "store_lab.h"

#include <limits>
#include <map>

#define STORES MemoryLab, RocksdbLab

namespace chestbox::swap {
namespace {

std::map<std::string, std::string> Pictured(StoreSnapshot& picture, uint8_t database, uint64_t from = 0,
                                            uint64_t to = std::numeric_limits<uint64_t>::max()) {
  std::map<std::string, std::string> states;
  const auto visited = picture.Visit(database, from, to, [&](const StateName& name, const auto& read) {
    std::string payload;
    auto whole = read([&](std::string_view piece) -> Result<void> {
      payload.append(piece);
      return {};
    });
    CHECK(payload.size() == name.payload_size);
    states[name.key] = payload;
    return whole;
  });
  REQUIRE(visited.ok());
  return states;
}

}  // namespace

TEMPLATE_TEST_CASE("A snapshot holds what was written before it, whatever is written after it", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const std::string large = Bytes(2 * kChunkSize + 100, 3);
  const uint64_t value_id = store.BeginValue();
  for (size_t at = 0; at < large.size(); at += kChunkSize) {
    REQUIRE(store.AppendChunk(value_id, std::string_view(large).substr(at, kChunkSize)).ok());
  }
  PutState chunked = Put(Id("large", 30), {});
  chunked.value_id = value_id;
  const std::string middle = Bytes(kInlinePayloadSizeMax + 1, 4);
  Apply(store, {Put(Id("kept", 10), "1"), Put(Id("erased", 20), "2"), Put(Id("middle", 25), middle), chunked});
  Apply(store, {Put(Id("flushed", 40, 1), "3")});
  auto taken = store.TakeSnapshot();
  REQUIRE(taken.ok());
  Apply(store, {Put(Id("kept", 10), "new"), EraseState{Id("erased", 20)}, EraseState{Id("middle", 25)},
                EraseState{Id("large", 30)}, Put(Id("added", 5), "4")});
  REQUIRE(store.Flush(1).ok());
  for (int i = 0; i < 1000; ++i) {
    const auto more = store.Maintain();
    REQUIRE(more.ok());
    if (!*more) break;
  }
  using States = std::map<std::string, std::string>;
  CHECK(Pictured(**taken, 0) == States{{"kept", "1"}, {"erased", "2"}, {"middle", middle}, {"large", large}});
  CHECK(Pictured(**taken, 0, 20, 25) == States{{"erased", "2"}, {"middle", middle}});
  CHECK(Pictured(**taken, 0, 11, 19).empty());
  CHECK(Pictured(**taken, 1) == States{{"flushed", "3"}});
  CHECK(Pictured(**taken, 2).empty());
  taken->reset();
  auto later = store.TakeSnapshot();
  REQUIRE(later.ok());
  CHECK(Pictured(**later, 0) == States{{"kept", "new"}, {"added", "4"}});
  CHECK(Pictured(**later, 1).empty());
}

TEMPLATE_TEST_CASE("A visitor's error ends the visit of a snapshot", "[contract]", STORES) {
  TestType lab;
  Apply(lab.store(), {Put(Id("a", 1), "1"), Put(Id("b", 2), "2")});
  auto taken = lab.store().TakeSnapshot();
  REQUIRE(taken.ok());
  int visits = 0;
  const auto visited = (*taken)->Visit(0, 0, 9, [&](const StateName&, const auto&) -> Result<void> {
    ++visits;
    return Error{"enough"};
  });
  REQUIRE_FALSE(visited.ok());
  CHECK(visited.error().message == "enough");
  CHECK(visits == 1);
}

}  // namespace chestbox::swap
