// A server with a swap store in memory whose calls and failures a test controls, that can be stopped, crashed and
// started again.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "faulty_memory.h"
#include "gated_store.h"
#include "server/dispatcher.h"
#include "server/swapper.h"
#include "swap/memory_store.h"
#include "test_server.h"

namespace chestbox::testing {

// Bytes that say which key they belong to and do not compress.
std::string ValueFor(std::string_view key, size_t bytes);
std::string Bulk(std::string_view value);  // as a RESP2 reply

class SwapLab {
 public:
  using Words = std::vector<std::string>;

  // `config` is text of redis.conf; without "maxmemory" nothing leaves memory by itself.
  explicit SwapLab(std::string config = {}, Keyspace::HashFunction hash_of = nullptr);
  ~SwapLab();

  void Start();
  void Stop();   // cleanly; the test fails if it can't
  void Crash();  // without a word
  void Restart() {
    Stop();
    Start();
  }

  // One request and its reply, waiting if it is parked.
  std::string Run(const Words& words) { return RunAs(*client_, words); }
  std::string RunAs(Client& client, const Words& words);
  std::string Do(std::string_view line);  // split at spaces
  // Executes without running anything that was posted. True: replied; else the client is parked.
  bool Begin(Client& client, const Words& words);
  std::string Finish(Client& client);  // waits for a parked client's reply

  // Until nothing is on its way to the store or from it.
  void Settle();
  // The cron, with the clock moved on by `ms` first.
  void Cron(int64_t ms);
  // Everything leaves memory.
  void SwapOutAll();
  // Every key of the first three databases, with value and expiry.
  std::map<std::string, std::string> Dump();
  bool IsOut(uint32_t database, std::string_view key) { return !swapper().InMemory(database, key); }

  Server& server() { return *server_; }
  Swapper& swapper() { return *server_->swapper(); }
  Keyspace& keys() { return server_->keys(); }
  Client& client() { return *client_; }
  Client& AddClient() { return server_->AddClient(nullptr); }
  TestHost& host() { return *host_; }
  RecordedEffects& effects() { return *effects_; }
  Gates& gates() { return gates_; }
  swap::MemoryFaults& faults() { return faults_; }
  FaultyMemory& memory() { return *memory_; }
  uint64_t used_bytes() { return keys().memory().allocated_bytes(); }

 private:
  const std::string config_;
  const Keyspace::HashFunction hash_of_;
  std::shared_ptr<swap::MemoryDisk> disk_;
  Gates gates_;
  swap::MemoryFaults faults_;
  FaultyMemory* memory_ = nullptr;  // the server's
  std::unique_ptr<Settings> settings_;
  std::unique_ptr<TestHost> host_;
  std::unique_ptr<RecordedEffects> effects_;
  std::unique_ptr<Server> server_;
  Client* client_ = nullptr;
};

}  // namespace chestbox::testing
