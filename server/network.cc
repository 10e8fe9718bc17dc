#include "server/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "protocol/check.h"
#include "server/acl/acl.h"
#include "server/connection.h"
#include "server/dispatcher.h"
#include "server/log.h"
#include "server/socket_address.h"
#include "server/swapper.h"

namespace chestbox {

namespace {

// Clients whose replies are sent together: enough to save most wake-ups, few enough that clients on other cores have
// something to do while the rest of the turn is executed.
constexpr size_t kAnsweredTogether = 16;

// Connections taken with one wake-up, so that a storm of them does not starve the others.
constexpr int kAcceptsMax = 1000;
constexpr auto kConnectionCronInterval = std::chrono::milliseconds(500);

constexpr char kProtectedModeReply[] =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    "default "
    "user. In this mode connections are only accepted from the loopback interface. If you want to connect from "
    "external "
    "computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the "
    "command "
    "'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server "
    "is "
    "running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to "
    "make "
    "this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis "
    "configuration "
    "file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server "
    "manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication "
    "password "
    "for the default user. NOTE: You only need to do one of the above things in order for the server to start "
    "accepting "
    "connections from the outside.\r\n";

Error SystemError(std::string_view what) { return Error{fmt::format("{}: {}", what, std::strerror(errno))}; }

void SetOption(int descriptor, int level, int name, int value) {
  (void)setsockopt(descriptor, level, name, &value, sizeof value);
}

// Dead peers are found within about twice this time.
void SetKeepalive(int descriptor, int64_t interval_s) {
  if (interval_s <= 0) return;
  SetOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(interval_s));
  SetOption(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(std::max<int64_t>(1, interval_s / 3)));
  SetOption(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// One listening socket, or an Error that names the address.
Result<int> OpenTcpListener(const std::string& address, int64_t port, int64_t backlog) {
  addrinfo hints{};
  hints.ai_family = address.find(':') != std::string::npos ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  const bool any = address == "*" || address == "::*";
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  if (int code = getaddrinfo(any ? nullptr : address.c_str(), service.c_str(), &hints, &found); code != 0) {
    return Error{
        fmt::format("Could not create server TCP listening socket {}:{}: {}", address, port, gai_strerror(code))};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  const int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return SystemError(fmt::format("Could not create server TCP listening socket {}:{}", address, port));
  SetOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  if (found->ai_family == AF_INET6) SetOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (bind(descriptor, found->ai_addr, found->ai_addrlen) != 0 || listen(descriptor, static_cast<int>(backlog)) != 0) {
    const Error error =
        SystemError(fmt::format("Could not create server TCP listening socket {}:{}: bind", address, port));
    close(descriptor);
    return error;
  }
  return descriptor;
}

}  // namespace

class Network::Listener final : public EventSet::Source {
 public:
  // Takes over a listening socket.
  Listener(Network& network, int descriptor, bool is_unix)
      : network_(network), descriptor_(descriptor), is_unix_(is_unix) {}
  ~Listener() override { Close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void Start() { network_.events().Add(descriptor_, EPOLLIN, this); }
  void Close() {
    if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  }
  void OnEvents(uint32_t /*events*/) override {
    if (descriptor_ >= 0 && !network_.is_stopped()) network_.AcceptAll(*this);
  }
  int descriptor() const { return descriptor_; }
  bool is_unix() const { return is_unix_; }

 private:
  Network& network_;
  int descriptor_;
  const bool is_unix_;
};

// SIGINT and SIGTERM as events. They are blocked before any other thread starts, so that all threads inherit it.
class Network::Signals final : public EventSet::Source {
 public:
  explicit Signals(Network& network) : network_(network) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
    descriptor_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(descriptor_ >= 0);
    network_.events().Add(descriptor_, EPOLLIN, this);
  }
  ~Signals() override { close(descriptor_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  void OnEvents(uint32_t /*events*/) override {
    signalfd_siginfo info{};
    if (network_.is_stopped()) return;
    if (read(descriptor_, &info, sizeof info) == sizeof info) network_.OnSignal(static_cast<int>(info.ssi_signo));
  }

 private:
  Network& network_;
  int descriptor_ = -1;
};

Network::Network(Settings& settings)
    : settings_(settings), signals_(std::make_unique<Signals>(*this)), spin_(sysconf(_SC_NPROCESSORS_ONLN)) {}

Network::~Network() {
  listeners_.clear();
  unix_listener_.reset();
  connections_.clear();
}

// ---- Listening ----

Result<Network::Listeners> Network::ListenTcp(const Config& config) {
  Listeners listeners;
  if (config.port == 0) return listeners;
  for (const std::string& bound : config.bind) {
    const bool optional = !bound.empty() && bound[0] == '-';
    const std::string address = optional ? bound.substr(1) : bound;
    auto opened = OpenTcpListener(address, config.port, config.tcp_backlog);
    if (opened) {
      listeners.push_back(std::make_unique<Listener>(*this, *opened, false));
    } else if (!optional && !(errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT)) {
      return opened.error();
    }
  }
  if (listeners.empty()) return Error{"Failed listening on any of the addresses of 'bind'"};
  return listeners;
}

Result<void> Network::ListenUnix() {
  const std::string& path = config().unixsocket;
  if (path.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{
        fmt::format("Failed opening Unix socket: '{}' is longer than {} bytes", path, sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return SystemError("Failed opening Unix socket");
  unlink(path.c_str());  // left behind by a server that was killed
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      (config().unixsocketperm != 0 && chmod(path.c_str(), static_cast<mode_t>(config().unixsocketperm)) != 0) ||
      listen(descriptor, static_cast<int>(config().tcp_backlog)) != 0) {
    const Error error = SystemError(fmt::format("Failed opening Unix socket {}", path));
    close(descriptor);
    return error;
  }
  unix_path_ = path;
  unix_listener_ = std::make_unique<Listener>(*this, descriptor, true);
  return {};
}

Result<void> Network::Listen() {
  auto listeners = ListenTcp(config());
  if (!listeners) return listeners.error();
  listeners_ = std::move(*listeners);
  tcp_port_ = static_cast<uint16_t>(config().port);
  if (auto opened = ListenUnix(); !opened) return opened;
  if (listeners_.empty() && unix_listener_ == nullptr) {
    return Error{"Configured to not listen anywhere, exiting."};
  }
  return {};
}

void Network::RegisterAppliers() {
  settings_.OnChange({"channel-spin-us"}, [this](const Config&) -> Result<void> {
    PublishSpin();
    return {};
  });
  settings_.OnChange({"port", "bind"}, [this](const Config& changed) -> Result<void> {
    // The old sockets are closed first: the new set may name the same addresses. The objects live on to the end of the
    // turn, which may have events of theirs.
    const auto old = std::make_shared<Listeners>(std::move(listeners_));
    listeners_.clear();
    for (auto& listener : *old) listener->Close();
    Post([old] {});
    auto listeners = ListenTcp(changed);
    if (!listeners) {
      LogWarning(listeners.error().message);
      return Error{"Unable to listen on this port. Check server logs."};
    }
    Relisten(std::move(*listeners));
    tcp_port_ = static_cast<uint16_t>(changed.port);
    return {};
  });
}

void Network::Relisten(Listeners listeners) {
  listeners_ = std::move(listeners);
  for (auto& listener : listeners_) listener->Start();
}

// ---- Accepting ----

void Network::AcceptAll(Listener& listener) {
  for (int i = 0; i < kAcceptsMax; ++i) {
    const int descriptor = accept4(listener.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        LogWarning(fmt::format("Accepting client connection: {}", std::strerror(errno)));
      }
      return;
    }
    Admit(descriptor, listener);
  }
}

bool Network::IsRefused(int descriptor, const Listener& listener, std::string_view* reason) const {
  if (connections_.size() >= static_cast<size_t>(config().maxclients)) {
    *reason = "-ERR max number of clients reached\r\n";
    return true;
  }
  const bool has_password = !server_->acl().Find(kDefaultUser)->no_password;
  if (!config().protected_mode || has_password || listener.is_unix()) return false;
  *reason = kProtectedModeReply;
  return !IsLoopback(PeerAddress(descriptor));
}

void Network::Admit(int descriptor, const Listener& listener) {
  Stats& stats = server_->stats();
  std::string_view reason;
  if (IsRefused(descriptor, listener, &reason)) {
    ++stats.connections_rejected;
    (void)send(descriptor, reason.data(), reason.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(descriptor);
    return;
  }
  ++stats.connections_received;
  if (!listener.is_unix()) {
    SetOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    SetKeepalive(descriptor, config().tcp_keepalive_s);
  }
  const std::string peer = listener.is_unix() ? unix_path_ + ":0" : PeerAddress(descriptor);
  const std::string local = listener.is_unix() ? unix_path_ + ":0" : LocalAddress(descriptor);
  auto connection = std::make_shared<Connection>(*this, descriptor, listener.is_unix(), peer, local);
  connections_.emplace(connection.get(), connection);
  connection->Start();
}

void Network::Forget(Connection& connection) {
  std::erase(to_send_, &connection);
  std::erase(channels_, &connection);
  server_->RemoveClient(connection.client());
  connections_.erase(&connection);
}

// ---- Running ----

void Network::RunDue() {
  const auto now = Clock::now();
  if (now >= alarm_at_) {
    alarm_at_ = Clock::time_point::max();
    server_->OnAlarm();
  }
  if (now < cron_at_) return;
  cron_at_ = now + std::chrono::microseconds(1000000 / std::max<int64_t>(1, config().hz));
  server_->Cron();
  if (now < connection_cron_at_) return;
  connection_cron_at_ = now + kConnectionCronInterval;
  // A connection's end is posted, so this map does not change underneath.
  for (auto& [raw, connection] : connections_) connection->Cron(server_->keys().now_ms());
}

// What is posted meanwhile runs in the next turn.
void Network::RunPosted() {
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard lock(posted_mutex_);
    posted.swap(posted_);
  }
  for (auto& work : posted) {
    if (stopped_) return;
    work();
  }
}

void Network::SendLater(Connection& connection) {
  to_send_.push_back(&connection);
  if (to_send_.size() == kAnsweredTogether) SendReplies();
}

// Sending executes nothing, so that the list does not grow meanwhile. States leave memory behind it, when nobody waits.
void Network::SendReplies() {
  for (Connection* connection : to_send_) connection->Flush();
  to_send_.clear();
  if (server_->swapper() != nullptr) server_->swapper()->Regulate();
}

void Network::OnSignal(int signal) {
  if (serving_others_) {  // not in the middle of a script
    Post([this, signal] { OnSignal(signal); });
    return;
  }
  LogWarning(fmt::format("Received {} scheduling shutdown...", signal == SIGINT ? "SIGINT" : "SIGTERM"));
  if (auto stopped = server_->Shutdown(ShutdownMode::kSave); !stopped) {
    LogWarning("The signal was received, but the states could not be written: not exiting");
  }
}

void Network::Run(Server& server) {
  server_ = &server;
  server.dispatcher().set_on_resumed([](Client& client) {
    if (client.transport != nullptr) static_cast<Connection*>(client.transport)->Resume();
  });
  RegisterAppliers();
  PublishSpin();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  for (auto& listener : listeners_) listener->Start();
  if (unix_listener_ != nullptr) unix_listener_->Start();
  cron_at_ = Clock::now() + std::chrono::microseconds(1000000 / std::max<int64_t>(1, config().hz));
  while (!stopped_) {
    WaitForWork();
    RunPosted();
    if (!stopped_) RunDue();
    SendReplies();
  }
  // Sessions end while the server that they belong to still stands.
  std::vector<std::shared_ptr<Connection>> connections;
  for (auto& [raw, connection] : connections_) connections.push_back(connection);
  for (auto& connection : connections) Forget(*connection);
  if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

void Network::Post(std::function<void()> work) {
  {
    std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(work));
  }
  if (std::this_thread::get_id() != executor_) events_.Wake();
}

void Network::SetAlarm(int64_t at_ms) {
  // An alarm that comes early is asked for again; and so far ahead the clock may have been set meanwhile.
  constexpr std::chrono::milliseconds kAheadMax = std::chrono::minutes(10);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  alarm_at_ =
      Clock::now() + std::clamp(std::chrono::milliseconds(at_ms - now_ms), std::chrono::milliseconds(0), kAheadMax);
}

void Network::Stop() { stopped_ = true; }

// Only what came through sockets: what is posted and what is due by the clock wait until the command is over. The
// connections that end meanwhile do so in the next turn, so that the events handed out by the turn outside still have
// theirs.
bool Network::ServeOthers() {
  SendReplies();  // of those that were served before in this turn
  serving_others_ = true;
  events_.Wait(EventSet::kAtOnce);
  PollChannels();
  serving_others_ = false;
  return !stopped_;
}

}  // namespace chestbox
