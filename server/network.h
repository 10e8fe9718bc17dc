// Network: the event loop, the listening sockets and the connections, on Asio. The Host of a Server.
//
// One thread, the executor, runs all of it: sockets are non-blocking, a connection's whole batch of requests is
// executed and answered with one write, and nothing here waits.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/result.h"
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
  uint16_t tcp_port() const override { return tcp_port_; }

  asio::io_context& context() { return context_; }
  Server& server() { return *server_; }
  const Config& config() const { return settings_.config(); }
  void Forget(Connection& connection);  // called by a connection that has ended

 private:
  struct Listener;
  using Listeners = std::vector<std::unique_ptr<Listener>>;

  Result<Listeners> ListenTcp(const Config& config);
  Result<void> ListenUnix();
  void Relisten(Listeners listeners);
  void Accept(Listener& listener);
  void AcceptAll(Listener& listener);
  void Admit(int descriptor, const Listener& listener);
  bool IsRefused(int descriptor, const Listener& listener, std::string_view* reason) const;
  void RegisterAppliers();
  void StartCron();
  void StartSignals();
  void OnSignal();

  Settings& settings_;
  asio::io_context context_{1};
  asio::steady_timer cron_{context_};
  asio::steady_timer alarm_{context_};
  asio::signal_set signals_{context_};
  Server* server_ = nullptr;
  Listeners listeners_;
  std::unique_ptr<Listener> unix_listener_;
  std::string unix_path_;  // to be removed at the end
  uint16_t tcp_port_ = 0;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::chrono::steady_clock::time_point connection_cron_at_{};
};

}  // namespace chestbox
