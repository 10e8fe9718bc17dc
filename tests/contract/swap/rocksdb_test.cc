// What only a store on a disk can show: crashes of the process, damaged and half-made files, memory and space, and
// what an open reads. A full disk: full_disk_test.cc.
#include "store_lab.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

extern char** environ;

namespace chestbox::swap {
namespace {

namespace fs = std::filesystem;

constexpr const char* kChildDirectory = "CHESTBOX_TEST_STORE";
constexpr const char* kChildTest = "Child of the crash test";
const uint64_t kLastPosition = std::numeric_limits<uint64_t>::max();

void WriteText(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

Result<OpenedStore> TryOpen(const fs::path& directory) {
  return OpenRocksdbSwapStore({.directory = directory.string()});
}

// Bytes that this process has read from files so far.
uint64_t BytesRead() {
  std::ifstream file("/proc/self/io");
  std::string name;
  uint64_t bytes = 0;
  file >> name >> bytes;
  REQUIRE(name == "rchar:");
  return bytes;
}

void Fill(SwapStore& store, int count, size_t size) {
  std::vector<StateChange> changes;
  std::vector<std::string> keys(static_cast<size_t>(count));
  const std::string payload = Bytes(size, 3);
  for (int i = 0; i < count; ++i) {
    std::string& key = keys[static_cast<size_t>(i)];
    key = "key " + std::to_string(i);
    changes.push_back(Put(Id(key, static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15ULL), payload));
    if (changes.size() == 500 || i + 1 == count) Apply(store, std::exchange(changes, {}));
  }
}

}  // namespace

TEST_CASE("An open tells a fresh store from a clean one, a crashed one and an empty crashed one") {
  RocksdbLab lab;
  REQUIRE(lab.outcome() == OpenOutcome::kFresh);
  Apply(lab.store(), {Put(Id("k"), "v")});
  lab.CrashAndOpen();
  REQUIRE(lab.outcome() == OpenOutcome::kEmptyAfterCrash);
  Apply(lab.store(), {Put(Id("k"), "v")});
  lab.CloseCleanAndOpen({});
  REQUIRE(lab.outcome() == OpenOutcome::kClean);
  lab.CrashAndOpen();
  REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
  REQUIRE(Payload(lab.store(), Id("k")) == "v");
  lab.CloseCleanAndOpen({});
  REQUIRE(lab.outcome() == OpenOutcome::kClean);
}

TEST_CASE(kChildTest, "[.child]") {
  const char* directory = std::getenv(kChildDirectory);
  if (directory == nullptr) return;
  auto opened = TryOpen(directory);
  REQUIRE(opened.ok());
  // More than the write buffers hold, so that some of it is in tables when the end comes.
  for (int round = 0;; ++round) {
    const std::string payload = Bytes(200000, static_cast<uint32_t>(round));
    Apply(*opened->store, {Put(Id("kept"), payload), Put(Id("new", static_cast<uint64_t>(round)), payload)});
    if (round == 200 && write(STDOUT_FILENO, "R", 1) != 1) return;
  }
}

TEST_CASE("A process killed while it writes leaves the state of the last clean close") {
  RocksdbLab lab;
  const std::string kept = Bytes(3 * kChunkSize, 1);
  Apply(lab.store(), {PutValue(Id("kept"), WriteValue(lab.store(), kept)), Put(Id("other", 9), "x", 1000)});
  lab.CloseClean({{"seed", "77"}});

  int pipe_fds[2];
  REQUIRE(pipe(pipe_fds) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
  REQUIRE(setenv(kChildDirectory, lab.directory().c_str(), 1) == 0);
  std::string program = "test_swap";
  std::string test = kChildTest;
  char* arguments[] = {program.data(), test.data(), nullptr};
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  unsetenv(kChildDirectory);
  close(pipe_fds[1]);
  char ready = 0;
  const bool wrote = read(pipe_fds[0], &ready, 1) == 1 && ready == 'R';
  const bool locked = !TryOpen(lab.directory()).ok();  // while the child lives
  kill(child, SIGKILL);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  close(pipe_fds[0]);
  REQUIRE(wrote);
  REQUIRE(locked);
  REQUIRE(WIFSIGNALED(status));

  lab.Open();
  REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
  REQUIRE(lab.metadata() == Metadata{{"seed", "77"}});
  REQUIRE(Payload(lab.store(), Id("kept")) == kept);
  REQUIRE(lab.store().Count(0) == 2);
  REQUIRE(lab.store().ExpiryCount(0) == 1);
}

TEST_CASE("A second opener is told that the store is in use") {
  RocksdbLab lab;
  const auto second = TryOpen(lab.directory());
  REQUIRE_FALSE(second.ok());
  REQUIRE_THAT(second.error().message, Catch::Contains("in use") && Catch::Contains(lab.directory().string()));
  Apply(lab.store(), {Put(Id("k"), "still works")});
  REQUIRE(Payload(lab.store(), Id("k")) == "still works");
}

TEST_CASE("A store of a newer format, or what is no store, is refused and left alone") {
  RocksdbLab lab;
  Apply(lab.store(), {Put(Id("k"), "v")});
  lab.CloseClean({});
  for (const std::string text : {"chestbox-store 2\n", "chestbox-store 999999999999\n", "something else\n", ""}) {
    CAPTURE(text);
    WriteText(lab.directory() / "FORMAT", text);
    const auto opened = TryOpen(lab.directory());
    REQUIRE_FALSE(opened.ok());
    REQUIRE_THAT(opened.error().message, Catch::Contains(lab.directory().string()));
  }
  WriteText(lab.directory() / "FORMAT", "chestbox-store 1\n");
  lab.Open();
  REQUIRE(lab.outcome() == OpenOutcome::kClean);
  REQUIRE(Payload(lab.store(), Id("k")) == "v");
}

TEST_CASE("A directory that cannot be made is an error that names it") {
  TemporaryDirectory root;
  WriteText(root.path() / "file", "x");
  const auto opened = TryOpen(root.path() / "file" / "store");
  REQUIRE_FALSE(opened.ok());
  REQUIRE_THAT(opened.error().message, Catch::Contains("file/store"));
}

TEST_CASE("A damaged clean marker is an error, not a loss") {
  RocksdbLab lab;
  Apply(lab.store(), {Put(Id("k"), "v")});
  lab.CloseClean({});
  const fs::path marker = lab.directory() / "live" / "CLEAN";
  fs::copy_file(marker, lab.directory() / "saved");
  WriteText(marker, "CBCLEAN1 damaged");
  const auto opened = TryOpen(lab.directory());
  REQUIRE_FALSE(opened.ok());
  REQUIRE_THAT(opened.error().message, Catch::Contains(marker.string()));
  fs::copy_file(lab.directory() / "saved", marker, fs::copy_options::overwrite_existing);
  lab.Open();
  REQUIRE(Payload(lab.store(), Id("k")) == "v");
}

TEST_CASE("A crash at any step of replacing the checkpoint loses nothing") {
  RocksdbLab lab;
  Apply(lab.store(), {Put(Id("k"), "v1")});
  lab.CloseCleanAndOpen({});  // the checkpoint has v1
  Apply(lab.store(), {Put(Id("k"), "v2")});
  lab.CloseClean({});  // live has v2
  const fs::path live = lab.directory() / "live";
  const fs::path checkpoint = lab.directory() / "checkpoint";
  const fs::path fresh = lab.directory() / "checkpoint.new";

  SECTION("half of the new one is there") {
    fs::create_directory(fresh);
    WriteText(fresh / "000009.sst", "half");
    lab.Open();
    REQUIRE(lab.outcome() == OpenOutcome::kClean);
  }
  SECTION("the new one is complete, the old one half removed, and live was not used since") {
    fs::copy(live, fresh);
    fs::remove(checkpoint / "CURRENT");
    lab.Open();
    REQUIRE(lab.outcome() == OpenOutcome::kClean);
  }
  SECTION("the new one is complete, and live is lost") {
    fs::copy(live, fresh);
    fs::remove(live / "CLEAN");
    fs::remove(live / "CURRENT");
    lab.Open();
    REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
  }
  SECTION("the new one is complete, the old one removed, and live is lost") {
    fs::copy(live, fresh);
    fs::remove_all(checkpoint);
    fs::remove_all(live);
    lab.Open();
    REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
  }
  REQUIRE(Payload(lab.store(), Id("k")) == "v2");
  Apply(lab.store(), {Put(Id("k"), "v3")});
  REQUIRE_FALSE(fs::exists(fresh));
  REQUIRE_FALSE(fs::exists(live / "CLEAN"));
  lab.CrashAndOpen();
  REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
  REQUIRE(Payload(lab.store(), Id("k")) == "v2");
}

TEST_CASE("An open copies nothing: a checkpoint is made when the first change comes") {
  RocksdbLab lab;
  Apply(lab.store(), {Put(Id("k"), "v1")});
  lab.CloseCleanAndOpen({{"run", "1"}});
  const fs::path clean = lab.directory() / "live" / "CLEAN";
  const fs::path checkpoint = lab.directory() / "checkpoint";
  REQUIRE(Payload(lab.store(), Id("k")) == "v1");
  REQUIRE_FALSE(*lab.store().Maintain());
  Apply(lab.store(), {});
  Apply(lab.store(), {EraseState{Id("missing")}});
  REQUIRE(fs::exists(clean));
  REQUIRE_FALSE(fs::exists(checkpoint));

  SECTION("a kill before it leaves everything, and is noticed") {
    lab.CrashAndOpen();
    REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
    REQUIRE(lab.metadata() == Metadata{{"run", "1"}});
  }
  SECTION("a clean close without a change keeps the new metadata") {
    lab.CloseCleanAndOpen({{"run", "2"}});
    REQUIRE(lab.outcome() == OpenOutcome::kClean);
    REQUIRE(lab.metadata() == Metadata{{"run", "2"}});
    REQUIRE_FALSE(fs::exists(checkpoint));
  }
  SECTION("a kill after it goes back to what was opened") {
    Apply(lab.store(), {Put(Id("k"), "v2"), Put(Id("other"), "v2")});
    REQUIRE_FALSE(fs::exists(clean));
    REQUIRE(fs::exists(checkpoint / "CLEAN"));
    lab.CrashAndOpen();
    REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
  }
  SECTION("a flush alone is a change only once it is tidied up") {
    REQUIRE(lab.store().Flush(0).ok());
    REQUIRE(fs::exists(clean));
    MaintainToTheEnd(lab.store());
    REQUIRE_FALSE(fs::exists(clean));
    lab.CrashAndOpen();
  }
  REQUIRE(Payload(lab.store(), Id("k")) == "v1");
  REQUIRE(lab.store().Count(0) == 1);
}

TEST_CASE("Opens and closes leave no files behind") {
  RocksdbLab lab;
  Apply(lab.store(), {Put(Id("k"), "v1")});
  const auto files = [&] {
    const auto all = fs::recursive_directory_iterator(lab.directory());
    return std::distance(begin(all), end(all));
  };
  for (int round = 0; round < 2; ++round) lab.CloseCleanAndOpen({});
  lab.CloseClean({});
  const auto before = files();
  for (int round = 0; round < 5; ++round) {
    lab.Open();
    lab.CloseClean({});
  }
  REQUIRE(files() == before);
}

TEST_CASE("A crash while the checkpoint is being restored is repeated to the end") {
  RocksdbLab lab;
  Apply(lab.store(), {Put(Id("k"), "v1")});
  lab.CloseCleanAndOpen({});
  Apply(lab.store(), {Put(Id("k"), "v2")});
  lab.CloseDirty();
  fs::remove(lab.directory() / "live" / "CURRENT");
  lab.Open();
  REQUIRE(lab.outcome() == OpenOutcome::kRecoveredCheckpoint);
  REQUIRE(Payload(lab.store(), Id("k")) == "v1");
}

// Puts the tables of a closed store out of the kernel's page cache. False where that cannot be done, or where a read
// cannot be told not to wait (a tmpfs).
bool DropFromPageCache(const fs::path& directory) {
  bool dropped = true;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.path().extension() != ".sst") continue;
    const int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    char byte = 0;
    const iovec buffer{&byte, 1};
    dropped = preadv2(fd, &buffer, 1, 100000, RWF_NOWAIT) < 0 && errno == EAGAIN && dropped;
    close(fd);
  }
  return dropped;
}

TEST_CASE("What only the disk has is not loaded from memory, and is once it was read") {
  RocksdbLab lab;
  const std::string large = Bytes(kChunkSize, 1);
  Apply(lab.store(), {Put(Id("small", 1), "v"), Put(Id("large", 2), large), Put(Id("large", 3), large)});
  lab.CloseClean({});
  const bool dropped = DropFromPageCache(lab.directory() / "live");
  lab.Open();
  std::string loaded;
  const auto use = [&](const StateAttributes&, std::string_view payload) { loaded = payload; };
  const auto load_large = [&] { return lab.store().LoadFromMemory(Id("large", 2), kChunkSize, use); };
  if (dropped) REQUIRE_FALSE(load_large());
  REQUIRE(Payload(lab.store(), Id("large", 2)) == large);
  if (dropped) {
    REQUIRE(load_large());
    REQUIRE(loaded == large);
  }
}

TEST_CASE("A value of 100 MiB goes through in bounded memory") {
  RocksdbLab lab;
  SwapStore& store = lab.store();
  const std::string chunk = Bytes(kChunkSize, 1);
  constexpr int kChunks = 400;
  constexpr uint64_t kMemoryMax = 48 << 20;
  const uint64_t value = store.BeginValue();
  uint64_t memory_max = 0;
  for (int i = 0; i < kChunks; ++i) {
    REQUIRE(store.AppendChunk(value, chunk).ok());
    memory_max = std::max(memory_max, store.Stats().memory_bytes);
  }
  Apply(store, {PutValue(Id("k"), value)});
  int chunks = 0;
  const auto read = store.ReadChunks(*Load(store, Id("k")), [&](std::string_view bytes) -> Result<void> {
    if (bytes != chunk) return Error{"wrong bytes"};
    ++chunks;
    memory_max = std::max(memory_max, store.Stats().memory_bytes);
    return {};
  });
  REQUIRE(read.ok());
  REQUIRE(chunks == kChunks);
  REQUIRE(memory_max < kMemoryMax);
}

TEST_CASE("Chunks of values given up are gone after the next clean close") {
  RocksdbLab lab;
  const std::string large = Bytes(40 * kChunkSize, 1);  // 10 MiB, more than a write buffer
  WriteValue(lab.store(), large);                       // never committed, never dropped
  lab.store().DropValue(WriteValue(lab.store(), large));
  lab.CloseCleanAndOpen({});
  // A rewrite of the level is the engine's business; what counts is that nothing can be read, and that compaction may
  // drop it: 20 MiB of chunks and no state.
  REQUIRE(lab.store().Count(0) == 0);
  REQUIRE(lab.store().Scan(0, 0, kLastPosition, 10)->states.empty());
  StateRecord record;
  record.payload_size = large.size();
  for (record.value_id = 1; record.value_id < 4; ++record.value_id) {
    const auto read = lab.store().ReadChunks(record, [](std::string_view) -> Result<void> { return {}; });
    REQUIRE_FALSE(read.ok());
    REQUIRE(IsValueGone(read.error()));
  }
}

TEST_CASE("A flush that was not tidied up before the close is tidied up after the open") {
  RocksdbLab lab;
  Fill(lab.store(), 6000, 2000);
  const auto first = lab.store().Scan(0, 0, kLastPosition, 1);
  const auto record = Load(lab.store(), Id(first->states[0].key, first->states[0].position));
  REQUIRE(record->value_id != 0);
  REQUIRE(lab.store().Flush(0).ok());
  REQUIRE(lab.store().Stats().purges_pending == 1);
  lab.CloseCleanAndOpen({});
  REQUIRE(lab.store().Count(0) == 0);
  REQUIRE(lab.store().Stats().purges_pending == 1);
  Fill(lab.store(), 10, 10);
  MaintainToTheEnd(lab.store());
  REQUIRE(lab.store().Stats().purges_pending == 0);
  REQUIRE(lab.store().Count(0) == 10);
  lab.CloseCleanAndOpen({});
  REQUIRE(lab.store().Stats().purges_pending == 0);
  StateRecord stale;
  stale.value_id = record->value_id;
  stale.payload_size = kChunkSize + 1;
  REQUIRE_FALSE(lab.store().ReadChunks(stale, [](std::string_view) -> Result<void> { return {}; }).ok());
}

TEST_CASE("An open reads as good as nothing, however many states there are") {
  uint64_t bytes_read[2] = {};
  for (const int scale : {0, 1}) {
    RocksdbLab lab;
    Fill(lab.store(), scale == 0 ? 10000 : 100000, 300);
    lab.CloseClean({});
    const uint64_t before = BytesRead();
    lab.Open();
    const std::string key = "key 77";
    REQUIRE(Payload(lab.store(), Id(key, 77 * 0x9e3779b97f4a7c15ULL)) == Bytes(300, 3));
    bytes_read[scale] = BytesRead() - before;
    REQUIRE(lab.store().Count(0) == (scale == 0 ? 10000 : 100000));
  }
  CAPTURE(bytes_read[0], bytes_read[1]);
  // 30 MB of values lie there; filters and indexes of a few tables are what an open may read.
  REQUIRE(bytes_read[1] < 2'000'000);
}

TEST_CASE("The RocksDB store does what the memory store does, over random batches, closes and crashes") {
  std::mt19937 random(20240607);
  RocksdbLab rocksdb;
  MemoryLab memory;
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) keys.push_back("key " + std::to_string(i));
  const auto any_id = [&] {
    const size_t i = random() % keys.size();
    return Id(keys[i], i / 3, static_cast<uint8_t>(random() % 3));
  };
  const auto compare = [&] {
    for (uint8_t database = 0; database < 3; ++database) {
      const auto left = rocksdb.store().Scan(database, 0, kLastPosition, 1000);
      const auto right = memory.store().Scan(database, 0, kLastPosition, 1000);
      REQUIRE(left->states.size() == right->states.size());
      for (size_t i = 0; i < left->states.size(); ++i) {
        const StateId id = Id(left->states[i].key, left->states[i].position, database);
        REQUIRE(left->states[i].key == right->states[i].key);
        REQUIRE(left->states[i].attributes == right->states[i].attributes);
        REQUIRE(Payload(rocksdb.store(), id) == Payload(memory.store(), id));
      }
      REQUIRE(rocksdb.store().Count(database) == memory.store().Count(database));
      REQUIRE(rocksdb.store().ExpiryCount(database) == memory.store().ExpiryCount(database));
      const auto left_due = rocksdb.store().DueExpiries(database, 500, 1000);
      REQUIRE(left_due->size() == memory.store().DueExpiries(database, 500, 1000)->size());
    }
  };
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> payloads(8);
    std::vector<StateChange> changes;
    for (std::string& payload : payloads) {
      const auto kind = random() % 10;
      if (kind < 6) {
        payload = Bytes(random() % 4 == 0 ? random() % 20000 : random() % 100, static_cast<uint32_t>(random()));
        changes.push_back(
            Put(any_id(), payload, random() % 2 == 0 ? kNoExpiry : static_cast<int64_t>(random() % 1000)));
      } else if (kind < 8) {
        changes.push_back(EraseState{any_id()});
      } else {
        changes.push_back(MoveState{any_id(), any_id()});
      }
    }
    Apply(rocksdb.store(), changes);
    Apply(memory.store(), changes);
    const auto event = random() % 40;
    if (event == 0) {
      const auto database = static_cast<uint8_t>(random() % 3);
      REQUIRE(rocksdb.store().Flush(database).ok());
      REQUIRE(memory.store().Flush(database).ok());
    } else if (event == 1) {
      rocksdb.CloseCleanAndOpen({{"round", std::to_string(round)}});
      memory.CloseCleanAndOpen({{"round", std::to_string(round)}});
    } else if (event == 2) {
      rocksdb.CrashAndOpen();
      memory.CrashAndOpen();
    }
    REQUIRE(rocksdb.metadata() == memory.metadata());
    if (round % 5 == 0 || event < 3) compare();
  }
}

}  // namespace chestbox::swap
