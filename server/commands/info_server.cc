// INFO server, clients, cpu and cluster.
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>

#include "server/blocked_clients.h"
#include "server/client_pause.h"
#include "server/commands/info.h"
#include "server/commands/info_text.h"
#include "server/server.h"

namespace chestbox::info {

namespace {

std::string SystemName() {
  utsname name{};
  if (uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

std::string Executable() {
  char path[PATH_MAX];
  const ssize_t bytes = readlink("/proc/self/exe", path, sizeof path);
  return bytes < 0 ? std::string() : std::string(path, static_cast<size_t>(bytes));
}

std::string_view Supervisor(SupervisedMode mode) {
  switch (mode) {
    case SupervisedMode::kNo:
      return "no";
    case SupervisedMode::kSystemd:
      return "systemd";
    case SupervisedMode::kUpstart:
      return "upstart";
    case SupervisedMode::kAuto:
      return getenv("NOTIFY_SOCKET") != nullptr ? "systemd" : getenv("UPSTART_JOB") != nullptr ? "upstart" : "no";
  }
  return "no";
}

std::string Seconds(const timeval& time) { return fmt::format("{}.{:06}", time.tv_sec, time.tv_usec); }

}  // namespace

void AppendServer(Server& server, std::string* text) {
  const Config& config = server.config();
  const int64_t now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const int64_t uptime_s = std::max<int64_t>(0, now_us / 1000 - server.start_ms()) / 1000;
  static const std::string system_name = SystemName();
  static const std::string executable = Executable();
  Line(text, "redis_version", config.redis_version);
  Line(text, "chestbox_version", kChestboxVersion);
  Line(text, "redis_git_sha1", "00000000");
  Line(text, "redis_git_dirty", 0);
  Line(text, "redis_build_id", "0");
  Line(text, "redis_mode", "standalone");
  Line(text, "os", system_name);
  Line(text, "arch_bits", sizeof(void*) * CHAR_BIT);
  Line(text, "monotonic_clock", "POSIX clock_gettime");
  Line(text, "multiplexing_api", "epoll");
  Line(text, "atomicvar_api", "c11-builtin");
  Line(text, "gcc_version", fmt::format("{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
  Line(text, "process_id", getpid());
  Line(text, "process_supervised", Supervisor(config.supervised));
  Line(text, "run_id", server.run_id());
  Line(text, "tcp_port", server.host().tcp_port());
  Line(text, "server_time_usec", now_us);
  Line(text, "uptime_in_seconds", uptime_s);
  Line(text, "uptime_in_days", uptime_s / (3600 * 24));
  Line(text, "hz", config.hz);
  Line(text, "configured_hz", config.hz);
  Line(text, "lru_clock", (now_us / 1000000) & 0xffffff);
  Line(text, "executable", executable);
  Line(text, "config_file", server.settings().config_file());
  Line(text, "io_threads_active", 0);
}

void AppendClients(Server& server, std::string* text) {
  size_t connected = 0;
  size_t input_bytes_max = 0;
  size_t output_bytes_max = 0;
  for (const auto& [id, client] : server.clients()) {
    if (client->closing) continue;
    ++connected;
    if (client->transport == nullptr) continue;
    input_bytes_max = std::max(input_bytes_max, client->transport->query_buffer_bytes());
    output_bytes_max = std::max(output_bytes_max, client->transport->output_buffer_bytes());
  }
  Line(text, "connected_clients", connected);
  Line(text, "cluster_connections", 0);
  Line(text, "maxclients", server.config().maxclients);
  Line(text, "client_recent_max_input_buffer", input_bytes_max);
  Line(text, "client_recent_max_output_buffer", output_bytes_max);
  // A client that waits for a state from disk is not blocked in Redis' sense: it cannot be unblocked.
  const BlockedClients& blocked = server.blocked();
  Line(text, "blocked_clients", blocked.clients() + server.pause().clients());
  Line(text, "tracking_clients", 0);
  Line(text, "clients_in_timeout_table", blocked.clients_with_deadline());
  Line(text, "total_blocking_keys", blocked.keys());
  Line(text, "total_blocking_keys_on_nokey", blocked.keys_with_gone_error());
}

void AppendCpu(Server&, std::string* text) {
  rusage self{};
  rusage children{};
  rusage thread{};
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  getrusage(RUSAGE_THREAD, &thread);
  Line(text, "used_cpu_sys", Seconds(self.ru_stime));
  Line(text, "used_cpu_user", Seconds(self.ru_utime));
  Line(text, "used_cpu_sys_children", Seconds(children.ru_stime));
  Line(text, "used_cpu_user_children", Seconds(children.ru_utime));
  Line(text, "used_cpu_sys_main_thread", Seconds(thread.ru_stime));
  Line(text, "used_cpu_user_main_thread", Seconds(thread.ru_utime));
}

void AppendCluster(Server&, std::string* text) { Line(text, "cluster_enabled", 0); }

}  // namespace chestbox::info
