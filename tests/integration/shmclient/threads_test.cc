// One client a thread: they share nothing.
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/shmclient/server_process.h"

namespace chestbox::test {

namespace {

// Sets and views its own keys, and views those of the thread before it, which may be any of two values or missing.
int Work(const std::string& socket, unsigned number, unsigned threads, const std::vector<std::string>& values) {
  auto client = Client::Connect(socket);
  if (!client) return 1;
  const std::string own = "of " + std::to_string(number);
  const std::string others = "of " + std::to_string((number + 1) % threads);
  for (unsigned round = 0; round < 300; ++round) {
    const std::string& value = values[round % 2];
    if (client->Set(own, value) != Code::kOk) return 2;
    auto view = client->Get(own);
    if (!view || view->text() != value) return 3;
    const auto other = client->Get(others);
    if (other && other->text() != values[0] && other->text() != values[1]) return 4;
    if (!other && other.code() != Code::kNotFound) return 5;
    if (round % 10 == 9 && client->Command({"DEL", own}) == nullptr) return 6;
  }
  return client->stats().local_reads > 0 ? 0 : 7;
}

}  // namespace

TEST_CASE("Threads with a client each read and write beside one another") {
  ServerProcess server;
  constexpr unsigned kThreads = 4;
  const std::vector<std::string> values = {Pattern(3000, 1), Pattern(200, 2)};
  std::vector<std::thread> threads;
  std::vector<std::atomic<int>> results(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { results[i] = Work(server.socket(), i, kThreads, values); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) CHECK(result == 0);
}

}  // namespace chestbox::test
