// Clients of the swap, restart and memory benchmarks: they fill a server with states, check them, and time reads.
//
//   bench_states fill    SERVER GROUP COUNT SIZE            SETs in pipelines; prints the seconds it took
//   bench_states verify  SERVER GROUP COUNT SIZE            GETs every state and compares every byte; prints how many
//   were right bench_states latency SERVER GROUP COUNT SIZE SECONDS    GETs at random, one after the other; prints p50,
//   p99, longest (ns) and
//                                                           how many there were. Each value is compared, outside of the
//                                                           time
//   bench_states load    SERVER GROUP COUNT SIZE SECONDS RATE   RATE commands a second, GET and SET in turn, at random;
//   prints how
//                                                           many were sent
//
// SERVER is a Unix socket or host:port. For latency shm:SOCKET reads with libchestbox.
#include <chestbox/chestbox.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "bench/redis_client.h"
#include "bench/states.h"
#include "bench/timing.h"

namespace bench {
namespace {

constexpr size_t kPipelineBytes = 1 << 20;
constexpr size_t kPipelineDepthMax = 256;

struct Job {
  std::string server;
  char group = 0;
  uint64_t count = 0;
  size_t size_bytes = 0;

  size_t depth() const { return std::clamp<size_t>(kPipelineBytes / size_bytes, 1, kPipelineDepthMax); }
};

void Fill(const Job& job) {
  RedisClient client(job.server);
  std::string value;
  const uint64_t began_ns = NowNs();
  size_t pending = 0;
  for (uint64_t i = 0; i < job.count; ++i) {
    FillStateValue(job.group, i, value, job.size_bytes);
    client.AppendSet(StateKey(job.group, i), value);
    if (++pending < job.depth() && i + 1 < job.count) continue;
    for (; pending > 0; --pending) client.Receive();
  }
  std::printf("%.3f\n", static_cast<double>(NowNs() - began_ns) / 1e9);
}

void Verify(const Job& job) {
  RedisClient client(job.server);
  std::string expected;
  uint64_t right = 0;
  for (uint64_t begin = 0; begin < job.count; begin += job.depth()) {
    const uint64_t end = std::min<uint64_t>(job.count, begin + job.depth());
    for (uint64_t i = begin; i < end; ++i) client.AppendGet(StateKey(job.group, i));
    for (uint64_t i = begin; i < end; ++i) {
      const Reply reply = client.Receive();
      FillStateValue(job.group, i, expected, job.size_bytes);
      if (reply->type == REDIS_REPLY_STRING && std::string_view(reply->str, reply->len) == expected) ++right;
    }
  }
  std::printf("%llu\n", static_cast<unsigned long long>(right));
}

using Read = std::function<bool(const std::string& key, std::string& value)>;

void TimeReads(const Job& job, double seconds, const Read& read) {
  Random random(NowNs());
  Samples samples(1 << 20);
  std::string value(job.size_bytes, '\0');
  std::string expected;
  const auto end_ns = NowNs() + static_cast<uint64_t>(seconds * 1e9);
  while (NowNs() < end_ns) {
    const uint64_t number = random.Below(job.count);
    const std::string key = StateKey(job.group, number);
    const uint64_t began_ns = NowNs();
    const bool found = read(key, value);
    samples.Add(static_cast<double>(NowNs() - began_ns));
    FillStateValue(job.group, number, expected, job.size_bytes);
    if (!found || value != expected) Die("wrong value of " + key);
  }
  std::printf("%.0f\t%.0f\t%.0f\t%zu\n", samples.Percentile(50), samples.Percentile(99), samples.Percentile(100),
              samples.count());
}

void Latency(const Job& job, double seconds) {
  if (!job.server.starts_with("shm:")) {
    RedisClient client(job.server);
    TimeReads(job, seconds, [&](const std::string& key, std::string& value) {
      const Reply reply = client.Get(key);
      if (reply) value.assign(reply->str, reply->len);
      return reply != nullptr;
    });
    return;
  }
  chestbox_client* client = nullptr;
  if (chestbox_connect(job.server.c_str() + 4, nullptr, &client) != CHESTBOX_OK) Die(chestbox_last_error(nullptr));
  if (chestbox_attached(client) == 0) Die(chestbox_attach_error(client));
  TimeReads(job, seconds, [&](const std::string& key, std::string& value) {
    return chestbox_read(client, key.data(), key.size(), value.data(), value.size(), nullptr) == CHESTBOX_OK;
  });
  chestbox_close(client);
}

void SleepUntil(uint64_t ns) {
  const timespec time{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

void Load(const Job& job, double seconds, double rate) {
  RedisClient client(job.server);
  Random random(NowNs());
  std::string value;
  const uint64_t began_ns = NowNs();
  uint64_t sent = 0;
  for (; static_cast<double>(NowNs() - began_ns) < seconds * 1e9; ++sent) {
    SleepUntil(began_ns + static_cast<uint64_t>(static_cast<double>(sent) / rate * 1e9));
    const uint64_t number = random.Below(job.count);
    const std::string key = StateKey(job.group, number);
    FillStateValue(job.group, number, value, job.size_bytes);
    if (sent % 2 == 0) {
      client.Set(key, value);
    } else {
      const Reply reply = client.Get(key);
      if (!reply || std::string_view(reply->str, reply->len) != value) Die("wrong value of " + key);
    }
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sent));
}

int Main(const std::vector<std::string>& words) {
  if (words.size() < 5) Die("usage: bench_states fill|verify|latency|load SERVER GROUP COUNT SIZE [SECONDS [RATE]]");
  const Job job{words[1], words[2][0], std::strtoull(words[3].c_str(), nullptr, 10),
                std::strtoull(words[4].c_str(), nullptr, 10)};
  const double seconds = words.size() > 5 ? std::strtod(words[5].c_str(), nullptr) : 1;
  if (words[0] == "fill") {
    Fill(job);
  } else if (words[0] == "verify") {
    Verify(job);
  } else if (words[0] == "latency") {
    Latency(job, seconds);
  } else if (words[0] == "load" && words.size() > 6) {
    Load(job, seconds, std::strtod(words[6].c_str(), nullptr));
  } else {
    Die("no job named " + words[0]);
  }
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main({argv + 1, argv + argc}); }
