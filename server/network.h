// Network: the event loop, the listening sockets and the connections. The Host of a Server.
//
// One thread, the executor, runs all of it: sockets are non-blocking, a connection's whole batch of requests is
// executed and answered with one write, and nothing here waits. A turn hands out the events that there are (one read a
// connection), then runs what was posted until then, then what is due by the clock. Replies are sent at its end, or as
// soon as some clients' have gathered: clients that were answered one by one would come back one by one, each with a
// wake-up of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "protocol/result.h"
#include "protocol/shm/adaptive_spin.h"
#include "server/event_set.h"
#include "server/server.h"

namespace chestbox {

class Connection;

class Network final : public Host {
 public:
  explicit Network(Settings& settings);
  ~Network() override;

  // Opens what `bind`, `port` and `unixsocket` say, or takes them over from nobody: an Error names the address.
  Result<void> Listen();
  // Serves until Stop. SIGINT and SIGTERM shut the server down.
  void Run(Server& server);

  // Host
  void Post(std::function<void()> work) override;
  void SetAlarm(int64_t at_ms) override;
  void Stop() override;
  bool ServeOthers() override;
  uint16_t tcp_port() const override { return tcp_port_; }

  EventSet& events() { return events_; }
  bool serving_others() const { return serving_others_; }  // in the middle of a command
  bool is_stopped() const { return stopped_; }             // the rest of the turn does nothing more
  Server& server() { return *server_; }
  const Config& config() const { return settings_.config(); }
  void Forget(Connection& connection);  // called by a connection that has ended
  // Its rings are looked at every turn from now on, until it is forgotten.
  void AddChannel(Connection& connection) { channels_.push_back(&connection); }
  // Its replies are sent at the end of the turn, or with those of some others. Once a batch.
  void SendLater(Connection& connection);

 private:
  class Listener;
  class Signals;
  using Clock = EventSet::Clock;
  using Listeners = std::vector<std::unique_ptr<Listener>>;

  Result<Listeners> ListenTcp(const Config& config);
  Result<void> ListenUnix();
  void Relisten(Listeners listeners);
  void AcceptAll(Listener& listener);
  void Admit(int descriptor, const Listener& listener);
  bool IsRefused(int descriptor, const Listener& listener, std::string_view* reason) const;
  void RegisterAppliers();
  void RunPosted();
  void SendReplies();
  void RunDue();
  Clock::time_point WaitsUntil();
  void WaitForWork();
  bool SpinForWork(Clock::time_point until);
  void SleepForWork(Clock::time_point until);
  bool ChannelsHaveWork() const;
  void PollChannels();
  void PublishSpin();
  void OnSignal(int signal);

  Settings& settings_;
  EventSet events_;
  const std::thread::id executor_ = std::this_thread::get_id();
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopped_ = false;
  bool serving_others_ = false;
  Clock::time_point cron_at_{};
  Clock::time_point alarm_at_ = Clock::time_point::max();
  std::unique_ptr<Signals> signals_;
  Server* server_ = nullptr;
  Listeners listeners_;
  std::unique_ptr<Listener> unix_listener_;
  std::string unix_path_;  // to be removed at the end
  uint16_t tcp_port_ = 0;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<Connection*> to_send_;
  std::vector<Connection*> channels_;
  shm::AdaptiveSpin spin_;
  int turns_without_sockets_ = 0;
  Clock::time_point connection_cron_at_{};
};

}  // namespace chestbox
