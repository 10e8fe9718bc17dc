#include "swap_lab.h"

#include <algorithm>
#include <random>
#include <set>

#include "server/log.h"

// After our headers: both define CHECK.
#include <catch2/catch.hpp>

namespace chestbox::testing {

std::string ValueFor(std::string_view key, size_t bytes) {
  std::string value(key);
  value += ':';
  std::mt19937_64 random(std::hash<std::string_view>{}(key));
  while (value.size() < bytes) {
    const uint64_t word = random();
    value.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  value.resize(bytes);
  return value;
}

std::string Bulk(std::string_view value) {
  return "$" + std::to_string(value.size()) + "\r\n" + std::string(value) + "\r\n";
}

SwapLab::SwapLab(std::string config, Keyspace::HashFunction hash_of)
    : config_(std::move(config)), hash_of_(hash_of), disk_(swap::NewMemoryDisk()) {
  SetLogLevel(LogLevel::kWarning);
  faults_.on_disk = true;  // so that loads pass the gates
  Start();
}

SwapLab::~SwapLab() { Crash(); }

void SwapLab::Start() {
  settings_ = std::make_unique<Settings>();
  host_ = std::make_unique<TestHost>();
  effects_ = std::make_unique<RecordedEffects>();
  auto loaded = settings_->LoadText("swap yes\nenable-debug-command yes\n" + config_);
  if (!loaded) FAIL(loaded.error().message);
  ServerParts parts = FaultyMemory::Parts(&memory_);
  parts.hash_of = hash_of_;
  parts.open_store = [this](swap::Metadata* metadata) -> std::unique_ptr<swap::SwapStore> {
    return std::make_unique<GatedStore>(swap::NewMemorySwapStore(disk_, metadata, &faults_), gates_);
  };
  auto server = Server::Create(*settings_, *host_, parts);
  if (!server) FAIL(server.error().message);
  server_ = std::move(*server);
  server_->effects().Add(effects_.get());
  client_ = &AddClient();
}

void SwapLab::Stop() {
  auto stopped = server_->Shutdown(ShutdownMode::kSave);
  if (!stopped) FAIL(stopped.error().message);
  host_->RunPosted();  // nothing of it may use the closed store
  Crash();
}

void SwapLab::Crash() {
  gates_.OpenAll();
  server_.reset();
}

bool SwapLab::Begin(Client& client, const Words& words) {
  client.output.Clear();
  const std::vector<std::string_view> args(words.begin(), words.end());
  const bool done = server_->dispatcher().Execute(client, args) == Dispatcher::Outcome::kDone;
  swapper().EndBatch();  // as a connection does, and the network after it
  swapper().Regulate();
  return done;
}

std::string SwapLab::Finish(Client& client) {
  host_->RunUntil([&] { return !client.parked; });
  return std::string(client.output.view());
}

std::string SwapLab::RunAs(Client& client, const Words& words) {
  Begin(client, words);
  return Finish(client);
}

std::string SwapLab::Do(std::string_view line) {
  Words words;
  while (!line.empty()) {
    const size_t space = line.find(' ');
    if (space != 0) words.emplace_back(line.substr(0, space));
    line = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
  }
  return Run(words);
}

void SwapLab::Settle() {
  swapper().Regulate();
  host_->RunUntil([&] {
    const SwapperStats stats = swapper().stats();
    return stats.bytes_in_flight == 0 && stats.loads_in_flight == 0 && stats.erases_in_flight == 0 &&
           !swapper().filling();
  });
}

void SwapLab::Cron(int64_t ms) {
  keys().SetTime(keys().now_ms() + ms);
  server_->Cron();
}

void SwapLab::SwapOutAll() {
  Settle();
  for (uint32_t database = 0; database < shm::kDatabases; ++database) {
    std::vector<std::string> names;
    uint64_t position = 0;
    uint64_t swapped_out = 0;
    do {
      position = keys().VisitBucket(
          database, position, [&](const Keyspace::KeyInfo& info) { names.emplace_back(info.key); }, &swapped_out);
    } while (position != 0);
    for (const std::string& name : names) {
      host_->RunUntil([&] { return swapper().SwapOutNow(database, name); });
    }
  }
  Settle();
  for (uint32_t i = 0; i < shm::kDatabases; ++i) REQUIRE(keys().index(i).swapped_out() == keys().index(i).entries());
}

std::map<std::string, std::string> SwapLab::Dump() {
  std::map<std::string, std::string> dump;
  Client& client = AddClient();
  for (uint32_t database = 0; database < 3; ++database) {
    client.db = database;
    std::string names = RunAs(client, {"keys", "*"});
    size_t at = names.find("\r\n") + 2;
    std::set<std::string> found;
    while (at < names.size()) {
      const size_t end = names.find("\r\n", at);
      const size_t bytes = std::stoul(names.substr(at + 1, end - at - 1));
      REQUIRE(found.insert(names.substr(end + 2, bytes)).second);
      at = end + 2 + bytes + 2;
    }
    REQUIRE(RunAs(client, {"dbsize"}) == ":" + std::to_string(found.size()) + "\r\n");
    for (const std::string& key : found) {
      dump[std::to_string(database) + ":" + key] = RunAs(client, {"pexpiretime", key}) + RunAs(client, {"get", key});
    }
  }
  server_->RemoveClient(client);
  return dump;
}

}  // namespace chestbox::testing
