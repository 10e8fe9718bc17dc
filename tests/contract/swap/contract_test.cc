// What every SwapStore promises; run over each implementation.
#include "store_lab.h"

#include <atomic>
#include <limits>
#include <thread>

namespace chestbox::swap {
namespace {

std::vector<std::string> Keys(const ScanPage& page) {
  std::vector<std::string> keys;
  for (const StateName& state : page.states) keys.push_back(state.key);
  return keys;
}

ScanPage ScanAll(SwapStore& store, uint8_t database) {
  auto page = store.Scan(database, 0, std::numeric_limits<uint64_t>::max(), 1000000);
  REQUIRE(page.ok());
  return std::move(*page);
}

std::vector<std::string> DueKeys(SwapStore& store, uint8_t database, int64_t now_ms, size_t limit = 100) {
  const auto due = store.DueExpiries(database, now_ms, limit);
  REQUIRE(due.ok());
  std::vector<std::string> keys;
  for (const DueState& state : *due) keys.push_back(state.key);
  return keys;
}

using Strings = std::vector<std::string>;

}  // namespace

#define STORES MemoryLab, RocksdbLab

TEMPLATE_TEST_CASE("A state comes back as it was put, at every size where its place changes", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  for (const size_t size : {size_t{0}, size_t{1}, kInlinePayloadSizeMax, kInlinePayloadSizeMax + 1, kChunkSize}) {
    CAPTURE(size);
    const std::string key = "size " + std::to_string(size);
    const std::string payload = Bytes(size, 7);
    PutState put = Put(Id(key, size), payload, 123456789012);
    put.attributes.type = 4;
    put.attributes.access = 0xabcdef;
    put.attributes.sequence = 1ULL << 50;
    Apply(store, {put});
    const auto record = Load(store, Id(key, size));
    REQUIRE(record.has_value());
    REQUIRE(record->attributes == put.attributes);
    REQUIRE(record->payload_size == size);
    REQUIRE_FALSE(record->chunked());
    REQUIRE(record->payload == payload);
  }
  REQUIRE(store.Count(0) == 5);
  REQUIRE(store.ExpiryCount(0) == 5);
}

TEMPLATE_TEST_CASE("A state that was never put is missing", "[contract]", STORES) {
  TestType lab;
  Apply(lab.store(), {Put(Id("here", 5, 2), "x")});
  REQUIRE_FALSE(Load(lab.store(), Id("gone", 5, 2)).has_value());
  REQUIRE_FALSE(Load(lab.store(), Id("here", 6, 2)).has_value());
  REQUIRE_FALSE(Load(lab.store(), Id("here", 5, 3)).has_value());
  REQUIRE_FALSE(Load(lab.store(), Id("her", 5, 2)).has_value());
}

TEMPLATE_TEST_CASE("What was just written can be loaded without the disk", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  for (const size_t size : {size_t{0}, kInlinePayloadSizeMax, size_t{20000}, kChunkSize}) {
    CAPTURE(size);
    const std::string payload = Bytes(size, 7);
    PutState put = Put(Id("k", 9, 3), payload, 1234);
    put.attributes.access = 77;
    Apply(store, {put});
    int calls = 0;
    const auto use = [&](const StateAttributes& attributes, std::string_view loaded) {
      ++calls;
      REQUIRE(attributes == put.attributes);
      REQUIRE(loaded == payload);
    };
    REQUIRE(store.LoadFromMemory(Id("k", 9, 3), kChunkSize, use));
    REQUIRE(store.LoadFromMemory(Id("k", 9, 3), size, use));
    REQUIRE(calls == 2);
    if (size > 0) REQUIRE_FALSE(store.LoadFromMemory(Id("k", 9, 3), size - 1, use));
    REQUIRE_FALSE(store.LoadFromMemory(Id("other", 9, 3), kChunkSize, use));
    REQUIRE(calls == 2);
    REQUIRE(store.AttributesFromMemory(Id("k", 9, 3)) == put.attributes);
    REQUIRE(*store.LoadAttributes(Id("k", 9, 3)) == put.attributes);
    REQUIRE_FALSE(store.AttributesFromMemory(Id("other", 9, 3)));
    REQUIRE_FALSE(store.LoadAttributes(Id("other", 9, 3))->has_value());
  }
}

TEMPLATE_TEST_CASE("Keys may hold any bytes, and none", "[contract]", STORES) {
  TestType lab;
  const std::string zeros("\0\0a\xff", 4);
  Apply(lab.store(), {Put(Id(""), "empty"), Put(Id(zeros), "zeros"), Put(Id(zeros.substr(0, 2)), "prefix")});
  REQUIRE(Payload(lab.store(), Id("")) == "empty");
  REQUIRE(Payload(lab.store(), Id(zeros)) == "zeros");
  REQUIRE(Payload(lab.store(), Id(zeros.substr(0, 2))) == "prefix");
}

TEMPLATE_TEST_CASE("A put replaces value and expiry, and counts once", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const std::string large = Bytes(5000, 1);
  for (const std::string& payload : {std::string("small"), large, std::string("again small")}) {
    Apply(store, {Put(Id("k"), payload, 1000)});
    REQUIRE(Payload(store, Id("k")) == payload);
    REQUIRE(store.Count(0) == 1);
    REQUIRE(store.ExpiryCount(0) == 1);
  }
  Apply(store, {Put(Id("k"), "for ever")});
  REQUIRE(store.ExpiryCount(0) == 0);
  REQUIRE(DueKeys(store, 0, 2000).empty());
}

TEMPLATE_TEST_CASE("An erased state is gone with its expiry; erasing a missing one is fine", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  Apply(store, {Put(Id("k"), Bytes(2000, 1), 1000), Put(Id("other"), "x")});
  Apply(store, {EraseState{Id("k")}, EraseState{Id("missing")}});
  REQUIRE(Payload(store, Id("k")) == "(none)");
  REQUIRE(store.Count(0) == 1);
  REQUIRE(store.ExpiryCount(0) == 0);
  REQUIRE(DueKeys(store, 0, 2000).empty());
}

TEMPLATE_TEST_CASE("Changes of one batch act in their order", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  Apply(store, {Put(Id("a"), "1"), Put(Id("a"), "2"), MoveState{Id("a"), Id("b")}, Put(Id("a"), "3"),
                EraseState{Id("a")}, MoveState{Id("b"), Id("c")}});
  REQUIRE(Payload(store, Id("a")) == "(none)");
  REQUIRE(Payload(store, Id("b")) == "(none)");
  REQUIRE(Payload(store, Id("c")) == "2");
  REQUIRE(store.Count(0) == 1);
}

TEMPLATE_TEST_CASE("A move renames a state of any size and replaces what was there", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const std::string huge = Bytes(3 * kChunkSize + 17, 3);
  for (const size_t size : {size_t{10}, size_t{5000}, huge.size()}) {
    CAPTURE(size);
    const std::string payload = huge.substr(0, size);
    PutState put = size > kChunkSize ? PutValue(Id("from"), WriteValue(store, payload)) : Put(Id("from"), payload);
    put.attributes.expire_at_ms = 777;
    Apply(store, {put, Put(Id("to", 9, 4), Bytes(3000, 2), 888)});
    Apply(store, {MoveState{Id("from"), Id("to", 9, 4)}});
    REQUIRE(Payload(store, Id("from")) == "(none)");
    REQUIRE(Payload(store, Id("to", 9, 4)) == payload);
    REQUIRE(store.Count(0) == 0);
    REQUIRE(store.Count(4) == 1);
    REQUIRE(store.ExpiryCount(4) == 1);
    REQUIRE(DueKeys(store, 4, 777) == Strings{"to"});
  }
}

TEMPLATE_TEST_CASE("A move of a missing state, or onto itself, changes nothing", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  Apply(store, {Put(Id("k"), Bytes(3000, 1), 5)});
  Apply(store, {MoveState{Id("missing"), Id("k")}, MoveState{Id("k"), Id("k")}});
  REQUIRE(Payload(store, Id("k")) == Bytes(3000, 1));
  REQUIRE(store.Count(0) == 1);
  REQUIRE(store.ExpiryCount(0) == 1);
}

TEMPLATE_TEST_CASE("A large value is written in steps and appears when its head is put", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  for (const size_t size : {kChunkSize + 1, 2 * kChunkSize, 5 * kChunkSize + 100}) {
    CAPTURE(size);
    const std::string payload = Bytes(size, 11);
    Apply(store, {Put(Id("k"), "before")});
    const uint64_t value = WriteValue(store, payload);
    REQUIRE(Payload(store, Id("k")) == "before");
    Apply(store, {PutValue(Id("k"), value)});
    const auto record = Load(store, Id("k"));
    REQUIRE(record->chunked());
    REQUIRE(record->payload_size == size);
    REQUIRE(record->payload.empty());
    REQUIRE(Payload(store, Id("k")) == payload);
  }
}

TEMPLATE_TEST_CASE("Two values may be written at once, and one given up", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const std::string payload = Bytes(2 * kChunkSize, 1);
  const uint64_t kept = store.BeginValue();
  const uint64_t dropped = store.BeginValue();
  REQUIRE(kept != dropped);
  for (size_t at = 0; at < payload.size(); at += kChunkSize) {
    REQUIRE(store.AppendChunk(dropped, Bytes(kChunkSize, 99)).ok());
    REQUIRE(store.AppendChunk(kept, std::string_view(payload).substr(at, kChunkSize)).ok());
  }
  store.DropValue(dropped);
  Apply(store, {PutValue(Id("k"), kept)});
  MaintainToTheEnd(store);
  REQUIRE(Payload(store, Id("k")) == payload);
  REQUIRE(store.BeginValue() != dropped);
}

TEMPLATE_TEST_CASE("A put that names the stored value changes the attributes only", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const std::string payload = Bytes(2 * kChunkSize, 5);
  Apply(store, {PutValue(Id("k"), WriteValue(store, payload))});
  PutState put = PutValue(Id("k"), Load(store, Id("k"))->value_id);
  put.attributes.expire_at_ms = 42;
  Apply(store, {put});
  MaintainToTheEnd(store);
  REQUIRE(Load(store, Id("k"))->attributes.expire_at_ms == 42);
  REQUIRE(Payload(store, Id("k")) == payload);
  REQUIRE(store.ExpiryCount(0) == 1);
}

TEMPLATE_TEST_CASE("Streaming a value that was replaced, erased or flushed says that it is gone", "[contract]",
                   STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const auto ignore = [](std::string_view) -> Result<void> { return {}; };
  for (const int way : {0, 1, 2}) {
    CAPTURE(way);
    Apply(store, {PutValue(Id("k"), WriteValue(store, Bytes(100 * kChunkSize + 1, 1)))});
    const auto record = Load(store, Id("k"));
    if (way == 0) Apply(store, {Put(Id("k"), "new")});
    if (way == 1) Apply(store, {EraseState{Id("k")}});
    if (way == 2) REQUIRE(store.Flush(0).ok());
    MaintainToTheEnd(store);
    const auto read = store.ReadChunks(*record, ignore);
    REQUIRE_FALSE(read.ok());
    REQUIRE(IsValueGone(read.error()));
  }
}

TEMPLATE_TEST_CASE("Streaming stops at the consumer's first error and returns it", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  Apply(store, {PutValue(Id("k"), WriteValue(store, Bytes(4 * kChunkSize, 1)))});
  int calls = 0;
  const auto read = store.ReadChunks(*Load(store, Id("k")), [&](std::string_view) -> Result<void> {
    if (++calls == 2) return Error{"enough"};
    return {};
  });
  REQUIRE_FALSE(read.ok());
  REQUIRE(read.error().message == "enough");
  REQUIRE_FALSE(IsValueGone(read.error()));
  REQUIRE(calls == 2);
}

TEMPLATE_TEST_CASE("A scan lists a range of positions in order, without neighbours", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const uint64_t last = std::numeric_limits<uint64_t>::max();
  Apply(store, {Put(Id("top", last), "x"), Put(Id("b", 20), "x"), Put(Id("a", 20), "x"), Put(Id("zero", 0), "x"),
                Put(Id("mid", 1ULL << 63), "x", 99), Put(Id("elsewhere", 20, 1), "x")});
  REQUIRE(Keys(ScanAll(store, 0)) == Strings{"zero", "a", "b", "mid", "top"});
  REQUIRE(Keys(*store.Scan(0, 20, 20, 10)) == Strings{"a", "b"});
  REQUIRE(Keys(*store.Scan(0, 21, last - 1, 10)) == Strings{"mid"});
  REQUIRE(Keys(*store.Scan(0, last, last, 10)) == Strings{"top"});
  REQUIRE(Keys(*store.Scan(2, 0, last, 10)).empty());
  const auto page = *store.Scan(0, 1ULL << 63, last, 1);
  REQUIRE(page.states[0].attributes.expire_at_ms == 99);
  REQUIRE(page.states[0].payload_size == 1);
  REQUIRE(page.next_position == last);
}

TEMPLATE_TEST_CASE("A scan in pages visits every state once and never splits a position", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.push_back("key " + std::to_string(1000 + i));
  for (int i = 0; i < 100; ++i) {
    Apply(store, {Put(Id(keys[static_cast<size_t>(i)], static_cast<uint64_t>(i / 8) * 1000), Bytes(1500, 1))});
  }
  Strings seen;
  std::optional<uint64_t> from = 0;
  while (from.has_value()) {
    const auto page = store.Scan(0, *from, std::numeric_limits<uint64_t>::max(), 10);
    REQUIRE(page.ok());
    for (const StateName& state : page->states) seen.push_back(state.key);
    if (page->next_position.has_value()) REQUIRE(page->states.back().position < *page->next_position);
    from = page->next_position;
  }
  REQUIRE(seen == keys);
}

TEMPLATE_TEST_CASE("Due expiries come longest due first, up to a limit, until they are erased", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  Apply(store, {Put(Id("third", 1), "x", 300), Put(Id("first", 2), "x", 100), Put(Id("second", 3), "x", 200),
                Put(Id("later", 4), "x", 301), Put(Id("never", 5), "x"), Put(Id("other", 1, 1), "x", 1)});
  REQUIRE(DueKeys(store, 0, 99).empty());
  REQUIRE(DueKeys(store, 0, 300) == Strings{"first", "second", "third"});
  REQUIRE(DueKeys(store, 0, 300, 2) == Strings{"first", "second"});
  Apply(store, {EraseState{Id("first", 2)}, Put(Id("second", 3), "x", 400)});
  REQUIRE(DueKeys(store, 0, 1000) == Strings{"third", "later", "second"});
  REQUIRE(DueKeys(store, 1, 1000) == Strings{"other"});
}

TEMPLATE_TEST_CASE("A flush empties one database for good, and it can be filled again", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const std::string large = Bytes(3000, 1);
  Apply(store, {Put(Id("a"), "old", 50), Put(Id("b"), large, 60), Put(Id("a", 1, 1), "kept")});
  REQUIRE(store.Flush(0).ok());
  REQUIRE(store.Count(0) == 0);
  REQUIRE(store.ExpiryCount(0) == 0);
  REQUIRE(Payload(store, Id("a")) == "(none)");
  REQUIRE(ScanAll(store, 0).states.empty());
  REQUIRE(DueKeys(store, 0, 1000).empty());
  REQUIRE(Payload(store, Id("a", 1, 1)) == "kept");

  Apply(store, {Put(Id("a"), "new", 70)});
  MaintainToTheEnd(store);
  lab.CloseCleanAndOpen({});
  REQUIRE(Payload(lab.store(), Id("a")) == "new");
  REQUIRE(Payload(lab.store(), Id("b")) == "(none)");
  REQUIRE(Payload(lab.store(), Id("a", 1, 1)) == "kept");
  REQUIRE(DueKeys(lab.store(), 0, 1000) == Strings{"a"});
  REQUIRE(lab.store().Count(0) == 1);
}

TEMPLATE_TEST_CASE("A move out of a database outlives its flush", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  const std::string payload = Bytes(2 * kChunkSize, 4);
  Apply(store, {PutValue(Id("k"), WriteValue(store, payload)), Put(Id("rest"), "x")});
  Apply(store, {MoveState{Id("k"), Id("k", 1, 1)}});
  REQUIRE(store.Flush(0).ok());
  MaintainToTheEnd(store);
  REQUIRE(Payload(store, Id("k", 1, 1)) == payload);
}

TEMPLATE_TEST_CASE("A clean close keeps states, expiries, counts and metadata", "[contract]", STORES) {
  TestType lab;
  const std::string huge = Bytes(3 * kChunkSize + 5, 8);
  REQUIRE(lab.metadata().empty());
  Apply(lab.store(), {Put(Id("small"), "1"), Put(Id("medium"), Bytes(9000, 2), 500),
                      PutValue(Id("huge", 3, 15), WriteValue(lab.store(), huge))});
  const Metadata metadata = {{"seed", std::string("\0\x01\xff", 3)}, {"empty", ""}, {"number", "12"}};
  lab.CloseCleanAndOpen(metadata);
  SwapStore& store = lab.store();
  REQUIRE(lab.metadata() == metadata);
  REQUIRE(Payload(store, Id("small")) == "1");
  REQUIRE(Payload(store, Id("medium")) == Bytes(9000, 2));
  REQUIRE(Payload(store, Id("huge", 3, 15)) == huge);
  REQUIRE(store.Count(0) == 2);
  REQUIRE(store.Count(15) == 1);
  REQUIRE(store.ExpiryCount(0) == 1);
  REQUIRE(DueKeys(store, 0, 500) == Strings{"medium"});
}

TEMPLATE_TEST_CASE("A crash goes back to the last clean close, again and again", "[contract]", STORES) {
  TestType lab;
  Apply(lab.store(), {Put(Id("kept"), "v1"), Put(Id("erased later"), "x")});
  lab.CloseCleanAndOpen({{"name", "value"}});
  for (int crashes = 0; crashes < 3; ++crashes) {
    Apply(lab.store(), {Put(Id("kept"), "v2"), EraseState{Id("erased later")}, Put(Id("lost"), Bytes(5000, 1))});
    REQUIRE(lab.store().Flush(0).ok());
    lab.CrashAndOpen();
    REQUIRE(Payload(lab.store(), Id("kept")) == "v1");
    REQUIRE(Payload(lab.store(), Id("erased later")) == "x");
    REQUIRE(Payload(lab.store(), Id("lost")) == "(none)");
    REQUIRE(lab.store().Count(0) == 2);
    REQUIRE(lab.metadata() == Metadata{{"name", "value"}});
  }
  Apply(lab.store(), {Put(Id("kept"), "v3")});
  lab.CloseCleanAndOpen({});
  REQUIRE(Payload(lab.store(), Id("kept")) == "v3");
  REQUIRE(lab.metadata().empty());
}

TEMPLATE_TEST_CASE("A crash before the first clean close leaves an empty store", "[contract]", STORES) {
  TestType lab;
  Apply(lab.store(), {Put(Id("k"), "v")});
  lab.CrashAndOpen();
  REQUIRE(Payload(lab.store(), Id("k")) == "(none)");
  REQUIRE(lab.store().Count(0) == 0);
}

TEMPLATE_TEST_CASE("Value ids do not repeat across a clean close", "[contract]", STORES) {
  TestType lab;
  const uint64_t before = WriteValue(lab.store(), Bytes(kChunkSize + 1, 1));
  lab.CloseCleanAndOpen({});
  REQUIRE(lab.store().BeginValue() > before);
}

TEMPLATE_TEST_CASE("Reads beside a busy writer see whole values of one moment or another", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  // Every value is one letter repeated; sizes of all three kinds take turns.
  const size_t sizes[] = {100, 40000, 2 * kChunkSize + 10};
  const auto write = [&](int round) {
    const std::string payload(sizes[round % 3], static_cast<char>('a' + round % 26));
    Apply(store, {payload.size() > kChunkSize ? PutValue(Id("k"), WriteValue(store, payload)) : Put(Id("k"), payload)});
  };
  write(0);
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::atomic<int> whole{0};
  const auto read = [&] {
    while (!stop) {
      const auto record = store.Load(Id("k"));
      if (!record.ok() || !record->has_value()) {
        ++torn;
        continue;
      }
      std::string payload = (*record)->payload;
      if ((*record)->chunked()) {
        const auto streamed = store.ReadChunks(**record, [&](std::string_view chunk) -> Result<void> {
          payload += chunk;
          return {};
        });
        if (!streamed.ok()) {
          if (!IsValueGone(streamed.error())) ++torn;
          continue;
        }
      }
      const bool right =
          payload.size() == (*record)->payload_size && payload.find_first_not_of(payload.front()) == std::string::npos;
      ++(right ? whole : torn);
    }
  };
  std::thread readers[] = {std::thread(read), std::thread(read)};
  for (int round = 1; round < 100 || (whole < 50 && round < 100000); ++round) write(round);
  stop = true;
  for (std::thread& reader : readers) reader.join();
  REQUIRE(torn == 0);
  REQUIRE(whole >= 50);
}

TEMPLATE_TEST_CASE("Statistics count what was read and written", "[contract]", STORES) {
  TestType lab;
  SwapStore& store = lab.store();
  Apply(store, {Put(Id("a"), "12345"), Put(Id("b"), Bytes(5000, 1))});
  Load(store, Id("a"));
  Load(store, Id("missing"));
  const StoreStats stats = store.Stats();
  REQUIRE(stats.records_written == 2);
  REQUIRE(stats.payload_bytes_written == 5005);
  REQUIRE(stats.records_read == 1);
  REQUIRE(stats.payload_bytes_read == 5);
  REQUIRE(stats.write_failures == 0);
}

TEST_CASE("The memory store fails as it is told, changes nothing then, and recovers") {
  MemoryFaults faults;
  const auto disk = NewMemoryDisk();
  const auto store = NewMemorySwapStore(disk, nullptr, &faults);
  Apply(*store, {Put(Id("k"), "v1")});
  const uint64_t value = store->BeginValue();
  faults.disk_full = true;
  REQUIRE_FALSE(TryApply(*store, {Put(Id("k"), "v2")}).ok());
  REQUIRE_FALSE(store->AppendChunk(value, "x").ok());
  REQUIRE_FALSE(store->CloseClean({}).ok());
  REQUIRE(Payload(*store, Id("k")) == "v1");
  REQUIRE(store->Stats().write_failures == 3);
  faults.disk_full = false;
  Apply(*store, {Put(Id("k"), "v2")});
  REQUIRE(Payload(*store, Id("k")) == "v2");
  faults.reads_fail = true;
  REQUIRE_FALSE(store->Load(Id("k")).ok());
  REQUIRE_FALSE(store->Scan(0, 0, 9, 9).ok());
  REQUIRE_FALSE(store->DueExpiries(0, 9, 9).ok());
}

}  // namespace chestbox::swap
