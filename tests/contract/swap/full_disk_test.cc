// A full disk under the RocksDB store: nothing is lost, errors are clear, and it goes on once there is space.
#include "store_lab.h"

#include <sys/mount.h>

#include <cstdlib>
#include <fstream>
#include <random>

namespace chestbox::swap {
namespace {

namespace fs = std::filesystem;

Result<OpenedStore> OpenOn(const fs::path& disk, size_t write_buffer_bytes = 1 << 20) {
  return OpenRocksdbSwapStore({.directory = (disk / "store").string(), .write_buffer_bytes = write_buffer_bytes});
}

// A small file system of its own; not there when this process may not mount.
class SmallDisk {
 public:
  explicit SmallDisk(const char* size_option)
      : mounted_(mount("tmpfs", root_.path().c_str(), "tmpfs", 0, size_option) == 0) {}
  ~SmallDisk() {
    if (mounted_) umount2(root_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  const fs::path& path() const { return root_.path(); }

 private:
  TemporaryDirectory root_;
  bool mounted_;
};

// Takes the space that is left on the disk of `path`, but for `left` bytes.
void FillDisk(const fs::path& path, uint64_t left = 0) {
  std::ofstream file(path, std::ios::binary);
  const std::string block(4096, 'f');
  while (fs::space(path).available > left &&
         file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

}  // namespace

TEST_CASE("Nothing is lost on a full disk, and the store goes on once there is space") {
  SmallDisk disk("size=96m");
  if (!disk.mounted()) {
    WARN("not permitted to mount a tmpfs: skipped");
    return;
  }
  auto opened = OpenOn(disk.path());
  REQUIRE(opened.ok());
  SwapStore& store = *opened->store;
  FillDisk(disk.path() / "ballast");

  // Until writes are refused; each that was accepted must be readable.
  const std::string payload = Bytes(20000, 1);
  uint64_t accepted = 0;
  std::string refusal;
  while (refusal.empty() && accepted < 100000) {
    const auto applied = TryApply(store, {Put(Id("k", accepted), payload)});
    if (applied.ok()) ++accepted;
    if (!applied.ok()) refusal = applied.error().message;
  }
  CAPTURE(accepted);
  REQUIRE_THAT(refusal, Catch::Contains("disk is full"));
  REQUIRE_FALSE(TryApply(store, {EraseState{Id("k", 0)}}).ok());
  REQUIRE_FALSE(store.Maintain().ok());
  REQUIRE_FALSE(store.CloseClean({}).ok());
  REQUIRE(store.Count(0) == accepted);
  REQUIRE(store.Stats().write_failures >= 4);
  const auto all_readable = [&](SwapStore& one) {
    for (uint64_t i = 0; i < accepted; ++i) {
      if (Payload(one, Id("k", i)) != payload) return false;
    }
    return true;
  };
  REQUIRE(all_readable(store));

  fs::remove(disk.path() / "ballast");
  REQUIRE(store.Maintain().ok());
  Apply(store, {Put(Id("after"), "space")});
  REQUIRE(all_readable(store));
  REQUIRE(store.CloseClean({}).ok());
  opened->store.reset();

  auto again = OpenOn(disk.path());
  REQUIRE(again.ok());
  REQUIRE(again->outcome == OpenOutcome::kClean);
  REQUIRE(again->store->Count(0) == accepted + 1);
  REQUIRE(all_readable(*again->store));
}

TEST_CASE("The disk may fill up at any point of a flush or a compaction, time and again") {
  SmallDisk disk("size=64m");
  if (!disk.mounted()) {
    WARN("not permitted to mount a tmpfs: skipped");
    return;
  }
  auto opened = OpenOn(disk.path(), 1 << 19);
  REQUIRE(opened.ok());
  SwapStore& store = *opened->store;
  const char* rounds_wanted = std::getenv("CHESTBOX_TEST_FULL_DISK_ROUNDS");
  const uint32_t rounds = rounds_wanted == nullptr ? 3 : static_cast<uint32_t>(std::atoi(rounds_wanted));
  constexpr uint64_t kKeys = 300;
  std::vector<uint32_t> seeds(kKeys, 0);  // of what each key was last set to; 0: never
  std::mt19937 random(7);
  uint32_t seed = 0;
  const auto size_of = [](uint32_t of_seed) { return size_t{100} + of_seed * 7919 % 30000; };
  for (uint32_t round = 0; round < rounds; ++round) {
    const uint64_t left = random() % (2U << 20);
    CAPTURE(round, left);
    FillDisk(disk.path() / "ballast", left);
    for (bool refused = false; !refused;) {
      const uint64_t key = random() % kKeys;
      refused = !TryApply(store, {Put(Id("k", key), Bytes(size_of(++seed), seed), 5)}).ok();
      if (!refused) seeds[key] = seed;
    }
    fs::remove(disk.path() / "ballast");
    // A compaction that met the full disk may report it only now: then the next attempt is the one that succeeds.
    int attempts = 1;
    for (; attempts < 5 && !store.Maintain().ok(); ++attempts) {
    }
    REQUIRE(attempts < 5);
    for (uint64_t key = 0; key < kKeys; ++key) {
      const std::string expected = seeds[key] == 0 ? "(none)" : Bytes(size_of(seeds[key]), seeds[key]);
      if (Payload(store, Id("k", key)) != expected) FAIL("key " << key << " is not what was accepted last");
    }
  }
}

TEST_CASE("A clean close after a full disk keeps what was written since") {
  SmallDisk disk("size=24m");
  if (!disk.mounted()) {
    WARN("not permitted to mount a tmpfs: skipped");
    return;
  }
  auto opened = OpenOn(disk.path(), 8 << 20);
  REQUIRE(opened.ok());
  SwapStore& store = *opened->store;
  const std::string payload = Bytes(16384, 1);
  uint64_t accepted = 0;
  for (int refusals = 0; refusals < 3;) {
    TryApply(store, {Put(Id("k", accepted), payload)}).ok() ? void(++accepted) : void(++refusals);
  }
  REQUIRE(mount("none", disk.path().c_str(), "tmpfs", MS_REMOUNT, "size=400m") == 0);
  Apply(store, {Put(Id("after"), "space")});
  REQUIRE(store.CloseClean({}).ok());
  opened->store.reset();

  auto again = OpenOn(disk.path());
  REQUIRE(again.ok());
  REQUIRE(Payload(*again->store, Id("after")) == "space");
  for (uint64_t i = 0; i < accepted; ++i) REQUIRE(Payload(*again->store, Id("k", i)) == payload);
}

TEST_CASE("A value that is written in steps can be tried again, or dropped, after a full disk") {
  SmallDisk disk("size=64m");
  if (!disk.mounted()) {
    WARN("not permitted to mount a tmpfs: skipped");
    return;
  }
  auto opened = OpenOn(disk.path());
  REQUIRE(opened.ok());
  SwapStore& store = *opened->store;
  FillDisk(disk.path() / "ballast");
  const std::string chunk = Bytes(kChunkSize, 1);
  const uint64_t value = store.BeginValue();
  uint64_t chunks = 0;
  while (chunks < 1000 && store.AppendChunk(value, chunk).ok()) ++chunks;
  REQUIRE(chunks < 1000);
  const uint64_t dropped = store.BeginValue();
  store.DropValue(dropped);
  fs::remove(disk.path() / "ballast");
  REQUIRE(store.AppendChunk(value, chunk).ok());
  Apply(store, {PutValue(Id("k"), value)});
  MaintainToTheEnd(store);
  const auto record = Load(store, Id("k"));
  REQUIRE(record->payload_size == (chunks + 1) * kChunkSize);
  REQUIRE(Payload(store, Id("k")).substr(chunks * kChunkSize) == chunk);
}

}  // namespace chestbox::swap
