#include "tests/integration/shmclient/server_process.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

namespace chestbox::test {

namespace {

constexpr auto kBound = std::chrono::seconds(60);
constexpr auto kPollInterval = std::chrono::milliseconds(5);

bool IsFree(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return free;
}

// Below the range from which the kernel takes the ports of clients.
int FreePort() {
  std::random_device random;
  for (int i = 0; i < 200; ++i) {
    const int port = 20000 + static_cast<int>(random() % 12000);
    if (IsFree(port)) return port;
  }
  FAIL("no free TCP port");
  return 0;
}

// The build's own, unless the environment names another one.
std::string ServerProgram() {
  const char* program = std::getenv("CHESTBOX_SERVER");
  return program == nullptr ? CHESTBOX_SERVER : program;
}

int ExitCode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status); }

}  // namespace

void WaitFor(std::string_view what, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kBound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) FAIL("waited in vain for: " << what);
    std::this_thread::sleep_for(kPollInterval);
  }
}

ServerProcess::ServerProcess(std::vector<std::string> arguments, Kind kind)
    : arguments_(std::move(arguments)), kind_(kind) {
  char name[] = "/tmp/chestbox-test-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  directory_ = name;
  socket_ = directory_ + "/server.sock";
  port_ = FreePort();
  Start();
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGCONT);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void ServerProcess::Start() {
  std::vector<std::string> line = {kind_ == Kind::kRedis ? "redis-server" : ServerProgram(),
                                   "--port",
                                   std::to_string(port_),
                                   "--unixsocket",
                                   socket_,
                                   "--dir",
                                   directory_,
                                   "--logfile",
                                   directory_ + "/server.log"};
  if (kind_ == Kind::kRedis) line.insert(line.end(), {"--save", ""});
  line.insert(line.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : line) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  WaitUntilReady();
}

void ServerProcess::WaitUntilReady() {
  WaitFor("the server's answer", [&] {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      FAIL("the server ended at once with " << ExitCode(status));
    }
    redisContext* context = redisConnectUnix(socket_.c_str());
    bool ready = false;
    if (context != nullptr && context->err == 0) {
      auto* reply = static_cast<redisReply*>(redisCommand(context, "PING"));
      // NOAUTH is an answer, too.
      ready = reply != nullptr && std::string_view(reply->str, reply->len).substr(0, 8) != "-LOADING";
      if (reply != nullptr) freeReplyObject(reply);
    }
    redisFree(context);
    return ready;
  });
}

void ServerProcess::Signal(int number) const { REQUIRE(kill(pid_, number) == 0); }

void ServerProcess::Kill() {
  Signal(SIGKILL);
  REQUIRE(waitpid(pid_, nullptr, 0) == pid_);
  pid_ = -1;
}

int ServerProcess::Stop() {
  Signal(SIGTERM);
  int status = 0;
  WaitFor("the server's end", [&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
  pid_ = -1;
  return ExitCode(status);
}

Client ServerProcess::Connect(const chestbox_options& options) const {
  auto client = Client::Connect(socket_, &options);
  INFO(client.message());
  REQUIRE(client);
  return std::move(*client);
}

Client ServerProcess::ConnectOnSocket() const {
  chestbox_options options = chestbox_default_options();
  options.no_attach = 1;
  return Connect(options);
}

std::string ServerProcess::Info(std::string_view field) const {
  auto client = ConnectOnSocket();
  const auto reply = client.Command({"INFO", "everything"});
  REQUIRE(reply != nullptr);
  const std::string text = "\r\n" + Text(*reply);
  const std::string name = "\r\n" + std::string(field) + ":";
  const size_t at = text.find(name);
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size();
  return text.substr(begin, text.find("\r\n", begin) - begin);
}

int64_t ServerProcess::InfoNumber(std::string_view field) const {
  const std::string text = Info(field);
  INFO("INFO " << field << ": " << text);
  REQUIRE_FALSE(text.empty());
  return std::stoll(text);
}

ChildProcess::Pipe::Pipe() { REQUIRE(pipe(ends_) == 0); }

ChildProcess::Pipe::~Pipe() {
  for (int end : ends_) {
    if (end >= 0) close(end);
  }
}

void ChildProcess::Pipe::Send(char byte) const { (void)!write(ends_[1], &byte, 1); }

char ChildProcess::Pipe::Receive() const {
  char byte = 0;
  return read(ends_[0], &byte, 1) == 1 ? byte : '\0';
}

bool ChildProcess::Pipe::HasByte() const {
  pollfd state{ends_[0], POLLIN, 0};
  return poll(&state, 1, 0) == 1;
}

ChildProcess::ChildProcess(const std::function<int(Pipe&, Pipe&)>& body) {
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Not exit(): what the parent has to clean up at its end is not the child's.
    _exit(body(to_child_, from_child_));
  }
  // So that the end of the child is the end of its pipe.
  close(std::exchange(from_child_.ends_[1], -1));
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGCONT);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ChildProcess::Signal(int number) const { REQUIRE(kill(pid_, number) == 0); }

int ChildProcess::Wait() {
  int status = 0;
  WaitFor("the child's end", [&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
  pid_ = -1;
  return ExitCode(status);
}

std::string Text(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
  return reply.str == nullptr ? std::string() : std::string(reply.str, reply.len);
}

std::string Pattern(size_t bytes, unsigned seed) {
  std::string text(bytes, '\0');
  uint64_t state = 0x9e37'79b9'7f4a'7c15 * (seed + 1);
  for (char& byte : text) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<char>(state >> 56);
  }
  return text;
}

}  // namespace chestbox::test
