// A server of a test's own: temporary directory, Unix socket in it, surely stopped. It dies with the test program, too.
#pragma once

#include <sys/types.h>

#include <chestbox/client.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace chestbox::test {

// Polls `condition` until it is true; fails the test after a bound that is generous for sanitizers on a busy machine.
void WaitFor(std::string_view what, const std::function<bool()>& condition);

class ServerProcess {
 public:
  enum class Kind { kChestbox, kRedis };

  // Starts it, and waits until it answers.
  explicit ServerProcess(std::vector<std::string> arguments = {}, Kind kind = Kind::kChestbox);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // After Kill() or Stop(): the same directory, socket and port.
  void Start();
  void Signal(int number) const;
  void Kill();  // SIGKILL, and waits for its end
  int Stop();   // SIGTERM; its exit code

  const std::string& socket() const { return socket_; }
  int port() const { return port_; }
  pid_t pid() const { return pid_; }

  Client Connect(const chestbox_options& options = chestbox_default_options()) const;
  Client ConnectOnSocket() const;  // not attached
  // A field of INFO, asked for over a connection of its own; "" if there is none.
  std::string Info(std::string_view field) const;
  int64_t InfoNumber(std::string_view field) const;

 private:
  void WaitUntilReady();

  std::vector<std::string> arguments_;
  Kind kind_;
  std::string directory_;
  std::string socket_;
  int port_ = 0;
  pid_t pid_ = -1;
};

// A child process of the test that runs `body`, with a pipe for each direction. Killed at the end if it still runs.
class ChildProcess {
 public:
  class Pipe {
   public:
    Pipe();
    ~Pipe();
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void Send(char byte) const;
    char Receive() const;  // 0: the other side has gone
    bool HasByte() const;  // Receive() would not wait

   private:
    friend class ChildProcess;
    int ends_[2];
  };

  // `body` talks by `to_parent` and `from_parent`; its result is the exit code.
  explicit ChildProcess(const std::function<int(Pipe& from_parent, Pipe& to_parent)>& body);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void Send(char byte) const { to_child_.Send(byte); }
  char Receive() const { return from_child_.Receive(); }
  void Signal(int number) const;
  // Its exit code, or 1000 + the signal that ended it.
  int Wait();

 private:
  Pipe to_child_;
  Pipe from_child_;
  pid_t pid_ = -1;
};

std::string Text(const redisReply& reply);  // of an error, status or string; numbers as digits
// A value that tells its key and version in every part, so that a mixture of two would show.
std::string Pattern(size_t bytes, unsigned seed);

}  // namespace chestbox::test
