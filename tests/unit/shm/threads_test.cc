// One writing thread and several reading ones over one arena: what TSan is run on. (The multi-process version, with
// kills and freezes, is tests/stress/shm_stress.cc.)
#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "checked_value.h"
#include "protocol/shm/read_set.h"
#include "test_arena.h"
#include "test_store.h"

#include <catch2/catch.hpp>

namespace chestbox::shm {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kCommands = 15000;
#else
constexpr uint64_t kCommands = 300000;
#endif
constexpr int kReaders = 3;
constexpr uint64_t kStays = 64;
constexpr uint64_t kPairs = 16;

std::string Stay(uint64_t i) { return "stay:" + std::to_string(i); }
std::string Pair(uint64_t i, bool second) { return (second ? "pair:b:" : "pair:a:") + std::to_string(i); }

class Writer {
 public:
  explicit Writer(TestStore& store) : store_(store) {
    for (uint64_t i = 0; i < kStays; ++i) PutStay(i);
    for (uint64_t i = 0; i < kPairs; ++i) Require(store_.Put(0, Pair(i, false), "pair"));
    End();
  }

  void Run() {
    for (uint64_t i = 0; i < kCommands; ++i) {
      Step();
      End();
    }
  }

 private:
  static void Require(bool good) {
    if (!good) std::abort();
  }
  void End() {
    store_.Finish();
    store_.Drain();
  }
  size_t Size() { return random_() % 3 == 0 ? 300 + random_() % 6000 : 40 + random_() % 200; }
  void PutStay(uint64_t i) { Require(store_.Put(0, Stay(i), CheckedValue(Stay(i), ++generation_, 0, Size()))); }

  void Step() {
    const uint64_t i = random_() % kStays;
    switch (random_() % 8) {
      case 0:
      case 1:
        return PutStay(i);
      case 2:
      case 3: {
        std::string old;
        Require(store_.Get(0, Stay(i), &old));
        Require(store_.ChangeInPlace(0, Stay(i), CheckedValue(Stay(i), ++generation_, 0, old.size())));
        return;
      }
      case 4: {
        const uint64_t pair = random_() % kPairs;
        const bool second = static_cast<bool>(store_.Find(0, Pair(pair, true)));
        Require(store_.Rename(0, Pair(pair, second), Pair(pair, !second)));
        return;
      }
      case 5:
        return store_.Freeze(0, Stay(i));
      case 6:
        for (int n = 0; n < 20; ++n) {
          const std::string key = "churn:" + std::to_string(churn_++ % 4000);
          if (churn_ / 4000 % 2 == 0) {
            Require(store_.Put(0, key, CheckedValue(key, ++generation_, 0, 40)));
          } else {
            store_.Erase(0, key);
          }
          store_.Finish();
        }
        return;
      default:
        if (random_() % 200 != 0) return PutStay(i);
        // FLUSHALL and everything again, in one command.
        std::vector<bool> second;
        for (uint64_t pair = 0; pair < kPairs; ++pair)
          second.push_back(static_cast<bool>(store_.Find(0, Pair(pair, true))));
        store_.Flush(0);
        for (uint64_t stay = 0; stay < kStays; ++stay) PutStay(stay);
        for (uint64_t pair = 0; pair < kPairs; ++pair) Require(store_.Put(0, Pair(pair, second[pair]), "pair"));
    }
  }

  TestStore& store_;
  std::mt19937_64 random_{5};
  uint64_t generation_ = 0;
  uint64_t churn_ = 0;
};

class Reader {
 public:
  Reader(ArenaView arena, ClientPage* page, uint64_t seed) : arena_(arena), pins_(page), random_(seed) {}

  void Run(const std::atomic<bool>& stop) {
    while (!stop.load(std::memory_order_relaxed)) {
      switch (random_() % 4) {
        case 0:
          Copy();
          break;
        case 1:
          View();
          break;
        case 2:
          PairSet();
          break;
        default:
          StaySet();
      }
    }
    while (!views_.empty()) EndOldestView();
  }

  std::atomic<uint64_t> found{0};
  std::atomic<uint64_t> wrong{0};

 private:
  struct Held {
    std::string key;
    PinnedString view;
  };
  static int64_t Now() { return 0; }
  uint64_t Hash(std::string_view key) const { return HashKey(key, 42); }

  void Verify(ReadStatus status, std::string_view key, std::string_view value) {
    if (status == ReadStatus::kAskServer || status == ReadStatus::kMutable) return;
    CheckedHeader header;
    const bool right = status == ReadStatus::kFound && ReadCheckedValue(key, value, &header);
    ++(right ? found : wrong);
  }
  void Copy() {
    const std::string key = Stay(random_() % kStays);
    ReadStamp stamp;
    size_t size = 0;
    const ReadStatus status = ReadString(arena_, 0, key, Hash(key), Now, buffer_, &size, &stamp);
    Verify(status, key, {buffer_.data(), std::min(size, buffer_.size())});
  }
  void View() {
    const std::string key = Stay(random_() % kStays);
    Held held{key, {}};
    const ReadStatus status = PinString(arena_, 0, key, Hash(key), Now, pins_, small_, &held.view);
    Verify(status, key, {held.view.data, status == ReadStatus::kFound ? held.view.size : 0});
    if (status != ReadStatus::kFound || held.view.pin == kNoPinSlot) return;
    views_.push_back(held);
    if (views_.size() > 16) EndOldestView();
  }
  void EndOldestView() {
    const Held held = views_.front();
    views_.pop_front();
    Verify(ReadStatus::kFound, held.key, {held.view.data, held.view.size});
    pins_.Release(held.view.pin);
  }
  void ReadMembers(const std::vector<std::string>& keys) {
    members_.clear();
    for (const std::string& key : keys) {
      SetMember member;
      member.key = key;
      member.hash = Hash(key);
      members_.push_back(member);
    }
    set_status_ = ReadSet(arena_, 0, members_, SetWants::kStrings, Now, &storage_);
  }
  void PairSet() {
    const uint64_t i = random_() % kPairs;
    const std::vector<std::string> keys{Pair(i, false), Pair(i, true)};
    ReadMembers(keys);
    if (set_status_ != ReadStatus::kFound) return;
    const bool one = (members_[0].status == ReadStatus::kFound) != (members_[1].status == ReadStatus::kFound);
    ++(one ? found : wrong);
  }
  void StaySet() {
    std::vector<std::string> keys;
    for (int i = 0; i < 8; ++i) keys.push_back(Stay(random_() % kStays));
    ReadMembers(keys);
    if (set_status_ != ReadStatus::kFound) return;
    for (const SetMember& member : members_) {
      Verify(member.status, member.key, {storage_.bytes.data() + member.offset, member.bytes});
    }
  }

  ArenaView arena_;
  PinTable pins_;
  std::mt19937_64 random_;
  std::vector<char> buffer_ = std::vector<char>(8192);
  char small_[kInlineValueBytesMax];
  std::deque<Held> views_;
  std::vector<SetMember> members_;
  SetStorage storage_{.bytes = {}, .used_bytes = 0, .bytes_max = 1 << 20};
  ReadStatus set_status_ = ReadStatus::kAskServer;
};

}  // namespace

TEST_CASE("Threads that read beside one that writes see whole values, no false miss, no half of a command") {
  TestArena arena;
  TestStore store(arena);
  const uint64_t baseline_bytes = arena.bytes_out();
  Writer writer(store);
  std::vector<std::unique_ptr<ClientPage>> pages;
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  for (int i = 0; i < kReaders; ++i) {
    pages.push_back(std::make_unique<ClientPage>());
    store.AddPage(pages.back().get());
    readers.push_back(std::make_unique<Reader>(arena.view(), pages.back().get(), static_cast<uint64_t>(i)));
    threads.emplace_back([reader = readers.back().get(), &stop] { reader->Run(stop); });
  }
  writer.Run();
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  for (const auto& reader : readers) {
    REQUIRE(reader->wrong.load() == 0);
    REQUIRE(reader->found.load() > 0);
  }
  store.Flush(0);
  store.Finish();
  store.Drain();
  REQUIRE(store.retired().empty());
  REQUIRE(arena.bytes_out() == baseline_bytes);
  REQUIRE(arena.FreedBlocksIntact());
}

}  // namespace chestbox::shm
