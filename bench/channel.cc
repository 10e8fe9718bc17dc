// SET of 100 B by the channel in shared memory, side by side: both sides spinning, both sleeping, the client library
// over its socket, and Redis over its Unix socket through hiredis. All take turns in one run.
//
//   bench_channel CHESTBOX_SOCKET REDIS_SOCKET [quick]
//
// One line a measurement on stdout, separated by tabs: "latency", way, p50 and p99 in ns of single calls; "pipeline",
// way, depth, commands a second (the median of the rounds).
#include <chestbox/chestbox.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/redis_client.h"
#include "bench/timing.h"

namespace bench {
namespace {

constexpr size_t kKeys = 1'000;
constexpr size_t kValueBytes = 100;
constexpr size_t kDepths[] = {1, 16, 64};
constexpr size_t kWarmUp = 500;

void Check(int code, const chestbox_client* client, const char* what) {
  if (code != CHESTBOX_OK) Die(std::string(what) + ": " + chestbox_strerror(code) + ": " + chestbox_last_error(client));
}

std::string Key(size_t i) { return "channel:" + std::to_string(i % kKeys); }

struct CloseClient {
  void operator()(chestbox_client* client) const { chestbox_close(client); }
};

class ChestboxClient {
 public:
  ChestboxClient(const std::string& socket, bool uses_channel) {
    chestbox_options options = chestbox_default_options();
    options.no_channel = uses_channel ? 0 : 1;
    chestbox_client* client = nullptr;
    Check(chestbox_connect(socket.c_str(), &options, &client), nullptr, "connect");
    client_.reset(client);
    chestbox_stats stats;
    (void)chestbox_get_stats(client, &stats, sizeof stats);
    if ((stats.channels == 1) != uses_channel) Die("the client has not the connection that is to be measured");
  }

  void Set(const std::string& key, const std::string& value) {
    Check(chestbox_set(client_.get(), key.data(), key.size(), value.data(), value.size(), 0), client_.get(), "set");
  }
  void SetMany(const std::vector<std::string>& keys, const std::string& value) {
    std::vector<const char*> words;
    std::vector<size_t> sizes;
    for (const std::string& key : keys) {
      words.insert(words.end(), {"SET", key.data(), value.data()});
      sizes.insert(sizes.end(), {3, key.size(), value.size()});
    }
    std::vector<chestbox_request> requests;
    for (size_t i = 0; i < keys.size(); ++i) requests.push_back({3, words.data() + 3 * i, sizes.data() + 3 * i});
    std::vector<redisReply*> replies(keys.size());
    Check(chestbox_pipeline(client_.get(), requests.size(), requests.data(), replies.data()), client_.get(),
          "pipeline");
    for (redisReply* reply : replies) {
      if (reply->type != REDIS_REPLY_STATUS) Die("SET was not answered with OK");
      chestbox_free_reply(reply);
    }
  }
  void SetSpin(int spin_us) {
    const std::string number = std::to_string(spin_us);
    const char* words[] = {"CONFIG", "SET", "channel-spin-us", number.c_str()};
    redisReply* reply = chestbox_command_argv(client_.get(), 4, words, nullptr);
    if (reply == nullptr || reply->type != REDIS_REPLY_STATUS) Die("CONFIG SET channel-spin-us");
    chestbox_free_reply(reply);
  }

 private:
  std::unique_ptr<chestbox_client, CloseClient> client_;
};

// What is timed.
struct Way {
  const char* name;
  int spin_us;  // of the channel while it is measured
  std::function<void(const std::string& key, const std::string& value)> set;
  std::function<void(const std::vector<std::string>& keys, const std::string& value)> set_many;
};

void Run(const std::string& chestbox_socket, const std::string& redis_socket, bool quick) {
  constexpr int kSpinUs = 20;  // the default
  const size_t rounds = quick ? 3 : 7;
  const size_t calls = quick ? 3'000 : 20'000;
  ChestboxClient control(chestbox_socket, false);
  ChestboxClient by_channel(chestbox_socket, true);
  ChestboxClient by_socket(chestbox_socket, false);
  RedisClient redis(redis_socket);
  const auto chestbox_way = [](const char* name, int spin_us, ChestboxClient* client) {
    return Way{name, spin_us, [client](const auto& key, const auto& value) { client->Set(key, value); },
               [client](const auto& keys, const auto& value) { client->SetMany(keys, value); }};
  };
  const Way ways[] = {chestbox_way("spinning", kSpinUs, &by_channel), chestbox_way("sleeping", 0, &by_channel),
                      chestbox_way("socket", kSpinUs, &by_socket),
                      Way{"redis-unix", kSpinUs, [&](const auto& key, const auto& value) { redis.Set(key, value); },
                          [&](const auto& keys, const auto& value) {
                            for (const std::string& key : keys) redis.AppendSet(key, value);
                            for (size_t i = 0; i < keys.size(); ++i) (void)redis.Receive();
                          }}};
  const Timer timer;
  const std::string value(kValueBytes, 'v');
  std::map<std::string, Samples> latency;
  std::map<std::pair<std::string, size_t>, Samples> throughput;
  for (size_t round = 0; round < rounds; ++round) {
    for (const Way& way : ways) {
      control.SetSpin(way.spin_us);
      for (size_t i = 0; i < kWarmUp; ++i) way.set(Key(i), value);
      Samples& samples = latency.try_emplace(way.name, rounds * calls).first->second;
      for (size_t i = 0; i < calls; ++i) {
        const std::string key = Key(i * 7);
        const uint64_t begin = Ticks();
        way.set(key, value);
        samples.Add(timer.ElapsedNs(begin, Ticks()));
      }
      for (const size_t depth : kDepths) {
        std::vector<std::string> keys;
        for (size_t i = 0; i < depth; ++i) keys.push_back(Key(i * 13));
        const uint64_t begin = NowNs();
        for (size_t done = 0; done < calls; done += depth) way.set_many(keys, value);
        const size_t commands = (calls + depth - 1) / depth * depth;
        throughput.try_emplace({way.name, depth}, rounds)
            .first->second.Add(static_cast<double>(commands) * 1e9 / static_cast<double>(NowNs() - begin));
      }
    }
  }
  for (auto& [name, samples] : latency) {
    std::printf("latency\t%s\t%.0f\t%.0f\n", name.c_str(), samples.Percentile(50), samples.Percentile(99));
  }
  for (auto& [what, samples] : throughput) {
    std::printf("pipeline\t%s\t%zu\t%.0f\n", what.first.c_str(), what.second, samples.Percentile(50));
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc < 3) bench::Die("usage: bench_channel CHESTBOX_SOCKET REDIS_SOCKET [quick]");
  bench::Run(argv[1], argv[2], argc > 3 && std::strcmp(argv[3], "quick") == 0);
  return 0;
}
