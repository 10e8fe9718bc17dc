#include "server/background_save.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "server/config/config.h"
#include "server/save_output.h"
#include "server/scripting/functions.h"
#include "server/scripting/scripts.h"
#include "server/server.h"
#include "server/snapshot.h"
#include "server/store_thread.h"

namespace chestbox {

namespace {

// What the executor encodes in one turn: about a millisecond.
constexpr size_t kStatesPerStep = 512;
constexpr size_t kBytesPerStep = 256 * 1024;
// The cursor waits for the thread while more than this is queued. What writers touch comes on top: it can't wait.
constexpr uint64_t kQueuedBytesMax = 8 << 20;

SaveFacts::Access AccessOf(EvictionPolicy policy) {
  switch (policy) {
    case EvictionPolicy::kVolatileLru:
    case EvictionPolicy::kAllKeysLru:
      return SaveFacts::Access::kIdle;
    case EvictionPolicy::kVolatileLfu:
    case EvictionPolicy::kAllKeysLfu:
      return SaveFacts::Access::kFrequency;
    default:
      return SaveFacts::Access::kNone;
  }
}

SaveFacts FactsOf(Server& server, SaveRequest request) {
  const Config& config = server.config();
  SaveFacts facts;
  facts.checksum = config.rdbchecksum;
  facts.compress = config.rdbcompression;
  facts.access = AccessOf(config.maxmemory_policy);
  facts.lfu_decay_minutes = config.lfu_decay_time_min;
  facts.now_ms = server.keys().now_ms();
  facts.aux = {{"redis-ver", config.redis_version},
               {"redis-bits", "64"},
               {"ctime", std::to_string(facts.now_ms / 1000)},
               {"used-mem", std::to_string(server.used_memory())}};
  facts.aux.insert(facts.aux.end(), request.aux.begin(), request.aux.end());
  if (request.aux.empty()) facts.aux.emplace_back("aof-base", "0");
  for (const auto& [name, library] : server.scripts().functions().libraries()) facts.libraries.push_back(library.code);
  for (uint32_t database = 0; database < shm::kDatabases; ++database) {
    facts.sizes.emplace_back(server.keys().Size(database), server.keys().ExpiringSize(database));
  }
  facts.request = std::move(request);
  if (server.swapper() != nullptr) {
    facts.has_store = true;
    facts.picture = server.swapper()->TakeSnapshot();
  }
  return facts;
}

}  // namespace

// On the executor, but for `output`, which is the thread's.
struct BackgroundSave::Job final : SnapshotSink {
  Job(Server& server, SaveFacts facts) : output(std::move(facts)), snapshot(server.keys(), *this) {}

  void OnState(SnapshotState state) override {
    const uint64_t bytes = state.key.size() + state.object.size() + sizeof state;
    Post(bytes, [this, state = std::move(state)] { output.AddState(state); });
  }
  void OnRange(SnapshotRange range) override {
    Post(0, [this, range = std::move(range)] { output.AddRange(range); });
  }

  template <class Work>
  void Post(uint64_t bytes, Work work) {
    queued_bytes += bytes;
    held_peak = std::max(held_peak, held());
    thread.Post([this, bytes, work = std::move(work)] {
      work();
      if (queued_bytes.fetch_sub(bytes) - bytes <= kQueuedBytesMax / 2 && waiting.exchange(false)) go_on();
    });
  }
  uint64_t held() const { return queued_bytes + snapshot.bytes_held(); }

  Done done;
  std::function<void()> go_on;  // posts the next step; for the thread
  uint64_t total = 0;
  uint64_t held_peak = 0;
  std::atomic<uint64_t> queued_bytes{0};
  std::atomic<bool> waiting{false};  // the cursor, for the thread
  SaveOutput output;
  Snapshot snapshot;
  StoreThread thread{"cb-save", StoreThread::Priority::kIdle, nullptr};  // last: it uses all the others
};

BackgroundSave::BackgroundSave(Server& server) : server_(server) {}
BackgroundSave::~BackgroundSave() { Cancel(); }

void BackgroundSave::Begin(SaveRequest request, Done done) {
  job_ = std::make_unique<Job>(server_, FactsOf(server_, std::move(request)));
  job_->done = std::move(done);
  for (uint32_t database = 0; database < shm::kDatabases; ++database) job_->total += server_.keys().Size(database);
  ++generation_;
  Job& job = *job_;
  job.go_on = [this, generation = generation_] {
    server_.host().Post([this, generation] {
      if (job_ != nullptr && generation == generation_) Step();
    });
  };
  job.thread.Post([&job] { job.output.Begin(); });
}

bool BackgroundSave::Start(SaveRequest request, Done done) {
  if (running()) return false;
  Begin(std::move(request), std::move(done));
  job_->go_on();
  return true;
}

void BackgroundSave::Step() {
  Job& job = *job_;
  if (job.queued_bytes > kQueuedBytesMax) {
    job.waiting = true;
    // The thread may have come to its end between the two.
    if (job.queued_bytes > kQueuedBytesMax / 2 || !job.waiting.exchange(false)) return;
  }
  if (job.snapshot.Step(kStatesPerStep, kBytesPerStep)) {
    job.go_on();
    return;
  }
  job.thread.Post([this, &job, generation = generation_] {
    job.output.Finish();
    server_.host().Post([this, generation] {
      if (job_ == nullptr || generation != generation_) return;
      Finish(job_->output.outcome() ? std::string() : job_->output.outcome().error().message);
    });
  });
}

Result<void> BackgroundSave::SaveNow(SaveRequest request) {
  if (running()) return Error{"ERR Background save already in progress"};
  Begin(std::move(request), nullptr);
  Job& job = *job_;
  while (job.snapshot.Step(kStatesPerStep, kBytesPerStep)) {
    if (job.queued_bytes > kQueuedBytesMax) job.thread.RunAndWait([] {});
  }
  job.thread.RunAndWait([&job] { job.output.Finish(); });
  const Result<void> outcome = job.output.outcome();
  last_peak_ = job.held_peak;
  job_.reset();
  return outcome;
}

void BackgroundSave::Finish(const std::string& error) {
  last_peak_ = job_->held_peak;
  const Done done = std::move(job_->done);
  job_.reset();
  if (done) done(error);
}

void BackgroundSave::Cancel() {
  if (!running()) return;
  job_->output.Cancel();
  Finish("the save was cancelled");
}

uint64_t BackgroundSave::keys_processed() const { return running() ? job_->output.states_written() : 0; }
uint64_t BackgroundSave::keys_total() const { return running() ? job_->total : 0; }
uint64_t BackgroundSave::bytes_held() const { return running() ? job_->held() : 0; }
uint64_t BackgroundSave::bytes_held_peak() const { return running() ? job_->held_peak : last_peak_; }

}  // namespace chestbox
