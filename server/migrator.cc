#include "server/migrator.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "protocol/resp/reply_parser.h"
#include "protocol/resp/request_writer.h"
#include "server/server.h"

namespace chestbox {

namespace {

constexpr char kConnectError[] = "IOERR error or timeout connecting to the client";
constexpr char kWriteError[] = "IOERR error or timeout writing to target instance";
constexpr char kReadError[] = "IOERR error or timeout reading to target instance";
constexpr size_t kReadBytes = 16 << 10;

// A connection to another server whose every step takes so long at most.
class Target {
 public:
  explicit Target(int64_t timeout_ms) : timeout_ms_(static_cast<int>(std::min<int64_t>(timeout_ms, INT32_MAX))) {}
  ~Target() {
    if (socket_ >= 0) close(socket_);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  bool Connect(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return false;
    bool connected = false;
    for (const addrinfo* address = found; address != nullptr && !connected; address = address->ai_next) {
      connected = ConnectTo(*address);
    }
    freeaddrinfo(found);
    return connected;
  }

  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!WaitFor(POLLOUT)) return false;
      const ssize_t written = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }

  bool Read(resp::Reply* reply) {
    for (;;) {
      const auto status = parser_.Parse(unread_);
      if (status == resp::ReplyParser::Status::kError) return false;
      unread_.erase(0, parser_.consumed());
      if (status == resp::ReplyParser::Status::kReply) {
        *reply = parser_.TakeReply();
        return true;
      }
      char bytes[kReadBytes];
      if (!WaitFor(POLLIN)) return false;
      const ssize_t read = recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (read <= 0) return false;
      unread_.append(bytes, static_cast<size_t>(read));
    }
  }

 private:
  bool WaitFor(short events) const {
    pollfd waited{socket_, events, 0};
    return poll(&waited, 1, timeout_ms_) == 1;
  }

  bool ConnectTo(const addrinfo& address) {
    if (socket_ >= 0) close(socket_);
    socket_ = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return false;
    if (connect(socket_, address.ai_addr, address.ai_addrlen) != 0) {
      int error = 0;
      socklen_t size = sizeof error;
      if (errno != EINPROGRESS || !WaitFor(POLLOUT)) return false;
      if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return false;
    }
    const int on = 1;
    (void)setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
  }

  const int timeout_ms_;
  int socket_ = -1;
  std::string unread_;
  resp::ReplyParser parser_;
};

std::string RequestsOf(const Migration& migration) {
  std::string requests;
  const auto append = [&](std::vector<std::string_view> args) { resp::AppendRequest(args, &requests); };
  if (migration.authenticate) {
    if (migration.username.empty()) {
      append({"AUTH", migration.password});
    } else {
      append({"AUTH", migration.username, migration.password});
    }
  }
  append({"SELECT", std::to_string(migration.database)});
  for (const MigrationItem& item : migration.items) {
    const std::string ttl = std::to_string(item.ttl_ms);
    std::vector<std::string_view> restore{"RESTORE", item.key, ttl, item.payload};
    if (migration.replace) restore.push_back("REPLACE");
    append(restore);
  }
  return requests;
}

bool IsError(const resp::Reply& reply) { return reply.type == resp::Reply::Type::kError; }

}  // namespace

MigrationOutcome Migrator::SendNow(const Migration& migration) {
  MigrationOutcome outcome;
  outcome.accepted.resize(migration.items.size());
  Target target(migration.timeout_ms);
  if (!target.Connect(migration.host, migration.port)) {
    outcome.error = kConnectError;
    return outcome;
  }
  if (!target.Write(RequestsOf(migration))) {
    outcome.error = kWriteError;
    return outcome;
  }
  // What AUTH and SELECT answer decides about all items; the first error is the one that is told.
  std::string refusal;
  resp::Reply reply;
  for (int i = migration.authenticate ? 0 : 1; i < 2; ++i) {
    if (!target.Read(&reply)) {
      outcome.error = kReadError;
      return outcome;
    }
    if (IsError(reply) && refusal.empty()) refusal = reply.text;
  }
  const bool refused_all = !refusal.empty();
  for (size_t i = 0; i < migration.items.size(); ++i) {
    if (!target.Read(&reply)) {
      outcome.error = kReadError;
      break;
    }
    if (IsError(reply) && refusal.empty()) refusal = reply.text;
    outcome.accepted[i] = !refused_all && !IsError(reply);
  }
  if (!refusal.empty()) outcome.error = "ERR Target instance replied with error: " + refusal;
  return outcome;
}

Migrator::Migrator(Host& host) : host_(host), thread_("migrate", StoreThread::Priority::kNormal, nullptr) {}

void Migrator::Send(std::shared_ptr<const Migration> migration, std::function<void(const MigrationOutcome&)> done) {
  thread_.Post([this, migration = std::move(migration), done = std::move(done)] {
    auto outcome = std::make_shared<MigrationOutcome>(SendNow(*migration));
    host_.Post([outcome, done] { done(*outcome); });
  });
}

}  // namespace chestbox
