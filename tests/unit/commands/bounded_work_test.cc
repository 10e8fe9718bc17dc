// No command stalls on the size of a collection that Redis would not stall on: counted in blocks that are taken and
// given back, not in time.
#include <algorithm>
#include <functional>

#include "server/types/field_expiries.h"
#include "session.h"
#include "tests/unit/server/faulty_memory.h"
// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kMany = 20'000;
#else
constexpr int kMany = 200'000;
#endif
constexpr int kBatch = 1000;

// Blocks that a command frees at once of a collection that it removes (128 nodes of each of its structures), and that a
// later step frees.
constexpr uint64_t kFreedAtOnceMax = 2 * 128 + 16;
constexpr uint64_t kFreedPerStepMax = 2 * 512 + 64;
// Blocks that an insertion takes or gives back, and the largest that it asks for: what is copied at once.
constexpr uint64_t kStepsPerInsertMax = 24;
constexpr uint64_t kBytesPerBlockMax = 16 << 10;

class Lab {
 public:
  explicit Lab(std::string_view config = {}) : session_(config, FaultyMemory::Parts(&memory_)) {}

  std::string Do(std::string_view line) { return session_.Do(line); }
  std::string Run(const std::vector<std::string>& words) {
    return session_.server().RunArgs(session_.server().client(), {words.begin(), words.end()});
  }
  // Blocks that a command freed.
  uint64_t FreedBy(const std::function<void()>& command) {
    const uint64_t before = memory_->frees();
    command();
    return memory_->frees() - before;
  }
  void Fill(char type, int elements);
  // Every step of what is left to free, and the most blocks that one of them freed.
  uint64_t FinishFreeing(int* steps) {
    uint64_t freed_max = 0;
    bool more = true;
    for (*steps = 0; more; ++*steps) {
      freed_max = std::max(freed_max, FreedBy([&] { more = session_.server().keys().FreeStep(); }));
    }
    return freed_max;
  }

  Session& session() { return session_; }
  FaultyMemory& memory() { return *memory_; }
  uint64_t bytes() const { return memory_->allocated_bytes(); }

 private:
  FaultyMemory* memory_ = nullptr;
  Session session_;
};

// Makes "big".
void Lab::Fill(char type, int elements) {
  for (int i = 0; i < elements; i += kBatch) {
    std::vector<std::string> words{type == 'h' ? "HSET" : type == 's' ? "SADD" : type == 'z' ? "ZADD" : "RPUSH", "big"};
    for (int each = i; each < i + kBatch; ++each) {
      const std::string text = "element:" + std::to_string(each);
      if (type == 'z') words.push_back(std::to_string(each * 7919 % 1'000'003));
      words.push_back(text);
      if (type == 'h') words.push_back("v");
      if (type == 'x') Run({"XADD", "big", std::to_string(each + 1) + "-1", "field", text});
    }
    if (type != 'x') Run(words);
    session_.Effects();
  }
}

}  // namespace

TEST_CASE("A hash table, a sorted set and a list grow large in short steps") {
  // Without the small encodings, whose thresholds bound what their end takes.
  Lab lab("hash-max-listpack-entries 0\nzset-max-listpack-entries 0\nlist-max-listpack-size 1\n");
  for (int i = 0; i < kMany; ++i) {
    if (i % kBatch == 0) lab.session().Effects();  // which would be hundreds of MiB
    const std::string number = std::to_string(i);
    for (const std::vector<std::string>& words :
         std::initializer_list<std::vector<std::string>>{{"HSET", "h", number, "v"},
                                                         {"ZADD", "z", std::to_string(i * 7919 % 1'000'003), number},
                                                         {"LPUSH", "l", number}}) {
      const uint64_t before = lab.memory().steps();
      lab.Run(words);
      if (lab.memory().steps() - before > kStepsPerInsertMax) {
        INFO(words[0] << ' ' << i);
        REQUIRE(lab.memory().steps() - before <= kStepsPerInsertMax);
      }
    }
  }
  CHECK(lab.memory().largest_request() <= kBytesPerBlockMax);
  CHECK(lab.Do("HLEN h") == ":" + std::to_string(kMany));
}

TEST_CASE("A large collection is freed in short steps, whatever removes it") {
  struct Removal {
    const char* types;  // that it works on
    std::function<void(Lab&)> run;
  };
  const auto line = [](const char* text) { return [text](Lab& lab) { lab.Do(text); }; };
  const Removal removals[] = {
      {"hszlx", line("DEL big")},
      {"h", line("UNLINK big")},
      {"hz", line("FLUSHALL ASYNC")},
      {"x", line("FLUSHDB ASYNC")},
      {"hzl", line("RENAME small big")},
      {"sx", line("SET big v")},
      {"z", line("COPY small big REPLACE")},
      {"s", line("SPOP big 2000000")},
      {"s", line("SINTERSTORE big small2 small2")},
      {"z", line("ZREMRANGEBYRANK big 0 -1")},
      {"z", line("ZUNIONSTORE big 1 small2")},
      {"l", line("LTRIM big 1 0")},
      {"l", line("LPOP big 2000000")},
      {"h",
       [](Lab& lab) {
         lab.Do("PEXPIRE big 10");
         lab.session().Advance(20);
         CHECK(lab.Do("EXISTS big") == ":0");
       }},
  };
  Lab lab("set-max-intset-entries 0\n");
  lab.Do("FLUSHALL");
  const uint64_t empty_bytes = lab.bytes();
  for (const Removal& removal : removals) {
    for (const char* type = removal.types; *type != 0; ++type) {
      // Of each structure one that is as large as it says above; the rest of the matrix is the same code.
      const bool first = &removal == removals;
      const int elements = first ? kMany : 50'000;
      lab.Fill(*type, elements);
      lab.Do("RPUSH small a");
      lab.Do("SADD small2 a");
      INFO("removal " << &removal - removals << " of " << *type);
      CHECK(lab.FreedBy([&] { removal.run(lab); }) <= kFreedAtOnceMax);
      int steps = 0;
      CHECK(lab.FinishFreeing(&steps) <= kFreedPerStepMax);
      CHECK(steps > (*type == 'x' || *type == 'l' ? elements / 200'000 : elements / 20'000));
      lab.Do("FLUSHALL SYNC");
      CHECK(lab.bytes() == empty_bytes);
    }
  }
}

TEST_CASE("Many collections that are flushed at once are freed in short steps, and at once if asked for") {
  Lab lab;
  lab.Do("FLUSHALL");
  const uint64_t empty_bytes = lab.bytes();
  const auto fill = [&] {
    for (int key = 0; key < 500; ++key) {
      std::vector<std::string> words{"SADD", "set" + std::to_string(key)};
      for (int i = 0; i < 1000; ++i) words.push_back("member:" + std::to_string(i));
      lab.Run(words);
    }
  };
  fill();
  CHECK(lab.FreedBy([&] { lab.Do("FLUSHALL ASYNC"); }) < 100);
  int steps = 0;
  CHECK(lab.FinishFreeing(&steps) <= kFreedPerStepMax);
  CHECK(lab.bytes() == empty_bytes);
  fill();
  lab.Do("FLUSHALL SYNC");
  CHECK(lab.bytes() == empty_bytes);
}

// ---- Fields that expire ----

namespace {

constexpr int kExpiring = 100'000;
// Rows that a step of the sweep looks at, and what the last bucket has more: the table shrinks to the rows that are
// left, so that those not swept yet crowd in few buckets, at most about sqrt(8 n) in one.
constexpr size_t kSweptMax = 1024 + 2048;

void FillExpiring(Lab& lab, int from, int to, int64_t expire_at_ms) {
  for (int i = from; i < to; i += kBatch) {
    std::vector<std::string> words{
        "HSETEX", "big", "PXAT", std::to_string(expire_at_ms), "FIELDS", std::to_string(kBatch)};
    for (int each = i; each < i + kBatch; ++each) words.insert(words.end(), {"field:" + std::to_string(each), "v"});
    REQUIRE(lab.Run(words) == ":1\r\n");
  }
}

// Fields that the reported HDELs name; each one no more than a step may.
size_t CheckErased(Lab& lab) {
  size_t erased = 0;
  for (const std::string& effect : lab.session().Effects()) {
    if (effect.find("HDEL big") == std::string::npos) continue;
    const auto fields = static_cast<size_t>(std::count(effect.begin(), effect.end(), ' ')) - 2;
    CHECK(fields <= kSweptMax);
    erased += fields;
  }
  return erased;
}

}  // namespace

TEST_CASE("Whoever meets a large hash of expired fields sweeps a part of it, and none is seen") {
  Lab lab;
  const int64_t at_ms = lab.session().now_ms() + 1000'000;
  FillExpiring(lab, 0, kExpiring, at_ms);
  lab.Do("HSET big living v");
  lab.session().Effects();
  lab.session().Advance(1000'001);
  CHECK(lab.Do("HGET big field:99999") == "nil");
  CHECK(lab.Do("HRANDFIELD big") == "living");
  CHECK(lab.Do("HRANDFIELD big -3") == "[living, living, living]");
  CHECK(lab.Do("HRANDFIELD big 5") == "[living]");
  CHECK(lab.Do("HGETALL big") == "[living, v]");
  CHECK(lab.Do("HKEYS big") == "[living]");
  size_t erased = CheckErased(lab);
  CHECK(erased > 0);
  CHECK(erased <= 5 * kSweptMax);
  // A scan from end to end sees what lives, and nothing else, while the table shrinks.
  std::string cursor = "0";
  size_t seen = 0;
  do {
    const std::string reply = lab.Do("HSCAN big " + cursor + " COUNT 100 NOVALUES");
    cursor = reply.substr(1, reply.find(',') - 1);
    if (reply.find("living") != std::string::npos) ++seen;
    CHECK(reply.find("field") == std::string::npos);
  } while (cursor != "0");
  CHECK(seen >= 1);
  int touches = 0;
  for (; lab.Do("HLEN big") != ":1"; ++touches) REQUIRE(touches < 3 * kExpiring / 1024);
  erased += CheckErased(lab);
  CHECK(erased == kExpiring);
  CHECK(lab.Do("HLEN big") == ":1");
  CHECK(CheckErased(lab) == 0);
}

TEST_CASE("The cron sweeps a large hash in steps, and what comes meanwhile expires, too") {
  Lab lab;
  const int64_t at_ms = lab.session().now_ms() + 1000'000;
  FillExpiring(lab, 0, kExpiring, at_ms);
  lab.session().Effects();
  lab.session().Advance(1000'001);
  FieldExpiries& expiries = lab.session().server().server().field_expiries();
  Keyspace& keys = lab.session().server().keys();
  expiries.Step(0);
  CHECK(CheckErased(lab) == 0);
  expiries.Step(50);
  size_t erased = CheckErased(lab);
  CHECK(erased > 0);
  CHECK(erased < kExpiring);
  // Behind the sweep and before it: the hash shrinks and grows while it goes on.
  FillExpiring(lab, kExpiring, kExpiring + 2000, lab.session().now_ms() + 5);
  const int64_t later_ms = lab.session().now_ms() + 50;
  FillExpiring(lab, kExpiring + 2000, kExpiring + 4000, later_ms);
  lab.session().Advance(10);
  for (int step = 0; step < 3000 && lab.session().now_ms() < later_ms; ++step) expiries.Step(50);
  erased += CheckErased(lab);
  CHECK(erased >= kExpiring);
  while (lab.session().now_ms() <= later_ms) lab.session().Advance(1);
  for (int step = 0; step < 3000 && keys.Exists(0, "big"); ++step) expiries.Step(50);
  erased += CheckErased(lab);
  CHECK(erased == kExpiring + 4000);
  CHECK_FALSE(keys.Exists(0, "big"));
}

}  // namespace chestbox::testing
