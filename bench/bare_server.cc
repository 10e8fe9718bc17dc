// What redis-benchmark's figures are compared with: an epoll loop that answers without a store, so the most that any
// server of one thread can reach under the same load. It finds where a command ends and nothing more, and answers each
// with the bytes that it was given.
//
//   bench_bare_server PORT < REPLY    on 127.0.0.1, until killed
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/redis_client.h"

namespace bench {
namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr int kEventsMax = 1024;

struct Connection {
  int descriptor;
  std::string input;
  std::string output;
};

// The number behind the type byte of the line at `at`, and *at behind the line. Below 0: the line is not whole.
long ReadNumber(std::string_view input, size_t* at) {
  const size_t end = input.find('\n', *at);
  if (end == std::string_view::npos) return -1;
  const long number = std::strtol(input.data() + *at + 1, nullptr, 10);
  *at = end + 1;
  return number;
}

// Where the first command ends, 0 if it is not whole.
size_t EndOfCommand(std::string_view input) {
  if (input.empty()) return 0;
  if (input[0] != '*') return input.find('\n') + 1;
  size_t at = 0;
  for (long left = ReadNumber(input, &at); left != 0; --left) {
    const long bytes = left < 0 ? -1 : ReadNumber(input, &at);
    if (bytes < 0) return 0;
    at += static_cast<size_t>(bytes) + 2;
    if (at > input.size()) return 0;
  }
  return at;
}

int Listen(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, SOMAXCONN) != 0) {
    Die("can't listen on port " + std::to_string(port));
  }
  return listener;
}

void Watch(int epoll, int descriptor, Connection* connection) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = connection;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) Die("epoll_ctl");
}

// False: the client has gone.
bool Read(Connection& connection, std::string_view reply) {
  char buffer[kReadBytes];
  const ssize_t got = recv(connection.descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got <= 0) return false;
  std::string_view input(buffer, static_cast<size_t>(got));
  if (!connection.input.empty()) input = connection.input.append(input);
  size_t end = 0;
  while ((end = EndOfCommand(input)) != 0) {
    connection.output += reply;
    input.remove_prefix(end);
  }
  connection.input = std::string(input);
  return true;
}

// Waits where the client does not read: it reads in the end, and nothing else is measured meanwhile.
bool Write(Connection& connection) {
  size_t sent = 0;
  while (sent < connection.output.size()) {
    const ssize_t part =
        send(connection.descriptor, connection.output.data() + sent, connection.output.size() - sent, MSG_NOSIGNAL);
    if (part <= 0) return false;
    sent += static_cast<size_t>(part);
  }
  connection.output.clear();
  return true;
}

// As Redis does it: all that has come is read and answered, then all replies are sent.
void Serve(int port, std::string_view reply) {
  const int listener = Listen(port);
  const int epoll = epoll_create1(0);
  Watch(epoll, listener, nullptr);
  epoll_event events[kEventsMax];
  while (true) {
    const int count = epoll_wait(epoll, events, kEventsMax, -1);
    std::vector<Connection*> answered;
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection == nullptr) {
        const int client = accept(listener, nullptr, nullptr);
        const int on = 1;
        (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Watch(epoll, client, std::make_unique<Connection>(Connection{client, {}, {}}).release());
      } else if (Read(*connection, reply)) {
        answered.push_back(connection);
      } else {
        close(connection->descriptor);
        delete connection;
      }
    }
    for (Connection* connection : answered) {
      if (!Write(*connection)) shutdown(connection->descriptor, SHUT_RDWR);  // the next read finds it gone
    }
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc != 2) bench::Die("usage: bench_bare_server PORT < REPLY");
  std::string reply;
  for (int c = 0; (c = std::getchar()) != EOF;) reply += static_cast<char>(c);
  bench::Serve(std::atoi(argv[1]), reply);
  return 0;
}
