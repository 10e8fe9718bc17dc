// HGET, ZSCORE, SISMEMBER and LINDEX of a co-located client: ChestBox in shared memory through chestbox_command_argv
// against Redis over TCP through hiredis, first undisturbed, then beside a writer that changes the same collection as
// fast as the server lets it.
//
//   bench_shm_collections CHESTBOX_SOCKET REDIS_HOST:PORT SMALL_KEYS SMALL_ELEMENTS LARGE_ELEMENTS WRITER_CORE [quick]
//
// bench/shm_collections.py has filled both servers: for each type, keys TYPE:small:0 and so on, and TYPE:large:0. The
// writer shares WRITER_CORE with the server, so that the reader has its own. One line a measurement on stdout,
// separated by tabs: command, elements, way, writes a second beside it (0: no writer), p50, p99 and longest in ns,
// samples, share of calls answered in shared memory.
#include <chestbox/chestbox.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/redis_client.h"
#include "bench/states.h"
#include "bench/timing.h"

namespace bench {
namespace {

constexpr int kRounds = 5;
constexpr size_t kLocalSamples = 100'000;  // per round
constexpr size_t kRedisSamples = 3'000;
constexpr size_t kVerified = 1'000;
constexpr uint64_t kBesideWriterNs = 1'500'000'000;
constexpr size_t kWriterDepth = 64;
constexpr size_t kMemberBytes = 16;

enum class Type { kHash, kSortedSet, kSet, kList };

struct Read {
  Type type;
  const char* command;
  const char* prefix;  // of its keys
};
constexpr Read kReads[] = {{Type::kHash, "HGET", "hash"},
                           {Type::kSortedSet, "ZSCORE", "zset"},
                           {Type::kSet, "SISMEMBER", "set"},
                           {Type::kList, "LINDEX", "list"}};

struct Collections {
  const char* size;  // in the key's name
  uint64_t keys;
  uint64_t elements;
};

std::string Key(const Read& read, const Collections& collections, uint64_t number) {
  return std::string(read.prefix) + ':' + collections.size + ':' + std::to_string(number);
}

// "mem:000000000123", as bench/fills.py writes it.
std::string Member(uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "mem:%012llu", static_cast<unsigned long long>(number));
  return std::string(text, kMemberBytes);
}

// One read command at random, its words made before the clock starts.
class Question {
 public:
  Question(const Read& read, const Collections& collections) : read_(read), collections_(collections) {}
  std::span<const std::string_view> Next(Random& random) {
    key_ = Key(read_, collections_, random.Below(collections_.keys));
    const uint64_t number = random.Below(collections_.elements);
    element_ = read_.type == Type::kList ? std::to_string(number) : Member(number);
    words_ = {read_.command, key_, element_};
    return words_;
  }

 private:
  const Read& read_;
  const Collections& collections_;
  std::string key_;
  std::string element_;
  std::array<std::string_view, 3> words_;
};

// Could this be the answer? While a writer is at work a set may lack the member at this moment.
bool Possible(const Read& read, const redisReply* reply, bool beside_writer) {
  switch (read.type) {
    case Type::kSet:
      return reply->type == REDIS_REPLY_INTEGER && (reply->integer == 1 || (beside_writer && reply->integer == 0));
    case Type::kSortedSet:
      return reply->type == REDIS_REPLY_STRING && reply->len >= 1;
    default:
      return reply->type == REDIS_REPLY_STRING && reply->len == kMemberBytes;
  }
}

class LocalClient {
 public:
  explicit LocalClient(const std::string& socket) {
    if (chestbox_connect(socket.c_str(), nullptr, &client_) != CHESTBOX_OK) Die(chestbox_last_error(nullptr));
    if (chestbox_attached(client_) == 0) Die(std::string("not attached: ") + chestbox_attach_error(client_));
  }
  ~LocalClient() { chestbox_close(client_); }
  LocalClient(const LocalClient&) = delete;
  LocalClient& operator=(const LocalClient&) = delete;

  Reply Run(std::span<const std::string_view> words) {
    const char* data[] = {words[0].data(), words[1].data(), words[2].data()};
    const size_t sizes[] = {words[0].size(), words[1].size(), words[2].size()};
    Reply reply(chestbox_command_argv(client_, 3, data, sizes));
    if (!reply) Die(chestbox_last_error(client_));
    return reply;
  }
  chestbox_stats Stats() const {
    chestbox_stats stats{};
    chestbox_get_stats(client_, &stats, sizeof stats);
    return stats;
  }

 private:
  chestbox_client* client_ = nullptr;
};

using Run = std::function<Reply(std::span<const std::string_view> words)>;

struct Way {
  const char* name;
  std::string address;  // where its writer goes
  size_t samples;
  Run run;
};

// Changes one collection as fast as the server lets it, until it is destroyed. The elements stay the same ones.
class Writer {
 public:
  Writer(const std::string& address, const Read& read, const Collections& collections, int core)
      : read_(read), elements_(collections.elements), key_(Key(read, collections, 0)), thread_([this, address, core] {
          cpu_set_t cores;
          CPU_ZERO(&cores);
          CPU_SET(core, &cores);
          if (sched_setaffinity(0, sizeof cores, &cores) != 0) Die("no such core for the writer");
          RedisClient client(address);
          while (!stop_) Burst(client);
        }) {}
  ~Writer() {
    stop_ = true;
    thread_.join();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  uint64_t writes() const { return writes_; }

 private:
  void Burst(RedisClient& client) {
    for (size_t i = 0; i < kWriterDepth; i += 2) Change(client);
    for (size_t i = 0; i < kWriterDepth; ++i) client.Receive();
    writes_ += kWriterDepth;
  }

  void Append(RedisClient& client, std::initializer_list<std::string_view> words) {
    client.Append({words.begin(), words.size()});
  }

  // Two commands.
  void Change(RedisClient& client) {
    const std::string number = std::to_string(random_.Below(elements_));
    const std::string member = Member(random_.Below(elements_));
    const std::string other = Member(random_.Below(elements_));
    switch (read_.type) {
      case Type::kHash:
        Append(client, {"HSET", key_, member, other});
        return Append(client, {"HSET", key_, other, member});
      case Type::kSortedSet:
        Append(client, {"ZADD", key_, number, member});
        return Append(client, {"ZADD", key_, number, other});
      case Type::kSet:
        Append(client, {"SREM", key_, member});
        return Append(client, {"SADD", key_, member});
      case Type::kList:
        Append(client, {"LSET", key_, number, member});
        return Append(client, {"RPOPLPUSH", key_, key_});
    }
  }

  const Read& read_;
  const uint64_t elements_;
  const std::string key_;
  Random random_{1};
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> writes_ = 0;
  std::thread thread_;  // the last: it uses the others
};

class Bench {
 public:
  Bench(const std::string& chestbox, const std::string& redis, int writer_core, size_t divisor)
      : local_(chestbox), redis_(redis), writer_core_(writer_core), divisor_(divisor) {
    ways_ = {{"shared memory", chestbox, kLocalSamples / divisor, [this](auto words) { return local_.Run(words); }},
             {"Redis TCP", redis, kRedisSamples / divisor, [this](auto words) {
                redis_.Append(words);
                return redis_.Receive();
              }}};
  }

  // Both must answer alike before anything is timed.
  void Verify(const Read& read, const Collections& collections) {
    Question question(read, collections);
    Random random(7);
    for (size_t i = 0; i < kVerified; ++i) {
      const auto words = question.Next(random);
      const Reply ours = ways_[0].run(words);
      const Reply theirs = ways_[1].run(words);
      const bool same =
          ours->type == theirs->type && ours->integer == theirs->integer && ours->len == theirs->len &&
          (ours->len == 0 || std::string_view(ours->str, ours->len) == std::string_view(theirs->str, theirs->len));
      if (!same || !Possible(read, ours.get(), false)) Die(std::string(read.command) + ": the replies differ");
    }
  }

  void Undisturbed(const Read& read, const Collections& collections) {
    std::vector<Samples> samples;
    for (const Way& way : ways_) samples.emplace_back(kRounds * way.samples);
    const chestbox_stats before = local_.Stats();
    for (uint64_t round = 1; round <= kRounds; ++round) {
      for (size_t i = 0; i < ways_.size(); ++i) {
        Random random(round);
        Question question(read, collections);
        for (size_t warm_up = ways_[i].samples / 10; warm_up > 0; --warm_up) ways_[i].run(question.Next(random));
        for (size_t sample = 0; sample < ways_[i].samples; ++sample)
          Sample(ways_[i], read, question.Next(random), false, samples[i]);
      }
    }
    const double share = LocalShare(before);
    for (size_t i = 0; i < ways_.size(); ++i) Print(read, collections, ways_[i], 0, samples[i], i == 0 ? share : 0);
  }

  // Reader and writer on one key.
  void BesideWriter(const Read& read, const Collections& all) {
    const Collections collections{all.size, 1, all.elements};
    for (const Way& way : ways_) {
      Samples samples(1 << 20);
      const chestbox_stats before = local_.Stats();
      Question question(read, collections);
      Random random(1);
      Writer writer(way.address, read, collections, writer_core_);
      while (writer.writes() == 0) std::this_thread::yield();
      const uint64_t writes_before = writer.writes();
      const uint64_t begin = NowNs();
      while (NowNs() - begin < kBesideWriterNs / divisor_) Sample(way, read, question.Next(random), true, samples);
      const double writes =
          static_cast<double>(writer.writes() - writes_before) / (static_cast<double>(NowNs() - begin) / 1e9);
      Print(read, collections, way, writes, samples, &way == ways_.data() ? LocalShare(before) : 0);
    }
  }

 private:
  void Sample(const Way& way, const Read& read, std::span<const std::string_view> words, bool beside_writer,
              Samples& samples) {
    const uint64_t begin = Ticks();
    Reply reply = way.run(words);
    const bool possible = Possible(read, reply.get(), beside_writer);
    reply.reset();
    samples.Add(timer_.ElapsedNs(begin, Ticks()));
    if (!possible) Die(std::string(read.command) + ": a reply that cannot be");
  }

  double LocalShare(const chestbox_stats& before) const {
    const chestbox_stats now = local_.Stats();
    const auto local = static_cast<double>(now.local_commands - before.local_commands);
    return local / (local + static_cast<double>(now.commands - before.commands));
  }

  static void Print(const Read& read, const Collections& collections, const Way& way, double writes, Samples& samples,
                    double share) {
    std::printf("%s\t%llu\t%s\t%.0f\t%.1f\t%.1f\t%.1f\t%zu\t%.6f\n", read.command,
                static_cast<unsigned long long>(collections.elements), way.name, writes, samples.Percentile(50),
                samples.Percentile(99), samples.Percentile(100), samples.count(), share);
    std::fflush(stdout);
  }

  LocalClient local_;
  RedisClient redis_;
  const int writer_core_;
  const size_t divisor_;
  const Timer timer_;
  std::vector<Way> ways_;
};

int Main(const std::vector<std::string>& words) {
  if (words.size() < 6)
    Die("usage: bench_shm_collections CHESTBOX_SOCKET REDIS_HOST:PORT SMALL_KEYS SMALL_ELEMENTS LARGE_ELEMENTS "
        "WRITER_CORE [quick]");
  const Collections small{"small", std::stoull(words[2]), std::stoull(words[3])};
  const Collections large{"large", 1, std::stoull(words[4])};
  Bench bench(words[0], words[1], std::stoi(words[5]), words.size() > 6 ? 5 : 1);
  for (const Read& read : kReads) {
    for (const Collections* collections : {&small, &large}) {
      bench.Verify(read, *collections);
      bench.Undisturbed(read, *collections);
    }
  }
  for (const Read& read : kReads) {
    for (const Collections* collections : {&small, &large}) bench.BesideWriter(read, *collections);
  }
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main({argv + 1, argv + argc}); }
