#include "tests/unit/config/redis_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "protocol/check.h"
#include "protocol/resp/reply_parser.h"
#include "protocol/resp/request_writer.h"

namespace chestbox {
namespace {

constexpr int kStartAttemptsMax = 1000;  // of 10 ms
constexpr int kAttemptMs = 10;

[[noreturn]] void ExecRedis(const std::vector<const char*>& arguments) {
  ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
  ::execvp(arguments[0], const_cast<char* const*>(arguments.data()));
  ::_exit(127);
}

}  // namespace

std::unique_ptr<RedisServer> RedisServer::Start(std::initializer_list<const char*> options) {
  std::unique_ptr<RedisServer> server(new RedisServer);
  std::string socket_path = server->directory_.Path("redis.sock");
  std::vector<const char*> arguments = {"redis-server",
                                        "--port",
                                        "0",
                                        "--unixsocket",
                                        socket_path.c_str(),
                                        "--save",
                                        "",
                                        "--dir",
                                        server->directory_.path().c_str()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back(nullptr);
  server->pid_ = ::fork();
  if (server->pid_ == 0) ExecRedis(arguments);
  for (int i = 0; i < kStartAttemptsMax; ++i) {
    if (server->Connect()) return server;
    int status = 0;
    if (::waitpid(server->pid_, &status, WNOHANG) == server->pid_) {
      server->pid_ = -1;
      return nullptr;
    }
    ::poll(nullptr, 0, kAttemptMs);
  }
  return nullptr;
}

RedisServer::~RedisServer() {
  if (socket_ >= 0) ::close(socket_);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool RedisServer::Connect() {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::string path = directory_.Path("redis.sock");
  if (path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return true;
  ::close(socket_);
  socket_ = -1;
  return false;
}

resp::Reply RedisServer::Run(const std::vector<std::string_view>& words) {
  std::string request;
  resp::AppendRequest(words, &request);
  CHECK(::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
  resp::ReplyParser parser;
  std::string unread;
  while (true) {
    char chunk[16384];
    ssize_t received = ::recv(socket_, chunk, sizeof(chunk), 0);
    CHECK(received > 0);
    unread.append(chunk, static_cast<size_t>(received));
    resp::ReplyParser::Status status = parser.Parse(unread);
    CHECK(status != resp::ReplyParser::Status::kError);
    unread.erase(0, parser.consumed());
    if (status == resp::ReplyParser::Status::kReply) return parser.TakeReply();
  }
}

}  // namespace chestbox
