// GET of a co-located client, side by side: ChestBox in shared memory (a view, a copy), Redis over TCP and over its
// Unix socket through hiredis. All four take turns in one run, on the same keys in the same random order.
//
//   bench_shm_get CHESTBOX_SOCKET REDIS_HOST:PORT REDIS_SOCKET [quick]
//
// One line a measurement on stdout, separated by tabs: value size, keys, way, p50, p99 of single calls and p50 of a
// call within a batch (all in ns, the last 0 where there are no batches), number of samples.
#include <chestbox/chestbox.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bench/redis_client.h"
#include "bench/states.h"
#include "bench/timing.h"

namespace bench {
namespace {

constexpr int kRounds = 5;
constexpr size_t kCallsPerBatch = 64;
constexpr size_t kPipelineDepth = 256;

struct Workload {
  char group;
  size_t value_size_bytes;
  uint64_t keys;
  // Per round; large values take Redis up to 100 ms a call.
  size_t local_samples;
  size_t copy_samples;
  size_t redis_samples;
};

constexpr Workload kWorkloads[] = {
    {'a', 100, 1'000, 200'000, 200'000, 4'000},  {'b', 100, 1'000'000, 200'000, 200'000, 4'000},
    {'c', 64 << 10, 16, 200'000, 20'000, 2'000}, {'d', 1 << 20, 4, 200'000, 2'000, 400},
    {'e', 100 << 20, 1, 200'000, 6, 4},
};

void Check(int code, const chestbox_client* client, const char* what) {
  if (code != CHESTBOX_OK) Die(std::string(what) + ": " + chestbox_strerror(code) + ": " + chestbox_last_error(client));
}

// What is timed. Each way gets a key and returns the size of the value, so that nothing is optimised away.
struct Way {
  const char* name;
  bool local;
  bool copies;
  std::function<size_t(const char* key)> get;
};

void Fill(const Workload& workload, const std::string& address) {
  RedisClient client(address);
  std::string value;
  size_t pending = 0;
  for (uint64_t i = 0; i < workload.keys; ++i) {
    FillStateValue(workload.group, i, value, workload.value_size_bytes);
    client.AppendSet(StateKey(workload.group, i), value);
    if (++pending == kPipelineDepth || workload.value_size_bytes > (64 << 10)) {
      for (; pending > 0; --pending) client.Receive();
    }
  }
  for (; pending > 0; --pending) client.Receive();
}

// Keys of one round, made before the clock starts: the caller of a real GET has its key in its cache too.
class KeyRing {
 public:
  KeyRing(const Workload& workload, uint64_t seed) : workload_(workload), random_(seed) {}
  // `count` keys of kKeySizeBytes each, one after the other.
  const char* Next(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(keys_ + i * kKeySizeBytes, StateKey(workload_.group, random_.Below(workload_.keys)).data(),
                  kKeySizeBytes);
    }
    return keys_;
  }

 private:
  const Workload& workload_;
  Random random_;
  char keys_[kCallsPerBatch * kKeySizeBytes];
};

class Measurement {
 public:
  Measurement(const Workload& workload, const Way& way)
      : workload_(workload), way_(way), single_ns_(kRounds * samples()), batch_ns_(0) {}

  void Round(const Timer& timer, uint64_t seed) {
    KeyRing ring(workload_, seed);
    size_t bytes = 0;
    const size_t warm_up = std::min<size_t>(samples() / 4 + 1, 2'000);
    for (size_t i = 0; i < warm_up; ++i) bytes += way_.get(ring.Next(1));
    for (size_t i = 0; i < samples(); ++i) {
      const char* key = ring.Next(1);
      const uint64_t begin = Ticks();
      const size_t size = way_.get(key);
      single_ns_.Add(timer.ElapsedNs(begin, Ticks()));
      bytes += size;
    }
    if (way_.local && samples() >= 1'000) bytes += Batches(timer, ring, samples() / kCallsPerBatch + 1);
    const size_t calls = bytes / workload_.value_size_bytes;
    if (bytes % workload_.value_size_bytes != 0 || calls < samples() + warm_up) Die("a value had the wrong size");
  }

  void Print() {
    std::printf("%zu\t%llu\t%s\t%.1f\t%.1f\t%.1f\t%zu\n", workload_.value_size_bytes,
                static_cast<unsigned long long>(workload_.keys), way_.name, single_ns_.Percentile(50),
                single_ns_.Percentile(99), batch_ns_.Percentile(50), single_ns_.count());
  }

 private:
  size_t samples() const {
    if (!way_.local) return workload_.redis_samples;
    return way_.copies ? workload_.copy_samples : workload_.local_samples;
  }

  size_t Batches(const Timer& timer, KeyRing& ring, size_t batches) {
    size_t bytes = 0;
    for (size_t i = 0; i < batches; ++i) {
      const char* keys = ring.Next(kCallsPerBatch);
      const uint64_t begin = Ticks();
      for (size_t call = 0; call < kCallsPerBatch; ++call) bytes += way_.get(keys + call * kKeySizeBytes);
      batch_ns_.Add(timer.ElapsedNs(begin, Ticks()) / kCallsPerBatch);
    }
    return bytes;
  }

  const Workload& workload_;
  const Way& way_;
  Samples single_ns_;
  Samples batch_ns_;
};

// Every value of a small workload, and some of a large one, is compared byte for byte on each way before anything is
// timed.
void Verify(const Workload& workload, chestbox_client* client, const std::vector<std::string>& redis_addresses) {
  std::string expected;
  std::string copy(workload.value_size_bytes, '\0');
  const uint64_t step = std::max<uint64_t>(1, workload.keys / 1'000);
  for (uint64_t i = 0; i < workload.keys; i += step) {
    const std::string key = StateKey(workload.group, i);
    FillStateValue(workload.group, i, expected, workload.value_size_bytes);
    chestbox_view view;
    Check(chestbox_get(client, key.data(), key.size(), &view), client, "get");
    if (std::string_view(static_cast<const char*>(view.data), view.size) != expected) Die("a view differs");
    chestbox_release(client, &view);
    size_t size = 0;
    Check(chestbox_read(client, key.data(), key.size(), copy.data(), copy.size(), &size), client, "read");
    if (size != expected.size() || copy != expected) Die("a copy differs");
  }
  for (const auto& address : redis_addresses) {
    const Reply reply = RedisClient(address).Get(StateKey(workload.group, 0));
    FillStateValue(workload.group, 0, expected, workload.value_size_bytes);
    if (!reply || std::string_view(reply->str, reply->len) != expected) Die("Redis' value differs");
  }
}

size_t RedisGet(RedisClient& client, const char* key) {
  const Reply reply = client.Get({key, kKeySizeBytes});
  return reply ? reply->len : 0;
}

void Run(const std::string& chestbox_socket, const std::string& redis_tcp, const std::string& redis_socket,
         size_t divisor) {
  chestbox_client* client = nullptr;
  Check(chestbox_connect(chestbox_socket.c_str(), nullptr, &client), nullptr, "connect");
  if (chestbox_attached(client) == 0) Die(std::string("not attached: ") + chestbox_attach_error(client));
  RedisClient tcp(redis_tcp);
  RedisClient unix_socket(redis_socket);
  std::string buffer;
  const std::vector<Way> ways = {
      {"view", true, false,
       [&](const char* key) {
         chestbox_view view;
         if (chestbox_get(client, key, kKeySizeBytes, &view) != CHESTBOX_OK) return size_t{0};
         const size_t size = view.size;
         chestbox_release(client, &view);
         return size;
       }},
      {"copy", true, true,
       [&](const char* key) {
         size_t size = 0;
         chestbox_read(client, key, kKeySizeBytes, buffer.data(), buffer.size(), &size);
         return size;
       }},
      {"redis-tcp", false, true, [&](const char* key) { return RedisGet(tcp, key); }},
      {"redis-unix", false, true, [&](const char* key) { return RedisGet(unix_socket, key); }},
  };
  const Timer timer;
  std::fprintf(stderr, "  an empty measurement takes %.1f ns, which is taken off\n", timer.overhead_ns());
  for (Workload workload : kWorkloads) {
    workload.local_samples /= divisor;
    workload.copy_samples = std::max<size_t>(4, workload.copy_samples / divisor);
    workload.redis_samples = std::max<size_t>(4, workload.redis_samples / divisor);
    buffer.assign(workload.value_size_bytes, '\0');
    Fill(workload, chestbox_socket);
    Fill(workload, redis_socket);
    Verify(workload, client, {redis_tcp, redis_socket});
    std::vector<Measurement> measurements;
    measurements.reserve(ways.size());
    for (const auto& way : ways) measurements.emplace_back(workload, way);
    for (uint64_t round = 0; round < kRounds; ++round) {
      for (auto& measurement : measurements) measurement.Round(timer, round + 1);
    }
    for (auto& measurement : measurements) measurement.Print();
    std::fflush(stdout);
  }
  chestbox_stats stats{};
  chestbox_get_stats(client, &stats, sizeof stats);
  if (stats.server_reads > stats.local_reads / 1'000) Die("more than one local read in 1,000 had to ask the server");
  chestbox_close(client);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc < 4) bench::Die("usage: bench_shm_get CHESTBOX_SOCKET REDIS_HOST:PORT REDIS_SOCKET [quick]");
  bench::Run(argv[1], argv[2], argv[3], argc > 4 ? 10 : 1);
  return 0;
}
