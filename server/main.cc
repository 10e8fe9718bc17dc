// chestbox-server: reads its configuration, becomes a daemon if asked, and serves.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/command_line.h"
#include "server/config/settings.h"
#include "server/log.h"
#include "server/network.h"
#include "server/server.h"

namespace chestbox {
namespace {

// Descriptors that the server needs beside its clients: listeners, the arena, RocksDB's tables.
constexpr rlim_t kOwnDescriptors = 32 + 256;

int Fail(std::string_view message) {
  fmt::print(stderr, "{}\n", message);
  return 1;
}

void RaiseDescriptorLimit(const Config& config) {
  const rlim_t wanted = static_cast<rlim_t>(config.maxclients) + kOwnDescriptors;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  if (limit.rlim_max < wanted) limit.rlim_max = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  LogWarning(fmt::format("maxclients {} needs {} open files, but the limit of this process is {}", config.maxclients,
                         wanted, limit.rlim_max));
}

void Daemonize() {
  if (const pid_t child = fork(); child != 0) _exit(child < 0 ? 1 : 0);
  setsid();
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return;
  for (int descriptor = 0; descriptor <= 2; ++descriptor) dup2(null, descriptor);
  if (null > 2) close(null);
}

// Tells systemd (the sd_notify protocol) that the state of the service changed.
void NotifySystemd(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view name(path);
  if (name.empty() || name.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // abstract
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size) < 0) {
    LogWarning(fmt::format("Can't notify systemd: {}", std::strerror(errno)));
  }
  close(descriptor);
}

bool IsSupervised(const Config& config) {
  return config.supervised == SupervisedMode::kSystemd ||
         (config.supervised == SupervisedMode::kAuto && std::getenv("NOTIFY_SOCKET") != nullptr);
}

// As Redis: written when asked for, and by a daemon in any case; a failure is a warning.
std::string WritePidFile(const Config& config) {
  std::string path = config.pidfile;
  if (path.empty() && config.daemonize) path = "/var/run/chestbox.pid";
  if (path.empty()) return path;
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    LogWarning(fmt::format("Failed to write PID file '{}': {}", path, std::strerror(errno)));
    return {};
  }
  fmt::print(file, "{}\n", getpid());
  std::fclose(file);
  return path;
}

int Serve(Settings& settings) {
  const Config& config = settings.config();
  Network network(settings);
  if (auto opened = OpenLog(config); !opened) return Fail(opened.error().message);
  LogNotice(fmt::format("ChestBox {} is starting, pid {}", kChestboxVersion, getpid()));
  for (const std::string& warning : settings.Warnings()) LogWarning(warning);
  RaiseDescriptorLimit(config);
  const std::string pidfile = WritePidFile(config);
  int exit_code = 0;
  if (auto listening = network.Listen(); !listening) {
    LogWarning(listening.error().message);
    exit_code = 1;
  } else if (auto server = Server::Create(settings, network); !server) {
    LogWarning(server.error().message);
    exit_code = 1;
  } else {
    LogNotice(fmt::format("Running mode=standalone, port={}.", config.port));
    LogNotice("Ready to accept connections");
    if (!config.unixsocket.empty())
      LogNotice(fmt::format("The server is now ready to accept connections at {}", config.unixsocket));
    if (IsSupervised(config)) NotifySystemd("STATUS=Ready to accept connections\nREADY=1\n");
    network.Run(**server);
    LogNotice("ChestBox is now ready to exit, bye bye...");
  }
  if (!pidfile.empty()) unlink(pidfile.c_str());
  return exit_code;
}

int Main(const std::vector<std::string_view>& arguments) {
  auto command_line = ParseCommandLine(arguments);
  if (!command_line) return Fail(command_line.error().message);
  switch (command_line->action) {
    case CommandLine::Action::kPrintVersion:
      fmt::print("{}", VersionText());
      return 0;
    case CommandLine::Action::kPrintHelp:
      fmt::print("{}", UsageText());
      return 0;
    case CommandLine::Action::kPrintSettingsTable:
      fmt::print("{}", SettingsMarkdown());
      return 0;
    case CommandLine::Action::kServe:
      break;
  }
  Settings settings;
  if (auto loaded = settings.Load(*command_line, std::cin); !loaded) return Fail(loaded.error().message);
  if (settings.config().daemonize) Daemonize();
  return Serve(settings);
}

}  // namespace
}  // namespace chestbox

int main(int argc, char** argv) { return chestbox::Main(std::vector<std::string_view>(argv + 1, argv + argc)); }
