// A Server without sockets, for tests of commands: Run({"get", "k"}) executes a request and returns its reply's bytes.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/settings.h"
#include "server/effects.h"
#include "server/server.h"

namespace chestbox::testing {

class TestHost final : public Host {
 public:
  void Post(std::function<void()> work) override;
  void SetAlarm(int64_t at_ms) override { alarm_at_ms_ = at_ms; }
  void Stop() override { stopped_ = true; }
  uint16_t tcp_port() const override { return 6379; }
  bool stopped() const { return stopped_; }
  int64_t alarm_at_ms() const { return alarm_at_ms_; }

  // Runs what was posted until `done`; fails the test when nothing is posted for ten seconds.
  void RunUntil(const std::function<bool()>& done);
  // Runs what is posted now.
  void RunPosted();

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> queue_;
  bool stopped_ = false;
  int64_t alarm_at_ms_ = 0;
};

// Everything that was reported to the sink, as "db: SET k v".
class RecordedEffects final : public EffectListener {
 public:
  void OnEffect(const Effect& effect) override;
  std::vector<std::string> Take() { return std::exchange(effects_, {}); }

 private:
  std::vector<std::string> effects_;
};

class TestServer {
 public:
  // `config` is text of redis.conf. Without "swap yes" in it, the server keeps everything in memory.
  explicit TestServer(std::string_view config = {}, const ServerParts& parts = {});
  ~TestServer();

  std::string Run(std::initializer_list<std::string_view> args) { return RunAs(*client_, args); }
  std::string RunAs(Client& client, std::initializer_list<std::string_view> args);
  std::string RunArgs(Client& client, const std::vector<std::string_view>& args);
  // A request line split at spaces: Do("set k v ex 10").
  std::string Do(std::string_view line);
  Client& AddClient() { return server_->AddClient(nullptr); }
  // Moves the server's clock; it never goes back.
  void AdvanceClock(int64_t ms);

  Server& server() { return *server_; }
  Keyspace& keys() { return server_->keys(); }
  Client& client() { return *client_; }
  TestHost& host() { return host_; }
  RecordedEffects& effects() { return effects_; }

 private:
  std::string directory_;
  Settings settings_;
  TestHost host_;
  RecordedEffects effects_;
  std::unique_ptr<Server> server_;
  Client* client_ = nullptr;
};

}  // namespace chestbox::testing
